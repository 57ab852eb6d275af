"""Write a history as a series of patches that ``git am`` takes, in a new directory."""

from __future__ import annotations

import email.utils
import os
import re
from typing import TYPE_CHECKING

from agentsh.core.errors import UsageError
from agentsh.core.sanitise import visible_path
from agentsh.runtime.diff import diff_effects
from agentsh.runtime.export import Exported, steps
from agentsh.runtime.patch import patch

if TYPE_CHECKING:
    from pathlib import Path

    from agentsh.runtime.export import Step
    from agentsh.store import Store


def to_patches(store: Store, directory: Path) -> Exported:
    """Write the history as ``0001-subject.patch`` and so on.

    The first patch on a path expects it as it was before agentsh changed it.

    Args:
        store: has the history.
        directory: made here; it must not exist.

    Raises:
        UsageError: it exists or cannot be made, or there is nothing to write.
    """
    left: set[bytes] = set()

    def wanted(path: bytes) -> bool:
        inside = b".git" in path.split(b"/")
        left.update({path} if inside else ())
        return not inside

    found = list(steps(store, lambda *_: True, wanted))
    if not found:
        raise UsageError("There is nothing to export: nothing was committed.")
    try:
        directory.mkdir()
    except OSError as e:
        raise UsageError(
            f"{visible_path(os.fsencode(directory))} cannot be made: {e.strerror}.",
            next_step="Name a directory that does not exist yet.",
        ) from e
    for n, step in enumerate(found, 1):
        name = re.sub(r"[^A-Za-z0-9]+", "-", step.subject).strip("-")[:50] or "change"
        (directory / f"{n:04}-{name}.patch").write_bytes(_mail(store, step, n, len(found)))
    return Exported(str(directory), len(found), tuple(sorted(left)))


def _mail(store: Store, step: Step, n: int, count: int) -> bytes:
    """One patch as a mail in the format of ``git format-patch``."""
    body = "".join(f"  {line}\n" for line in step.body)  # indented: no line of it can be taken for the patch's start
    head = (
        "From 0000000000000000000000000000000000000000 Mon Sep 17 00:00:00 2001\n"
        "From: agentsh <agentsh@localhost>\n"
        f"Date: {email.utils.formatdate(step.at)}\n"
        f"Subject: [PATCH {n}/{count}] {step.subject}\n"
        "MIME-Version: 1.0\nContent-Type: text/plain; charset=UTF-8\nContent-Transfer-Encoding: 8bit\n"
        f"\n{body}---\n\n"
    )
    diffs = diff_effects(step.effects, store.read_blob)
    return b"".join([head.encode("utf-8", "replace"), *patch(diffs, store.read_blob), b"-- \nagentsh\n\n"])
