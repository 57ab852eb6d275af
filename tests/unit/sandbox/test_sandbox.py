"""Jobs: output, limits, ends, and a worker that may die at any moment."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import pytest

from agentsh.core.errors import SandboxError
from agentsh.core.limits import Limits
from agentsh.sandbox import Job, Sandbox

if TYPE_CHECKING:
    from .conftest import Box


def worker_pid(sandbox: Sandbox) -> int:
    worker = sandbox._worker
    assert worker is not None
    return worker.pid


def gone(pid: int) -> bool:
    """Whether a process has ended; a zombie has."""
    try:
        return "\nState:\tZ" in Path(f"/proc/{pid}/status").read_text()
    except FileNotFoundError:
        return True


def test_output_and_status(box: Box):
    done = box.run("echo out; echo err >&2; exit 7")
    assert (done.exit_code, done.stdout, done.stderr) == (7, b"out\n", b"err\n")
    assert (done.stopped, done.note, done.stdout_truncated) == ("", "", False)


def test_a_command_without_a_shell(box: Box):
    (box.workspace / "a b;c").write_text("content\n")
    assert box.command("cat", "a b;c").stdout == b"content\n"


def test_an_unknown_command(box: Box):
    done = box.command("no-such-command")
    assert done.exit_code == 127
    assert b"no-such-command" in done.stderr


def test_input_reaches_the_command(box: Box):
    data = bytes(range(256)) * 4000
    assert box.command("cat", stdin=data).stdout == data


def test_input_that_nobody_reads_does_not_block(box: Box):
    assert box.run("true", stdin=b"x" * 10_000_000).exit_code == 0


def test_commands_share_their_input_to_the_byte(box: Box):
    (box.workspace / "lines").write_text("1\n2\n3\n")
    done = box.run("while read n; do true; echo got $n; done < lines; { read a; cat; } < lines")
    assert done.stdout == b"got 1\ngot 2\ngot 3\n2\n3\n"


def test_commands_share_an_output_file(box: Box):
    done = box.run("{ echo a; seq 1 3; seq 4 5; echo b; } > f; seq 6 7 >> f; seq 8 9 > g; seq 1 1 > g; cat f g")
    assert done.stdout == b"a\n1\n2\n3\n4\n5\nb\n6\n7\n1\n"


def test_errors_and_output_in_one_file_keep_their_order(box: Box):
    done = box.run("{ seq 1 2; cat missing; seq 3 4; } > f 2>&1; cat f")
    lines = done.stdout.splitlines()
    assert [lines[0], lines[1], lines[-2], lines[-1]] == [b"1", b"2", b"3", b"4"]
    assert len(lines) == 5


def test_output_arrives_while_the_job_runs(box: Box):
    seen: list[tuple[str, bytes]] = []
    arrived = threading.Event()

    def sink(stream: Literal["stdout", "stderr"], data: bytes) -> None:
        seen.append((stream, data))
        arrived.set()

    ended = []
    thread = threading.Thread(
        target=lambda: ended.append(box.sandbox.run(Job(script="echo first; while :; do :; done"), on_output=sink))
    )
    thread.start()
    assert arrived.wait(20)
    assert seen == [("stdout", b"first\n")]
    box.sandbox.interrupt()
    thread.join(10)
    assert ended[0].exit_code == 130


@pytest.mark.parametrize(
    "script",
    [
        "while :; do :; done",
        "seq 1 100000000000 > /dev/null",
        "sleep 1000",
        "sleep 1000 | cat",
        "cat < <(sleep 1000)",
        "yes | cat > /dev/null",
    ],
)
def test_the_time_limit_stops_anything(box: Box, script: str):
    box.run("true")
    start = time.monotonic()
    done = box.run(script, wall_s=0.3)
    took = time.monotonic() - start
    assert (done.exit_code, done.stopped) == (6, "wall_s")
    assert "0.3 s" in done.note
    assert took < 0.8
    assert box.run("echo next").stdout == b"next\n"


def test_a_busy_command_is_stopped_without_losing_the_worker(box: Box):
    box.run("true")
    pid = worker_pid(box.sandbox)
    assert box.run("seq 1 100000000000 > /dev/null", wall_s=0.2).stopped == "wall_s"
    assert box.run("echo next").stdout == b"next\n"
    assert worker_pid(box.sandbox) == pid


def test_a_blocked_worker_is_killed_and_leaves_nothing(box: Box):
    box.run("true")
    pid = worker_pid(box.sandbox)
    job = Job(script="echo go; sleep 1000", limits=Limits(wall_s=0.2))
    # A process that the system has stopped answers nothing at all.
    assert box.sandbox.run(job, on_output=lambda *_: os.kill(pid, signal.SIGSTOP)).stopped == "wall_s"
    assert gone(pid)


def test_a_command_that_sleeps_is_stopped_without_losing_the_worker(box: Box):
    box.run("true")
    pid = worker_pid(box.sandbox)
    assert box.run("timeout 0.2 sleep 1000; echo $?").stdout == b"124\n"
    assert worker_pid(box.sandbox) == pid


def test_output_past_its_limit_is_cut_and_told(box: Box):
    done = box.run("yes", output_bytes=1000)
    assert (done.exit_code, done.stopped, done.stdout_truncated, done.stderr_truncated) == (
        6, "output_bytes", True, False,
    )  # fmt: skip
    assert done.stdout == b"y\n" * 500
    assert "1000 bytes" in done.note


def test_output_of_exactly_the_limit_is_whole(box: Box):
    done = box.run("printf 12345678", output_bytes=8)
    assert (done.exit_code, done.stdout, done.stdout_truncated) == (0, b"12345678", False)


def test_a_late_piece_past_the_limit_is_not_passed_on(box: Box):
    done = box.run("printf 12345; printf 678901", output_bytes=8)
    assert (done.exit_code, done.stdout, done.stdout_truncated) == (6, b"12345678", True)


def test_too_many_commands(box: Box):
    done = box.run("while :; do true; cat /dev/null; done", processes=20)
    assert (done.exit_code, done.stopped) == (6, "processes")


def test_a_file_past_the_disk_limit(box: Box):
    done = box.run("yes > f", staged_bytes=100_000)
    assert (done.exit_code, done.stopped) == (6, "staged_bytes")
    st = box.view.lstat(b"f")
    assert st is not None
    assert st.st_size <= 100_000


def test_many_small_files_past_the_disk_limit(box: Box):
    script = "i=0; while :; do seq 1 9000 > f$i; i=$((i+1)); done"
    done = box.run(script, staged_bytes=2_000_000, wall_s=20)
    assert (done.exit_code, done.stopped) == (6, "staged_bytes")


def test_too_many_files(box: Box):
    done = box.run("i=0; while [ $i -lt 3000 ]; do : > f$i; i=$((i+1)); done", staged_files=500)
    assert (done.exit_code, done.stopped) == (6, "staged_files")


def test_interrupt_from_another_thread(box: Box):
    started = threading.Event()
    timer = threading.Thread(target=lambda: (started.wait(20), box.sandbox.interrupt()))
    timer.start()
    done = box.sandbox.run(
        Job(script="echo go; while :; do :; done", limits=Limits(wall_s=30)), on_output=lambda *_: started.set()
    )
    timer.join()
    assert (done.exit_code, done.stopped) == (130, "")
    assert done.duration < 20


def test_interrupt_without_a_job_does_nothing(box: Box):
    box.sandbox.interrupt()
    assert box.run("echo fine").stdout == b"fine\n"


def test_a_sink_that_fails_stops_the_job(box: Box):
    def sink(*_: object) -> None:
        raise ValueError("full")

    with pytest.raises(ValueError, match="full"):
        box.sandbox.run(Job(script="yes"), on_output=sink)
    assert box.run("echo next").stdout == b"next\n"


def test_a_worker_killed_between_jobs_is_replaced(box: Box):
    box.run("true")
    os.kill(worker_pid(box.sandbox), signal.SIGKILL)
    assert box.run("echo next").stdout == b"next\n"


def test_a_worker_killed_in_a_job_is_an_error_at_once(box: Box):
    box.run("true")
    pid = worker_pid(box.sandbox)
    start = time.monotonic()
    with pytest.raises(SandboxError, match="signal 9"):
        box.sandbox.run(Job(script="echo go; sleep 1000"), on_output=lambda *_: os.kill(pid, signal.SIGKILL))
    assert time.monotonic() - start < 5
    assert box.run("echo next").stdout == b"next\n"


def test_a_worker_that_cannot_start_is_an_error(box: Box, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("agentsh.sandbox.worker.handle.python_command", lambda _: [sys.executable, "-c", "1/0"])
    with pytest.raises(SandboxError, match=r"did not start.*ZeroDivisionError"):
        box.run("true")


def test_what_was_announced_is_not_run(box: Box):
    for script in ("echo made > announced", "echo 'unfinished", "x=$(", "echo made > announced"):
        box.sandbox.announce(script)
    assert box.run("ls; echo other").stdout == b"other\n"
    assert box.run("echo made > announced; cat announced").stdout == b"made\n"


def test_an_announcement_to_a_worker_that_died_is_harmless(box: Box):
    box.run("true")
    os.kill(worker_pid(box.sandbox), signal.SIGKILL)
    box.sandbox.announce("echo new")
    assert box.run("echo new").stdout == b"new\n"


def test_a_closed_sandbox_leaves_no_process_and_refuses(box: Box):
    box.run("true")
    pid = worker_pid(box.sandbox)
    box.sandbox.close()
    assert gone(pid)
    with pytest.raises(SandboxError, match="closed"):
        box.run("true")


def test_the_worker_ends_when_its_parent_is_killed(box: Box, tmp_path: Path):
    code = f"""
import sys
from pathlib import Path
from agentsh.sandbox import Job, Sandbox, open_staging
view = open_staging(Path({str(tmp_path / "other")!r}), Path({str(box.workspace)!r}))
sandbox = Sandbox(view, cache_dir=Path({str(tmp_path / "c")!r}))
sandbox.run(Job(script="echo go; sleep 1000"), on_output=lambda *_: print(sandbox._worker.pid, flush=True))
"""
    with subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True) as parent:
        assert parent.stdout is not None
        pid = int(parent.stdout.readline())
        parent.kill()
    deadline = time.monotonic() + 10
    while not gone(pid):
        assert time.monotonic() < deadline
        os.sched_yield()


def test_descriptors_do_not_leak(box: Box):
    box.run("echo a | cat > f", stdin=b"x")
    before = len(os.listdir("/proc/self/fd"))
    inside = len(os.listdir(f"/proc/{worker_pid(box.sandbox)}/fd"))
    for _ in range(20):
        box.run("echo a | cat > f; cat < f; cat missing", stdin=b"x" * 100_000)
    assert len(os.listdir("/proc/self/fd")) == before
    assert len(os.listdir(f"/proc/{worker_pid(box.sandbox)}/fd")) < inside + 10  # it may be between two views


def test_a_job_without_a_clock_sees_none(box: Box):
    done = box.sandbox.run(Job(script="date +%s; date +%s", clock=False))
    assert done.stdout == b"1000000000\n1000000000\n"


def test_limits_are_the_jobs_own(box: Box):
    assert box.run("yes | head -c 200000 > f", staged_bytes=100_000).stopped == "staged_bytes"
    assert box.run("yes | head -c 200000 > f").exit_code == 0


def test_a_directory_with_lower_content_is_renamed(box: Box):
    (box.workspace / "d" / "e").mkdir(parents=True)
    (box.workspace / "d" / "e" / "f").write_text("f\n")
    (box.workspace / "full").mkdir()
    (box.workspace / "full" / "x").write_text("x\n")
    assert box.run("mv d n && cat n/e/f && mv n/e full/ && cat full/e/f && ls n").stdout == b"f\nf\n"
    assert (box.workspace / "d" / "e" / "f").exists()


def test_two_processes_take_turns_on_one_view(box: Box, cache: Path):
    """A session that is idle, and a command in another terminal."""
    for n in range(6):
        (box.workspace / f"f{n}").write_text("old\n")
    with Sandbox(box.view, cache_dir=cache) as other:
        for n in range(0, 6, 2):
            assert box.run(f"echo one >> f{n}; mkdir d{n}; cat f*").exit_code == 0
            done = other.run(Job(script=f"echo two >> f{n}; echo two >> f{n + 1}; mv d{n} m{n}; cat f{n} f{n + 1}"))
            assert (done.exit_code, done.stdout) == (0, b"old\none\ntwo\nold\ntwo\n"), done
    assert box.run("ls").stdout.split() == [b"f0", b"f1", b"f2", b"f3", b"f4", b"f5", b"m0", b"m2", b"m4"]


@pytest.mark.parametrize(
    "writer",
    ["yes", "while :; do echo y; done", "seq 1000000 | sed s/.*/y/", "yes | tee /dev/null", "grep -h y big big"],
)
def test_a_writer_ends_silently_when_nobody_reads(box: Box, writer: str):
    (box.workspace / "big").write_bytes(b"y\n" * 200_000)
    done = box.run(f"set -o pipefail; {writer} | head -1; echo $?")
    assert done.stdout == b"y\n141\n"
    assert done.stderr == b""


def test_a_word_that_is_no_utf8_is_named(box: Box):
    done = box.run(
        "printf x > $'caf\\xe9'; cat $'caf\\xe9'; echo $?; cat < $'caf\\xe9'; find . -name 'caf*' -delete; ls"
    )
    assert done.stdout == b"126\nx"
    assert b"is not UTF-8" in done.stderr


def test_find_starts_commands(box: Box):
    (box.workspace / "a.py").write_bytes(b"import os\n")
    (box.workspace / "b.py").write_bytes(b"pass\n")
    done = box.run("find . -name '*.py' -exec grep -q import {} \\; -print; find . -type f -exec cat {} + | sort")
    assert (done.exit_code, done.stdout, done.stderr) == (0, b"./a.py\nimport os\npass\n", b"")
    assert b"nobody to ask" in box.run("find . -ok rm {} \\;").stderr
