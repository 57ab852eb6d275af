"""A person's answers: approve, reject, commit, revert, restore. The caller holds the workspace's lock."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from agentsh.core.action import ActionKind, ActionRecord, ActionSpec, ActionStatus
from agentsh.core.decision import Verdict
from agentsh.core.effect import ChangeSet, EffectState, FileEffect, change_set
from agentsh.core.errors import AgentshError, ApprovalNeeded, ConflictError, NotFoundError, PolicyDenied, UsageError
from agentsh.core.report import CommitResult
from agentsh.core.request import RequestEffect, RequestState, open_requests
from agentsh.core.sanitise import visible_path
from agentsh.policy import flag_effect
from agentsh.runtime.commit import commit_effects
from agentsh.runtime.diff import diff_effects
from agentsh.runtime.partial import split
from agentsh.runtime.pending import STAGED, landing, named_effects, open_effects
from agentsh.runtime.points import moment_of
from agentsh.runtime.rejecting import reject
from agentsh.runtime.restore import restore_plan
from agentsh.runtime.revert import refuse_conflicts, revert_plan
from agentsh.runtime.snapshot import take_snapshot

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from agentsh.core.history import Resolution
    from agentsh.core.tree import Tree
    from agentsh.policy import Policy
    from agentsh.runtime.draft import Plan
    from agentsh.runtime.hunks import Choice
    from agentsh.runtime.outbox import Sender
    from agentsh.store import Store

_Meant = tuple[ActionRecord, tuple[bytes, ...] | None, dict[bytes, int]]
"""An action with its change set split, the paths that are meant (None: all), and of some of them the part."""


class Reviewer:
    """Answers about what is staged, and wishes about what was committed.

    Args:
        restage: makes the staging view show the workspace and the uncommitted effects again.
        sender: sends requests that were approved.
    """

    def __init__(
        self, *, store: Store, tree: Tree, policy: Policy, restage: Callable[[], None], sender: Sender
    ) -> None:
        self._sender = sender
        self._store = store
        self._tree = tree
        self._policy = policy
        self._restage = restage

    def approve(
        self,
        ids: Sequence[str],
        *,
        paths: Sequence[bytes],
        comment: str,
        below: bool = True,
        seen: Mapping[str, str] | None = None,
        choices: Mapping[bytes, Choice] | None = None,
        requests: bool = True,
    ) -> list[ActionRecord]:
        """Approve staged actions: all their open effects, or those that ``paths`` name and what ``choices`` choose.

        Held requests are approved with the whole action alone, and without ``requests`` not then either.
        """
        staged = self._staged(ids)
        if choices and len(staged) != 1:
            raise UsageError("Hunks and lines are numbered within one action: name one.")
        _refuse_unseen(staged, seen, "approved")
        meant = self._meant(staged, paths, choices, below=below)
        for action, among, parts in meant:
            effects = [e for e in open_effects(action) if among is None or e.path in among]
            self._refuse_denied(action, [e for e in effects if parts.get(e.path, e.part) == e.part])
            if requests and among is None:
                self._sender.check(open_requests(action.changes.requests))
        with self._store.batch(durable=True):
            for action, among, parts in meant:
                if parts:
                    self._store.split_changes(action.id, action.changes)
                self._say_yes(action, among, parts, comment=comment, requests=requests)
        return [self._store.action(action.id) for action in staged]

    def _say_yes(
        self,
        action: ActionRecord,
        among: tuple[bytes, ...] | None,
        parts: Mapping[bytes, int],
        *,
        comment: str,
        requests: bool,
    ) -> None:
        """Record one approval. What is held of an action stays held unless all of it was meant."""
        held = bool(open_requests(action.changes.requests))
        whole = requests and among is None
        if held and not whole and among is None:
            among = tuple(dict.fromkeys(e.path for e in open_effects(action)))
            if not among:
                return  # there is nothing but requests, and nobody has said yes to them
        self._store.approve(
            action.id,
            change_set_digest=action.changes.digest,
            paths=among,
            parts=parts,
            comment=comment,
            requests=held and whole,
        )
        if not held:
            self._store.set_status(action.id, ActionStatus.APPROVED)

    def _meant(
        self,
        staged: Sequence[ActionRecord],
        paths: Sequence[bytes],
        choices: Mapping[bytes, Choice] | None,
        *,
        below: bool,
    ) -> list[_Meant]:
        """What an approval is about, action by action.

        Raises:
            NotFoundError: a path or a hunk is not there.
        """
        for path in paths:
            if not any(named_effects(action, [path], below=below) for action in staged):
                ids = " ".join(a.id for a in staged)
                raise NotFoundError(
                    f"{ids}: no staged effect on {visible_path(path)}; nothing was approved.",
                    next_step="'agentsh show ACTION' lists an action's effects.",
                )
        meant: list[_Meant] = []
        for action in staged:
            if choices:
                changes, parts = split(self._store, action, choices)
                after = replace(action, changes=changes)
                named = named_effects(after, paths, below=below) if paths else ()
                # A path that is named with its hunks is not meant as a whole; what it needs above it is.
                needed = named_effects(after, tuple(choices), below=False)
                meant.append((after, tuple(sorted({*named, *needed})), parts))
                continue
            named = named_effects(action, paths, below=below)
            if paths and not named:
                raise NotFoundError(
                    f"{action.id} has no staged effect on {', '.join(visible_path(p) for p in paths)}.",
                    next_step=f"'agentsh show {action.id}' lists its effects.",
                )
            meant.append((action, named if paths else None, {}))
        return meant

    def reject(
        self,
        ids: Sequence[str],
        *,
        reason: str,
        status: ActionStatus,
        paths: Sequence[bytes] = (),
        choices: Mapping[bytes, Choice] | None = None,
        seen: Mapping[str, str] | None = None,
    ) -> list[ActionRecord]:
        """Drop staged actions, or parts of them; see :func:`agentsh.runtime.rejecting.reject`."""
        if not ids:
            return []
        staged = self._staged(ids)
        if choices and len(staged) != 1:
            raise UsageError("Hunks and lines are numbered within one action: name one.")
        _refuse_unseen(staged, seen, "rejected")
        reject(self._store, staged, paths=paths, choices=choices, reason=reason, status=status)
        self._restage()
        return [self._store.action(i) for i in ids]

    def commit(self, seen: Mapping[str, str] | None = None) -> CommitResult:
        """Write every approved effect to the workspace."""
        staged = self._store.actions(status=STAGED)
        approved = [a for a in staged if any(e.state is EffectState.APPROVED for e in open_effects(a)) or _to_send(a)]
        if seen is not None and seen != {a.id: a.changes.landing_digest for a in approved}:
            raise ConflictError(
                "What is approved is not what was shown; nothing was committed.",
                next_step="Look at what is approved now, and answer again.",
            )
        if not approved:
            if staged:
                names = " ".join(a.id for a in staged)
                lost = [r.id for a in staged for r in a.changes.requests if r.state is RequestState.UNKNOWN]
                if lost:
                    raise ApprovalNeeded(
                        f"Nothing was sent: whether {' '.join(lost)} arrived is unknown.",
                        next_step=f"'agentsh outbox {lost[0]}' shows it, and how to say what became of it.",
                    )
                raise ApprovalNeeded(f"Nothing is approved yet; staged: {names}.")
            return CommitResult(None, None)
        for action in approved:
            self._refuse_denied(action, [e for e in open_effects(action) if e.state is EffectState.APPROVED])
            approval = self._store.approval(action.id)
            if approval is None or approval[0] != action.changes.digest:
                raise ConflictError(
                    f"The effects of {action.id} are not the ones that were approved.",
                    next_step=f"Look at 'agentsh diff {action.id}' and approve it again.",
                )
        requests = [r for a in approved for r in _to_send(a)]
        self._sender.check(requests)
        effects = landing(staged)
        ids = [a.id for a in approved]
        result = commit_effects(self._store, self._tree, kind="commit", actions=ids, effects=effects.effects)
        self._restage()
        if not requests or result.commit is None:
            return result

        def withdraw() -> bool:
            return self._withdraw(ids, effects.effects)

        sent = self._sender.send(requests, result.commit, withdraw if effects else None)
        return replace(result, requests=sent)

    def _withdraw(self, ids: Sequence[str], effects: Sequence[FileEffect]) -> bool:
        """Take the files of the last commit back to being staged; False where the person has changed one meanwhile."""
        back = [replace(e, before=e.after, after=e.before) for e in effects if e.before != e.after]
        try:
            commit_effects(self._store, self._tree, kind="withdraw", actions=ids, effects=back)
        except AgentshError:
            return False
        self._restage()
        return True

    def revert(
        self,
        ids: Sequence[str],
        *,
        dry_run: bool,
        paths: Sequence[bytes] = (),
        choices: Mapping[bytes, Choice] | None = None,
        answers: Sequence[Resolution] = (),
    ) -> CommitResult:
        """Undo committed actions: all that they did, or what ``paths`` name and ``choices`` choose."""
        unique = tuple(dict.fromkeys(ids))
        if not unique:
            raise UsageError("Name the actions to revert.", next_step="'agentsh log' lists them.")
        for action in map(self._store.action, unique):
            sent = any(r.state is RequestState.SENT for r in action.changes.requests)
            if not sent and not any(e.state is EffectState.COMMITTED for e in action.changes):
                raise UsageError(
                    f"{action.id} was never committed ({action.status.value}), so there is nothing to revert.",
                    next_step="'agentsh reject' drops what is only staged.",
                )
        plan = revert_plan(self._store, self._tree, unique, paths=paths, choices=choices, answers=answers)
        arguments: dict[str, object] = {"actions": list(unique)}
        if paths:
            arguments["paths"] = [_word(p) for p in paths]
        if choices:
            arguments["parts"] = {
                _word(p): {"hunks": sorted(c.hunks), "lines": [list(r) for r in c.lines]} for p, c in choices.items()
            }
        if answers:
            arguments["sides"] = [[_word(a.path or b"."), a.side or "edited"] for a in answers]
        calls: list[RequestEffect] = []
        stands: list[RequestEffect] = []
        if not paths and not choices:
            every = [r for action in map(self._store.action, unique) for r in action.changes.requests]
            calls, stands = self._sender.reversing(every)
        if stands and not calls and not plan.effects and not plan.conflicts:
            told = " ".join(f"{r.id} cannot be taken back: {r.note}" for r in stands)
            raise UsageError(f"Nothing was reverted. {told}", next_step="'agentsh outbox' shows what was sent.")
        spec = ActionSpec(ActionKind.REVERT, arguments)
        result = self._land(spec, "revert", plan, dry_run=dry_run, calls=calls)
        return replace(result, stands=tuple(stands))

    def restore(self, snapshot: str, *, paths: Sequence[bytes], dry_run: bool) -> CommitResult:
        """Bring paths (all, without any named) back to a snapshot."""
        point = moment_of(self._store, snapshot, lambda: take_snapshot(self._store, self._tree).snapshot)
        plan = restore_plan(self._store, self._tree, point, tuple(paths))
        arguments = {"snapshot": snapshot, "paths": [_word(p) for p in paths]}
        return self._land(ActionSpec(ActionKind.RESTORE, arguments), "restore", plan, dry_run=dry_run)

    def undo(self) -> CommitResult:
        """Revert the last commit."""
        last = self._store.last_commit()
        if last is None:
            raise UsageError("Nothing was ever committed here, so there is nothing to undo.")
        return self.revert(last.actions, dry_run=False)

    def _land(
        self, spec: ActionSpec, kind: str, plan: Plan, *, dry_run: bool, calls: Sequence[RequestEffect] = ()
    ) -> CommitResult:
        """Commit effects that the person asked for outright, as an action that can itself be reverted."""
        if not dry_run:
            refuse_conflicts(plan)
        changes = change_set(
            [replace(flag_effect(e), state=EffectState.APPROVED) for e in plan.effects],
            [replace(c, state=RequestState.APPROVED) for c in calls],
        )
        self._sender.check(calls)
        paths = tuple(e.path for e in changes)
        denied = [(e, d) for e in changes if (d := self._policy.judge_effect(spec, e)).verdict is Verdict.DENY]
        if denied:
            effect, decision = denied[0]
            raise PolicyDenied(
                f"Cannot {kind} {visible_path(effect.path)}: {decision.reason}",
                rule=decision.rule,
                files="Nothing was written.",
            )
        if dry_run:
            diffs = tuple(diff_effects(changes, self._store.read_blob))
            sides = diff_effects([FileEffect(c.path, c.ours, c.theirs) for c in plan.conflicts], self._store.read_blob)
            conflicts = tuple(replace(c, diff=d) for c, d in zip(plan.conflicts, sides, strict=True))
            return CommitResult(
                None,
                None,
                paths=paths,
                dry_run=True,
                diffs=diffs,
                conflicts=conflicts,
                stays=plan.stays,
                requests=tuple(calls),
            )
        if not changes:
            return CommitResult(None, None, stays=plan.stays)
        action = self._record(spec, changes)
        try:
            result = commit_effects(
                self._store, self._tree, kind=kind, actions=[action], effects=changes.effects, seen=plan.seen
            )
        except BaseException:
            if not self._store.open_commits():  # undone: the wish came to nothing
                self._store.set_effect_states(action, None, EffectState.DISCARDED)
                self._store.drop_requests(action, RequestState.DISCARDED)
                self._store.set_status(action, ActionStatus.DISCARDED)
            raise
        self._restage()
        if calls and result.commit is not None:
            sent = self._sender.send(self._store.action(action).changes.requests, result.commit)
            result = replace(result, requests=sent)
        return replace(result, stays=plan.stays)

    def _record(self, spec: ActionSpec, changes: ChangeSet) -> str:
        action = self._store.begin_action(spec, session=None, decision=None)
        self._store.finish_action(action, status=ActionStatus.APPROVED, exit_code=0, changes=changes)
        self._store.approve(
            action,
            change_set_digest=changes.digest,
            comment="asked for by the person",
            requests=bool(changes.requests),
        )
        return action

    def _refuse_denied(self, action: ActionRecord, effects: Sequence[FileEffect]) -> None:
        """Raise where the policy denies an effect: the one that holds now, whatever an earlier one allowed."""
        for effect in effects:
            decision = self._policy.judge_effect(action.spec, effect)
            if decision.verdict is Verdict.DENY:
                raise PolicyDenied(
                    f"{action.id} may not change {visible_path(effect.path)}: {decision.reason}", rule=decision.rule
                )

    def _staged(self, ids: Sequence[str]) -> list[ActionRecord]:
        """The actions of ``ids``, which must be staged."""
        if not ids:
            raise UsageError("Name at least one action.", next_step="'agentsh status' lists what is staged.")
        actions = [self._store.action(i) for i in dict.fromkeys(ids)]
        for action in actions:
            if action.status not in STAGED:
                raise UsageError(
                    f"{action.id} is not staged: it is {action.status.value}.",
                    next_step="'agentsh status' lists what is staged.",
                )
        return actions


def _refuse_unseen(staged: Sequence[ActionRecord], seen: Mapping[str, str] | None, answer: str) -> None:
    """Raise where an action's effects are not those that an answer is about."""
    for action in staged:
        if seen is not None and seen.get(action.id) != action.changes.digest:
            raise ConflictError(
                f"The effects of {action.id} are not the ones that were shown; nothing was {answer}.",
                next_step=f"Look at 'agentsh diff {action.id}' and answer again.",
            )


def _to_send(action: ActionRecord) -> list[RequestEffect]:
    """The requests of an action that go out with the next commit."""
    return [r for r in action.changes.requests if r.state is RequestState.APPROVED]


def _word(path: bytes) -> str:
    """A path as an argument of an action."""
    return path.decode("utf-8", "surrogateescape")
