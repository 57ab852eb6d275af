"""The workspace for asyncio: the same methods, as coroutines."""

from __future__ import annotations

import asyncio
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import TYPE_CHECKING, ParamSpec, Self, TypeVar

from agentsh.runtime.workspace import Workspace

if TYPE_CHECKING:
    import os
    from collections.abc import Callable, Mapping, Sequence
    from pathlib import Path

    from agentsh.core.action import ActionRecord, ActionSpec, OutputSink, StreamName
    from agentsh.core.diff import FileDiff
    from agentsh.core.explanation import Explained
    from agentsh.core.history import PathConflict, Resolution
    from agentsh.core.lasting import Grant, Lasting, Offer
    from agentsh.core.limits import Limits
    from agentsh.core.report import CheckReport, CommitResult, GcReport, LogEntry, Rejection, RepairReport, Status
    from agentsh.core.request import RequestEffect
    from agentsh.core.tool import UserTool
    from agentsh.runtime.export import Exported
    from agentsh.runtime.resolving import Apart
    from agentsh.runtime.trial import Trial

P = ParamSpec("P")
T = TypeVar("T")


class AsyncWorkspace:
    """A :class:`Workspace` whose calls do not block the event loop.

    All calls run on one thread of their own, in order. Cancelling a call that runs an action interrupts the action.

    Example:
        >>> async with await AsyncWorkspace.open("project") as ws:
        ...     action = await ws.exec("grep -rn TODO .")
    """

    def __init__(self, workspace: Workspace, executor: ThreadPoolExecutor) -> None:
        self._workspace = workspace
        self._executor = executor

    @classmethod
    async def open(
        cls,
        path: str | os.PathLike[str] = ".",
        *,
        policy: str | None = None,
        data_dir: Path | None = None,
        limits: Limits | None = None,
        damaged: bool = False,
    ) -> Self:
        """As :meth:`Workspace.open`."""
        executor = ThreadPoolExecutor(1, thread_name_prefix="agentsh-workspace")
        call = partial(Workspace.open, path, policy=policy, data_dir=data_dir, limits=limits, damaged=damaged)
        try:
            workspace = await asyncio.get_running_loop().run_in_executor(executor, call)
        except BaseException:
            executor.shutdown(wait=False)
            raise
        return cls(workspace, executor)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    async def close(self) -> None:
        """As :meth:`Workspace.close`."""
        await self._call(self._workspace.close)
        self._executor.shutdown()

    @property
    def path(self) -> Path:
        """The directory."""
        return self._workspace.path

    async def _call(self, f: Callable[P, T], /, *args: P.args, **kwargs: P.kwargs) -> T:
        return await asyncio.get_running_loop().run_in_executor(self._executor, partial(f, *args, **kwargs))

    async def _interruptible(self, f: Callable[P, T], /, *args: P.args, **kwargs: P.kwargs) -> T:
        future = asyncio.get_running_loop().run_in_executor(self._executor, partial(f, *args, **kwargs))
        try:
            return await asyncio.shield(future)
        except asyncio.CancelledError:
            self._workspace.interrupt()
            await asyncio.wait([future])  # it ends as interrupted; nothing of it stays staged
            raise

    async def exec(
        self,
        line: str,
        *,
        timeout: float | None = None,  # noqa: ASYNC109 - the action's own limit, kept by the sandbox
        on_output: OutputSink | None = None,
    ) -> ActionRecord:
        """As :meth:`Workspace.exec`; ``on_output`` is called on the workspace's thread."""
        return await self._interruptible(self._workspace.exec, line, timeout=timeout, on_output=on_output)

    async def stage(self, path: str | bytes, content: bytes) -> ActionRecord:
        """As :meth:`Workspace.stage`."""
        return await self._interruptible(self._workspace.stage, path, content)

    async def act(
        self,
        spec: ActionSpec,
        *,
        session: str | None = None,
        timeout: float | None = None,  # noqa: ASYNC109 - as in exec
        on_output: OutputSink | None = None,
    ) -> ActionRecord:
        """As :meth:`Workspace.act`."""
        return await self._interruptible(
            self._workspace.act, spec, session=session, timeout=timeout, on_output=on_output
        )

    async def try_out(self, options: Sequence[Sequence[ActionSpec]]) -> list[Trial]:
        """As :meth:`Workspace.try_out`."""
        return await self._interruptible(self._workspace.try_out, options)

    def interrupt(self) -> None:
        """As :meth:`Workspace.interrupt`; returns at once."""
        self._workspace.interrupt()

    async def user_tools(self) -> tuple[UserTool, ...]:
        """As :meth:`Workspace.user_tools`."""
        return await self._call(self._workspace.user_tools)

    async def output(self, action: str, stream: StreamName = "stdout") -> bytes:
        """As :meth:`Workspace.output`."""
        return await self._call(self._workspace.output, action, stream)

    async def status(self) -> Status:
        """As :meth:`Workspace.status`."""
        return await self._call(self._workspace.status)

    async def log(self, *, limit: int | None = None) -> list[LogEntry]:
        """As :meth:`Workspace.log`."""
        return await self._call(self._workspace.log, limit=limit)

    async def show(self, action: str) -> ActionRecord:
        """As :meth:`Workspace.show`."""
        return await self._call(self._workspace.show, action)

    async def explain(self, action: str) -> list[Explained]:
        """As :meth:`Workspace.explain`."""
        return await self._call(self._workspace.explain, action)

    async def timeline(self, *, limit: int | None = None) -> list[LogEntry]:
        """As :meth:`Workspace.timeline`."""
        return await self._call(self._workspace.timeline, limit=limit)

    async def touching(self, path: str | bytes) -> frozenset[str]:
        """As :meth:`Workspace.touching`."""
        return await self._call(self._workspace.touching, path)

    async def take_apart(self, conflict: PathConflict) -> Apart | None:
        """As :meth:`Workspace.take_apart`."""
        return await self._call(self._workspace.take_apart, conflict)

    async def catch_up(self) -> None:
        """As :meth:`Workspace.catch_up`."""
        await self._call(self._workspace.catch_up)

    async def diff(self, action: str | None = None, to: str | None = None) -> list[FileDiff]:
        """As :meth:`Workspace.diff`."""
        return await self._call(self._workspace.diff, action, to)

    async def approve(
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
        """As :meth:`Workspace.approve`."""
        call = partial(self._workspace.approve, paths=paths, comment=comment, below=below, seen=seen, requests=requests)
        return await self._call(call, actions, hunks=hunks, lines=lines)

    async def offer(self, action: str, lasting: Lasting, *, paths: Sequence[str | bytes] = ()) -> Offer:
        """As :meth:`Workspace.offer`."""
        return await self._call(self._workspace.offer, action, lasting, paths=paths)

    async def approve_for(self, offer: Offer, *, comment: str = "") -> list[ActionRecord]:
        """As :meth:`Workspace.approve_for`."""
        return await self._call(self._workspace.approve_for, offer, comment=comment)

    async def grants(self, session: str | None = None) -> list[Grant]:
        """As :meth:`Workspace.grants`."""
        return await self._call(self._workspace.grants, session)

    async def withdraw_grant(self, grant: str) -> None:
        """As :meth:`Workspace.withdraw_grant`."""
        await self._call(self._workspace.withdraw_grant, grant)

    async def reject(
        self,
        actions: Sequence[str],
        *,
        reason: str = "",
        paths: Sequence[str | bytes] = (),
        hunks: Mapping[str | bytes, Sequence[int]] | None = None,
        lines: Mapping[str | bytes, Sequence[tuple[int, int]]] | None = None,
        seen: Mapping[str, str] | None = None,
    ) -> list[ActionRecord]:
        """As :meth:`Workspace.reject`."""
        call = partial(self._workspace.reject, reason=reason, paths=paths, seen=seen)
        return await self._call(call, actions, hunks=hunks, lines=lines)

    async def rejections(self, session: str, after: int = 0) -> list[Rejection]:
        """As :meth:`Workspace.rejections`."""
        return await self._call(self._workspace.rejections, session, after)

    async def commit(self, *, seen: Mapping[str, str] | None = None) -> CommitResult:
        """As :meth:`Workspace.commit`."""
        return await self._call(self._workspace.commit, seen=seen)

    async def outbox(self) -> list[RequestEffect]:
        """As :meth:`Workspace.outbox`."""
        return await self._call(self._workspace.outbox)

    async def requests(self, action: str | None = None) -> list[RequestEffect]:
        """As :meth:`Workspace.requests`."""
        return await self._call(self._workspace.requests, action)

    async def request(self, request: str) -> RequestEffect:
        """As :meth:`Workspace.request`."""
        return await self._call(self._workspace.request, request)

    async def body(self, request: RequestEffect, *, answer: bool = False) -> bytes:
        """As :meth:`Workspace.body`."""
        return await self._call(self._workspace.body, request, answer=answer)

    async def send_again(self, request: str) -> RequestEffect:
        """As :meth:`Workspace.send_again`."""
        return await self._call(self._workspace.send_again, request)

    async def resolve_request(self, request: str, *, sent: bool) -> RequestEffect:
        """As :meth:`Workspace.resolve_request`."""
        return await self._call(self._workspace.resolve_request, request, sent=sent)

    async def discard(self) -> list[ActionRecord]:
        """As :meth:`Workspace.discard`."""
        return await self._call(self._workspace.discard)

    async def revert(
        self,
        actions: Sequence[str],
        *,
        dry_run: bool = False,
        paths: Sequence[str | bytes] = (),
        hunks: Mapping[str | bytes, Sequence[int]] | None = None,
        lines: Mapping[str | bytes, Sequence[tuple[int, int]]] | None = None,
        answers: Sequence[Resolution] = (),
    ) -> CommitResult:
        """As :meth:`Workspace.revert`."""
        call = partial(self._workspace.revert, dry_run=dry_run, paths=paths, answers=answers)
        return await self._call(call, actions, hunks=hunks, lines=lines)

    async def export_branch(self, branch: str, *, onto: str = "HEAD") -> Exported:
        """As :meth:`Workspace.export_branch`."""
        return await self._call(self._workspace.export_branch, branch, onto=onto)

    async def export_patches(self, directory: Path) -> Exported:
        """As :meth:`Workspace.export_patches`."""
        return await self._call(self._workspace.export_patches, directory)

    async def restore(self, snapshot: str, *, paths: Sequence[str | bytes] = (), dry_run: bool = False) -> CommitResult:
        """As :meth:`Workspace.restore`."""
        return await self._call(self._workspace.restore, snapshot, paths=paths, dry_run=dry_run)

    async def undo(self) -> CommitResult:
        """As :meth:`Workspace.undo`."""
        return await self._call(self._workspace.undo)

    async def check(self) -> CheckReport:
        """As :meth:`Workspace.check`."""
        return await self._call(self._workspace.check)

    async def repair(self) -> RepairReport:
        """As :meth:`Workspace.repair`."""
        return await self._call(self._workspace.repair)

    async def journal(self) -> list[dict[str, object]]:
        """As :meth:`Workspace.journal`, all of it at once."""
        return await self._call(lambda: list(self._workspace.journal()))

    async def gc(self, *, dry_run: bool = False) -> GcReport:
        """As :meth:`Workspace.gc`."""
        return await self._call(self._workspace.gc, dry_run=dry_run)
