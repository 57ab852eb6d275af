from __future__ import annotations

from pathlib import Path

import pytest


def fill(root: Path) -> Path:
    """A small project: what both shells see."""
    (root / "src").mkdir(parents=True)
    (root / "src/a.py").write_text("import os\nprint(1)\n")
    (root / "src/b.py").write_text("x = 2\n# TODO\n")
    (root / "src/.hid").write_text("h")
    (root / "README.md").write_text("# Title\nhello world\nfoo bar\n")
    (root / "data.csv").write_text("a,1\nb,2\nc,3\n")
    (root / "sp ace.txt").write_text("s\n")
    (root / "sub/deep").mkdir(parents=True)
    (root / "sub/deep/x.txt").write_text("deep\n")
    (root / "link").symlink_to("sub")
    (root / "dangling").symlink_to("nowhere")
    return root


@pytest.fixture
def project(tmp_path: Path) -> Path:
    return fill(tmp_path / "work")


@pytest.fixture
def twin(tmp_path: Path) -> Path:
    return fill(tmp_path / "twin")
