"""Texts in the person's editor, in a directory that no action reaches: conflicts to merge, and what is proposed."""

from __future__ import annotations

import os
import re
import shlex
import shutil
import subprocess
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from agentsh.config import data_dir, make_private
from agentsh.core.errors import ActionFailed, ConflictError, UsageError
from agentsh.core.history import Resolution
from agentsh.core.sanitise import visible_path
from agentsh.runtime.merge import labels_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from agentsh.core.history import PathConflict
    from agentsh.runtime.merge import Merge

_MARKS = (b"<<<<<<< now", b"||||||| after ", b">>>>>>> before ")
_MOST_BYTES = 64 * 1024 * 1024


def edit_conflicts(conflicts: Sequence[PathConflict]) -> list[Resolution]:
    """Let the person merge each conflict that has a text.

    Raises:
        UsageError: no editor is set.
        ActionFailed: the editor failed.
        ConflictError: a text came back with conflicts in it. Nothing was written to the workspace.
    """
    return [Resolution(text=_merged(c, c.text), conflict=c, path=c.path) for c in conflicts if c.text is not None]


def edit_merge(conflict: PathConflict, merge: Merge) -> bytes:
    """Let the person edit what a conflict, or a place of it, becomes; what is not agreed stands between markers.

    Args:
        conflict: the conflict.
        merge: what is agreed of it by now, and what is not.

    Raises:
        UsageError: no editor is set.
        ActionFailed: the editor failed.
        ConflictError: the text came back with markers in it. Nothing was written to the workspace.
    """
    text = merge.marked(labels_of(conflict))
    edited = edit_text(conflict.path, text, purpose="merge")
    if merge.conflicts:
        _refuse_marked(conflict, edited, text)
    return edited


def edit_text(path: bytes, text: bytes, *, purpose: str) -> bytes:
    """Let the person edit ``text``.

    Args:
        path: whose text it is.
        text: raw bytes.
        purpose: a word that the file's name begins with.

    Raises:
        UsageError: no editor is set.
        ActionFailed: the editor failed.
    """
    editor = shlex.split(os.environ.get("VISUAL") or os.environ.get("EDITOR") or "")
    if not editor:
        raise UsageError("There is no editor to use.", next_step="Set EDITOR; a conflict can also be answered by side.")
    base = data_dir() / "edit"
    make_private(base)
    place = Path(tempfile.mkdtemp(dir=base))
    try:
        file_path = place / _name(path, purpose)
        fd = os.open(file_path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
        with os.fdopen(fd, "wb") as file:
            file.write(text)
        try:
            code = subprocess.run([*editor, str(file_path)], check=False).returncode
            edited = _read(file_path)
        except OSError as e:
            raise ActionFailed(f"The editor could not be used: {e.strerror}.", next_step="Check EDITOR.") from e
    finally:
        shutil.rmtree(place)
    if code != 0:
        raise ActionFailed(f"The editor ended with {code}; nothing was written.")
    return edited


def _merged(conflict: PathConflict, text: bytes) -> bytes:
    merged = edit_text(conflict.path, text, purpose="merge")
    _refuse_marked(conflict, merged, text)
    return merged


def _refuse_marked(conflict: PathConflict, merged: bytes, text: bytes) -> None:
    if merged == text or any(line.startswith(_MARKS) for line in merged.split(b"\n")):
        raise ConflictError(
            f"The merge of {visible_path(conflict.path)} still has conflicts between markers.",
            conflicts=[conflict],
            next_step="Choose a side of each, and take the lines with the markers out; or use --ours or --theirs.",
        )


def _read(path: Path) -> bytes:
    """What the editor left; it may have put a new file in the place of the old one."""
    fd = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    with os.fdopen(fd, "rb") as file:
        return file.read(_MOST_BYTES)


def _name(path: bytes, purpose: str) -> str:
    """A name that tells an editor the language, and can mean nothing else to it."""
    last = path.rpartition(b"/")[2].decode("ascii", "replace")
    return f"{purpose}-" + re.sub(r"[^A-Za-z0-9._-]", "_", last)[-60:]
