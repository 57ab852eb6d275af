"""Put right what a process that died during a commit has left."""

from __future__ import annotations

from typing import TYPE_CHECKING

from agentsh.core.errors import ActionFailed, AgentshError
from agentsh.core.faults import fault_point
from agentsh.core.history import CommitOutcome
from agentsh.core.report import Recovery
from agentsh.runtime.apply import current_state
from agentsh.runtime.intent import Intent, half_way

if TYPE_CHECKING:
    from agentsh.core.history import CommitRecord
    from agentsh.core.tree import Tree
    from agentsh.store import Store


def recover(store: Store, tree: Tree) -> list[Recovery]:
    """End every commit that was cut short: finish it, or, where someone changed a path meanwhile, undo the rest of it.

    Running it again, also after it was itself cut short, does no harm. The caller holds the workspace's lock.

    Returns:
        What was done, a line a commit; 'conflict' names the paths that were left as the person has them.

    Raises:
        ActionFailed: a path cannot be read or written; the commit stays open for the next attempt.
    """
    done: list[Recovery] = []
    for record in store.open_commits():
        try:
            done.append(_end(store, tree, record))
        except OSError as e:
            raise ActionFailed(
                f"The commit {record.id} was cut short, and cannot be finished or undone now ({e}).",
                files="Some paths may have their new state and some their old one; no content is lost.",
                next_step="Remove the cause; the next agentsh command tries again.",
            ) from e
    return done


def _end(store: Store, tree: Tree, record: CommitRecord) -> Recovery:
    intent = Intent(store, tree, record)
    fault_point("recover.before-clean")
    foreign = intent.clean()
    fault_point("recover.cleaned")
    present: set[bytes] = set()
    for effect in record.effects:
        now = current_state(store, tree, effect.path)
        if now == effect.after:
            present.add(effect.path)
        elif now != effect.before and not half_way(effect, now):
            foreign += (effect.path,)
    if not foreign:
        try:
            intent.forward(present, resume=True)
        except (AgentshError, OSError):
            # Someone is working there right now, there is no room, or content is damaged: back, then.
            foreign = intent.back()
            outcome = CommitOutcome.CONFLICT if foreign else CommitOutcome.UNDONE
        else:
            outcome = CommitOutcome.DONE
    else:
        foreign += intent.back()
        outcome = CommitOutcome.CONFLICT
    fault_point("recover.before-done")
    paths = tuple(sorted(set(foreign))) or tuple(e.path for e in record.effects)
    store.end_commit(record.id, outcome, paths=paths if outcome is CommitOutcome.CONFLICT else (), recovery=True)
    word = {CommitOutcome.DONE: "finished", CommitOutcome.UNDONE: "undone", CommitOutcome.CONFLICT: "conflict"}
    return Recovery(commit=record.id, outcome=word[outcome], paths=paths)
