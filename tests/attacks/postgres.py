"""A PostgreSQL server of the machine's own, on a socket in a directory of its own, for as long as a test needs it."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Iterator

_PLACES = ("/usr/lib/postgresql/*/bin", "/usr/pgsql-*/bin", "/opt/homebrew/opt/postgresql*/bin")


class Server:
    """What a test asks: statements, all in one go, each with its own answer."""

    def __init__(self, place: Path, psql: str) -> None:
        self._command = [psql, "-XAtq", "-h", str(place), "-U", "admin", "-d", "postgres"]

    def run(self, *statements: str) -> None:
        """Run statements that have to succeed."""
        given = "".join(f"{s};\n" for s in statements)
        subprocess.run([*self._command, "-v", "ON_ERROR_STOP=1"], input=given.encode(), check=True, timeout=60)

    def rows(self, query: str) -> list[list[str]]:
        """What a query answers."""
        done = subprocess.run(self._command, input=f"{query};".encode(), stdout=subprocess.PIPE, check=True, timeout=60)
        return [line.split("|") for line in done.stdout.decode().splitlines()]

    def plans(self, statements: list[str]) -> list[str | None]:
        """The server's plan of each statement, as JSON; None for one that it does not take."""
        given = "".join(f"explain (format json, verbose) {s};\n\\echo @@@\n" for s in statements)
        done = subprocess.run(
            self._command,
            input=given.encode(),
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            check=True,
            timeout=120,
        )
        answers = done.stdout.decode().split("@@@\n")
        assert len(answers) == len(statements) + 1
        return [a.strip() or None for a in answers[:-1]]


def _binaries() -> dict[str, str]:
    places = [str(p) for pattern in _PLACES for p in sorted(Path("/").glob(pattern[1:]), reverse=True)]
    path = os.pathsep.join([*places, os.environ.get("PATH", "")])
    return {
        name: found for name in ("initdb", "postgres", "pg_ctl", "psql") if (found := shutil.which(name, path=path))
    }


@contextmanager
def postgres() -> Iterator[Server]:
    """Start a server; skip the test where there is none to start."""
    found = _binaries()
    if missing := {"initdb", "postgres", "pg_ctl", "psql"} - found.keys():
        pytest.skip(f"no PostgreSQL server is installed: {', '.join(sorted(missing))} not found")
    place = Path(tempfile.mkdtemp(prefix="agentsh-pg-"))  # short: a socket's path is
    as_user = {"user": "nobody"} if os.geteuid() == 0 else {}  # it refuses to be root
    place.chmod(0o777)

    def call(name: str, *arguments: str) -> None:
        command = [found[name], "-D", str(place / "data"), *arguments]
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL, timeout=120, cwd=place, **as_user)

    try:
        call("initdb", "-A", "trust", "-U", "admin", "-N", "-E", "UTF8", "--locale", "C")
        call("pg_ctl", "-w", "-l", str(place / "log"), "-o", f"-k {place} -h '' -F", "start")
        try:
            yield Server(place, found["psql"])
        finally:
            call("pg_ctl", "-w", "-m", "immediate", "stop")
    finally:
        shutil.rmtree(place, ignore_errors=True)
