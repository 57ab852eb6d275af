"""Attacks by candidates: actions that a model proposes and that are tried out, but not taken."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest

from agentsh.core.action import ActionKind, ActionSpec, Origin
from agentsh.core.limits import Limits
from agentsh.runtime.workspace import Workspace

if TYPE_CHECKING:
    from pathlib import Path

LINES = (
    "echo x > ../outside/new",
    "rm -rf ../outside /workspace/../outside",
    "ln -s ../outside way; echo x > way/new; cat way/secret",
    "echo x > link/new; rm link/secret",
    "mkdir -p a/b; mv a ../outside/; cd ..; echo x > y",
    "rm -rf .; mkdir made; echo x > made/it",
    "find . -delete",
    "chmod 777 kept.txt; touch -d 2001-01-01 kept.txt",
    "yes | head -c 300000000 > big",
    "yes",
    "while :; do :; done",
    "i=0; while [ $i -lt 5000 ]; do i=$((i + 1)); echo $i > f$i; done",
    "(sleep 30; echo late > late) & echo now",
)


@pytest.fixture
def place(tmp_path: Path) -> Path:
    place = tmp_path / "place"
    (tmp_path / "outside").mkdir()
    (tmp_path / "outside" / "secret").write_text("secret\n")
    place.mkdir()
    (place / "kept.txt").write_text("kept\n")
    (place / "link").symlink_to(tmp_path / "outside")
    return place


def state(root: Path) -> dict[str, tuple[int, int, bytes]]:
    found = {}
    for directory, folders, names in os.walk(root):
        for name in (*folders, *names):
            path = os.path.join(directory, name)
            st = os.lstat(path)
            content = b""
            if not os.path.islink(path) and os.path.isfile(path):
                with open(path, "rb") as f:
                    content = f.read()
            found[os.path.relpath(path, root)] = (st.st_mode, st.st_mtime_ns, content)
    return found


def test_what_is_tried_out_reaches_nothing(place: Path, tmp_path: Path) -> None:
    limits = Limits(wall_s=30.0, cpu_s=30.0, staged_bytes=64 << 20)
    options = [[ActionSpec(ActionKind.SHELL, {"line": line}, Origin.AGENT)] for line in LINES]
    before, around = state(place), state(tmp_path / "outside")
    with Workspace.open(place, policy="review", data_dir=tmp_path / "data", limits=limits) as workspace:
        staged = workspace.exec("echo mine > staged.txt")
        trials = workspace.try_out(options)
        assert len(trials) == len(LINES)
        assert not any(b"secret" in t.stdout for t in trials)
        assert state(place) == before
        assert state(tmp_path / "outside") == around
        assert [r.id for r in workspace.status().pending] == [staged.id]
        assert [e.path for e in workspace.show(staged.id).changes] == [b"staged.txt"]
        assert len(workspace.log()) == 1
        seen = workspace.exec("ls; cat staged.txt kept.txt")
        assert workspace.output(seen.id) == b"kept.txt\nlink\nstaged.txt\nmine\nkept\n"
        workspace.approve([staged.id])
        workspace.commit()
    after = state(place)
    assert after.pop("staged.txt")[2] == b"mine\n"
    assert after == before
    assert not list((tmp_path / "data").rglob("trial-*"))
    assert sum(f.stat().st_size for f in (tmp_path / "data").rglob("*") if f.is_file()) < 8 << 20
