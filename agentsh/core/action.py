"""Actions: one thing the agent (or the person) asks for, and what is recorded of it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import field
from enum import StrEnum
from typing import TYPE_CHECKING, Any, Literal

from agentsh.core.effect import ChangeSet
from agentsh.core.record import record

if TYPE_CHECKING:
    from collections.abc import Mapping

    from agentsh.core.decision import Decision
    from agentsh.core.provenance import Traced

StreamName = Literal["stdout", "stderr"]
OutputSink = Callable[[StreamName, bytes], None]
"""Receives output as it comes: which stream, and raw bytes."""


class ActionKind(StrEnum):
    """What is asked for."""

    SHELL = "shell"
    """A shell line; arguments: ``line``."""
    READ = "read"
    """A file's text; arguments: ``path``, ``offset``, ``limit``."""
    WRITE = "write"
    """A whole file; arguments: ``path``, ``content``."""
    EDIT = "edit"
    """An exact replacement; arguments: ``path``, ``old``, ``new``, ``replace_all``."""
    SEARCH = "search"
    """Lines matching a pattern; arguments: ``pattern``, ``path``, ``glob``."""
    HTTP = "http"
    """A request over HTTP, made by the host; arguments: ``method``, ``url``, ``headers`` (name to value), ``secret``
    (the name of one that goes along), ``output`` (a path that gets the body). Of one that changes something, which is
    held: ``body`` (kept apart: recorded is ``body_bytes``), ``undo`` (the call that takes it back)."""
    SQL = "sql"
    """A statement for a database server; arguments: ``connection`` (its name), ``statement``, ``schema`` (where tables
    are that it names without one; as the connection has it). Policies can speak about it; nothing runs it yet."""
    REVERT = "revert"
    """Undo of committed actions; arguments: ``actions``; ``paths`` or ``parts`` (path to hunks and lines) where it is
    not about all of them; ``sides`` (path to side) where a conflict was answered."""
    RESTORE = "restore"
    """Back to a snapshot; arguments: ``snapshot``, ``paths``."""


class Origin(StrEnum):
    """Who asked."""

    PERSON = "person"
    AGENT = "agent"


class ActionStatus(StrEnum):
    """Where an action stands."""

    RUNNING = "running"
    DONE = "done"
    """Ran, and changed nothing."""
    PENDING = "pending"
    """Ran; effects wait for an answer."""
    APPROVED = "approved"
    COMMITTED = "committed"
    REJECTED = "rejected"
    DISCARDED = "discarded"
    DENIED = "denied"
    """The policy refused it, before or after it ran; nothing of it is staged."""
    INTERRUPTED = "interrupted"
    """Its process ended before it did; nothing of it is staged."""


@record(frozen=True, slots=True)
class ActionSpec:
    """What is asked for: a kind, its arguments (JSON values), and who asked.

    Attributes:
        trace: where the destinations among the arguments came from, once that was looked at; not kept, for the
            conversation says it again.
    """

    kind: ActionKind
    arguments: Mapping[str, Any]
    origin: Origin = Origin.PERSON
    trace: tuple[Traced, ...] = field(default=(), compare=False)

    @property
    def title(self) -> str:  # noqa: PLR0911 - one return a kind
        """One line that names the action; raw text, sanitise before showing it."""
        match self.kind:
            case ActionKind.SHELL:
                return str(self.arguments.get("line", ""))
            case ActionKind.SEARCH:
                return f"search {self.arguments.get('pattern', '')}"
            case ActionKind.HTTP:
                return f"http {self.arguments.get('method', 'GET')} {self.arguments.get('url', '')}"
            case ActionKind.SQL:
                return f"sql {self.arguments.get('connection', '')} {self.arguments.get('statement', '')}"
            case ActionKind.REVERT:
                return "revert " + " ".join([*self.arguments.get("actions", ()), *self._paths()])
            case ActionKind.RESTORE:
                return " ".join(["restore", str(self.arguments.get("snapshot", "")), *self._paths()])
            case _:
                return f"{self.kind.value} {self.arguments.get('path', '')}"

    def _paths(self) -> list[str]:
        """The paths that an undo was about, when it was not about all."""
        named = [*self.arguments.get("paths", ()), *self.arguments.get("parts", {})]
        return ["--", *map(str, named)] if named else []


@record(frozen=True, slots=True)
class Output:
    """What an action printed on one stream.

    Attributes:
        digest: blob of the kept bytes; None when empty.
        size: bytes kept.
        truncated: True when the output limit cut it.
    """

    digest: bytes | None = None
    size: int = 0
    truncated: bool = False


@record(frozen=True, slots=True)
class ActionRecord:
    """An action as the journal has it.

    Attributes:
        id: short and stable, ``a1``, ``a2``, ... per workspace.
        session: the agent session (``r1``, ...) it belongs to; None for a single action.
        exit_code: the command's own; None while it runs or when it never ran.
        stopped: the limit that stopped it, a field of ``Limits``; empty otherwise.
        note: one sentence about how it ended, when there is more to say than the exit code.
        started_at: seconds since the epoch, UTC.
        duration: wall seconds.
        changes: its effects, each with its state.
        commit: the commit (``c1``, ...) it landed in.
    """

    id: str
    spec: ActionSpec
    status: ActionStatus
    session: str | None = None
    decision: Decision | None = None
    exit_code: int | None = None
    stopped: str = ""
    note: str = ""
    started_at: float = 0.0
    duration: float = 0.0
    stdout: Output = field(default_factory=Output)
    stderr: Output = field(default_factory=Output)
    changes: ChangeSet = field(default_factory=ChangeSet)
    commit: str | None = None
