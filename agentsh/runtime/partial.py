"""Approve a part of a path's change: the change set is split, so that the part has a content and a hash of its own."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from agentsh.core.effect import ChangeSet, EffectState, FileEffect, change_set
from agentsh.core.errors import NotFoundError, UsageError
from agentsh.core.sanitise import visible_path
from agentsh.policy import flag_effect
from agentsh.runtime.hunks import divide, refuse_unknown

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from agentsh.core.action import ActionRecord
    from agentsh.runtime.hunks import Choice
    from agentsh.store import Store

_OPEN = (EffectState.APPROVED, EffectState.PENDING)


def split(store: Store, action: ActionRecord, choices: Mapping[bytes, Choice]) -> tuple[ChangeSet, dict[bytes, int]]:
    """Split the change set of ``action`` so that what is chosen of a path comes first, and the rest after it.

    What was approved of the path before and what is chosen now become one part; the path is as it was after both.

    Args:
        store: has the content; receives what is between the parts.
        action: a staged action.
        choices: what is chosen of each path.

    Returns:
        The change set, the chosen parts still pending; and the number of the chosen part on each path.

    Raises:
        NotFoundError: the action has no staged effect on a path, or no such hunk.
        UsageError: a hunk is no longer staged.
    """
    effects = [e for e in action.changes if e.path not in choices]
    parts: dict[bytes, int] = {}
    for path, choice in choices.items():
        of_path = [e for e in action.changes if e.path == path]
        if not any(e.state in _OPEN for e in of_path):
            raise NotFoundError(
                f"{action.id} has no staged effect on {visible_path(path)}.",
                next_step=f"'agentsh show {action.id}' lists its effects.",
            )
        closed, chosen, rest = _of_path(store, action.id, of_path, choice)
        parts[path] = chosen.part
        effects += [*closed, chosen, *rest]
    return change_set(effects, action.changes.requests), parts


def _of_path(
    store: Store, action: str, effects: Sequence[FileEffect], choice: Choice
) -> tuple[list[FileEffect], FileEffect, list[FileEffect]]:
    """The effects of one path: those that are no longer staged, the chosen part, and the rest if there is any."""
    path = effects[0].path
    closed: list[FileEffect] = []
    chosen: list[FileEffect] = []
    rest: list[FileEffect] = []
    count, taken = 0, frozenset[int]()
    for effect in effects:
        division = divide(store, effect, choice, first=count + 1)
        count += division.hunks
        taken |= division.taken
        if effect.state not in _OPEN:
            if division.taken:
                raise UsageError(
                    f"Hunk {min(division.taken)} of {action} in {visible_path(path)} is {effect.state.value} already.",
                    next_step=f"'agentsh diff {action}' shows what is still pending.",
                )
            closed.append(effect)
        elif effect.state is EffectState.APPROVED:
            chosen.append(effect)
        else:
            chosen += [division.chosen] if division.chosen else []
            rest += [division.rest] if division.rest else []
    refuse_unknown(action, path, choice, taken, count)
    first = len(closed)
    whole = replace(chosen[0], after=chosen[-1].after, state=EffectState.PENDING, part=first)
    left = [replace(rest[0], after=rest[-1].after, part=first + 1)] if rest else []
    return closed, flag_effect(whole), [flag_effect(e) for e in left]
