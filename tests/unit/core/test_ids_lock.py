"""Short ids, and the lock that a dead process frees."""

from __future__ import annotations

import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from agentsh.core.errors import UsageError, WorkspaceBusy
from agentsh.core.ids import IdKind, make_id, parse_id
from agentsh.core.lock import FileLock

if TYPE_CHECKING:
    from pathlib import Path

HOLD = """
import pathlib, sys
from agentsh.core.lock import FileLock
with FileLock(pathlib.Path(sys.argv[1])):
    print("held", flush=True)
    sys.stdin.read()
"""


def test_ids_round_trip() -> None:
    assert parse_id(make_id(IdKind.ACTION, 12), IdKind.ACTION) == 12


@pytest.mark.parametrize("text", ["", "a", "a0", "a01", "12", "c1", "a-1", "a1;rm", "a" + "9" * 30, "a１"])
def test_what_is_no_id_is_refused(text: str) -> None:
    with pytest.raises(UsageError):
        parse_id(text, IdKind.ACTION)


def test_the_lock_is_held_against_others_and_freed_by_a_kill(tmp_path: Path) -> None:
    path = tmp_path / "lock"
    holder = subprocess.Popen(
        [sys.executable, "-c", HOLD, str(path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    assert holder.stdin is not None
    assert holder.stdout is not None
    with holder:
        assert holder.stdout.readline() == "held\n"
        with pytest.raises(WorkspaceBusy, match=rf"pid {holder.pid}, since \d\d:\d\d:\d\d"), FileLock(path, wait_s=0):
            pass
        told: list[str] = []

        def on_wait(why: str) -> None:
            """Told while it waits; the holder then ends, and the lock is had without an error."""
            told.append(why)
            holder.kill()

        with FileLock(path, wait_s=60, on_wait=on_wait):
            assert str(holder.pid) in told[0]
    with FileLock(path, wait_s=5) as lock, lock:
        assert path.read_text().split()[0].isdigit()
