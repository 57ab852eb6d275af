"""Land effects in the workspace: all of them, or none."""

from __future__ import annotations

import errno
from typing import TYPE_CHECKING

from agentsh.core.entry import EntryType
from agentsh.core.errors import ActionFailed, AgentshError, ConflictError, LimitExceeded, NotFoundError, UsageError
from agentsh.core.faults import fault_point
from agentsh.core.history import CommitKind, CommitOutcome
from agentsh.core.report import CommitResult
from agentsh.core.sanitise import visible_path
from agentsh.core.tree import OutsideTreeError, split_path
from agentsh.runtime.apply import current_state
from agentsh.runtime.intent import Intent
from agentsh.runtime.snapshot import look_at
from agentsh.runtime.steps import is_directory, parents

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from agentsh.core.effect import FileEffect
    from agentsh.core.entry import Entry
    from agentsh.core.tree import Tree
    from agentsh.runtime.snapshot import Progress
    from agentsh.store import Store

_SHOWN = 5


def commit_effects(
    store: Store,
    tree: Tree,
    *,
    kind: CommitKind | str,
    actions: Sequence[str],
    effects: Sequence[FileEffect],
    seen: Mapping[bytes, Entry | None] | None = None,
    progress: Progress | None = None,
) -> CommitResult:
    """Bring each effect's path from its state before to its state after; record snapshots around it.

    The caller holds the workspace's lock, and has recovered what an earlier process left open.

    Args:
        store: has the content of both states of every file.
        tree: the workspace.
        kind: why it is written.
        actions: the actions whose effects they are; they are marked as committed.
        effects: one a path.
        seen: as in :class:`agentsh.runtime.draft.Plan`: what the paths were when the plan was made in this same turn.
            What changed since is found in the moment of the switch, and is a conflict.
        progress: told about the scan that precedes the first commit.

    Returns:
        The commit, the snapshot after it, and the paths that were written.

    Raises:
        ConflictError: a path is not in the state that its effect starts from. Nothing was written.
        UsageError: an effect is about a socket, a device or a FIFO, or its path leads outside. Nothing was written.
        LimitExceeded: the disk is full. Nothing was written.
        ActionFailed: a path could not be written; what was written before it was put back.
        NotFoundError: the content of a path is not kept any more. Nothing was written.
    """
    wanted = sorted((e for e in effects if e.before != e.after), key=lambda e: e.path)
    if not wanted and not actions:
        return CommitResult(None, None)
    _refuse_unfit(wanted)
    # What the person did elsewhere is found by the next look at the whole: see agentsh.runtime.snapshot.
    if seen is None:
        seen = look_at(store, tree, [e.path for e in wanted], leaving=_leaving(wanted), progress=progress).states
    present = check_effects(store, tree, wanted, seen)
    with store.view():
        for effect in wanted:
            if effect.after is not None and effect.after.digest is not None and effect.path not in present:
                _require(store, effect.path, effect.after.digest)
    fault_point("commit.before-intent")
    id_ = store.begin_commit(kind, actions, wanted)
    fault_point("commit.after-intent")
    record = store.commit(id_)
    intent = Intent(store, tree, record)
    try:
        intent.forward(present)
        fault_point("commit.after-paths")
    except BaseException as e:
        _undo(store, intent, id_, e)
        raise
    fault_point("commit.before-done")
    snapshot = store.end_commit(id_, CommitOutcome.DONE, record=record)
    fault_point("commit.after-done")
    paths = tuple(e.path for e in wanted if e.path not in present)
    return CommitResult(id_, snapshot, tuple(actions), paths)


def check_effects(
    store: Store, tree: Tree, effects: Sequence[FileEffect], seen: Mapping[bytes, Entry | None]
) -> set[bytes]:
    """Compare the workspace with the states that effects start from.

    It is the early word: what takes a path's place is compared once more in the moment of the switch.

    Args:
        store: the store.
        tree: the workspace.
        effects: the effects.
        seen: what paths are that were looked at just now; the others are looked at here.

    Returns:
        The paths that are already in their state after.

    Raises:
        ConflictError: a path is in another state, or below something that is no directory; names all of them.
        ActionFailed: a path cannot be read.
    """
    after = {e.path: e.after for e in effects}
    known: dict[bytes, bool] = {}
    present: set[bytes] = set()
    conflicts: list[bytes] = []
    for effect in effects:
        if effect.after is not None and not _reachable(tree, effect.path, after, seen, known):
            conflicts.append(effect.path)
            continue
        now = seen[effect.path] if effect.path in seen else current_state(store, tree, effect.path)
        if now == effect.after:
            present.add(effect.path)
        elif now != effect.before:
            conflicts.append(effect.path)
    if conflicts:
        names = ", ".join(visible_path(p) for p in conflicts[:_SHOWN])
        more = f" and {len(conflicts) - _SHOWN} more" if len(conflicts) > _SHOWN else ""
        raise ConflictError(
            f"The workspace changed since the action ran: {names}{more}.",
            paths=conflicts,
            next_step="Reject the action and run it again on the present state.",
        )
    return present


def _leaving(effects: Sequence[FileEffect]) -> list[bytes]:
    """The directories that go with a commit."""
    return [e.path for e in effects if is_directory(e.before) and not is_directory(e.after)]


def _require(store: Store, path: bytes, digest: bytes) -> None:
    try:
        store.require_blob(digest)
    except NotFoundError as e:
        raise NotFoundError(f"{visible_path(path)} cannot be written. {e.what}", next_step=e.next_step) from e


def _reachable(
    tree: Tree,
    path: bytes,
    after: Mapping[bytes, Entry | None],
    seen: Mapping[bytes, Entry | None],
    known: dict[bytes, bool],
) -> bool:
    """True when everything above ``path`` is a directory, or becomes one with this commit."""
    for above in parents(path):
        if above not in known:
            if above in after:
                known[above] = is_directory(after[above])
            elif above in seen:
                known[above] = is_directory(seen[above])
            else:
                known[above] = tree.is_directory(above)
        if not known[above]:
            return False
    return True


def _refuse_unfit(effects: Sequence[FileEffect]) -> None:
    for effect in effects:
        # Anything but the one plain spelling of a path inside is no effect that a sandbox reports.
        try:
            plain = b"/".join(split_path(effect.path))
        except OutsideTreeError:
            plain = b""
        if not plain or plain != effect.path:
            raise UsageError(f"'{visible_path(effect.path)}' is not a path inside the workspace.")
    special = [e.path for e in effects for s in (e.before, e.after) if s is not None and s.type is EntryType.OTHER]
    if special:
        names = ", ".join(visible_path(p) for p in special[:_SHOWN])
        raise UsageError(
            f"Sockets, devices and FIFOs cannot be committed: {names}.",
            next_step="Approve the other effects by path, or reject the action.",
        )


def _undo(store: Store, intent: Intent, id_: str, error: BaseException) -> None:
    """Put back what a failed commit has written, record its end, and raise what the person should know.

    Returns when ``error`` itself says it all.
    """
    try:
        foreign = intent.back()
        conflict = isinstance(error, ConflictError)
        outcome = CommitOutcome.CONFLICT if foreign or conflict else CommitOutcome.UNDONE
        store.end_commit(id_, outcome, paths=foreign)
    except (OSError, AgentshError) as second:
        raise ActionFailed(
            f"The commit {id_} failed ({error}), and could not be undone now ({second}).",
            files="Some paths may have their new state and some their old one; no content is lost.",
            next_step="Remove the cause; the next agentsh command finishes or undoes it.",
        ) from error
    if isinstance(error, OSError):
        raise _explain(error, intent.at) from error


def _explain(error: OSError, path: bytes) -> AgentshError:
    where = visible_path(path)
    if error.errno in {errno.ENOSPC, errno.EDQUOT}:
        return LimitExceeded(
            f"The disk is full: {where} could not be written.",
            limit="disk",
            files="Nothing was written; the effects stay staged.",
            next_step="Free some space, then commit again.",
        )
    return ActionFailed(
        f"{where} could not be written: {error.strerror}.",
        files="Nothing was written; the effects stay staged.",
        next_step="Check the permissions of the path and of its directory, then commit again.",
    )
