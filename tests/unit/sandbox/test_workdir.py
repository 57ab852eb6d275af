"""Each worker has a work directory of its own, and those of dead ones go."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

HOLD = """
import sys
from agentsh.sandbox.worker.workdir import take_work_directory
print(take_work_directory(sys.argv[1]), flush=True)
sys.stdin.read()
"""


def holder(base: Path) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-c", HOLD, str(base)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )


def taken(process: subprocess.Popen[str]) -> Path:
    assert process.stdout is not None
    return Path(process.stdout.readline().strip())


def test_live_ones_are_apart_and_dead_ones_go(tmp_path: Path):
    with holder(tmp_path) as one, holder(tmp_path) as two:
        first, second = taken(one), taken(two)
        assert first != second
        assert {p.name for p in tmp_path.iterdir()} == {first.name, second.name}
        # What the kernel leaves: a directory without any permission bits, with things in it.
        (first / "work/incompat").mkdir(parents=True)
        (first / "work/file").write_text("")
        (first / "work").chmod(0)
        one.kill()
        one.wait()
        with holder(tmp_path) as three:
            third = taken(three)
            assert {p.name for p in tmp_path.iterdir()} == {second.name, third.name}
            three.kill()
        two.kill()


def test_what_is_no_directory_is_left_alone(tmp_path: Path):
    (tmp_path / "note").write_text("x")
    (tmp_path / "link").symlink_to("/etc")
    with holder(tmp_path) as one:
        assert taken(one).is_dir()
        one.kill()
    assert (tmp_path / "note").read_text() == "x"
    assert (tmp_path / "link").is_symlink()
