"""The workspace: the one public way to act on a directory, see the effects, answer, and undo."""

from __future__ import annotations

import os
from contextlib import contextmanager, suppress
from dataclasses import replace
from functools import cached_property
from math import inf
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

from agentsh.config import Config, cache_dir, config_dir, load_config, make_private, tools_dir, workspace_dir
from agentsh.config import data_dir as default_data_dir
from agentsh.core.action import ActionKind, ActionRecord, ActionSpec, ActionStatus, OutputSink, StreamName
from agentsh.core.errors import ConfigError, StoreDamaged, UsageError, WorkspaceBusy
from agentsh.core.lock import FileLock
from agentsh.core.report import Recovery, Status
from agentsh.core.tree import Tree
from agentsh.runtime.pending import STAGED, netted, owners
from agentsh.runtime.policies import load_policy

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

    from agentsh.core.diff import FileDiff
    from agentsh.core.explanation import Explained
    from agentsh.core.history import Resolution
    from agentsh.core.limits import Limits
    from agentsh.core.report import CheckReport, CommitResult, GcReport, LogEntry, RepairReport
    from agentsh.core.session import SessionRecord
    from agentsh.core.tool import UserTool
    from agentsh.policy import Policy
    from agentsh.redact import Redactor
    from agentsh.runtime.act import Actor
    from agentsh.runtime.export import Exported
    from agentsh.runtime.hunks import Choice
    from agentsh.runtime.review import Reviewer
    from agentsh.runtime.web import Web
    from agentsh.sandbox import Sandbox, StagingView
    from agentsh.store import Store


class Workspace:
    """A directory in which actions run on a staged view, and land only when they are approved.

    Use it as a context manager. One instance serves one thread at a time; several processes may hold the same
    workspace, their actions take turns.

    Example:
        >>> with Workspace.open("project") as ws:
        ...     action = ws.exec("sed -i s/colour/color/ README.md")
        ...     print(ws.diff(action.id))
        ...     ws.approve([action.id])
        ...     ws.commit()
        ...     ws.revert([action.id])

    Attributes:
        path: the directory.
        config: the configuration that holds here.
        policy: the policy that decides.
        recovered: what opening had to put right after a process had died.
        on_wait: told, in a sentence, when a change has to wait for another process.
        stale: true when another process was changing the workspace as it was looked at last: what was taken for its
            state now is then the last one that is known whole.
    """

    def __init__(self, path: Path, home: Path, config: Config, policy: Policy) -> None:
        self.path = path
        self.config = config
        self.policy = policy
        self.recovered: tuple[Recovery, ...] = ()
        self.stale = False
        self._home = home
        # As long as one action of another process may take.
        self._lock = FileLock(home / "lock", wait_s=config.limits.wall_s + 10, on_wait=self._waiting)
        self.on_wait: Callable[[str], None] | None = None
        self._tree = Tree(path)
        self._store: Store | None = None
        self._staging: StagingView | None = None
        self._sandbox: Sandbox | None = None
        self._actor: Actor | None = None

    @classmethod
    def open(
        cls,
        path: str | os.PathLike[str] = ".",
        *,
        policy: str | None = None,
        data_dir: Path | None = None,
        limits: Limits | None = None,
        damaged: bool = False,
    ) -> Self:
        """Open the workspace at ``path``, creating its store on first use.

        Args:
            path: the directory.
            policy: a preset's name or a policy file's path, instead of the configured one.
            data_dir: where stores and staging views live, instead of the platform's place.
            limits: instead of the configured ones.
            damaged: open it also when its store cannot be read, to check or repair that.

        Raises:
            UsageError: ``path`` is no directory.
            ConfigError: a configuration or policy file is wrong, or the workspace contains agentsh's own data.
            StoreDamaged: the store cannot be used.
        """
        try:
            real = Path(path).resolve(strict=True)
        except OSError as e:
            raise UsageError(f"There is no directory {os.fspath(path)!r}: {e.strerror}.") from e
        if not real.is_dir():
            raise UsageError(f"{os.fspath(path)!r} is not a directory.")
        base = (data_dir or default_data_dir()).absolute()
        for what, place, variable in (
            ("data", base, "AGENTSH_DATA_DIR"),
            ("configuration", config_dir(), "AGENTSH_CONFIG_DIR"),
            ("compiled modules", cache_dir(), "AGENTSH_CACHE_DIR"),
        ):
            # An action there could change what judges it, or what runs next.
            if place.resolve().is_relative_to(real):
                raise ConfigError(
                    f"The workspace contains agentsh's own {what} ({place}).",
                    next_step=f"Choose a smaller workspace, or move it with {variable}.",
                )
        if real.is_relative_to(tools_dir().resolve()):
            raise ConfigError(
                f"The workspace is where agentsh keeps your own tools ({tools_dir()}).",
                next_step="Choose another workspace; 'agentsh tools' adds and removes tools.",
            )
        config = load_config(real)
        if limits is not None:
            config = replace(config, limits=limits)
        home = workspace_dir(base, real)
        make_private(home)
        ws = cls(real, home, config, load_policy(policy or config.policy, protected=config.protected))
        try:
            ws._recover()
        except StoreDamaged:
            if not damaged:
                ws.close()
                raise
        except BaseException:
            ws.close()
            raise
        return ws

    def _waiting(self, why: str) -> None:
        if self.on_wait is not None:
            self.on_wait(why)

    def close(self) -> None:
        """Stop the sandbox and close the store. What is staged stays staged."""
        if self._sandbox is not None:
            self._sandbox.close()
            self._sandbox = None
        if self._store is not None:
            self._store.close()
            self._store = None
        self._tree.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    # -- parts, made when first needed ---------------------------------------------------------------------------

    @property
    def policy_name(self) -> str:
        """The preset's name, or the policy file's path."""
        return self.policy.name

    def _open_store(self) -> Store:
        if self._store is None:
            from agentsh.store import Store  # noqa: PLC0415 - its codecs load only when a store is opened

            self._store = Store.open(self._home / "store.db")
            if self.config.keep.excludes:
                from agentsh.policy import excluded  # noqa: PLC0415 - only with exclusions

                self._store.excluded = excluded(self.config.keep)
        return self._store

    def _open_staging(self) -> StagingView:
        if self._staging is None:
            from agentsh.sandbox import open_staging  # noqa: PLC0415

            self._staging = open_staging(self._home / "staging", self.path, kind=self.config.staging)
        return self._staging

    def _open_actor(self) -> Actor:
        if self._actor is None:
            from agentsh.runtime.act import Actor  # noqa: PLC0415
            from agentsh.sandbox import Sandbox  # noqa: PLC0415

            staging = self._open_staging()
            self._sandbox = Sandbox(staging, cache_dir=cache_dir(), tools_dir=tools_dir())
            self._actor = Actor(
                store=self._open_store(),
                tree=self._tree,
                staging=staging,
                sandbox=self._sandbox,
                policy=self.policy,
                redactor=self._redactor,
                open_web=self._open_web,
                clock=self.config.clock,
            )
        return self._actor

    def _open_web(self) -> Web:
        from agentsh.runtime.web import Web  # noqa: PLC0415 - for requests alone

        return Web(config=self.config, policy=self.policy, redactor=self._redactor)

    @cached_property
    def _redactor(self) -> Redactor | None:
        from agentsh.runtime.redaction import open_redactor  # noqa: PLC0415

        return open_redactor(self.config)

    def _reviewer(self) -> Reviewer:
        from agentsh.runtime.review import Reviewer  # noqa: PLC0415

        return Reviewer(store=self._open_store(), tree=self._tree, policy=self.policy, restage=self._restage)

    def _restage(self) -> None:
        self._open_actor().restage()

    def _recover(self) -> None:
        """Put right what a dead process left. A process that is alive holds the lock: then there is nothing to do."""
        store = self._open_store()
        problem = store.end_problem()
        if problem is not None:  # it can be read, and nothing is written to it: see agentsh.store.head
            self.config = replace(self.config, notices=(*self.config.notices, problem))
            return
        if not store.unfinished():
            return
        try:
            with FileLock(self._home / "lock", wait_s=0):
                self._put_right(store)
        except WorkspaceBusy:
            return

    def _put_right(self, store: Store) -> None:
        from agentsh.runtime.recover import recover  # noqa: PLC0415 - only after a crash

        done = recover(store, self._tree)
        for action in store.running():
            store.end_interrupted(action)
            done.append(Recovery(action=action, outcome="interrupted"))
        self._restage()
        self.recovered += tuple(done)

    @contextmanager
    def _turn(self, *, settles: bool = True) -> Iterator[None]:
        """This process's turn to change something: alone, and on what no dead process has left half done.

        Args:
            settles: something may wait no longer afterwards, so that content that is not to be kept can go.

        Raises:
            WorkspaceBusy: another process is working here.
        """
        with self._lock:
            store = self._open_store()
            if store.unfinished():
                self._put_right(store)
            yield
            if settles:
                store.forget_excluded()

    # -- act -----------------------------------------------------------------------------------------------------

    def exec(
        self,
        line: str,
        *,
        timeout: float | None = None,
        on_output: OutputSink | None = None,
    ) -> ActionRecord:
        """Run a shell line on the staging view.

        Args:
            line: shell source; may be several lines.
            timeout: wall seconds, instead of the configured limit.
            on_output: receives output as it comes, as raw bytes.

        Raises:
            ShellSyntaxError: the line cannot be parsed; nothing ran.
        """
        return self.act(ActionSpec(ActionKind.SHELL, {"line": line}), timeout=timeout, on_output=on_output)

    def stage(self, path: str | bytes, content: bytes) -> ActionRecord:
        """Stage a whole file, as an action of its own.

        Args:
            path: relative to the workspace.
            content: raw bytes.

        Raises:
            UsageError: the name is not UTF-8; WASI, and so every action, knows no others.
        """
        try:
            name = path if isinstance(path, str) else path.decode()
            name.encode()
        except UnicodeError as e:
            raise UsageError(f"An action can only write names that are UTF-8, and {path!r} is not.") from e
        arguments = {"path": name, "content": content.decode("utf-8", "surrogateescape")}
        return self.act(ActionSpec(ActionKind.WRITE, arguments))

    def act(
        self,
        spec: ActionSpec,
        *,
        session: str | None = None,
        timeout: float | None = None,
        on_output: OutputSink | None = None,
    ) -> ActionRecord:
        """Run any action on the staging view.

        Returns:
            The record. A command that failed, a denied action and one that hit a limit are recorded, not raised:
            look at ``status``, ``exit_code``, ``stopped`` and ``decision``.

        Raises:
            ShellSyntaxError: a shell line cannot be parsed; nothing ran.
            ConflictError: the person changed what the action was changing, while it did.
            SandboxError: the sandbox broke.
            WorkspaceBusy: another process is working here.
        """
        limits = self.config.limits
        if timeout is not None:
            if not 0 < timeout < inf:
                raise UsageError("The time limit must be a number of seconds, more than 0.")
            limits = replace(limits, wall_s=timeout)
        actor = self._open_actor()
        with self._turn(settles=False):
            return actor.run(spec, limits=limits, session=session, on_output=on_output)

    def interrupt(self) -> None:
        """Stop the running action, from another thread or a signal handler. It ends as interrupted."""
        if self._actor is not None:
            self._actor.interrupt()

    def output(self, action: str, stream: StreamName = "stdout") -> bytes:
        """What an action printed."""
        record = self.show(action)
        out = record.stdout if stream == "stdout" else record.stderr
        return b"" if out.digest is None else self._open_store().read_blob(out.digest)

    @property
    def web_hosts(self) -> tuple[str, ...]:
        """Patterns of the hosts that requests may go to; empty when there are none."""
        web = self.config.http
        return web.within if web.within is not None else (*web.allow, *web.grant_private)

    def user_tools(self) -> tuple[UserTool, ...]:
        """The tools that the person added, which actions here can call.

        Raises:
            ConfigError: their place cannot be used.
        """
        from agentsh.runtime.user_tools import UserTools  # noqa: PLC0415 - for models alone

        return UserTools().list()

    # -- see -----------------------------------------------------------------------------------------------------

    def status(self) -> Status:
        """The workspace at a glance."""
        store = self._open_store()
        last = store.last_commit()
        return Status(
            workspace=str(self.path),
            staging=self._open_staging().kind,
            policy=self.policy.name,
            pending=tuple(store.actions(status=STAGED)),
            last_commit=last.id if last else None,
            last_snapshot=store.latest_snapshot(),
            store_bytes=store.size(),
            store_max_bytes=self.config.keep.max_bytes,
            store_growth=store.growth(),
            recovered=self.recovered,
        )

    def log(self, *, limit: int | None = None) -> list[LogEntry]:
        """What happened here, oldest first; the last ``limit`` entries."""
        return self._open_store().log(limit=limit)

    def journal(self) -> Iterator[dict[str, object]]:
        """Every row of the journal as a JSON object, oldest first; the chain of their hashes proves them."""
        return self._open_store().journal()

    def show(self, action: str) -> ActionRecord:
        """An action by its id.

        Raises:
            NotFoundError: there is none.
        """
        return self._open_store().action(action)

    def explain(self, action: str) -> list[Explained]:
        """Why the policy that holds now decides as it does about an action: about running it, then about each effect.

        Raises:
            NotFoundError: there is no such action.
        """
        from agentsh.runtime.policies import explain_action  # noqa: PLC0415 - not for acting

        record = self.show(action)
        asking = self.session(record.session) if record.session else None
        web = self._open_web() if record.spec.kind is ActionKind.HTTP else None
        return explain_action(self.policy, record, web=web, session=asking)

    def timeline(self, *, limit: int | None = None) -> list[LogEntry]:
        """The actions, commits and states of the workspace, oldest first, each with its parents; the last ``limit``."""
        from agentsh.runtime.timeline import timeline  # noqa: PLC0415 - not for acting

        return timeline(self._open_store(), limit=limit)

    def diff(self, action: str | None = None, to: str | None = None) -> list[FileDiff]:
        """The effect of one action; without one, of all that is staged, taken together; or between two points in time.

        Args:
            action: its id; or a commit's or a snapshot's, for what changed with it.
            to: with it, what leads from the first point to this one. A point is a snapshot (``s1``), a commit (``c1``)
                or a committed action (``a1``), with ``^`` for the state before it; ``now``; or ``staged``.

        Raises:
            NotFoundError: there is no such thing.
            UsageError: it names no point in time.
        """
        from agentsh.runtime.diff import diff_effects, numbered  # noqa: PLC0415 - not for acting
        from agentsh.runtime.redaction import clean_diffs  # noqa: PLC0415

        store = self._open_store()
        if action is None:
            staged = store.actions(status=STAGED)
            diffs = diff_effects(netted(staged), store.read_blob)
            of = owners(staged)
            diffs = [replace(d, action=of[d.path][0]) if len(of[d.path]) == 1 else d for d in diffs]
        elif to is not None or action[:1] != "a":
            from agentsh.runtime.points import between, change_of  # noqa: PLC0415

            # What was there by then may not have been found yet; on what has lost its end, nothing is written.
            seen = None if to is None or store.end_problem() else self._now()

            def now() -> str:
                return seen or self._now()

            changes = change_of(store, action, now) if to is None else between(store, action, to, now)
            diffs = [replace(d, state=None) for d in diff_effects(changes, store.read_blob)]
        else:
            record = store.action(action)
            diffs = numbered(replace(d, action=record.id) for d in diff_effects(record.changes, store.read_blob))
        return clean_diffs(diffs, self._redactor)

    def catch_up(self) -> None:
        """Record what was changed outside agentsh since the last snapshot, if there is one; waits for nobody.

        Raises:
            WorkspaceBusy: another process is working here.
            StoreDamaged: nothing may be written on top of what was lost.
            LimitExceeded: the disk is full.
        """
        if self._open_store().latest_snapshot() is not None:
            self._look()

    def _look(self) -> str:
        """The snapshot that describes the workspace now; raises as :meth:`catch_up`."""
        from agentsh.runtime.snapshot import take_snapshot  # noqa: PLC0415 - not for acting

        store = self._open_store()
        with FileLock(self._home / "lock", wait_s=0):
            if store.running() or store.open_commits():
                self._put_right(store)
            return take_snapshot(store, self._tree).snapshot

    def _now(self) -> str:
        """The snapshot that describes the workspace now. A reader waits for nobody: see :attr:`stale`."""
        try:
            now = self._look()
        except WorkspaceBusy:
            latest = self._open_store().latest_snapshot()
            if latest is None:
                raise
            self.stale = True
            return latest
        self.stale = False
        return now

    def read_blob(self, digest: bytes) -> bytes:
        """Content by its digest, as entries name it."""
        return self._open_store().read_blob(digest)

    # -- answer --------------------------------------------------------------------------------------------------

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

        With hunks or lines the effect on a path is split in two: what is approved, and the rest, which stays pending
        and builds on it. Permission bits that change with the lines belong to the rest.

        Raises:
            NotFoundError: an action has no such effect, hunk or changed line.
            PolicyDenied: the policy refuses an effect, whoever approves.
            ConflictError: an action's effects are no longer those of ``seen``.
        """
        named = [_raw(p) for p in paths]
        with self._turn():
            return self._reviewer().approve(
                actions, paths=named, comment=comment, below=below, seen=seen, choices=_choices(hunks, lines)
            )

    def reject(self, actions: Sequence[str], *, reason: str = "") -> list[ActionRecord]:
        """Drop actions from what is staged; what later actions did besides stays.

        Raises:
            ConflictError: a later action builds on one of them.
        """
        with self._turn():
            return self._reviewer().reject(actions, reason=reason, status=ActionStatus.REJECTED)

    def commit(self) -> CommitResult:
        """Write every approved effect to the workspace: all of them, or none.

        Raises:
            ConflictError: the workspace is no longer what an action worked on; nothing is written.
            ApprovalNeeded: something is staged, and none of it is approved.
        """
        with self._turn():
            result = self._reviewer().commit()
            if self.config.keep.bounded:
                from agentsh.runtime.tidy import tidy  # noqa: PLC0415 - only with a bound

                tidy(self._open_store(), self._home, self.config.keep)
            return result

    def discard(self) -> list[ActionRecord]:
        """Drop everything that is staged."""
        with self._turn():
            staged = [a.id for a in self._open_store().actions(status=STAGED)]
            return self._reviewer().reject(staged, reason="", status=ActionStatus.DISCARDED)

    # -- undo ----------------------------------------------------------------------------------------------------

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
        named = [_raw(p) for p in paths]
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
            result = self._reviewer().restore(snapshot, paths=[_raw(p) for p in paths], dry_run=dry_run)
        return self._shown(result)

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

    def undo(self) -> CommitResult:
        """Revert the last commit; after an undo, that is the undo (so it comes back).

        Raises:
            UsageError: nothing was ever committed here.
        """
        with self._turn():
            return self._reviewer().undo()

    # -- upkeep --------------------------------------------------------------------------------------------------

    def check(self) -> CheckReport:
        """Verify the store: every blob, reference and journal row."""
        from agentsh.runtime.mend import examine  # noqa: PLC0415 - not for acting

        return examine(self._open_store)

    def repair(self) -> RepairReport:
        """Make a sound store of a damaged one, with all that can be saved; the damaged file is kept beside it.

        Raises:
            StoreDamaged: nothing of it can be read.
            WorkspaceBusy: another process is working here.
        """
        from agentsh.runtime.mend import repair_store  # noqa: PLC0415 - not for acting

        with self._lock:
            end = self.check()  # what is known of it before it is made anew
            if self._store is not None:
                self._store.close()
                self._store, self._actor = None, None
            if self._sandbox is not None:  # the next actor brings its own
                self._sandbox.close()
                self._sandbox = None
            report = repair_store(self._home / "store.db", self._tree, "; ".join(end.problems[:20]))
            self._put_right(self._open_store())
        return report

    def gc(self, *, dry_run: bool = False) -> GcReport:
        """Free what nothing needs, and let go of what is older than the configuration keeps.

        What is pending, the present state of every path, and all records stay.

        Args:
            dry_run: only say what would go.
        """
        from agentsh.runtime.tidy import note  # noqa: PLC0415 - not for acting

        with self._turn():
            report = self._open_store().gc(self.config.keep, dry_run=dry_run)
            if not dry_run:
                note(self._home)
            return report

    # -- agent sessions ------------------------------------------------------------------------------------------

    def start_session(self, task: str, model: str) -> str:
        """Begin an agent's session and return its id (``r1``)."""
        with suppress(WorkspaceBusy):  # then it is found later
            self.catch_up()
        return self._open_store().start_session(task, model, self.policy.name)

    def end_session(self, session: str, status: str) -> None:
        """Record how a session ended: done, failed, interrupted or step-limit."""
        self._open_store().end_session(session, status)

    def session(self, session: str) -> SessionRecord:
        """A session with its messages."""
        return self._open_store().session(session)

    def clean(self, value: Any, *, found: set[str] | None = None) -> Any:
        """A JSON value without secrets, as a model and the journal may have it.

        Args:
            value: text, or anything made of text.
            found: gets the names of what was taken out: of secrets, and of kinds of credentials.
        """
        from agentsh.redact import Redactor  # noqa: PLC0415 - not for a single action

        redactor = self._redactor or Redactor()
        return redactor.value(value, detect=self.config.detect_credentials, found=found)

    def add_message(self, session: str, message: Mapping[str, Any]) -> None:
        """Append to a session's conversation."""
        self._open_store().add_message(session, dict(message))

    def actions(self, session: str) -> list[ActionRecord]:
        """The actions of a session, oldest first."""
        return self._open_store().actions(session=session)


def _choices(
    hunks: Mapping[str | bytes, Sequence[int]] | None, lines: Mapping[str | bytes, Sequence[tuple[int, int]]] | None
) -> dict[bytes, Choice] | None:
    """What is chosen of each path; None when nothing is."""
    if hunks is None and lines is None:
        return None
    from agentsh.runtime.hunks import choices  # noqa: PLC0415 - not for acting

    raw_lines = {_raw(p): r for p, r in (lines or {}).items()}
    return choices({_raw(p): n for p, n in (hunks or {}).items()}, raw_lines)


def _raw(path: str | bytes) -> bytes:
    """A path as the store has it: raw bytes, relative, no slash at either end; the workspace itself is ``.``.

    Raises:
        UsageError: it is empty, as an unset variable is, or absolute.
    """
    raw = os.fsencode(path)
    if not raw or raw.startswith(b"/"):
        raise UsageError(f"{path!r} is not a path inside the workspace.", next_step="'.' is the whole workspace.")
    while raw.startswith(b"./"):
        raw = raw[2:].lstrip(b"/")
    return b"" if raw == b"." else raw.rstrip(b"/")
