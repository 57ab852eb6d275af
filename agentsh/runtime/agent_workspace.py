"""What the agent loop needs of a workspace, and no more: a loop that only sees this cannot approve or commit."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal, Protocol

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from agentsh.core.action import ActionRecord, ActionSpec
    from agentsh.core.diff import FileDiff
    from agentsh.core.report import Rejection
    from agentsh.core.session import SessionRecord
    from agentsh.core.tool import UserTool
    from agentsh.runtime.trial import Trial


class AgentWorkspace(Protocol):
    """What the loop needs of a workspace: :class:`agentsh.runtime.workspace.Workspace` has it."""

    @property
    def policy_name(self) -> str:
        """The name of the policy that decides."""

    @property
    def web_hosts(self) -> Sequence[str]:
        """Patterns of the hosts that requests may go to; empty when there are none."""

    def user_tools(self) -> Sequence[UserTool]:
        """The tools that the person added, which shell lines can call."""

    def act(
        self,
        spec: ActionSpec,
        *,
        session: str | None = None,
        on_output: Callable[[Literal["stdout", "stderr"], bytes], None] | None = None,
    ) -> ActionRecord:
        """Run an action on the staging view."""

    def try_out(self, options: Sequence[Sequence[ActionSpec]]) -> list[Trial]:
        """What would come of each option, as if it alone were done; nothing of it stays."""

    def output(self, action: str, stream: Literal["stdout", "stderr"] = "stdout") -> bytes:
        """What an action printed."""

    def diff(self, action: str | None = None) -> list[FileDiff]:
        """The effect of an action."""

    def start_session(self, task: str, model: str) -> str:
        """Begin a session and return its id."""

    def end_session(self, session: str, status: str) -> None:
        """Record how a session ended."""

    def rejections(self, session: str, after: int = 0) -> Sequence[Rejection]:
        """What the person rejected of a session's actions, after the one of that number."""

    def session(self, session: str) -> SessionRecord:
        """A session with its messages."""

    def clean(self, value: Any, *, found: set[str] | None = None) -> Any:
        """A JSON value without secrets, as a model and the journal may have it."""

    def add_message(self, session: str, message: Mapping[str, Any]) -> None:
        """Append to a session's conversation."""
