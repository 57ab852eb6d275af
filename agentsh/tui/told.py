"""A session's conversation as the journal has it: what was said, and a card for each action."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from agentsh.tui.blocks import Card, Words

if TYPE_CHECKING:
    from collections.abc import Iterator

    from agentsh.core.action import ActionRecord
    from agentsh.core.diff import FileDiff
    from agentsh.core.session import SessionRecord
    from agentsh.runtime.workspace import Workspace
    from agentsh.tui.blocks import Block

_MOST_DIFFS = 50
_ORIGIN = "agentsh"  # beside each message of the journal: who it is from, and of which action


class Told(NamedTuple):
    """A session, with its actions, and what those that are new changed."""

    record: SessionRecord
    acts: list[tuple[ActionRecord, list[FileDiff]]]


def look_at(workspace: Workspace, session: str, begun: int = 0) -> Told:
    """Read a session.

    Args:
        workspace: the workspace.
        session: its id.
        begun: messages that are known already; what their actions changed is not read again.

    Raises:
        NotFoundError: there is none.
    """
    record = workspace.session(session)
    fresh = {m.get(_ORIGIN, {}).get("action") for m in record.messages[begun:]}
    acts = []
    for act in workspace.actions(session):
        small = 0 < len(act.changes) <= _MOST_DIFFS and act.id in fresh
        acts.append((act, workspace.diff(act.id) if small else []))
    return Told(record, acts)


def blocks_of(told: Told, begun: int = 0) -> Iterator[Block]:
    """What a conversation shows of its messages, from the one with the number ``begun`` on."""
    by_id = {a.id: (a, diffs) for a, diffs in told.acts}
    for message in told.record.messages[begun:]:
        text, role = str(message.get("content") or ""), message.get("role")
        action = str(message.get(_ORIGIN, {}).get("action") or "")
        if role == "user" and text:
            yield Words(text, mark="> ", style="person")
        elif role == "assistant" and text:
            yield Words(text, mark="• ", prose=True)
        elif role == "tool" and action in by_id:
            card = Card(by_id[action][0].spec.title)
            card.finish_record(*by_id[action])
            yield card
