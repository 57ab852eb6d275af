"""A workspace without a sandbox: records that a test prepared, and a list of what was asked of it."""

from __future__ import annotations

import io
import json
import os
import pty
import sys
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, Self

import pytest

import agentsh
from agentsh.cli.boundary import run
from agentsh.config import Config
from agentsh.core.action import ActionKind, ActionRecord, ActionSpec, ActionStatus, Output
from agentsh.core.diff import DiffLine, FileDiff, Hunk
from agentsh.core.effect import EffectKind, EffectState, FileEffect, change_set
from agentsh.core.entry import Entry, EntryType
from agentsh.core.errors import NotFoundError
from agentsh.core.report import CheckReport, CommitResult, GcReport, LogEntry, Status
from agentsh.core.request import RequestEffect

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from pathlib import Path


def file_entry(content: bytes = b"x\n", mode: int = 0o644) -> Entry:
    return Entry(EntryType.FILE, mode=mode, size=len(content), digest=content.ljust(32, b"\0")[:32])


def created(path: bytes, text: bytes = b"x\n", **more: Any) -> FileDiff:
    lines = tuple(DiffLine("+", line) for line in text.splitlines(keepends=True))
    return FileDiff(
        path=path,
        kind=EffectKind.CREATE,
        before=None,
        after=file_entry(text),
        hunks=(Hunk(0, 0, 1, len(lines), lines),),
        added=len(lines),
        **more,
    )


def action(number: int, line: str = "echo", paths: Sequence[bytes] = (), **more: Any) -> ActionRecord:
    effects = [FileEffect(p, None, file_entry()) for p in paths]
    return ActionRecord(
        id=f"a{number}",
        spec=ActionSpec(ActionKind.SHELL, {"line": line}),
        **{
            "status": ActionStatus.PENDING if paths else ActionStatus.DONE,
            "exit_code": 0,
            "changes": change_set(effects),
            **more,
        },
    )


@dataclass
class FakeWorkspace:
    path: str = "/w"
    config: Config = field(default_factory=Config)
    recovered: tuple[Any, ...] = ()
    calls: list[tuple[Any, ...]] = field(default_factory=list)
    records: dict[str, ActionRecord] = field(default_factory=dict)
    outputs: dict[str, bytes] = field(default_factory=dict)
    diffs: list[FileDiff] = field(default_factory=list)
    entries: list[LogEntry] = field(default_factory=list)
    errors: dict[str, BaseException] = field(default_factory=dict)
    blobs: dict[bytes, bytes] = field(default_factory=dict)
    report: CheckReport = field(default_factory=lambda: CheckReport(ok=True, objects={"blobs": 3}))
    closed: bool = False
    diary: Path | None = None  # where calls made in another process are noted

    def open(self, path: str, **kwargs: Any) -> FakeWorkspace:
        self._note("open", path, kwargs)
        return self

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.closed = True

    def _note(self, name: str, *args: Any) -> None:
        self.calls.append((name, *args))
        if self.diary is not None:
            with self.diary.open("a") as f:
                f.write(repr((name, *args)) + "\n")
        if name in self.errors:
            raise self.errors[name]

    def called(self, name: str) -> list[tuple[Any, ...]]:
        return [c[1:] for c in self.calls if c[0] == name]

    def exec(self, line: str, *, timeout: float | None = None, on_output: Any = None) -> ActionRecord:
        self._note("exec", line, timeout)
        if on_output is not None:
            for stream, content in self.outputs.items():
                on_output(stream, content)
        return next(reversed(self.records.values()))

    def interrupt(self) -> None:
        self._note("interrupt")

    def output(self, of: str, stream: str = "stdout") -> bytes:
        self._note("output", of, stream)
        return self.outputs.get(stream, b"")

    def status(self) -> Status:
        staged = (ActionStatus.PENDING, ActionStatus.APPROVED)
        return Status("/w", "overlay", "review", tuple(r for r in self.records.values() if r.status in staged))

    def catch_up(self) -> None:
        """The log looks at the workspace first."""

    def log(self, *, limit: int | None = None) -> list[LogEntry]:
        self._note("log", limit)
        return self.entries

    def show(self, of: str) -> ActionRecord:
        self._note("show", of)
        if of not in self.records:
            raise NotFoundError(f"There is no action {of}.")
        return self.records[of]

    def diff(self, of: str | None = None) -> list[FileDiff]:
        self._note("diff", of)
        return self.diffs

    def requests(self, of: str | None = None) -> list[RequestEffect]:
        return [q for r in self.records.values() for q in r.changes.requests if of in (None, r.id)]

    def body(self, request: RequestEffect, *, answer: bool = False) -> bytes:
        digest = request.answer if answer else request.body
        return b"" if digest is None else self.blobs[digest]

    def read_blob(self, digest: bytes) -> bytes:
        return self.blobs[digest]

    def _set(self, ids: Sequence[str], status: ActionStatus) -> list[ActionRecord]:
        for i in ids:
            self.records[i] = replace(self.records[i], status=status)
        return [self.records[i] for i in ids]

    def approve(
        self,
        ids: Sequence[str],
        *,
        paths: Sequence[bytes] = (),
        comment: str = "",
        below: bool = True,
        seen: Mapping[str, str] | None = None,
        requests: bool = True,
        **parts: Any,
    ) -> list[ActionRecord]:
        held = [] if requests else ["requests held"]
        self._note("approve", tuple(ids), tuple(paths), comment, *([parts] if parts else []), *held)
        assert below or paths
        assert seen is None or all(seen[i] == self.records[i].changes.digest for i in ids)
        for i in ids:
            effects = [replace(e, state=EffectState.APPROVED) for e in self.records[i].changes]
            self.records[i] = replace(self.records[i], changes=change_set(effects))
        return self._set(ids, ActionStatus.APPROVED)

    def reject(self, ids: Sequence[str], *, reason: str = "", **chosen: Any) -> list[ActionRecord]:
        assert not any(chosen.values())  # parts of actions are tried with a real workspace
        self._note("reject", tuple(ids), reason)
        return self._set(ids, ActionStatus.REJECTED)

    def commit(self) -> CommitResult:
        self._note("commit")
        done = [r for r in self.records.values() if r.status is ActionStatus.APPROVED]
        self._set([r.id for r in done], ActionStatus.COMMITTED)
        return CommitResult("c1", "s1", tuple(r.id for r in done), tuple(e.path for r in done for e in r.changes))

    def discard(self) -> list[ActionRecord]:
        self._note("discard")
        return self._set([r.id for r in self.status().pending], ActionStatus.DISCARDED)

    def revert(
        self, ids: Sequence[str], *, dry_run: bool = False, paths: Sequence[bytes] = (), **more: Any
    ) -> CommitResult:
        chosen = {name: value for name, value in {"paths": list(paths), **more}.items() if value}
        self._note("revert", tuple(ids), dry_run, *([chosen] if chosen else []))
        if dry_run:
            return CommitResult(None, None, paths=(b"x",), dry_run=True, diffs=tuple(self.diffs))
        return CommitResult("c2", "s2", ("a9",), (b"x",))

    def restore(self, snapshot: str, *, paths: Sequence[bytes] = (), dry_run: bool = False) -> CommitResult:
        self._note("restore", snapshot, tuple(paths), dry_run)
        return CommitResult("c3", "s3", ("a9",), (b"x",))

    def undo(self) -> CommitResult:
        self._note("undo")
        return CommitResult("c4", "s4", ("a9",), (b"x",))

    def check(self) -> CheckReport:
        return self.report

    def gc(self, *, dry_run: bool = False) -> GcReport:
        return GcReport(2, 5000, 1000, dry_run=dry_run)


@pytest.fixture
def workspace(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> FakeWorkspace:
    fake = FakeWorkspace()
    monkeypatch.setitem(vars(agentsh), "Workspace", fake)  # type: ignore[arg-type]
    monkeypatch.setenv("AGENTSH_DATA_DIR", str(tmp_path / "data"))
    monkeypatch.chdir(tmp_path)
    return fake


@dataclass
class Result:
    code: int
    out: bytes
    err: str

    @property
    def json(self) -> dict[str, Any]:
        (line,) = self.out.splitlines()
        value = json.loads(line)
        assert value["schema"] == 1
        return value


@pytest.fixture
def cli(capfdbinary: pytest.CaptureFixture[bytes]) -> Callable[..., Result]:
    """Run a command line in this process, its streams being plain files."""

    def call(*arguments: str) -> Result:
        capfdbinary.readouterr()
        code = run(arguments)
        out, err = capfdbinary.readouterr()
        return Result(code, out, err.decode())

    return call


@pytest.fixture
def terminal(monkeypatch: pytest.MonkeyPatch) -> Callable[..., Result]:
    """Run a command line with all three streams on a pseudo-terminal; ``typed`` is what the person types."""

    def call(*arguments: str, typed: str = "", colour: bool = True) -> Result:
        monkeypatch.setenv("TERM", "xterm-256color")
        monkeypatch.setenv("PAGER", "cat")
        if colour:
            monkeypatch.delenv("NO_COLOR", raising=False)
        else:
            monkeypatch.setenv("NO_COLOR", "1")
        code, out = _on_pty(arguments, typed)
        return Result(code, out, "")

    return call


def _on_pty(arguments: Sequence[str], typed: str) -> tuple[int, bytes]:
    pid, master = pty.fork()
    if pid == 0:
        code = 99
        try:
            for number, name in enumerate(("stdin", "stdout", "stderr")):
                raw = os.fdopen(os.dup(number), "rb" if name == "stdin" else "wb", buffering=0)
                setattr(sys, name, io.TextIOWrapper(raw, encoding="utf-8", write_through=True))
            code = run(arguments)
        finally:
            os._exit(code)
    if typed:
        os.write(master, typed.encode())
    parts = []
    while True:
        try:
            part = os.read(master, 65536)
        except OSError:  # Linux: the other side is gone
            break
        if not part:
            break
        parts.append(part)
    os.close(master)
    _, status = os.waitpid(pid, 0)
    return os.waitstatus_to_exitcode(status), b"".join(parts)


@pytest.fixture
def make() -> Any:
    """The builders above, for tests."""

    class Make:
        file_entry = staticmethod(file_entry)
        created = staticmethod(created)
        action = staticmethod(action)
        output = Output

    return Make
