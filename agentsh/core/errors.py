"""The one error tree.

::

    AgentshError                      exit
     ├── ActionFailed                    1   the action or the task failed
     │    ├── SandboxError               1   the sandbox could not run it
     │    ├── ModelError                 1   the model's endpoint failed
     │    ├── SealedError                1   sealed content, and its key cannot be had
     │    └── RequestsStopped            1   a request did not go well; some of a commit may stand
     ├── UsageError                      2   the call was wrong
     │    ├── ConfigError                2   a configuration file was wrong
     │    ├── ShellSyntaxError           2   a shell line could not be parsed
     │    └── NotFoundError              2   no such action, snapshot, session
     ├── PolicyDenied                    3   the policy refused it
     ├── ApprovalNeeded                  4   a person must answer and none can be asked
     ├── ConflictError                   5   both sides changed it
     │    └── WorkspaceBusy              5   another process is working here
     ├── LimitExceeded                   6   a resource limit stopped it
     ├── StoreDamaged                    7   the store is damaged
     └── Interrupted                   130   the person stopped it

Each error says three things: what happened, what it means for the person's files, and what to do next.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

if TYPE_CHECKING:
    from collections.abc import Sequence

    from agentsh.core.history import PathConflict
    from agentsh.core.request import RequestEffect


class AgentshError(Exception):
    """Base of every error that agentsh raises on purpose.

    Args:
        what: what happened, one sentence.
        files: what it means for the person's files; defaults to the class's sentence.
        next_step: what to do next; defaults to the class's sentence.
    """

    exit_code: ClassVar[int] = 1
    default_files: ClassVar[str] = "Your files are unchanged."
    default_next: ClassVar[str] = ""

    def __init__(self, what: str, *, files: str | None = None, next_step: str | None = None) -> None:
        super().__init__(what)
        self.what = what
        self.files = self.default_files if files is None else files
        self.next_step = self.default_next if next_step is None else next_step

    def to_json(self) -> dict[str, object]:
        """The error as a JSON object, for ``--json`` output."""
        return {
            "error": type(self).__name__,
            "what": self.what,
            "files": self.files,
            "next": self.next_step,
            "exit_code": self.exit_code,
        }


class ActionFailed(AgentshError):
    """The action or the task failed."""


class SealedError(ActionFailed):
    """Content is sealed, or is to be, and its key cannot be had."""

    default_files = "Your files are unchanged. What the store has sealed is there, and cannot be read without the key."


class SandboxError(ActionFailed):
    """The sandbox could not start, or broke while it ran the action."""

    default_next = "Run 'agentsh doctor' to see what this machine offers."


class ModelError(ActionFailed):
    """The model's endpoint could not be reached or gave an unusable answer."""

    default_next = "Check the model's base_url and key name in the configuration, then 'agentsh run --resume ID'."


class RequestsStopped(ActionFailed):
    """A request of a commit did not go well, and nothing was sent after it; ``files`` says exactly what stands.

    Args:
        requests: the requests of the commit, as they stand now.
        commit: its id; empty when there is none.
    """

    default_next = "'agentsh outbox' shows how each request stands."

    def __init__(
        self,
        what: str,
        *,
        requests: Sequence[RequestEffect],
        commit: str = "",
        files: str | None = None,
        next_step: str | None = None,
    ) -> None:
        super().__init__(what, files=files, next_step=next_step)
        self.requests = tuple(requests)
        self.commit = commit

    def to_json(self) -> dict[str, object]:
        """The error with the requests and how they stand."""
        stands = [{"id": r.id, "action": r.action, "state": r.state.value, "status": r.status} for r in self.requests]
        return {**super().to_json(), "commit": self.commit or None, "requests": stands}


class UsageError(AgentshError):
    """The call was wrong: an unknown option, a missing directory, a state that does not allow it."""

    exit_code = 2


class ConfigError(UsageError):
    """A configuration file cannot be read, or asks for what it may not have."""


class ShellSyntaxError(UsageError):
    """A shell line cannot be parsed, or uses a construct that is not supported.

    Raised before anything runs.

    Args:
        what: the problem.
        source: the whole script.
        offset: where in ``source`` (characters from its start) the problem begins.
    """

    default_files = "Nothing was run."

    def __init__(self, what: str, *, source: str = "", offset: int = 0, next_step: str | None = None) -> None:
        super().__init__(what, next_step=next_step)
        self.source = source
        self.offset = offset


class NotFoundError(UsageError):
    """There is no action, snapshot, session or path of that name."""

    default_next = "'agentsh log' lists what there is."


class PolicyDenied(AgentshError):
    """The policy refused the action or an effect of it.

    Args:
        rule: the name of the rule that decided.
    """

    exit_code = 3

    def __init__(self, what: str, *, rule: str = "", files: str | None = None, next_step: str | None = None) -> None:
        super().__init__(what, files=files, next_step=next_step)
        self.rule = rule


class ApprovalNeeded(AgentshError):
    """A person must approve, and there is nobody to ask."""

    exit_code = 4
    default_files = "The effects are staged; the workspace is unchanged."
    default_next = "Look with 'agentsh diff', then 'agentsh approve ACTION' and 'agentsh commit'."


class ConflictError(AgentshError):
    """The workspace and the change set both changed the same thing.

    Args:
        paths: the paths in conflict, as raw bytes relative to the workspace.
        conflicts: for an undo, each conflict with both sides.
    """

    exit_code = 5
    default_files = "Nothing was written."

    def __init__(
        self,
        what: str,
        *,
        paths: Sequence[bytes] = (),
        conflicts: Sequence[PathConflict] = (),
        files: str | None = None,
        next_step: str | None = None,
    ) -> None:
        super().__init__(what, files=files, next_step=next_step)
        self.paths = tuple(paths) or tuple(dict.fromkeys(c.path for c in conflicts))
        self.conflicts = tuple(conflicts)

    def to_json(self) -> dict[str, object]:
        r"""The error with its paths (undecodable bytes as ``\\xNN``)."""
        return {**super().to_json(), "paths": [p.decode("utf-8", "backslashreplace") for p in self.paths]}


class WorkspaceBusy(ConflictError):
    """Another agentsh process holds the workspace."""

    default_next = "Wait for it to end, or stop it; a lock of a dead process frees itself."


class LimitExceeded(AgentshError):
    """A resource limit stopped the action.

    Args:
        limit: the limit's name, a field of :class:`agentsh.core.limits.Limits`.
    """

    exit_code = 6

    def __init__(self, what: str, *, limit: str = "", files: str | None = None, next_step: str | None = None) -> None:
        super().__init__(what, files=files, next_step=next_step)
        self.limit = limit


class StoreDamaged(AgentshError):
    """The store's file is damaged, or is not a store."""

    exit_code = 7
    default_next = "Run 'agentsh check' to see what is affected."


class Interrupted(AgentshError):
    """The person stopped it."""

    exit_code = 130
    default_files = "The workspace is unchanged; finished actions stay staged."
    default_next = "'agentsh status' shows what is pending."
