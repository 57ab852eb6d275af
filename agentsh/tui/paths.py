"""Names below the workspace that begin as a person has typed."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from agentsh.core.tree import Tree

if TYPE_CHECKING:
    from pathlib import Path


def completions(root: Path, start: str) -> list[str]:
    """The paths that begin with ``start``, sorted, a slash behind each directory; none where nothing can be read."""
    folder, _, begin = start.rpartition("/")
    lead = folder + "/" if folder else ""
    try:
        with Tree(root) as tree:
            found = [
                lead + e.name + ("/" if e.is_dir(follow_symlinks=False) else "")
                for e in tree.scan(os.fsencode(folder))
                # A name that is no text cannot be typed, and a hidden one is not meant before its dot is.
                if e.name.startswith(begin) and e.name.isprintable() and (begin or not e.name.startswith("."))
            ]
    except OSError:  # no such directory, or a name that leads out of the workspace: nothing to offer
        return []
    return sorted(found)
