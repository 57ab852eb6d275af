"""Named points at which a crash test kills the process.

A test sets ``AGENTSH_FAULT=name`` (or ``name:3`` for the third passage); the process then kills itself with
SIGKILL on reaching that point, as a power cut or the kernel's out-of-memory killer would. Unset, a point costs one
dictionary look-up.
"""

from __future__ import annotations

import os
import signal

_passages: dict[str, int] = {}

COMMIT_POINTS = (
    "commit.before-intent",
    "commit.after-intent",
    "commit.before-path",
    "commit.path-written",
    "commit.path-synced",
    "commit.before-switch",
    "commit.path-renamed",
    "commit.path-switched",
    "commit.after-paths",
    "commit.before-done",
    "commit.after-done",
)
"""Every point that a commit passes, in order; those about a path once a path. Crash tests walk this list."""

SNAPSHOT_POINTS = ("snapshot.batch-read", "snapshot.before-record", "snapshot.recorded")
"""Every point that a snapshot passes; the first once a batch of files."""

GC_POINTS = ("gc.before-delete", "gc.before-done", "gc.deleted", "gc.vacuumed")
"""Every point that a collection passes, in order."""

SEAL_POINTS = ("seal.before-anew", "seal.anew")
"""Every point that a sealing passes at its end, where the store's file is written anew: before it, and before the log
is cut."""

MIGRATION_POINTS = ("migrate.before-statement", "head.before-rename", "migrate.before-done", "migrate.after-done")
"""Every point that a migration passes, in order; the first once a statement."""

HEAD_POINTS = ("store.committed", "head.before-write", "head.written")
"""Every point between a durable transaction and its mention in the head file, in order."""

REPAIR_POINTS = (
    "repair.copied",
    "repair.marked",
    "repair.built",
    "repair.before-switch",
    "repair.switched",
    "repair.done",
)
"""Every point that a repair of the store passes, in order."""

OUTBOX_POINTS = (
    "outbox.before-sending",
    "outbox.sending",
    "outbox.written",
    "outbox.answered",
    "outbox.before-record",
    "outbox.recorded",
)
"""Every point that a request passes on its way out, in order: before its intent is recorded, after it, once a piece
that was written to the network, when the head of the answer is there, and around the record of it."""

RECOVERY_POINTS = ("recover.before-clean", "recover.cleaned", "recover.before-done")
"""Every point that a recovery passes beside the commit's own, once a commit."""


def fault_point(name: str) -> None:
    """Die here when the environment asks for it."""
    wanted = os.environ.get("AGENTSH_FAULT")
    if not wanted:
        return
    point, _, nth = wanted.partition(":")
    if point != name:
        return
    _passages[name] = _passages.get(name, 0) + 1
    if _passages[name] == int(nth or 1):
        _happen()


def _happen() -> None:
    """What happens there; tests of full and read-only disks put something else in its place."""
    os.kill(os.getpid(), signal.SIGKILL)
