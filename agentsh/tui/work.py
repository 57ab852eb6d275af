"""All calls of the runtime, off the thread that paints.

A :class:`Workspace` serves one thread. Two threads have one each: the one acts, and is busy for as long as an action or
a task takes; the other looks, so that a diff comes up while a model works.
"""

from __future__ import annotations

import asyncio
import threading
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from agentsh.runtime.events import Event
    from agentsh.runtime.task_result import TaskResult
    from agentsh.runtime.workspace import Workspace

T = TypeVar("T")


class _Hand:
    """A thread with a workspace of its own, opened there when it is first needed."""

    def __init__(self, name: str, opened: Callable[[], Workspace]) -> None:
        self._executor = ThreadPoolExecutor(1, thread_name_prefix=f"agentsh-{name}")
        self._open = opened
        self.workspace: Workspace | None = None

    def _call(self, f: Callable[[Workspace], T]) -> T:
        if self.workspace is None:
            self.workspace = self._open()
        return f(self.workspace)

    async def call(self, f: Callable[[Workspace], T]) -> T:
        # Shielded: a screen that is left does not cut a call short, which would go on unseen.
        future = asyncio.get_running_loop().run_in_executor(self._executor, partial(self._call, f))
        return await asyncio.shield(future)

    def _shut(self) -> None:
        if self.workspace is not None:
            self.workspace.close()
            self.workspace = None

    async def open_anew(self) -> None:
        """Close the workspace; the next call opens it, by what holds then."""
        await asyncio.get_running_loop().run_in_executor(self._executor, self._shut)

    def close(self) -> None:
        self._executor.submit(self._shut)
        self._executor.shutdown(wait=True)


class Work:
    """What the screens ask the runtime to do.

    Args:
        directory: the workspace.
        policy: a preset's name or a policy file's path, instead of the configured one.
        data_dir: where stores live, instead of the platform's place.
        on_wait: told, from another thread, when a call has to wait for another process.
    """

    def __init__(
        self,
        directory: str | Path,
        *,
        policy: str | None = None,
        data_dir: Path | None = None,
        on_wait: Callable[[str], None] | None = None,
    ) -> None:
        self._policy = policy

        def opened() -> Workspace:
            from agentsh.runtime.workspace import Workspace  # noqa: PLC0415 - by its own thread, amid the first frame

            workspace = Workspace.open(directory, policy=self._policy, data_dir=data_dir)
            workspace.on_wait = on_wait
            return workspace

        self._acting = _Hand("acting", opened)
        self._looking = _Hand("looking", opened)
        self._stop = threading.Event()
        self._running = 0
        self._begun = asyncio.Event()

    def begin(self) -> None:
        """Let calls through: the first frame is painted, and nothing that is opened now holds it up."""
        self._begun.set()

    async def act(self, f: Callable[[Workspace], T]) -> T:
        """Do what changes something, after what was asked for before."""
        self._running += 1
        try:
            await self._begun.wait()
            return await self._acting.call(f)
        finally:
            self._running -= 1

    async def look(self, f: Callable[[Workspace], T]) -> T:
        """Do what only reads."""
        await self._begun.wait()
        return await self._looking.call(f)

    async def use_policy(self, policy: str) -> None:
        """Go by another policy from the next action on.

        Args:
            policy: a preset's name.
        """
        self._policy = policy
        await self._acting.open_anew()
        await self._looking.open_anew()

    @property
    def busy(self) -> bool:
        """Whether something that changes things runs or waits for its turn."""
        return self._running > 0

    async def run(self, task: str, *, model: str, resume: str | None, on_event: Callable[[Event], None]) -> TaskResult:
        """Let a model work on a task.

        Args:
            task: the person's words.
            model: as ``agentsh run --model`` takes it; empty for the configured default.
            resume: a session to go on with.
            on_event: told of everything, from another thread.
        """
        self._stop = stop = threading.Event()

        def work(workspace: Workspace) -> TaskResult:
            from agentsh.runtime.agent import run_task  # noqa: PLC0415 - a shell line needs none of it
            from agentsh.runtime.models import model_for  # noqa: PLC0415

            with model_for(model, workspace.config) as mind:
                return run_task(workspace, mind, task, on_event=on_event, resume=resume, stop=stop)

        return await self.act(work)

    def interrupt(self) -> None:
        """Stop what runs. It ends as interrupted; what was staged before stays."""
        self._stop.set()
        if self._acting.workspace is not None:
            self._acting.workspace.interrupt()

    def close(self) -> None:
        """Stop what runs and close both workspaces. What is staged stays staged."""
        self.interrupt()
        self._acting.close()
        self._looking.close()
