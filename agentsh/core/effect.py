"""Effects: what an action did, or wants to do; and the change set, all of an action's effects."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from enum import StrEnum
from functools import cached_property
from typing import TYPE_CHECKING

from agentsh.core.effect_class import EffectClass
from agentsh.core.record import record

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from agentsh.core.entry import Entry
    from agentsh.core.request import RequestEffect

__all__ = ["ChangeSet", "EffectClass", "EffectKind", "EffectState", "FileEffect", "Flag", "change_set"]


class EffectKind(StrEnum):
    """What happened to a path."""

    CREATE = "create"
    MODIFY = "modify"
    DELETE = "delete"
    MODE = "mode"
    XATTR = "xattr"
    RETYPE = "retype"


class Flag(StrEnum):
    """Why an effect deserves a second look."""

    GIT_INTERNALS = "git-internals"
    """Writes inside a ``.git`` directory."""
    RUNS_CODE = "runs-code"
    """A path that something executes later without asking: a hook, a shell rc file, CI, ``conftest.py``."""
    ESCAPING_SYMLINK = "escaping-symlink"
    """A symlink whose target lies outside the workspace."""
    EXECUTABLE = "executable"
    """A file that gains an execute bit."""
    SECRET_LIKE = "secret-like"  # noqa: S105 - a name, no secret
    """A file that by its name holds credentials."""
    NOT_KEPT = "not-kept"
    """A file whose content the store is told not to keep: what the effect replaces cannot be brought back."""
    XATTR_NOT_KEPT = "xattr-not-kept"
    """Extended attributes of the system's (``security.``, ``trusted.``, ``system.``) go and cannot be brought back."""
    SPECIAL = "special"
    """A socket, device or FIFO, which cannot be kept or committed."""


class EffectState(StrEnum):
    """Where an effect stands between staging and the workspace."""

    PENDING = "pending"
    APPROVED = "approved"
    REJECTED = "rejected"
    DISCARDED = "discarded"
    COMMITTED = "committed"


@record(frozen=True, slots=True)
class FileEffect:
    """A change to one path, from the state before the action to the state after it.

    Attributes:
        path: raw bytes relative to the workspace, ``/`` between names, no leading or trailing slash.
        before: the state the action found; None when there was nothing.
        after: the state the action left; None when it deleted the path.
        flags: why it deserves a second look.
        state: where it stands; not part of its identity in a change set.
        part: counts the effects of one action on one path. An effect that was approved in part is two, the second one
            starting from the state that the first one leaves.
    """

    path: bytes
    before: Entry | None
    after: Entry | None
    flags: tuple[Flag, ...] = ()
    state: EffectState = EffectState.PENDING
    part: int = 0

    @property
    def kind(self) -> EffectKind:
        """What happened to the path."""
        if self.before is None:
            return EffectKind.CREATE
        if self.after is None:
            return EffectKind.DELETE
        if self.before.type is not self.after.type:
            return EffectKind.RETYPE
        if self.before.digest != self.after.digest or self.before.target != self.after.target:
            return EffectKind.MODIFY
        return EffectKind.MODE if self.before.mode != self.after.mode else EffectKind.XATTR

    @property
    def effect_class(self) -> EffectClass:
        """File changes are snapshots: always reversible."""
        return EffectClass.REVERSIBLE


@dataclass(frozen=True)
class ChangeSet:
    """All effects of one action: files, sorted by path and part, and requests, in order.

    Iterating over it gives the files. Build it with :func:`change_set`; the constructor trusts the order.
    """

    effects: tuple[FileEffect, ...] = ()
    requests: tuple[RequestEffect, ...] = ()

    def __iter__(self) -> Iterator[FileEffect]:
        return iter(self.effects)

    def __len__(self) -> int:
        return len(self.effects)

    def __bool__(self) -> bool:
        return bool(self.effects or self.requests)

    @cached_property
    def digest(self) -> str:
        """SHA-256 (hex) over paths and both states, and all that is said of requests.

        It is what an approval names and a commit checks again.
        """
        h = hashlib.sha256(b"agentsh change set 1\0")
        if self.requests:
            h = hashlib.sha256(b"agentsh change set 2\0")
            for request in self.requests:
                said = request.encode()
                h.update(len(said).to_bytes(8, "big"))
                h.update(said)
            h.update(bytes(8))  # no request is empty: the files begin here
        for e in self.effects:
            before = e.before.encode() if e.before else b"-"
            after = e.after.encode() if e.after else b"-"
            for part in (e.path, before, after):
                h.update(len(part).to_bytes(8, "big"))
                h.update(part)
        return h.hexdigest()

    @cached_property
    def landing_digest(self) -> str:
        """As :attr:`digest`, over what is approved alone: what a commit would write and send."""
        return ChangeSet(
            tuple(e for e in self.effects if e.state is EffectState.APPROVED),
            tuple(r for r in self.requests if r.state == EffectState.APPROVED.value),
        ).digest

    @cached_property
    def by_path(self) -> dict[bytes, FileEffect]:
        """The effects by their path; of one that is in parts, the last."""
        return {e.path: e for e in self.effects}


def change_set(effects: list[FileEffect] | tuple[FileEffect, ...], requests: Sequence[RequestEffect] = ()) -> ChangeSet:
    """A change set of ``effects``, sorted by path and part, and of ``requests``, in their order."""
    return ChangeSet(tuple(sorted(effects, key=lambda e: (e.path, e.part))), tuple(requests))
