"""What a model is told of the person's noes, and that it is told each of them once."""

from __future__ import annotations

from typing import TYPE_CHECKING

from agentsh.core.sanitise import visible_path

if TYPE_CHECKING:
    from collections.abc import Sequence

    from agentsh.core.report import Rejection
    from agentsh.runtime.agent_workspace import AgentWorkspace
    from agentsh.runtime.conversation import Conversation

_SAID = "rejections"
_MOST_PATHS = 10
_MOST_REASON = 4_000


def tell_rejections(conversation: Conversation, workspace: AgentWorkspace, session: str) -> int:
    """Add what the person rejected since the model was last told, as words of the person's.

    Args:
        conversation: between two turns, so that no call waits for its result.
        workspace: where the session works.
        session: its id.

    Returns:
        How many rejections were told.
    """
    news = workspace.rejections(session, conversation.noted(_SAID))
    if news:
        text = "\n".join(map(_sentence, news))
        message = {"role": "user", "content": f"[{text}\nWhat was dropped is no longer in the files that you see.]"}
        conversation.add(message, origin="person", **{_SAID: news[-1].number})
    return len(news)


def _sentence(rejection: Rejection) -> str:
    of = _paths(rejection.paths)
    what = f"{rejection.part} of {of} in {rejection.action}" if rejection.part else f"{of} in {rejection.action}"
    said = f"The person {rejection.answer} {what if rejection.paths else rejection.action}"
    reason = rejection.reason.strip()[:_MOST_REASON]
    return f"{said}: {reason}" if reason else f"{said}."


def _paths(paths: Sequence[bytes]) -> str:
    shown = ", ".join(map(visible_path, paths[:_MOST_PATHS]))
    return f"{shown} and {len(paths) - _MOST_PATHS} more" if len(paths) > _MOST_PATHS else shown
