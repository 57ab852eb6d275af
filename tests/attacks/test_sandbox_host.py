"""Learning about the host, or reaching it other than by files."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
import wasmtime

if TYPE_CHECKING:
    from .conftest import Cage

linux = pytest.mark.skipif(sys.platform != "linux", reason="looks into /proc")


def test_the_environment(cage: Cage, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("OPENAI_API_KEY", "sk-very-secret")
    direct, shell = cage.attack("env").stdout, cage.run("attack env; env; set").stdout
    for shown in (direct, shell):
        assert b"sk-very-secret" not in shown
        assert os.environ["PATH"].encode() not in shown
        assert str(Path.home()).encode() not in shown


# Every command that can tell its whole environment.
ENVIRONMENTS = [
    "env",
    "attack env",
    "jq -rn 'env | to_entries[] | \"\\(.key)=\\(.value)\"'",
    "awk 'BEGIN { for (name in ENVIRON) print name \"=\" ENVIRON[name] }'",
    "js -e 'for (const [k, v] of Object.entries(process.env)) console.log(`${k}=${v}`)'",
    "find . -maxdepth 0 -exec env ';'",
    "echo | xargs env",
    "bash -c env",
    "export -p | sed -n 's/^declare -x //; s/\"//g; p'",
]


@pytest.mark.parametrize("probe", ENVIRONMENTS)
def test_every_command_sees_the_actions_own_variables_and_no_others(
    cage: Cage, monkeypatch: pytest.MonkeyPatch, probe: str
):
    monkeypatch.setenv("OPENAI_API_KEY", "sk-very-secret")
    done = cage.run(f"unset OLDPWD; export MINE=mine; {probe}")
    assert done.exit_code == 0, done.stderr
    found = dict(line.split("=", 1) for line in done.stdout.decode().splitlines() if line)
    assert found.pop("MINE") == "mine"
    assert found.pop("PWD", "/workspace") == "/workspace"
    assert found == {"PATH": "/bin", "HOME": "/workspace", "LANG": "C.UTF-8"}


@pytest.mark.parametrize(
    "probe",
    [
        "sqlite3 :memory: \"select getenv('OPENAI_API_KEY')\"",
        "sqlite3 :memory: '.print $OPENAI_API_KEY'",
        "echo ${!OPENAI*} ${OPENAI_API_KEY-}",
        "find / -name environ -exec cat {} + 2>/dev/null; cat /proc/self/environ /proc/1/environ /proc/*/environ",
        "sed w/proc/self/environ file; awk 'BEGIN { while ((getline x < \"/proc/self/environ\") > 0) print x }'",
        'js -e \'console.log(require("fs").readFileSync("/proc/self/environ", "utf8"))\'',
    ],
)
def test_a_variable_of_the_host_by_its_name_or_by_proc(cage: Cage, monkeypatch: pytest.MonkeyPatch, probe: str):
    monkeypatch.setenv("OPENAI_API_KEY", "sk-very-secret")
    done = cage.run(probe)
    assert b"very-secret" not in done.stdout + done.stderr
    assert os.environ["PATH"].encode() not in done.stdout + done.stderr


@linux
def test_the_workers_environment_and_memory_hold_nothing_of_the_parents(cage: Cage, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("OPENAI_API_KEY", "sk-very-secret")
    cage.run("true")
    proc = Path(f"/proc/{cage.worker_pid()}")
    environment = (proc / "environ").read_bytes() if os.geteuid() == 0 else b""
    assert b"sk-very-secret" not in environment
    assert b"sk-very-secret" not in (proc / "cmdline").read_bytes()


@linux
def test_the_workers_process_is_confined(cage: Cage):
    cage.run("true")
    if cage.sandbox.isolation:
        pytest.skip(cage.sandbox.isolation)
    proc = Path(f"/proc/{cage.worker_pid()}")
    status = dict(line.split(":\t", 1) for line in (proc / "status").read_text().splitlines() if ":\t" in line)
    assert status["NoNewPrivs"] == "1"
    assert status["NSsid"].split()[0] == str(cage.worker_pid())  # a session, so a process group, of its own
    if os.geteuid() == 0:  # nobody else may look: the process is not dumpable
        for kind in ("user", "mnt", "net", "ipc"):
            assert os.readlink(proc / "ns" / kind) != os.readlink(f"/proc/self/ns/{kind}")
        devices = (proc / "net" / "dev").read_text()
        assert [line.split(":")[0].strip() for line in devices.splitlines()[2:]] == ["lo"]


def test_descriptors_of_the_worker(cage: Cage):
    """Its three streams, the view, and the devices: none of the worker's sockets, logs and mounts."""
    own = [b"0", b"1", b"2", b"3"] + [b"4"] * (not cage.sandbox.isolation)
    assert cage.attack("fds").stdout.split() == own
    assert cage.run("attack fds < file | cat").stdout.split() == own


def test_the_devices_are_five_and_nothing_else_can_be_made_among_them(cage: Cage):
    cage.run("true")
    if cage.sandbox.isolation:
        pytest.skip("without namespaces there are none")
    assert cage.run("ls /dev").stdout.split() == [b"full", b"null", b"random", b"urandom", b"zero"]
    script = "tee /dev/made < file; ln -s /etc /dev/x; mkdir /dev/d; rm /dev/null; mv file /dev/f; ls /dev; ls file"
    assert cage.run(script).stdout.split()[-6:] == [b"full", b"null", b"random", b"urandom", b"zero", b"file"]
    cage.assert_unharmed()


def test_modules_import_no_way_to_a_network_or_process(cage: Cage, hostile_module: Path):
    """WASI preview 1 can only accept on a socket it was given, and it is given none."""
    names = {i.name for i in wasmtime.Module.from_file(wasmtime.Engine(), str(hostile_module)).imports}
    assert not any("connect" in str(n) or "socket" in str(n) for n in names)
    for command in (
        "wget http://127.0.0.1",
        "curl http://127.0.0.1",
        "nc 127.0.0.1 80",
        "ssh host",
        "sudo true",
        "gdb",
    ):
        assert cage.run(command).exit_code == 127
    assert cage.run("echo x > /dev/tcp/127.0.0.1/80").exit_code != 0


def test_a_program_of_the_workspace_is_not_run_natively(cage: Cage):
    program = cage.workspace / "d" / "program"
    program.write_text("#!/bin/sh\ncat /etc/passwd; touch ../outside/owned\n")
    program.chmod(0o755)
    done = cage.run("d/program; ./d/program; PATH=/workspace/d program; exec ./d/program")
    assert b"root:" not in done.stdout
    program.unlink()
    (cage.workspace / "d" / "true.elf").write_bytes(Path("/bin/true").read_bytes())
    (cage.workspace / "d" / "true.elf").chmod(0o755)
    assert cage.run("./d/true.elf").exit_code in (126, 127)
    (cage.workspace / "d" / "true.elf").unlink()
    cage.assert_unharmed()


@linux
def test_the_host_cannot_be_named_by_the_workers_descriptors(cage: Cage):
    for fd in range(12):
        for path in (f"/proc/self/fd/{fd}", f"/dev/fd/{fd}", f"/workspace/../proc/self/fd/{fd}"):
            assert b"YES" not in cage.attack("read", path).stdout
