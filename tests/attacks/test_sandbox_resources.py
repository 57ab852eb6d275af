"""Using up the machine, or holding up the person."""

from __future__ import annotations

import os
import time
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from .conftest import Cage


def test_descriptors(cage: Cage):
    done = cage.attack("exhaust", "file", open_files=100)
    count, _, error = done.stdout.decode().strip().partition(" ")
    assert int(count) < 100
    assert error in ("EMFILE", "I/O error")  # the runtime has no name for it
    cage.assert_unharmed()


def test_memory_of_one_command(cage: Cage):
    done = cage.attack("memory", memory_bytes=64 << 20)
    assert (done.exit_code, done.stopped) == (6, "memory_bytes")
    assert int(done.stdout.split()[0]) < 64
    cage.assert_unharmed()


def test_memory_of_many_commands(cage: Cage):
    """Each stays within its own limit; together they must not take the machine's memory."""
    script = " | ".join(["attack memory"] * 12)
    start = time.monotonic()
    done = cage.run(script, memory_bytes=256 << 20, wall_s=20)
    assert (done.exit_code, done.stopped) == (6, "memory_bytes")
    assert time.monotonic() - start < 20
    cage.assert_unharmed()


def test_the_stack(cage: Cage):
    done = cage.attack("stack")
    assert done.exit_code == 134
    assert b"stack overflow" in done.stderr or b"out of bounds" in done.stderr
    cage.assert_unharmed()


def test_a_crash_ends_the_command_alone(cage: Cage):
    done = cage.run("attack trap; echo went on")
    assert done.stdout == b"went on\n"
    assert b"attack: crashed: unreachable" in done.stderr
    cage.assert_unharmed()


@pytest.mark.parametrize(
    "script", ["attack spin", "attack spin & wait", "attack spin | attack spin", "x=$(attack spin)"]
)
def test_endless_loops(cage: Cage, script: str):
    cage.run("true")
    start = time.monotonic()
    assert cage.run(script, wall_s=0.3).stopped == "wall_s"
    assert time.monotonic() - start < 0.8
    cage.assert_unharmed()


def test_commands_that_outlive_the_script(cage: Cage):
    start = time.monotonic()
    done = cage.run("attack spin & sleep 1000 & echo away", wall_s=0.5)
    assert done.stdout == b"away\n"
    assert time.monotonic() - start < 2
    cage.assert_unharmed()


def test_endless_output(cage: Cage):
    done = cage.run("yes & yes >&2; wait", output_bytes=100_000)
    assert (done.exit_code, done.stopped) == (6, "output_bytes")
    assert len(done.stdout) <= 100_000
    assert len(done.stderr) <= 100_000
    cage.assert_unharmed()


def test_a_fork_bomb(cage: Cage):
    start = time.monotonic()
    cage.run("f() { f | f & }; f; wait", wall_s=3, processes=200)
    assert time.monotonic() - start < 4
    cage.assert_unharmed()


def test_a_fork_bomb_of_modules(cage: Cage):
    done = cage.run("while :; do attack spin & done", wall_s=5, processes=30)
    assert done.exit_code == 6 or b"Too many open files" in done.stderr, done
    cage.assert_unharmed()


def test_a_module_that_waits_for_a_fifo_is_killed(cage: Cage):
    """Commands of ours do not open one; a hostile module, or a person's own, may."""
    os.mkfifo(cage.workspace / "d" / "fifo")
    cage.run("true")
    start = time.monotonic()
    done = cage.attack("read", "d/fifo", wall_s=0.5)
    if cage.view.kind == "overlay":  # a copy leaves FIFOs out
        assert (done.exit_code, done.stopped) == (6, "wall_s")
    else:
        assert done.exit_code != 0
        assert not done.stopped
    assert time.monotonic() - start < 1.2
    (cage.workspace / "d" / "fifo").unlink()
    cage.assert_unharmed()


def test_a_fifo_does_not_carry_data_out(cage: Cage):
    fifo = cage.workspace / "d" / "fifo"
    os.mkfifo(fifo)
    listener = os.open(fifo, os.O_RDONLY | os.O_NONBLOCK)
    try:
        cage.attack("write", "d/fifo", wall_s=0.5)
        assert os.read(listener, 100) == b""
    finally:
        os.close(listener)
    fifo.unlink()
    cage.assert_unharmed()


def test_huge_arguments(cage: Cage):
    done = cage.attack("args", *["x" * 1000] * 20_000)
    assert done.stdout == b"20002\n"
    cage.assert_unharmed()


def test_huge_script(cage: Cage):
    done = cage.run("true; " * 20_000 + "echo end")
    assert done.stdout == b"end\n"


def test_closing_its_streams_harms_only_itself(cage: Cage):
    assert cage.run("attack closed; echo fine").stdout == b"fine\n"
    assert cage.run("attack closed > f 2>&1; echo fine").stdout == b"fine\n"
    cage.assert_unharmed()


@pytest.mark.parametrize("code", ["0", "1", "255", "256", "-1"])
def test_odd_exit_codes(cage: Cage, code: str):
    assert cage.attack("exit", code).exit_code == int(code) & 0xFF
    cage.assert_unharmed()


@pytest.mark.slow
@pytest.mark.parametrize(
    ("script", "stdout"),
    [
        ("seq 200000 | xargs echo | wc -w", b"200000\n"),
        ("echo {1..200000} | wc -w", b"200000\n"),
        ('set -- $(seq 100000); echo $#; f() { echo $#; }; f "$@" "$@"', b"100000\n200000\n"),
        (
            "mkdir many; cd many; seq 20000 | xargs touch; ls * | wc -l; echo * | wc -w; rm *; ls | wc -l",
            b"20000\n20000\n0\n",
        ),
        (
            "x=$(head -c 3000000 /dev/zero | tr '\\0' x); echo \"$x\" | wc -c; sh -c 'echo ${#1}' _ \"$x\"",
            b"3000001\n3000000\n",
        ),
    ],
)
def test_arguments_beyond_what_a_host_takes(cage: Cage, script: str, stdout: bytes):
    """Counted in full: a host says E2BIG for some of these, and no peer may answer with a part."""
    done = cage.run(script, cpu_s=120, wall_s=120)
    assert (done.stdout, done.exit_code) == (stdout, 0), done.stderr[-300:]
    cage.run("rm -rf many")
    cage.assert_unharmed()


@pytest.mark.slow
@pytest.mark.parametrize(
    "script",
    [
        "echo {1..99999999} | wc -w",
        "echo {a..z}{a..z}{a..z}{a..z}{a..z}{a..z}{a..z} | wc -w",
        "x=x; while :; do x=$x$x; done",
        'x=$(printf %1000s); y=("$x"); while :; do y+=("${y[@]}"); done; echo "${y[@]}"',
        'set -- a; while :; do set -- "$@" "$@"; done',
        "x=$(yes); echo done",
        "yes | xargs echo > /dev/null; echo done",
        "yes | mapfile -t lines; echo done",
    ],
)
def test_words_without_end(cage: Cage, script: str):
    """Stopped by a limit, never passed on in part."""
    done = cage.run(script, wall_s=20, cpu_s=20, output_bytes=1 << 22)
    assert done.exit_code == 6, (done.exit_code, done.stdout[:100], done.stderr[-300:])
    assert done.stdout == b""
    cage.assert_unharmed()
