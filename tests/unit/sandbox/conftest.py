from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from agentsh.core.errors import SandboxError
from agentsh.core.limits import Limits
from agentsh.sandbox import Job, Outcome, Sandbox, open_staging

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


class Box:
    """A workspace with a sandbox on it."""

    def __init__(self, base: Path, cache: Path, kind: str) -> None:
        self.base = base
        self.workspace = base / "workspace"
        self.workspace.mkdir()
        try:
            self.view = open_staging(base / "staging", self.workspace, kind=kind)  # type: ignore[arg-type]
        except SandboxError as e:
            pytest.skip(str(e))
        self.sandbox = Sandbox(self.view, cache_dir=cache)

    def run(self, script: str, *, stdin: bytes = b"", **limits: float) -> Outcome:
        self.view.prepare()
        return self.sandbox.run(Job(script=script, stdin=stdin, limits=Limits(**{"wall_s": 30.0, **limits})))  # type: ignore[arg-type]

    def command(self, *argv: str, stdin: bytes = b"", **limits: float) -> Outcome:
        self.view.prepare()
        return self.sandbox.run(Job(argv=argv, stdin=stdin, limits=Limits(**{"wall_s": 30.0, **limits})))  # type: ignore[arg-type]


@pytest.fixture(scope="session")
def cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("cache")


@pytest.fixture
def box(tmp_path: Path, cache: Path) -> Iterator[Box]:
    made = Box(tmp_path, cache, "auto")
    yield made
    made.sandbox.close()
