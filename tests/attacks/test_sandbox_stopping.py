"""Never ending: every way to go on for ever, to fill the machine, or to outlive what started it."""

from __future__ import annotations

import os
import time
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from .conftest import Cage

# What stops a command is the same in every kind of view; the fastest kind that works will do.
pytestmark = pytest.mark.parametrize("cage", ["auto"], indirect=True)

LATE_S = 0.5
"""What a limit may be late by."""


def stopped_by(cage: Cage, script: str, limit: str, value: float, **others: float) -> float:
    """Run, see it stopped by that limit, with nothing left behind; the seconds that it took."""
    cage.run("true")
    start = time.monotonic()
    done = cage.run(script, **{limit: value, **others})
    took = time.monotonic() - start
    assert (done.exit_code, done.stopped) == (6, limit), (done.note, done.stderr[-300:])
    assert done.note
    cage.assert_unharmed()
    return took


@pytest.mark.parametrize(
    "script",
    [
        "while :; do :; done",
        "attack spin",
        "yes > /dev/null",
        "awk 'BEGIN { while (1); }'",
        "bash -c 'while :; do :; done' & wait",
        "sed ':a; ba' file",
    ],
)
def test_processor_time(cage: Cage, script: str):
    if "awk" in script and cage.run("command -v awk").exit_code:
        pytest.skip("there is no awk")
    took = stopped_by(cage, script, "cpu_s", 0.3, wall_s=20, processes=10**6, open_files=200, loop_iterations=10**9)
    assert took < 10  # on a machine that is busy with other things


@pytest.mark.parametrize(
    "script",
    [
        "while :; do :; done",
        "until false; do :; done",
        "for ((;;)); do :; done",
        "for x in {1..2000}; do :; done",
        "f() { (($1)) || return; for i in 1 2 3 4; do f $(($1 - 1)); done; }; f 9",
        "while :; do :; done | cat",
        "(while :; do :; done) & (while :; do :; done) & wait",
        "x=$(while :; do echo; done)",
        "source <(echo 'while :; do :; done')",
    ],
)
def test_loop_turns(cage: Cage, script: str):
    stopped_by(cage, script, "loop_iterations", 1000)


@pytest.mark.parametrize(
    "script",
    [
        "sleep 1000",
        "timeout 500 sleep 1000",
        "sleep 1000 & sleep 1000 & wait -n",
        "read -t 500 x < <(sleep 1000)",
        "cat <(sleep 1000)",
        "echo | tee >(sleep 1000)",
        "sleep 1000 | timeout 500 cat",
        "printf '%s\\n' 1000 1000 1000 | xargs -P3 -n1 sleep",
        "find . -exec sleep 1000 ';'",
        "awk 'BEGIN { system(\"sleep 1000\") }'",
        "awk 'BEGIN { \"sleep 1000\" | getline }'",
        "awk 'BEGIN { print | \"sleep 1000; cat\" }'",
        "awk 'BEGIN { while (1) system(\"true\") }'",
        "trap 'sleep 1000' EXIT; exit",
        "coproc_is_not_there; wait; sleep 1000",
        "f() { $(f); }; while :; do :; done",
    ],
)
def test_wall_time(cage: Cage, script: str):
    took = stopped_by(cage, script, "wall_s", 0.5, open_files=1000)
    assert took < 0.5 + LATE_S + 0.3  # the half second of the promise, and this test's own look at the clock


@pytest.mark.parametrize(
    "script", ["head -c 10G /dev/zero > big", "cat /dev/zero > big", "yes > big", "tee big < /dev/zero > /dev/null"]
)
def test_ten_gigabytes_of_file(cage: Cage, script: str):
    stopped_by(cage, script, "staged_bytes", 8 << 20)


@pytest.mark.parametrize(
    "bomb",
    [
        "f() { f | f & }; f",
        "f() { f & f; }; f",
        "f() { f | f; }; f",
        "f() { x=$(f & f); }; f",
        """echo 'awk -f b' > a; echo 'BEGIN { system("sh a & sh a"); "sh a" | getline }' > b; sh a""",
        """echo 'BEGIN { "awk -f b" | getline; print | "awk -f b" }' > b; awk -f b""",
    ],
)
def test_fork_bombs(cage: Cage, bomb: str):
    cage.run("true")
    start = time.monotonic()
    done = cage.run(f"{bomb}; while :; do :; done", wall_s=2, cpu_s=1)
    assert (done.exit_code, done.stopped) in [(6, "open_files"), (6, "cpu_s"), (6, "wall_s"), (6, "processes")], done
    assert time.monotonic() - start < 2 + LATE_S + 0.3
    cage.assert_unharmed()


def test_ten_gigabytes_through_a_pipe_are_counted_or_refused(cage: Cage):
    """Never a wrong number with exit code 0."""
    done = cage.run("head -c 10G /dev/zero | wc -c", cpu_s=0.5)
    assert (done.exit_code, done.stopped, done.stdout) == (6, "cpu_s", b"")
    assert cage.run("head -c 300M /dev/zero | wc -c").stdout == b"314572800\n"


def test_a_process_substitution_is_whole_or_refused(cage: Cage):
    stopped_by(cage, "wc -c <(yes)", "memory_bytes", 24 << 20)
    stopped_by(cage, "yes | head -c 30M | tee >(wc -c) > /dev/null", "memory_bytes", 24 << 20)
    assert cage.run("wc -c < <(yes | head -c 3000000); ls /dev/fd 2>/dev/null").stdout == b"3000000\n"


def test_files_of_substitutions_are_nobodys_afterwards(cage: Cage):
    done = cage.run('cp <(echo secret) kept; f() { name=$1; }; f <(echo gone); cat "$name"')
    assert done.exit_code == 1
    done = cage.run("tee /dev/fd/9 /dev/fd/63 /dev/made < file; cat /dev/fd/* /dev/made")
    assert done.exit_code != 0
    assert b"secret" not in done.stdout
    cage.assert_unharmed()


@pytest.mark.parametrize("depth", [100, 5000])
def test_sources_and_substitutions_inside_each_other(cage: Cage, depth: int):
    for script in (
        "echo '. ./loop' > loop; . ./loop",
        'x=\'eval "$x"\'; eval "$x"',
        "f() { f; }; f",
        "echo '#!/bin/sh\n./self' > self; chmod +x self; ./self",
        "bash -c 'f() { bash -c f; }; export -f f; f' ",
        "$(" * depth + "echo" + ")" * depth,
    ):
        start = time.monotonic()
        try:
            done = cage.run(script, wall_s=5, open_files=100, processes=500)
            assert done.exit_code != 0
        except Exception as e:  # noqa: BLE001 - an error of the language's is as good as an exit code
            assert "nest" in str(e), e  # noqa: PT017
        assert time.monotonic() - start < 5 + LATE_S + 0.5
    cage.assert_unharmed()


@pytest.mark.parametrize(
    "script",
    [
        "exec 3<file 4<file; while :; do exec {0..0}< file; f() { f < file; }; f; done",
        "f() { f 3< file 4< file 5< file; }; f",
        "while :; do sleep 100 & done",
        "for i in {1..300}; do exec 9< <(sleep 100); done",
        "cat " + " ".join(["<(echo)"] * 300),
    ],
)
def test_descriptors_run_out(cage: Cage, script: str):
    start = time.monotonic()
    done = cage.run(script, wall_s=4, open_files=80)
    assert time.monotonic() - start < 4 + LATE_S + 0.5
    assert done.exit_code != 0 or script.startswith("cat"), done
    cage.assert_unharmed()


REGEXES = [
    "[[ $(printf 'a%.0s' {1..40})b =~ ^(a+)+$ ]]",
    "[[ $(printf 'a%.0s' {1..40})b =~ ^(a|a)*$ ]]",
    "[[ $(printf 'a%.0s' {1..40})b == +(+(a)) ]]",
    "[[ $(printf 'a%.0s' {1..2000})b == *a*a*a*a*a*a*a*a*a*c ]]",
    "x=$(printf 'a%.0s' {1..40})b; echo ${x//+(+(a))c/}",
    "x=$(printf 'a%.0s' {1..3000})b; echo ${x##*a*a*a*a*a*c}",
    "x=$(printf 'a%.0s' {1..40})b; case $x in +(+(a))) ;; esac",
    "touch $(printf 'a%.0s' {1..60})b; echo +(+(a))c",
    "printf 'a%.0s' {1..60} | grep -E '^(a+)+b'",
    "printf 'a%.0s' {1..60} | sed -E 's/^(a+)+b//'",
    "printf 'a%.0s' {1..60} | grep -P '^(a+)+b'",
    "printf 'a%.0s' {1..4000} | grep -E '(a*)*(a*)*(a*)*b'",
    r"printf 'a%.0s' {1..60} | grep '^\(a*\)*\1b'",
]


@pytest.mark.parametrize("script", REGEXES)
def test_patterns_that_blow_up(cage: Cage, script: str):
    cage.run("true")
    start = time.monotonic()
    done = cage.run(script, wall_s=1)
    assert time.monotonic() - start < 1 + LATE_S + 0.3
    assert done.stopped in ("", "wall_s")
    cage.assert_unharmed()


FIFO_OPENERS = [
    "cat < d/fifo",
    "echo x > d/fifo",
    "source d/fifo",
    "grep -r x .",
    "sh d/fifo",
    "cat d/fifo",
    "grep x d/fifo",
    "sed p d/fifo",
    "sort d/fifo",
    "awk 1 d/fifo",
    "jq . d/fifo",
    "cp file d/fifo",
    "tee d/fifo < file",
    "sqlite3 d/fifo .tables",
    "js d/fifo",
    "tar cf d/fifo file",
    "diff file d/fifo",
    "cp -r d e; rm -r e",
    "find . -exec head -c1 {} +",
]


@pytest.mark.parametrize("script", FIFO_OPENERS)
def test_a_fifo_of_the_workspace_fails_at_once(cage: Cage, script: str):
    fifo = cage.workspace / "d" / "fifo"
    os.mkfifo(fifo)
    done = cage.run(script)  # the time limit would end a command that waits
    assert not done.stopped, done.note
    fifo.unlink()
    cage.assert_unharmed()


def test_a_fifo_is_named_by_whatever_does_not_open_it(cage: Cage):
    os.mkfifo(cage.workspace / "d" / "fifo")
    for script in ("cat d/fifo", "cat < d/fifo", "head -n1 d/fifo", "jq . d/fifo"):
        done = cage.run(script)
        assert done.exit_code, script
        assert b"FIFO" in done.stderr, (script, done.stderr)
    (cage.workspace / "d" / "fifo").unlink()
    cage.assert_unharmed()


def test_output_without_end_of_a_line_that_awk_reads(cage: Cage):
    took = stopped_by(cage, "awk 'BEGIN { \"yes\" | getline }'", "output_bytes", 100_000, wall_s=20)
    assert took < 10


def test_input_without_end_for_a_line_that_awk_starts(cage: Cage):
    script = """awk 'BEGIN { x = sprintf("%9999d", 1); while (1) print x | "cat" }'"""
    stopped_by(cage, script, "memory_bytes", 48 << 20, cpu_s=60, wall_s=60)
