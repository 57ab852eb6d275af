"""Plan the undoing of committed actions, in any selection, while newer work stays."""

from __future__ import annotations

from typing import TYPE_CHECKING

from agentsh.core.entry import Entry, EntryType
from agentsh.core.errors import ConflictError, NotFoundError, UsageError
from agentsh.core.history import PathConflict
from agentsh.core.sanitise import visible_path
from agentsh.runtime.draft import Draft, Plan
from agentsh.runtime.hunks import divide, refuse_unknown
from agentsh.runtime.merge import merge_entries
from agentsh.runtime.steps import is_directory

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from agentsh.core.effect import FileEffect
    from agentsh.core.history import Landing, Resolution
    from agentsh.core.tree import Tree
    from agentsh.runtime.hunks import Choice
    from agentsh.store import Store

_SHOWN = 5


def revert_plan(
    store: Store,
    tree: Tree,
    actions: Sequence[str],
    *,
    paths: Sequence[bytes] = (),
    choices: Mapping[bytes, Choice] | None = None,
    answers: Sequence[Resolution] = (),
) -> Plan:
    """Plan the undoing of what ``actions`` have committed.

    Each effect is undone by a three-way merge: from the state that the action left, to the state now on one side and to
    the state before the action on the other. So what came later stays.

    Args:
        store: the store.
        tree: the workspace; it is read, not written.
        actions: in any order; undone newest first.
        paths: these and what is below them; all, when neither these nor ``choices`` name any.
        choices: of these paths, what is chosen alone; for one action.
        answers: the person's, to conflicts.

    Raises:
        NotFoundError: there is no such action, or it has committed nothing on a path or in a hunk.
        UsageError: a choice is made of several actions.
        ActionFailed: a path cannot be read.
    """
    if choices and len(actions) != 1:
        raise UsageError("Hunks and lines are numbered within one action: name one.")
    draft = Draft(store, tree, answers)
    landings = store.landings(actions)
    _refuse_untouched(landings, actions, (*paths, *(choices or ())))
    before = _choose(store, actions[0], choices) if choices else {}
    for landing in landings:
        effect = landing.effect
        if (effect.path, effect.part) in before:
            _undo(store, draft, landing, before[effect.path, effect.part])
        elif not (paths or choices) or any(covers(named, effect.path) for named in paths):
            _undo(store, draft, landing, effect.before)
    return draft.plan()


def plan_revert(store: Store, tree: Tree, actions: Sequence[str]) -> tuple[FileEffect, ...]:
    """As :func:`revert_plan`, for those who want all of it or nothing.

    Raises:
        ConflictError: something cannot be undone without losing newer work; names every path.
    """
    plan = revert_plan(store, tree, actions)
    refuse_conflicts(plan)
    return plan.effects


def refuse_conflicts(plan: Plan) -> None:
    """Raise when a plan has conflicts.

    Raises:
        ConflictError: it has; names every path, the action that is in conflict, and both sides.
    """
    if not plan.conflicts:
        return
    shown = "; ".join(f"{visible_path(c.path)} ({c.action}) {c.why}" for c in plan.conflicts[:_SHOWN])
    more = f"; and {len(plan.conflicts) - _SHOWN} more" if len(plan.conflicts) > _SHOWN else ""
    raise ConflictError(
        f"Newer work is in the way: {shown}{more}.",
        conflicts=plan.conflicts,
        next_step="Keep what is there now (--ours), take the undone state (--theirs), or merge by hand (--edit);"
        " --dry-run shows both sides. Or revert the newer actions as well.",
    )


def covers(named: bytes, path: bytes) -> bool:
    """Whether ``path`` is what a person named, or below it."""
    return named in (b"", path) or path.startswith(named + b"/")


def _refuse_untouched(landings: Sequence[Landing], actions: Sequence[str], named: Sequence[bytes]) -> None:
    for name in named:
        if not any(covers(name, landing.effect.path) for landing in landings):
            raise NotFoundError(
                f"{' '.join(actions)}: nothing was committed on {visible_path(name)}.",
                next_step="'agentsh show ACTION' lists an action's effects.",
            )


def _choose(store: Store, action: str, choices: Mapping[bytes, Choice]) -> dict[tuple[bytes, int], Entry | None]:
    """The states to go back to, by path and part: the ones after the action, less what was chosen.

    Raises:
        NotFoundError: there is no such hunk.
        UsageError: a hunk was never committed.
    """
    found: dict[tuple[bytes, int], Entry | None] = {}
    for path, choice in choices.items():
        count, taken = 0, frozenset[int]()
        for effect in _of_path(store, action, path):
            division = divide(store, effect, choice, first=count + 1)
            count += division.hunks
            taken |= division.taken
            if division.taken and effect.state.value != "committed":
                raise UsageError(
                    f"Hunk {min(division.taken)} of {action} in {visible_path(path)} was never committed"
                    f" ({effect.state.value}), so there is nothing to revert.",
                    next_step="'agentsh reject' drops what is only staged.",
                )
            found[path, effect.part] = division.without if division.taken else effect.after
        refuse_unknown(action, path, choice, taken, count)
    return found


def _of_path(store: Store, action: str, path: bytes) -> Iterator[FileEffect]:
    return (e for e in store.action(action).changes if e.path == path)


def _undo(store: Store, draft: Draft, landing: Landing, before: Entry | None) -> None:
    """Bring the path of a landed effect to ``before``, merged with what it has become since."""
    path, base, ours = landing.effect.path, landing.effect.after, draft.then(landing.effect.path)
    if is_directory(ours) and is_directory(before) and not is_directory(base):
        return  # made again meanwhile, perhaps with other permission bits: nothing to bring back
    try:
        merged = merge_entries(store, path, base=base, ours=ours, theirs=before)
    except ConflictError as e:
        why = e.what.removeprefix(visible_path(path)).strip(" .")
        answer = draft.ask(PathConflict(path, landing.action, why, base=base, ours=ours, theirs=before))
        if answer is None:
            return
        if answer.text is None:
            merged = merge_entries(store, path, base=base, ours=ours, theirs=before, prefer=answer.side)
        else:
            # The text is answered; permission bits and attributes are merged as without it.
            kept = merge_entries(store, path, base=base, ours=ours, theirs=before, prefer="ours")
            like = next(e for e in (kept, ours, before) if e is not None)
            digest = store.put_bytes(answer.text, path=path)
            merged = Entry(EntryType.FILE, like.mode, len(answer.text), digest, xattrs=like.xattrs)
    draft.put(path, merged, action=landing.action)
