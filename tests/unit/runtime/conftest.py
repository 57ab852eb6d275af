"""A workspace with a store and a sandbox of its own."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from agentsh import Workspace

Opener = Callable[..., Workspace]


@pytest.fixture
def root(tmp_path: Path) -> Path:
    (tmp_path / "ws").mkdir()
    return tmp_path / "ws"


@pytest.fixture
def opener(root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Opener]:
    """Opens the same workspace, as often as a test likes."""
    monkeypatch.setenv("AGENTSH_CONFIG_DIR", str(tmp_path / "config"))
    opened: list[Workspace] = []

    def open_it(**options: object) -> Workspace:
        opened.append(Workspace.open(root, data_dir=tmp_path / "data", **options))  # type: ignore[arg-type]
        return opened[-1]

    yield open_it
    for workspace in opened:
        workspace.close()


@pytest.fixture
def ws(opener: Opener) -> Workspace:
    return opener()
