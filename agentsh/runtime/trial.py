"""Trying actions out: each on a view of its own that is thrown away. Nothing of it is staged, recorded or sent."""

from __future__ import annotations

import os
import time
from contextlib import suppress
from dataclasses import dataclass, field, replace
from hashlib import sha256
from typing import TYPE_CHECKING

from agentsh.core.action import ActionKind
from agentsh.core.decision import Verdict
from agentsh.core.effect import ChangeSet
from agentsh.core.errors import AgentshError, SandboxError
from agentsh.core.tree import Tree
from agentsh.runtime.act import job_for
from agentsh.runtime.capture import capture
from agentsh.runtime.diff import diff_effects
from agentsh.runtime.redaction import CleanRun, clean_diffs
from agentsh.sandbox import Sandbox, open_staging
from agentsh.sandbox.staging.files import remove
from agentsh.shell import parse, summarise

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from pathlib import Path

    from agentsh.core.action import ActionSpec
    from agentsh.core.diff import FileDiff
    from agentsh.core.entry import Entry
    from agentsh.core.limits import Limits
    from agentsh.policy import Policy
    from agentsh.redact import Redactor
    from agentsh.sandbox import Outcome, StagingView
    from agentsh.store import Store

LONGEST_S = 15.0
"""That one trial may take, whatever an action may."""

_NAME = "trial-"
_SHOWN = 4096  # bytes of what it printed that are kept for people
_KEPT = 1 << 20  # bytes of content that a trial keeps, to show lines of; beyond it sizes alone
_DIFFS = 20


@dataclass(frozen=True)
class Trial:
    """What came of trying some actions out, one after the other.

    Attributes:
        exit_code: the last one's; None when it was not run.
        problem: why it was not run, or not to its end; empty otherwise.
        denied: the policy denies one of the actions, or an effect.
        stdout: the beginning of what was printed, values of secrets taken out.
        stderr: likewise.
        changes: what became of the files.
        diffs: the same as lines, for the first effects.
        outcome: equal for trials that printed the same and left the same files.
        seconds: that it took.
    """

    exit_code: int | None = None
    problem: str = ""
    denied: bool = False
    stdout: bytes = b""
    stderr: bytes = b""
    changes: ChangeSet = field(default_factory=lambda: ChangeSet(()))
    diffs: tuple[FileDiff, ...] = ()
    outcome: bytes = b""
    seconds: float = 0.0


def share(limits: Limits, many: int) -> Limits:
    """What one of ``many`` trials may use, so that they use together what one action may."""
    many = max(1, many)
    return replace(
        limits,
        wall_s=min(limits.wall_s / many, LONGEST_S),
        cpu_s=min(limits.cpu_s / many, LONGEST_S),
        output_bytes=max(1, limits.output_bytes // many),
        staged_bytes=max(1, limits.staged_bytes // many),
        staged_files=max(1, limits.staged_files // many),
        processes=max(1, limits.processes // many),
        loop_iterations=max(1, limits.loop_iterations // many),
    )


class _Hashes:
    """Stands where :func:`capture` keeps content: it is hashed, and a little of it held in memory."""

    excluded = None

    def __init__(self, store: Store) -> None:
        self._store = store
        self._held: dict[bytes, bytes] = {}
        self._room = _KEPT

    def put_fd(self, fd: int, *, path: bytes = b"") -> tuple[bytes, int]:  # noqa: ARG002 - nothing is sealed here
        digest, size = self._store.hash_fd(fd)
        if size <= self._room and digest not in self._held:
            data = os.pread(fd, size, 0)
            if len(data) == size:
                self._held[digest] = data
                self._room -= size
        return digest, size

    def read(self, digest: bytes) -> bytes:
        held = self._held.get(digest)
        return self._store.read_blob(digest) if held is None else held

    def has(self, entry: Entry | None) -> bool:
        return entry is None or entry.digest is None or entry.digest in self._held


class Trials:
    """A view that actions are tried out on. The caller holds the workspace's lock.

    It shows the workspace and what is staged, as the person's view does, and is made anew before each trial. Its own
    sandbox has its own process.

    Args:
        home: the workspace's state; the view goes below it.
        kind: how the person's own view is made.
        sandbox: opens a sandbox on a view.
    """

    def __init__(
        self,
        *,
        store: Store,
        tree: Tree,
        policy: Policy,
        redactor: Redactor | None,
        home: Path,
        workspace: Path,
        like: StagingView,
        sandbox: Callable[[StagingView], Sandbox],
        clock: bool,
    ) -> None:
        self._store = store
        self._tree = tree
        self._policy = policy
        self._redactor = redactor
        self._clock = clock
        _sweep(home)
        self._view = open_staging(home / f"{_NAME}{os.getpid()}", workspace, kind=like.kind)
        self._sandbox = sandbox(self._view)

    def close(self) -> None:
        """End its process and remove the view."""
        self._sandbox.close()
        self._view.destroy()

    def interrupt(self) -> None:
        """Stop what runs, from another thread or a signal handler."""
        self._sandbox.interrupt()

    def run(self, specs: Sequence[ActionSpec], limits: Limits, staged: Mapping[bytes, Entry | None]) -> Trial:
        """Try actions out, one after the other, until one fails.

        Args:
            specs: what to do.
            limits: of each.
            staged: what the person's view has.

        Raises:
            KeyboardInterrupt: the person stopped it.
        """
        start = time.monotonic()
        try:
            self._view.prepare()
            self._view.rebuild(staged, self._store.open_blob)
            trial = self._try(specs, limits, staged)
        except SandboxError as e:
            trial = Trial(problem=e.what)
        except (AgentshError, OSError) as e:
            trial = Trial(problem=e.what if isinstance(e, AgentshError) else str(e))
        return replace(trial, seconds=time.monotonic() - start)

    def _try(self, specs: Sequence[ActionSpec], limits: Limits, staged: Mapping[bytes, Entry | None]) -> Trial:
        started_ns = time.clock_gettime_ns(getattr(time, "CLOCK_REALTIME_COARSE", time.CLOCK_REALTIME))
        printed = sha256()
        outcome: Outcome | None = None
        for spec in specs:
            if spec.kind is ActionKind.HTTP:
                return Trial(problem="Requests are not tried out.")
            job = replace(job_for(spec, limits), clock=self._clock)
            script = parse(job.script) if job.script else None
            summary = summarise(script) if script is not None and self._policy.reads_commands else None
            decision = self._policy.judge_action(spec, summary)
            if decision.verdict is Verdict.DENY:
                return Trial(problem=decision.reason, denied=True)
            outcome = CleanRun(self._redactor, None)(lambda sink, job=job: self._sandbox.run(job, on_output=sink))  # type: ignore[misc]
            if outcome.interrupted:
                raise KeyboardInterrupt
            printed.update(b"%d\n" % len(outcome.stdout) + outcome.stdout)
            if outcome.stopped or outcome.exit_code:
                break
        if outcome is None:
            return Trial(problem="There is nothing to try out.")
        hashes = _Hashes(self._store)
        changes = capture(
            self._view.changed(),
            staged=self._view,
            workspace=self._tree,
            pending=dict(staged),
            store=hashes,
            started_ns=started_ns,
            most_bytes=limits.staged_bytes,
        )
        denied = bool(changes) and any(self._policy.judge_effects(s, changes).verdict is Verdict.DENY for s in specs)
        shown = [e for e in changes if hashes.has(e.before) and hashes.has(e.after)][:_DIFFS]
        return Trial(
            exit_code=outcome.exit_code,
            problem=outcome.note if outcome.stopped else "",
            denied=denied,
            stdout=outcome.stdout[:_SHOWN],
            stderr=outcome.stderr[:_SHOWN],
            changes=changes,
            diffs=tuple(clean_diffs(diff_effects(shown, hashes.read), self._redactor)),
            outcome=_outcome(printed.digest(), changes),
        )


def _outcome(printed: bytes, changes: ChangeSet) -> bytes:
    """What was printed and left; when files were written is no part of it."""
    whole = sha256(printed)
    for effect in changes:
        entry = effect.after
        state = None if entry is None else (entry.type.value, entry.mode, entry.digest, entry.target)
        whole.update(repr((effect.path, state)).encode())
    return whole.digest()


def _sweep(home: Path) -> None:
    """Remove the views of processes that died."""
    for left in home.glob(f"{_NAME}*"):
        number = left.name.removeprefix(_NAME)
        if number.isdigit() and (int(number) == os.getpid() or not _alive(int(number))):
            with Tree(home) as above:
                remove(above.fd, os.fsencode(left.name))


def _alive(process: int) -> bool:
    with suppress(ProcessLookupError):
        try:
            os.kill(process, 0)
        except PermissionError:
            return True
        return True
    return False
