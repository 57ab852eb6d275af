"""What bash would do and we must not; and what only we can say."""

from __future__ import annotations

import os
import threading
import time
from pathlib import Path

import pytest

from agentsh.core.errors import Interrupted, LimitExceeded, ShellSyntaxError
from agentsh.core.limits import Limits
from tests.unit.interpreter.native import NativeLauncher, run


@pytest.mark.parametrize(
    "target",
    ["/etc/passwd", "../outside.txt", "link-out/secret.txt", "src/../../outside.txt", "/workspace/../etc/passwd"],
)
def test_redirections_cannot_leave_the_workspace(target: str, project: Path) -> None:
    outside = project.parent / "outside.txt"
    outside.write_text("secret")
    (project / "link-out").symlink_to(project.parent)
    (project.parent / "secret.txt").write_text("secret")
    read = run(f'read -r x < {target}; echo "$? $x"', project)
    assert read.stdout == b"1 \n"
    assert b"leads outside the workspace" in read.stderr
    written = run(f"echo owned > {target}; echo $?", project)
    assert written.stdout == b"1\n"
    assert outside.read_text() == "secret"
    assert (project.parent / "secret.txt").read_text() == "secret"


def test_a_glob_does_not_look_through_a_link_that_leads_out(project: Path) -> None:
    (project.parent / "private").mkdir()
    (project.parent / "private/key").write_text("k")
    (project / "out").symlink_to("../private")
    assert run("echo out/* ../* /etc/pass* ../private/k*", project).stdout == b"out/* ../* /etc/pass* ../private/k*\n"


def test_a_glob_looks_through_a_link_that_stays_inside(project: Path) -> None:
    assert run("echo link/*/x*", project).stdout == b"link/deep/x.txt\n"


def test_cd_cannot_leave(project: Path) -> None:
    (project / "out").symlink_to("..")
    for target in ("..", "/", "/etc", "out", "src/../.."):
        result = run(f"cd {target} || pwd", project)
        assert result.stdout == b"/workspace\n"
        assert b"outside the workspace" in result.stderr


def test_absolute_paths_below_the_workspace_are_its_own(project: Path) -> None:
    result = run('cd /workspace/src; pwd; read -r l < /workspace/README.md; echo "$l"; echo /workspace/s*', project)
    assert result.stdout == b"/workspace/src\n# Title\n/workspace/sp ace.txt /workspace/src /workspace/sub\n"


def test_a_fifo_is_refused_and_does_not_block(project: Path) -> None:
    os.mkfifo(project / "pipe")
    result = run("read x < pipe; echo $?; echo x > pipe; echo $?", project)
    assert result.stdout == b"1\n1\n"
    assert result.stderr.count(b"is a FIFO") == 2


def test_devices_are_a_short_list(project: Path) -> None:
    result = run("echo x > /dev/null; read x < /dev/null; echo $?; read -N 2 z < /dev/tty; echo $?", project)
    assert result.stdout == b"1\n1\n"
    assert b"no such device in the sandbox" in result.stderr


def test_commands_see_only_what_is_exported(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOST_SECRET", "s3cret")
    launchers: list[NativeLauncher] = []
    result = run("private=1; export shared=2; cat /dev/null; env", project, launchers=launchers)
    seen = launchers[0].environments[0]
    assert seen == {"PATH": "/bin", "HOME": "/workspace", "LANG": "C.UTF-8", "PWD": "/workspace", "shared": "2"}
    assert b"s3cret" not in result.stdout
    assert sorted(result.stdout.decode().split()) == sorted(f"{k}={v}" for k, v in seen.items())


def test_names_and_values_that_are_no_text_pass_unchanged(project: Path) -> None:
    name = b"\xff\xfe\n;rm -rf"
    (project / os.fsdecode(name)).write_bytes(b"\x80raw")
    (project / "src").rename(project.parent / "away")
    assert run('for f in *rm*; do cat "$f"; x=$(cat "$f"); printf \'%s\' "$x"; done', project).stdout == b"\x80raw" * 2
    result = run("printf '%s' \udcff\udcfe $'\\xe9' > out", project)
    assert result.status == 0
    assert (project / "out").read_bytes() == b"\xff\xfe\xe9"


def test_unknown_commands_say_what_there_is(project: Path) -> None:
    result = run("gerp x; gh pr list; curl http://x; pip install y", project)
    assert result.status == 127
    lines = result.stderr.decode().splitlines()
    assert "there is grep" in lines[0]
    assert "not in this sandbox" in lines[1]
    assert "no network" in lines[2]
    assert "installed" in lines[3]


def test_a_host_program_in_the_workspace_is_not_run(project: Path) -> None:
    (project / "prog").write_bytes(b"\x7fELF\0\0")
    (project / "prog").chmod(0o755)
    (project / "plain").write_text("echo hi")
    result = run("./prog; echo $?; ./plain; echo $?; /usr/bin/python3; echo $?", project)
    assert result.stdout == b"126\n126\n127\n"


def test_syntax_errors_come_before_anything_runs(project: Path) -> None:
    with pytest.raises(ShellSyntaxError):
        run("echo made > made.txt; if true; then", project)
    assert not (project / "made.txt").exists()


@pytest.mark.parametrize(
    "line",
    [
        "while :; do :; done",
        "f() { while true; do x=1; done; }; f | cat",
        "for ((;;)); do ((i++)); done",
        "x=$(while :; do :; done)",
        "while :; do :; done & wait",
        "until false; do continue; done",
        "cat < <(while :; do :; done)",
    ],
)
def test_an_endless_loop_ends_at_the_deadline(line: str, project: Path) -> None:
    before = time.monotonic()
    with pytest.raises(LimitExceeded) as caught:
        run(line, project, limits=Limits(wall_s=0.3))
    assert caught.value.limit == "wall_s"
    assert time.monotonic() - before < 5


@pytest.mark.parametrize(
    "line", ["while :; do :; done", "while :; do :; done | cat", "read x < <(while :; do :; done)"]
)
def test_an_endless_loop_ends_when_cancelled(line: str, project: Path) -> None:
    cancelled = threading.Event()
    timer = threading.Timer(0.2, cancelled.set)
    timer.start()
    with pytest.raises(Interrupted):
        run(line, project, cancelled=cancelled)
    timer.join()


@pytest.mark.parametrize(
    "line",
    [
        "while :; do true | cat; done",
        "f() { echo x | f; }; f",
        "while :; do echo x; done > many",
        "for i in {1..100}; do $(echo true); done",
        "while :; do echo & done",
    ],
)
def test_the_number_of_commands_is_bounded_in_every_thread(line: str, project: Path) -> None:
    with pytest.raises(LimitExceeded) as caught:
        run(line, project, limits=Limits(wall_s=20, processes=40))
    assert caught.value.limit in ("processes", "open_files")


def test_nested_substitutions_stop_at_a_limit(project: Path) -> None:
    with pytest.raises(LimitExceeded) as caught:
        run("f() { x=$(f); }; f", project, limits=Limits(wall_s=20, open_files=32))
    assert caught.value.limit == "open_files"


@pytest.mark.parametrize("line", ["x=$(yes)", "echo $(cat /dev/zero | tr '\\0' a)", "mapfile x < <(yes)", "x=$(< big)"])
def test_a_substitution_is_never_cut_silently(line: str, project: Path) -> None:
    (project / "big").write_bytes(b"x" * 200_000)
    with pytest.raises(LimitExceeded) as caught:
        run(line, project, limits=Limits(wall_s=20, output_bytes=100_000))
    assert caught.value.limit == "output_bytes"


@pytest.mark.parametrize(
    "line", ["x=aaaaaaaaaaaaaaaa; while :; do x=$x$x; done", "echo {1..99999999}", "x=1; while :; do x+=$x; done"]
)
def test_memory_bombs_stop(line: str, project: Path) -> None:
    with pytest.raises(LimitExceeded) as caught:
        run(line, project)
    assert caught.value.limit == "memory_bytes"


def test_endless_recursion_is_an_error(project: Path) -> None:
    for line in ("f() { f; }; f", 'x=\'eval "$x"\'; eval "$x"', "echo '. ./me' > me; . ./me"):
        result = run(line, project)
        assert result.status == 1
        assert b"calls inside each other" in result.stderr


def test_a_thousand_calls_deep_in_compound_commands_is_fine(project: Path) -> None:
    line = "f() { if [ $1 -gt 0 ]; then { case x in x) while :; do f $(($1-1)); return 7; done;; esac; }; fi; }; f 900"
    assert run(line, project).status == 7


def test_no_descriptor_is_left_open(project: Path) -> None:
    line = "echo $(cat README.md | head -1) > out; cat < out | { read x; echo $x; }; cat <<< x; exec 3< out; (exit 3)"
    run(line, project)
    before = sorted(os.listdir("/dev/fd"))
    for _ in range(3):
        run(line, project)
    assert sorted(os.listdir("/dev/fd")) == before


def test_the_deadline_does_not_wait_for_a_reader(project: Path) -> None:
    before = time.monotonic()
    with pytest.raises(LimitExceeded):
        run("sleep 3 | while read x; do :; done & while :; do :; done", project, limits=Limits(wall_s=0.3))
    assert time.monotonic() - before < 3


def test_arguments_and_standard_input(project: Path) -> None:
    result = run('read -r x; echo "$x $1 $#"; cat', project, stdin=b"first\nrest\n", arguments=["a", "b"])
    assert result.stdout == b"first a 2\nrest\n"


def test_a_background_job_ends_before_the_run_does(project: Path) -> None:
    assert run("{ sleep 0.2; echo late > late.txt; } & exit 3", project).status == 3
    assert (project / "late.txt").read_text() == "late\n"


def test_what_is_refused_says_what_to_do(project: Path) -> None:
    for line, hint in (
        ("x=<(a)", "write it as the command's argument"),
        ("select x in a; do :; done", "Choose in the script"),
        ("coproc cat", "pipeline"),
        ("echo $[1+1]", "$((...))"),
    ):
        with pytest.raises(ShellSyntaxError) as caught:
            run(line, project)
        assert hint in caught.value.next_step
    for line in (
        "ulimit -n $((3))",
        "set -o vi",
        "shopt -s expand_aliases",
        'x=DEBUG; trap y "$x"',
        'x=-n; declare "$x" r=x',
        "x=077; umask $x",
    ):
        result = run(line, project)
        assert result.status != 0
        assert b"not supported" in result.stderr


@pytest.mark.parametrize(
    "line", [f"echo {'x' * 1000}{{1..200000}}", "echo {a,b}{1..9999999}", "echo {1..9}{1..9999}{1..9999}"]
)
def test_braces_that_stand_for_too_much_are_refused_before_they_are_unfolded(line: str, project: Path) -> None:
    with pytest.raises(LimitExceeded) as caught:
        run(line, project)
    assert caught.value.limit == "memory_bytes"
