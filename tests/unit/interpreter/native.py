"""A launcher for tests that runs the machine's own programs, and bash itself to compare with."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import tempfile
import threading
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from agentsh.core.errors import LimitExceeded, ShellSyntaxError
from agentsh.core.limits import Limits
from agentsh.core.tree import Tree
from agentsh.sandbox.interpreter import run_script
from agentsh.shell import parse

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from agentsh.sandbox.contract import LineRunner
    from agentsh.sandbox.stop import Stop

PROGRAMS = """
    awk basename cat chmod cmp comm cp cut date diff dirname echo expr false find fold grep head
    join ln ls mkdir mktemp mv nl od paste printf readlink realpath rev rm rmdir sed seq sha256sum
    sleep sort stat tac tail tee touch tr true uniq wc yes
""".split()  # noqa: SIM905 - words
PATH = "/usr/local/bin:/usr/bin:/bin"


class _Started:
    def __init__(self, process: subprocess.Popen[bytes]) -> None:
        self.process = process

    def wait(self) -> int:
        code = self.process.wait()
        return code if code >= 0 else 128 - code


class NativeLauncher:
    """Starts real programs in a directory."""

    def __init__(self, root: Path, limits: Limits) -> None:
        self.root = root
        self.limits = limits
        self.started: list[subprocess.Popen[bytes]] = []
        self.argvs: list[list[bytes]] = []
        self.environments: list[dict[str, str]] = []
        self.lock = threading.Lock()
        self.files = ""

    def names(self) -> Sequence[str]:
        return PROGRAMS

    def start(
        self,
        argv: Sequence[bytes],
        *,
        stdin: int,
        stdout: int,
        stderr: int,
        env: Mapping[str, str],
        cwd: bytes,
        beside: bool = True,
        stop: Stop | None = None,
        files: tuple[str, str] | None = None,
        run_line: LineRunner | None = None,
    ) -> _Started:
        # A process of the system runs beside in any case, the names are true ones here, and awk starts what it likes.
        del beside, files, run_line
        name = argv[0].decode()
        if name not in PROGRAMS:
            raise KeyError(name)
        with self.lock:
            self.argvs.append(list(argv))
            self.environments.append(dict(env))
            if len(self.argvs) > self.limits.processes:
                raise LimitExceeded("too many commands", limit="processes")
        program = shutil.which(name, path=PATH)
        assert program is not None, name
        process = subprocess.Popen(
            list(argv),
            executable=program,
            stdin=stdin,
            stdout=stdout,
            stderr=stderr,
            env={**env, "PATH": PATH},
            cwd=os.fsencode(self.root) + b"/" + cwd,
        )
        self.started.append(process)
        if stop is not None:
            stop.add(process.kill)
        return _Started(process)

    def scratch(self) -> tuple[str, str]:
        # The machine's programs know files by their true names.
        self.files = self.files or tempfile.mkdtemp()
        return self.files, self.files

    def stop(self) -> None:
        if self.files:
            shutil.rmtree(self.files)
        for process in self.started:
            if process.poll() is None:
                process.send_signal(signal.SIGKILL)
            process.wait()


@dataclass(frozen=True)
class Result:
    status: int
    stdout: bytes
    stderr: bytes = b""


def run(
    source: str,
    root: Path,
    *,
    stdin: bytes = b"",
    limits: Limits | None = None,
    env: Mapping[str, str] | None = None,
    cancelled: threading.Event | None = None,
    arguments: Sequence[str] = (),
    launchers: list[NativeLauncher] | None = None,
) -> Result:
    """Run ``source`` with the interpreter in ``root``."""
    limits = limits or Limits(wall_s=20)
    script = parse(source)
    launcher = NativeLauncher(root, limits)
    if launchers is not None:
        launchers.append(launcher)
    with (
        Tree(root) as tree,
        tempfile.TemporaryFile() as fin,
        tempfile.TemporaryFile() as out,
        tempfile.TemporaryFile() as err,
    ):
        fin.write(stdin)
        fin.seek(0)
        try:
            status = run_script(
                script,
                launcher=launcher,
                tree=tree,
                stdin=fin.fileno(),
                stdout=out.fileno(),
                stderr=err.fileno(),
                env=env or {},
                limits=limits,
                cancelled=cancelled or threading.Event(),
                arguments=arguments,
            )
        finally:
            launcher.stop()
        out.seek(0)
        err.seek(0)
        return Result(status, out.read(), err.read())


def run_or_refuse(source: str, root: Path) -> Result:
    """As :func:`run`; a syntax error is status 2 with its message, as a shell reports it."""
    try:
        return run(source, root)
    except ShellSyntaxError as e:
        return Result(e.exit_code, b"", e.what.encode())


def bash(source: str, root: Path, *, stdin: bytes = b"", arguments: Sequence[str] = ()) -> Result:
    """Run ``source`` with the machine's bash in ``root``."""
    done = subprocess.run(
        ["bash", "-c", source, "agentsh", *arguments],
        input=stdin,
        capture_output=True,
        cwd=root,
        env={"PATH": PATH, "HOME": "/workspace", "LANG": "C.UTF-8"},
        timeout=20,
        check=False,
    )
    return Result(done.returncode if done.returncode >= 0 else 128 - done.returncode, done.stdout, done.stderr)


def listing(root: Path) -> dict[str, tuple[str, bytes]]:
    """Every path below ``root`` with its kind and content or target."""
    out: dict[str, tuple[str, bytes]] = {}
    for path in sorted(root.rglob("*")):
        name = str(path.relative_to(root))
        if path.is_symlink():
            out[name] = ("link", os.fsencode(path.readlink()))
        elif path.is_dir():
            out[name] = ("directory", b"")
        else:
            out[name] = ("file", path.read_bytes())
    return out
