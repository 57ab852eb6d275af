"""Seeing: what happened in a workspace, what is staged, and what it was."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from agentsh.core.action import ActionKind, ActionRecord, StreamName
from agentsh.core.errors import WorkspaceBusy
from agentsh.core.lock import FileLock
from agentsh.core.report import Status
from agentsh.core.request import RequestState, open_requests
from agentsh.runtime.parts import Parts, raw_path
from agentsh.runtime.pending import STAGED, netted, owners

if TYPE_CHECKING:
    from collections.abc import Iterator

    from agentsh.core.diff import FileDiff
    from agentsh.core.explanation import Explained
    from agentsh.core.history import PathConflict
    from agentsh.core.lasting import Grant
    from agentsh.core.report import LogEntry, Rejection
    from agentsh.core.request import RequestEffect
    from agentsh.core.session import SessionRecord
    from agentsh.core.tool import UserTool
    from agentsh.runtime.resolving import Apart


class Seeing(Parts):
    """Answers a person's questions. What it gives holds no value of a secret."""

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
            unknown=tuple(store.requests([RequestState.UNKNOWN])),
        )

    def outbox(self) -> list[RequestEffect]:
        """Every request that was ever held, oldest first, with how it stands."""
        return self._open_store().requests()

    def requests(self, action: str | None = None) -> list[RequestEffect]:
        """The requests of an action; without one, all that wait to be approved or sent."""
        if action is not None:
            return list(self.show(action).changes.requests)
        return [r for a in self._open_store().actions(status=STAGED) for r in open_requests(a.changes.requests)]

    def request(self, request: str) -> RequestEffect:
        """A request by its id.

        Raises:
            NotFoundError: there is none.
        """
        return self._open_store().request(request)

    def body(self, request: RequestEffect, *, answer: bool = False) -> bytes:
        """What a request sends, or what came back, with names in place of values of secrets: a view, not content.

        Raises:
            NotFoundError: it is not kept any more.
        """
        from agentsh.runtime.redaction import open_redactor  # noqa: PLC0415 - a value may have been stored since

        digest = request.answer if answer else request.body
        content = b"" if digest is None else self._open_store().read_blob(digest)
        redactor = open_redactor(self.config) if content else None
        return content if redactor is None else redactor.redact(content).data

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
        from agentsh.runtime.lasting import with_grants  # noqa: PLC0415 - not for acting
        from agentsh.runtime.policies import explain_action  # noqa: PLC0415
        from agentsh.runtime.provenance import traced  # noqa: PLC0415

        record = self.show(action)
        asking = self.session(record.session) if record.session else None
        if asking is not None:
            for held in record.changes.requests[:1]:  # its body is kept apart
                body = {"body": self.body(held).decode("utf-8", "replace")} if held.body else {}
                record = replace(record, spec=replace(record.spec, arguments={**record.spec.arguments, **body}))
            record = replace(record, spec=traced(record.spec, lambda: asking.messages, self.config, action=action))
        web = self._open_web() if record.spec.kind is ActionKind.HTTP else None
        rules = [g.rules for g in self.grants(record.session)] if record.session else []
        return explain_action(with_grants(self.policy, rules), record, web=web, session=asking)

    def grants(self, session: str | None = None) -> list[Grant]:
        """What the person approved for the rest of a session; without one, of any."""
        return self._open_store().grants(session)

    def timeline(self, *, limit: int | None = None) -> list[LogEntry]:
        """The actions, commits and states of the workspace, oldest first, each with its parents; the last ``limit``."""
        from agentsh.runtime.timeline import timeline  # noqa: PLC0415 - not for acting

        return timeline(self._open_store(), limit=limit)

    def touching(self, path: str | bytes) -> frozenset[str]:
        """The ids of the entries of the timeline that changed a path, or what is below it.

        Args:
            path: relative to the workspace, or a pattern such as ``*.py``, whose ``*`` stands for slashes too.

        Raises:
            UsageError: it is no path inside the workspace.
        """
        return self._open_store().touching(raw_path(path))

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
        return clean_diffs(self._insides.look(diffs), self._redactor)

    def take_apart(self, conflict: PathConflict) -> Apart | None:
        """A conflict of texts place by place, to make the text of a :class:`Resolution` from.

        Args:
            conflict: as a revert gave it.

        Returns:
            Its parts; None where there is no text in conflict, so that a side is the only answer.
        """
        from agentsh.runtime.resolving import take_apart  # noqa: PLC0415 - not for acting

        return take_apart(self._open_store(), conflict, self._redactor)

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
            if store.unfinished():
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

    def rejections(self, session: str, after: int = 0) -> list[Rejection]:
        """What the person rejected of a session's actions, oldest first.

        Args:
            session: its id.
            after: of them, those with a higher :attr:`Rejection.number`.
        """
        return self._open_store().rejections(session, after)

    def sessions(self) -> list[SessionRecord]:
        """All sessions, oldest first, without their messages."""
        return self._open_store().sessions()

    def session(self, session: str) -> SessionRecord:
        """A session with its messages."""
        return self._open_store().session(session)

    def actions(self, session: str) -> list[ActionRecord]:
        """The actions of a session, oldest first."""
        return self._open_store().actions(session=session)
