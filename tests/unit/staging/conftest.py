from __future__ import annotations

import io
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

import pytest

from agentsh.core.errors import SandboxError
from agentsh.core.limits import Limits
from agentsh.sandbox import Job, Sandbox, StagingView, open_staging

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator


class Stage:
    """A workspace, its staging view, and a sandbox that acts on it."""

    def __init__(self, base: Path, kind: str, cache: Path) -> None:
        self.kind = kind
        self.base = base
        self.workspace = base / "workspace"
        self.workspace.mkdir()
        self._cache = cache
        self._sandbox: Sandbox | None = None
        self._view: StagingView | None = None

    @property
    def view(self) -> StagingView:
        if self._view is None:
            try:
                self._view = open_staging(self.base / "staging", self.workspace, kind=self.kind)  # type: ignore[arg-type]
            except SandboxError as e:
                pytest.skip(str(e))
            self._view.prepare()
        return self._view

    def act(self, script: str) -> str:
        """Run a script on the view; its output. The view is prepared first, as before any action."""
        view = self.view
        view.prepare()
        if self._sandbox is None:
            self._sandbox = Sandbox(view, cache_dir=self._cache)
        outcome = self._sandbox.run(Job(script=script, limits=Limits(wall_s=30)))
        assert outcome.exit_code == 0, outcome
        return outcome.stdout.decode()

    def reopen(self) -> StagingView:
        """The view as the next process finds it."""
        self.close()
        return self.view

    def close(self) -> None:
        if self._sandbox is not None:
            self._sandbox.close()
        self._sandbox = self._view = None

    def tree(self, path: bytes = b"") -> dict[bytes, object]:
        """All that the view shows, read as the parent reads it."""
        found: dict[bytes, object] = {}
        for name in self.view.children(path):
            here = path + b"/" + name if path else name
            st = self.view.lstat(here)
            assert st is not None
            if st.st_mode & 0o170000 == 0o040000:
                found[here] = st.st_mode & 0o7777
                found.update(self.tree(here))
            elif st.st_mode & 0o170000 == 0o120000:
                found[here] = self.view.readlink(here)
            else:
                with open(self.view.open(here), "rb") as f:
                    found[here] = (st.st_mode & 0o7777, f.read())
        return found


@pytest.fixture(scope="session")
def cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("cache")


@pytest.fixture(params=["overlay", "clone", "copy"])
def stage(request: pytest.FixtureRequest, tmp_path: Path, cache: Path) -> Iterator[Stage]:
    made = Stage(tmp_path, request.param, cache)
    yield made
    made.close()


@pytest.fixture
def blobs() -> Callable[[bytes], BinaryIO]:
    """Content by digest, where the digest is the content itself."""
    return io.BytesIO
