"""Running errands: each in a workspace of its own that nobody needs, by the same loop as ``agentsh run``."""

from __future__ import annotations

import json
import os
import threading
import time
from collections import Counter
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

from agentsh.config import Web
from agentsh.core.action import ActionStatus
from agentsh.core.errors import AgentshError, Interrupted, UsageError
from agentsh.core.sanitise import visible_line
from agentsh.runtime.agent import run_task
from agentsh.runtime.tasks.errand import LEVELS, is_ending
from agentsh.runtime.tasks.errand_check import judge_errand, read_files, write_files
from agentsh.runtime.workspace import Workspace

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

    from agentsh.llm import Model
    from agentsh.runtime.events import OnEvent
    from agentsh.runtime.task_result import TaskResult
    from agentsh.runtime.tasks.errand import Errand, Played

REPLAY = "replay"
"""The model that plays each errand's own solution."""

_BEGINS = b'{"terms": {'


@dataclass(frozen=True)
class Terms:
    """What every errand of a run is done under.

    Attributes:
        model: what ``--model`` says.
        policy: a preset's name or a policy file's path.
        max_steps: answers of the model at most, for one errand.
        seconds: that one errand may take.
        retrieval: the local model is shown pairs that are near.
        candidates: answers that are asked for at each turn.
    """

    model: str
    policy: str = "review"
    max_steps: int = 25
    seconds: float = 300.0
    retrieval: bool = True
    candidates: int = 1


@dataclass(frozen=True)
class ErrandResult:
    """What became of one errand.

    Attributes:
        name: the errand's.
        digest: of the file that it was read from.
        level: how hard it is meant to be.
        kind: what it is about.
        solved: everything that it checks holds.
        why: what does not; empty when it is solved.
        status: how the run ended: as a session does, or ``time-limit``.
        steps: answers of the model.
        actions: that were run.
        denied: calls that were denied or refused.
        prompt_tokens: as the endpoint counts them.
        completion_tokens: likewise.
        seconds: from the first request to the last.
    """

    name: str
    digest: str
    level: str
    kind: str
    solved: bool
    why: str
    status: str
    steps: int
    actions: int
    denied: int
    prompt_tokens: int
    completion_tokens: int
    seconds: float


@dataclass(frozen=True)
class ErrandReport:
    """The results of a run.

    Attributes:
        terms: what it was done under.
        results: in the order of the errands.
        left: errands that were not reached.
    """

    terms: Terms
    results: tuple[ErrandResult, ...]
    left: int = 0

    def rows(self) -> list[tuple[str, int, int]]:
        """Level, solved, all; the sum last."""
        many = Counter(r.level for r in self.results)
        solved = Counter(r.level for r in self.results if r.solved)
        levels = [(level, solved[level], many[level]) for level in LEVELS if many[level]]
        return [*levels, ("all", sum(solved.values()), len(self.results))]

    def to_json(self) -> dict[str, Any]:
        """As a JSON object."""
        return {
            **asdict(self.terms),
            "tasks": len(self.results),
            "left": self.left,
            "solved": sum(r.solved for r in self.results),
            "levels": {name: {"solved": solved, "tasks": many} for name, solved, many in self.rows()[:-1]},
            "steps": sum(r.steps for r in self.results),
            "denied": sum(r.denied for r in self.results),
            "prompt_tokens": sum(r.prompt_tokens for r in self.results),
            "completion_tokens": sum(r.completion_tokens for r in self.results),
            "seconds_taken": round(sum(r.seconds for r in self.results), 1),
            "results": [asdict(r) for r in self.results],
        }


class Results:
    """Finished results in a file, one JSON object a line: each is there before the next errand begins.

    Args:
        file: it; None keeps them in memory alone.
        terms: results under other terms are left alone, and not taken for these.

    Raises:
        UsageError: the file cannot be read.
    """

    def __init__(self, file: Path | None, terms: Terms) -> None:
        self._file = file
        self._terms = asdict(terms)
        self._known: dict[tuple[str, str], ErrandResult] = {}
        try:
            raw = file.read_bytes() if file is not None and file.exists() else b""
        except OSError as e:
            raise UsageError(f"The results in {visible_line(str(file))} cannot be read: {e.strerror}.") from e
        *whole, torn = raw.split(b"\n")  # what has no end was being written as the process died
        if torn and not torn.startswith(_BEGINS) and not _BEGINS.startswith(torn):
            raise self._foreign(len(whole) + 1)
        self._cut_at = len(raw) - len(torn) if torn else None
        for number, line in enumerate(whole, 1):
            try:
                entry = json.loads(line)
                terms_then, result = entry["terms"], ErrandResult(**entry["result"])
            except (ValueError, KeyError, TypeError) as e:
                raise self._foreign(number) from e
            if terms_then == self._terms:
                self._known[result.name, result.digest] = result

    def _foreign(self, number: int) -> UsageError:
        return UsageError(
            f"Line {number} of {visible_line(str(self._file))} is no result.",
            next_step="Name another file: this one was not written by 'agentsh eval'.",
        )

    def of(self, errand: Errand) -> ErrandResult | None:
        """The result that is there for an errand, if there is one."""
        return self._known.get((errand.name, errand.digest))

    def add(self, result: ErrandResult) -> None:
        """Keep a result."""
        if self._file is None:
            return
        try:
            with self._file.open("ab") as f:
                if self._cut_at is not None:
                    f.truncate(self._cut_at)
                f.write(json.dumps({"terms": self._terms, "result": asdict(result)}).encode() + b"\n")
                f.flush()
                os.fsync(f.fileno())
        except OSError as e:
            raise UsageError(f"The results cannot be written to {visible_line(str(self._file))}: {e.strerror}.") from e
        self._cut_at = None


def run_errands(
    errands: Sequence[Errand],
    model: Model | None,
    terms: Terms,
    *,
    results: Results | None = None,
    on_result: Callable[[ErrandResult, bool], None] = lambda _result, _fresh: None,
    on_event: OnEvent | None = None,
) -> ErrandReport:
    """Have a model do errands.

    Args:
        errands: what to do.
        model: who does it; None plays each errand's own solution.
        terms: under what.
        results: has what was done before, and gets what is done.
        on_result: told of each result, and whether it is a new one.
        on_event: told of what happens in each.

    Returns:
        The report; with Ctrl-C that of what was done until then.

    Raises:
        AgentshError: the model's endpoint, the configuration or the sandbox fails: that says nothing of the model.
    """
    results = results or Results(None, terms)
    done: list[ErrandResult] = []
    for errand in errands:
        known = results.of(errand)
        if known is None:
            try:
                fresh = run_errand(errand, model, terms, on_event=on_event)
            except (KeyboardInterrupt, Interrupted):
                break
            results.add(fresh)
        done.append(known or fresh)
        on_result(done[-1], known is None)
    return ErrandReport(terms, tuple(done), len(errands) - len(done))


def run_errand(
    errand: Errand,
    model: Model | None,
    terms: Terms,
    *,
    played: Played | None = None,
    on_event: OnEvent | None = None,
) -> ErrandResult:
    """Have a model do one errand, in a directory that is removed afterwards.

    Args:
        errand: what to do.
        model: who does it; None plays a recording.
        terms: under what.
        played: that recording; the errand's solution unless given.
        on_event: told of what happens.

    Raises:
        Interrupted: Ctrl-C.
        AgentshError: see :func:`run_errands`.
    """
    with TemporaryDirectory(prefix="agentsh-errand-") as name:
        home = Path(name).resolve()
        place = home / "workspace"
        place.mkdir()
        write_files(place, errand.files)
        if errand.setup:
            _set_up(errand, place, home / "setup")
        before = read_files(place)
        start = time.monotonic()
        with (
            Workspace.open(place, policy=terms.policy, data_dir=home / "data") as workspace,
            _mind(errand, model, played) as mind,
        ):
            workspace.config = replace(workspace.config, http=Web())  # the person's hosts are none of its business
            result, late = _run(workspace, mind, errand, terms, on_event)
            seconds = time.monotonic() - start
            why = _land(workspace)
        why = why or judge_errand(errand.checks, place=place, before=before, said=result.text, scratch=home / "check")
        if result.status != "done":
            why = _ended(result, late=late, terms=terms)
    return ErrandResult(
        errand.name,
        errand.digest,
        errand.level,
        errand.kind,
        not why,
        why,
        "time-limit" if late else result.status,
        result.steps,
        len(result.actions),
        result.denied,
        result.usage.prompt_tokens,
        result.usage.completion_tokens,
        round(seconds, 3),
    )


def _set_up(errand: Errand, place: Path, data_dir: Path) -> None:
    with Workspace.open(place, policy="review", data_dir=data_dir) as workspace:
        record = workspace.exec(errand.setup)
        if record.exit_code:
            said = visible_line(workspace.output(record.id, "stderr").decode("utf-8", "replace"))
            raise UsageError(f"The setup of the task {errand.name} fails with {record.exit_code}: {said[-300:]}")
        if record.changes:
            workspace.approve([record.id])
            workspace.commit()


@contextmanager
def _mind(errand: Errand, model: Model | None, played: Played | None) -> Iterator[Model]:
    if model is not None:
        yield model  # it stays open for the next
        return
    from agentsh.llm.replay import ReplayModel  # noqa: PLC0415 - brings a server

    with ReplayModel(REPLAY, (played or errand.solution).recording(errand.name)) as replay:
        yield replay


def _run(
    workspace: Workspace, mind: Model, errand: Errand, terms: Terms, on_event: OnEvent | None
) -> tuple[TaskResult, bool]:
    """The run, and whether its time ended it."""
    stop, late = threading.Event(), threading.Event()

    def end() -> None:
        late.set()
        stop.set()
        workspace.interrupt()

    timer = threading.Timer(terms.seconds, end)
    timer.start()
    try:
        result = run_task(
            workspace,
            mind,
            errand.task,
            max_steps=terms.max_steps,
            on_event=on_event,
            stop=stop,
            candidates=terms.candidates,
        )
    finally:
        timer.cancel()
    if result.status == "interrupted" and not late.is_set():
        raise Interrupted("The evaluation was stopped.")
    if result.error is not None and not result.steps and is_ending(result.error):
        raise result.error
    return result, late.is_set() and result.status == "interrupted"


def _land(workspace: Workspace) -> str:
    """Commit what waits, as a person who trusts it would: what was left is what is judged."""
    staged = workspace.status().pending
    if not staged:
        return ""
    waiting = [a.id for a in staged if a.status is ActionStatus.PENDING]
    try:
        if waiting:
            workspace.approve(waiting, requests=False)
        workspace.commit()
    except AgentshError as e:
        return f"its effects cannot be committed: {visible_line(e.what)}"
    return ""


def _ended(result: TaskResult, *, late: bool, terms: Terms) -> str:
    if late:
        return f"it took more than {terms.seconds:g} s"
    if result.status == "step-limit":
        return f"it took more than {terms.max_steps} steps"
    return visible_line(result.error.what) if result.error is not None else "it did not finish"


def pick(errands: Iterable[Errand], limit: int | None, levels: Sequence[str] = ()) -> list[Errand]:
    """The first ``limit`` errands of some levels, in their order."""
    return [e for e in errands if not levels or e.level in levels][:limit]
