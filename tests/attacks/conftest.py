from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from agentsh import Workspace
from agentsh.core.errors import SandboxError
from agentsh.core.limits import Limits
from agentsh.sandbox import Job, Outcome, Sandbox, open_staging
from agentsh.sandbox.worker.start import python_command

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    Opener = Callable[..., Workspace]

SECRET = "the-host-secret"  # noqa: S105 - what the attacks look for
_SOURCE = Path(__file__).parent / "guest" / "attack.c"
# Runs in the worker before it starts: 'attack' becomes a command.
_HOSTILE = """
import agentsh.sandbox.worker.catalogue as catalogue
from agentsh.sandbox.worker.program import Tool
import wasmtime
_get = catalogue.Commands.get
def get(self, name):
    if name == "attack" and name not in self._found:
        self._found[name] = Tool(wasmtime.Module(self._engine, open(%r, "rb").read()))
    return _get(self, name)
catalogue.Commands.get = get
_names = catalogue.Commands.names
catalogue.Commands.names = lambda self: {"attack", *_names(self)}
"""


class Cage:
    """A workspace beside something precious, and a sandbox with a hostile module in it."""

    def __init__(self, base: Path, cache: Path, kind: str) -> None:
        self.base = base
        self.outside = base / "outside"
        self.outside.mkdir()
        (self.outside / "secret").write_text(SECRET)
        self.workspace = base / "workspace"
        (self.workspace / "d").mkdir(parents=True)
        (self.workspace / "file").write_text("file\n")
        (self.workspace / "d" / "x").write_text("x\n")
        try:
            self.view = open_staging(base / "staging", self.workspace, kind=kind)  # type: ignore[arg-type]
        except SandboxError as e:
            pytest.skip(str(e))
        self.sandbox = Sandbox(self.view, cache_dir=cache)

    def run(self, script: str, **limits: float) -> Outcome:
        self.view.prepare()
        return self.sandbox.run(Job(script=script, limits=Limits(**{"wall_s": 30.0, **limits})))  # type: ignore[arg-type]

    def attack(self, *argv: str, **limits: float) -> Outcome:
        self.view.prepare()
        return self.sandbox.run(Job(argv=("attack", *argv), limits=Limits(**{"wall_s": 30.0, **limits})))  # type: ignore[arg-type]

    def worker_pid(self) -> int:
        worker = self.sandbox._worker
        assert worker is not None
        return worker.pid

    def assert_unharmed(self) -> None:
        """Nothing outside the view was written, and the next action works."""
        assert sorted(p.name for p in self.outside.iterdir()) == ["secret"]
        assert (self.outside / "secret").read_text() == SECRET
        assert sorted(p.name for p in self.workspace.iterdir()) == ["d", "file"]
        assert (self.workspace / "file").read_text() == "file\n"
        assert (self.workspace / "d" / "x").read_text() == "x\n"
        assert self.run("echo alive").stdout == b"alive\n"


@pytest.fixture(scope="session")
def cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("cache")


@pytest.fixture(scope="session")
def hostile_module(tmp_path_factory: pytest.TempPathFactory) -> Path:
    pytest.importorskip("ziglang")
    built = tmp_path_factory.mktemp("guest") / "attack.wasm"
    compiler = [sys.executable, "-m", "ziglang", "cc", "--target=wasm32-wasi", "-O1"]
    subprocess.run([*compiler, "-Wno-everything", _SOURCE, "-o", built], check=True)
    return built


@pytest.fixture(params=["overlay", "copy"])
def cage(
    request: pytest.FixtureRequest,
    tmp_path: Path,
    cache: Path,
    hostile_module: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> Iterator[Cage]:
    hostile = _HOSTILE % str(hostile_module)
    monkeypatch.setattr(
        "agentsh.sandbox.worker.handle.python_command", lambda code: python_command(f"exec({hostile!r}); {code}")
    )
    made = Cage(tmp_path, cache, request.param)
    yield made
    made.sandbox.close()


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A workspace."""
    (tmp_path / "ws").mkdir()
    return tmp_path / "ws"


@pytest.fixture
def opener(root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Opener]:
    """Opens the workspace, as often as a test likes."""
    monkeypatch.setenv("AGENTSH_CONFIG_DIR", str(tmp_path / "config"))
    opened: list[Workspace] = []

    def open_it(**options: str) -> Workspace:
        opened.append(Workspace.open(root, data_dir=tmp_path / "data", **options))  # type: ignore[arg-type]
        return opened[-1]

    yield open_it
    for workspace in opened:
        workspace.close()
