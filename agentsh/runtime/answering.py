"""Answering: approve, reject, commit, discard; undoing; and handing on what was committed."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from agentsh.core.action import ActionRecord, ActionStatus
from agentsh.core.errors import NotFoundError, UsageError
from agentsh.core.lasting import Lasting
from agentsh.core.request import RequestState
from agentsh.runtime.parts import Parts, raw_path
from agentsh.runtime.pending import STAGED, named_effects, open_effects

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from pathlib import Path

    from agentsh.core.diff import FileDiff
    from agentsh.core.history import Resolution
    from agentsh.core.lasting import Offer
    from agentsh.core.report import CommitResult
    from agentsh.core.request import RequestEffect
    from agentsh.runtime.export import Exported
    from agentsh.runtime.hunks import Choice


class Answering(Parts):
    """Takes a person's answers."""

    def approve(
        self,
        actions: Sequence[str],
        *,
        paths: Sequence[str | bytes] = (),
        comment: str = "",
        below: bool = True,
        seen: Mapping[str, str] | None = None,
        hunks: Mapping[str | bytes, Sequence[int]] | None = None,
        lines: Mapping[str | bytes, Sequence[tuple[int, int]]] | None = None,
        requests: bool = True,
    ) -> list[ActionRecord]:
        """Approve actions, whole, by path or by hunk. The approval names the hash of what is approved.

        Args:
            actions: their ids.
            paths: these alone, and the new directories that they need.
            comment: kept with the approval.
            below: a path stands for what is below it, too.
            seen: for each action the :attr:`ChangeSet.digest` of what the person was shown; without it, what is staged
                now is taken for that.
            hunks: of these paths, these hunks alone, by :attr:`Hunk.number`; for one action.
            lines: likewise the changes within these ranges of lines, which count from 1 in the state after the action.
            requests: also what the actions want to send. It goes with a whole action alone; False leaves it held, for
                whoever answers without having been shown it.

        With hunks or lines the effect on a path is split in two: what is approved, and the rest, which stays pending
        and builds on it. Permission bits that change with the lines belong to the rest.

        Raises:
            NotFoundError: an action has no such effect, hunk or changed line.
            PolicyDenied: the policy refuses an effect, whoever approves.
            ConflictError: an action's effects are no longer those of ``seen``.
        """
        named = [raw_path(p) for p in paths]
        with self._turn():
            return self._reviewer().approve(
                actions,
                paths=named,
                comment=comment,
                below=below,
                seen=seen,
                choices=_choices(hunks, lines),
                requests=requests,
            )

    def offer(self, action: str, lasting: Lasting, *, paths: Sequence[str | bytes] = ()) -> Offer:
        """What approving an action for longer than once would mean: to be shown before :meth:`approve_for` is asked.

        Args:
            action: its id; it must be staged.
            lasting: for how long.
            paths: these of its effects alone.

        Raises:
            UsageError: there is no rule that would be as narrow as what the action did; it says why.
            NotFoundError: the action has no such effect.
        """
        from agentsh.runtime.lasting import offer  # noqa: PLC0415 - few approvals last

        record = self._open_store().action(action)
        if record.status not in STAGED:
            raise UsageError(f"{action} is not staged: it is {record.status.value}.")
        effects = open_effects(record)
        if paths:
            raw = [raw_path(p) for p in paths]
            named = named_effects(record, raw)
            if not named:
                raise NotFoundError(f"{action} has no staged effect on what was named.")
            effects = [e for e in effects if e.path in named]
        return offer(self.policy, record, effects, lasting, self.path)

    def approve_for(self, offer: Offer, *, comment: str = "") -> list[ActionRecord]:
        """Approve what an offer is about, and keep its rules, so that the same is approved unasked from now on.

        This object has read the person's file already: what goes there holds from the next opening.

        Args:
            offer: from :meth:`offer`, as the person was shown it.
            comment: kept with the approval.

        Raises:
            ConflictError: it would mean something else by now; nothing was approved.
            ConfigError: the person's file could not be written; the action itself was approved.
        """
        from agentsh.runtime.lasting import keep_always, same_offer  # noqa: PLC0415 - few approvals last

        with self._turn():
            same_offer(offer, self.offer(offer.action, offer.lasting, paths=offer.paths))
            seen = {offer.action: offer.digest}
            records = self._reviewer().approve(
                [offer.action], paths=offer.paths, comment=comment, below=False, seen=seen, requests=False
            )
            if offer.lasting is Lasting.SESSION:
                self._open_store().grant(offer.session, offer.action, offer.rules)
            else:
                keep_always(offer.rules)
                self._open_store().note_always(offer.action, offer.rules)
        return records

    def withdraw_grant(self, grant: str) -> None:
        """Let an approval for a session hold no longer. What it approved before stays approved.

        Raises:
            NotFoundError: no such grant holds.
        """
        with self._turn():
            self._open_store().withdraw_grant(grant)

    def reject(
        self,
        actions: Sequence[str],
        *,
        reason: str = "",
        paths: Sequence[str | bytes] = (),
        hunks: Mapping[str | bytes, Sequence[int]] | None = None,
        lines: Mapping[str | bytes, Sequence[tuple[int, int]]] | None = None,
        seen: Mapping[str, str] | None = None,
    ) -> list[ActionRecord]:
        """Drop actions from what is staged, whole, by path or by hunk; what later actions did besides stays.

        Args:
            actions: their ids.
            reason: the person's words; the session whose action it is tells them its model at the next turn.
            paths: these alone, with what is below them and what cannot be without them. What the actions want to send
                stays held.
            hunks: of these paths, these hunks alone, by :attr:`Hunk.number`; for one action.
            lines: likewise the changes within these ranges of lines, which count from 1 in the state after the action.
            seen: for each action the :attr:`ChangeSet.digest` of what the person was shown; without it, what is staged
                now is taken for that.

        Raises:
            NotFoundError: an action has no such effect, hunk or changed line.
            UsageError: a hunk is approved already, or an action is not staged.
            ConflictError: a later action builds on what would be dropped, or the effects are no longer those of
                ``seen``.
        """
        named = [raw_path(p) for p in paths]
        with self._turn():
            return self._reviewer().reject(
                actions,
                reason=reason,
                status=ActionStatus.REJECTED,
                paths=named,
                choices=_choices(hunks, lines),
                seen=seen,
            )

    def commit(self, *, seen: Mapping[str, str] | None = None) -> CommitResult:
        """Write every approved effect to the workspace: all of them, or none; then send every approved request.

        Args:
            seen: for each action with something approved the :attr:`ChangeSet.landing_digest` of what the person was
                shown; without it, what is approved now is taken for that.

        Raises:
            RequestsStopped: a request did not go well; it says what stands.
            ConflictError: the workspace is no longer what an action worked on, or what is approved is not ``seen``;
                nothing is written.
            ApprovalNeeded: something is staged, and none of it is approved.
        """
        with self._turn():
            result = self._reviewer().commit(seen)
            if self.config.keep.bounded:
                from agentsh.runtime.tidy import tidy  # noqa: PLC0415 - only with a bound

                tidy(self._open_store(), self._home, self.config.keep)
            return result

    def discard(self) -> list[ActionRecord]:
        """Drop everything that is staged."""
        with self._turn():
            staged = [a.id for a in self._open_store().actions(status=STAGED)]
            return self._reviewer().reject(staged, reason="", status=ActionStatus.DISCARDED)

    def revert(
        self,
        actions: Sequence[str],
        *,
        dry_run: bool = False,
        paths: Sequence[str | bytes] = (),
        hunks: Mapping[str | bytes, Sequence[int]] | None = None,
        lines: Mapping[str | bytes, Sequence[tuple[int, int]]] | None = None,
        answers: Sequence[Resolution] = (),
    ) -> CommitResult:
        """Undo committed actions, however old, and keep what came after them.

        A revert is an action of its own: it can be reverted.

        Args:
            actions: in any order.
            dry_run: only say what it would write, and what is in the way.
            paths: what they did to these alone, and to what is below them.
            hunks: of these paths, these hunks alone, by :attr:`Hunk.number`; for one action.
            lines: likewise the changes within these ranges of lines, which count from 1 in the state after the action.
            answers: what to do about conflicts; the first that fits one holds.

        Raises:
            NotFoundError: an action has committed no such effect, hunk or changed line.
            ConflictError: newer work changed the same; nothing is written. ``conflicts`` has both sides of each.
        """
        named = [raw_path(p) for p in paths]
        with self._turn():
            result = self._reviewer().revert(
                actions, dry_run=dry_run, paths=named, choices=_choices(hunks, lines), answers=answers
            )
        return self._shown(result)

    def restore(self, snapshot: str, *, paths: Sequence[str | bytes] = (), dry_run: bool = False) -> CommitResult:
        """Bring the workspace, or some paths of it, back to a point in time. An action of its own, as a revert is.

        Args:
            snapshot: a snapshot, or any other point as :meth:`diff` takes it.
            paths: these and what is or was below them; all, when empty.
            dry_run: only say what it would write.
        """
        with self._turn():
            result = self._reviewer().restore(snapshot, paths=[raw_path(p) for p in paths], dry_run=dry_run)
        return self._shown(result)

    def undo(self) -> CommitResult:
        """Revert the last commit; after an undo, that is the undo (so it comes back).

        Raises:
            UsageError: nothing was ever committed here.
        """
        with self._turn():
            return self._reviewer().undo()

    def send_again(self, request: str) -> RequestEffect:
        """Send a request once more of which nobody knows whether it arrived.

        Raises:
            UsageError: its state is known.
            PolicyDenied: it may not be sent any more.
            RequestsStopped: it did not go well this time either.
        """
        with self._turn():
            return self._sender().again(request)

    def resolve_request(self, request: str, *, sent: bool) -> RequestEffect:
        """Record what the person has found out about a request of which nobody knew.

        Raises:
            UsageError: its state is known.
        """
        with self._turn():
            return self._sender().resolve(request, RequestState.SENT if sent else RequestState.REFUSED)

    def export_branch(self, branch: str, *, onto: str = "HEAD") -> Exported:
        """Write what was committed to a new branch of the git repository that the workspace is in.

        Objects and one reference are written, and neither the working tree nor the index.

        Args:
            branch: its name.
            onto: the commit that it starts from.

        Raises:
            UsageError: there is no git, no repository, no such commit, or nothing to write.
            ConflictError: the branch exists.
        """
        from agentsh.runtime.gitbranch import to_branch  # noqa: PLC0415 - not for acting

        return to_branch(self._open_store(), self.path, branch, onto=onto)

    def export_patches(self, directory: Path) -> Exported:
        """Write what was committed as patches that ``git am`` takes, into a new directory.

        Raises:
            UsageError: the directory exists, or there is nothing to write.
        """
        from agentsh.runtime.patches import to_patches  # noqa: PLC0415 - not for acting

        return to_patches(self._open_store(), directory)

    def _shown(self, result: CommitResult) -> CommitResult:
        """A preview without the values of secrets."""
        if not result.dry_run:
            return result
        from agentsh.runtime.redaction import clean_diffs  # noqa: PLC0415 - not for acting

        def clean(diffs: Iterable[FileDiff | None]) -> list[FileDiff]:
            return clean_diffs([d for d in diffs if d is not None], self._redactor)

        conflicts = tuple(replace(c, diff=next(iter(clean([c.diff])), None)) for c in result.conflicts)
        return replace(result, diffs=tuple(clean(result.diffs)), conflicts=conflicts)


def _choices(
    hunks: Mapping[str | bytes, Sequence[int]] | None, lines: Mapping[str | bytes, Sequence[tuple[int, int]]] | None
) -> dict[bytes, Choice] | None:
    """What is chosen of each path; None when nothing is."""
    if hunks is None and lines is None:
        return None
    from agentsh.runtime.hunks import choices  # noqa: PLC0415 - not for acting

    raw_lines = {raw_path(p): r for p, r in (lines or {}).items()}
    return choices({raw_path(p): n for p, n in (hunks or {}).items()}, raw_lines)
