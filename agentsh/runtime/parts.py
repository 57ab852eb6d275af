"""What a workspace is made of: its store, its staging view, its sandbox; opened when first needed, used in turns."""

from __future__ import annotations

import os
from contextlib import contextmanager
from dataclasses import replace
from functools import cached_property
from typing import TYPE_CHECKING, Self

from agentsh.config import Config, cache_dir, tools_dir
from agentsh.core.errors import SealedError, UsageError, WorkspaceBusy
from agentsh.core.lock import FileLock
from agentsh.core.report import Recovery
from agentsh.core.request import RequestState
from agentsh.core.tree import Tree

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from agentsh.policy import Policy
    from agentsh.redact import Redactor
    from agentsh.runtime.act import Actor
    from agentsh.runtime.inside import Insides
    from agentsh.runtime.outbox import Sender
    from agentsh.runtime.review import Reviewer
    from agentsh.runtime.trial import Trials
    from agentsh.runtime.web import Web
    from agentsh.sandbox import Sandbox, StagingView
    from agentsh.store import Seals, Store


class Parts:
    """The parts of one workspace.

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
        self._trials: Trials | None = None

    def _waiting(self, why: str) -> None:
        if self.on_wait is not None:
            self.on_wait(why)

    def close(self) -> None:
        """Stop the sandbox and close the store. What is staged stays staged."""
        if self._trials is not None:
            self._trials.close()
            self._trials = None
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
            self._store.seals = self._seals()
        return self._store

    def _seals(self) -> Seals:
        from agentsh.runtime.sealing import seals_of  # noqa: PLC0415 - its parts are there with the store

        return seals_of(self._home, self.config.keep)

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
                config=self.config,
            )
        return self._actor

    def _open_trials(self) -> Trials:
        if self._trials is None:
            from agentsh.runtime.trial import Trials  # noqa: PLC0415 - only with candidates
            from agentsh.sandbox import Sandbox  # noqa: PLC0415

            self._trials = Trials(
                store=self._open_store(),
                tree=self._tree,
                policy=self.policy,
                redactor=self._redactor,
                home=self._home,
                workspace=self.path,
                like=self._open_staging(),
                sandbox=lambda view: Sandbox(view, cache_dir=cache_dir(), tools_dir=tools_dir()),
                clock=self.config.clock,
            )
        return self._trials

    def _open_web(self) -> Web:
        from agentsh.runtime.web import Web  # noqa: PLC0415 - for requests alone

        return Web(config=self.config, policy=self.policy, redactor=self._redactor)

    @cached_property
    def _redactor(self) -> Redactor | None:
        from agentsh.runtime.redaction import open_redactor  # noqa: PLC0415

        return open_redactor(self.config)

    @cached_property
    def _insides(self) -> Insides:
        from agentsh.runtime.inside import Insides  # noqa: PLC0415 - not for acting

        return Insides(self._open_store().read_blob)

    def _reviewer(self) -> Reviewer:
        from agentsh.runtime.review import Reviewer  # noqa: PLC0415

        store = self._open_store()
        return Reviewer(
            store=store,
            tree=self._tree,
            policy=self.policy,
            restage=self._restage,
            sender=self._sender(),
        )

    def _sender(self) -> Sender:
        from agentsh.runtime.outbox import Sender  # noqa: PLC0415

        return Sender(self._open_store(), self._open_web)

    def _restage(self) -> None:
        from agentsh.runtime.pending import restage  # noqa: PLC0415

        try:
            restage(self._open_store(), self._open_staging())
        except SealedError:
            # The view stays marked as not whole: the next action builds it first, or says why it cannot.
            return

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
        for request in store.requests([RequestState.SENDING]):
            # Nothing is sent again: whether it arrived is the person's to find out.
            note = "Its process ended between sending it and recording the answer."
            store.end_request(request.id, RequestState.UNKNOWN, status=request.status, note=note, recovery=True)
            done.append(Recovery(action=request.action, outcome="unknown", request=request.id))
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
                store.finish_sealing()


def raw_path(path: str | bytes) -> bytes:
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
