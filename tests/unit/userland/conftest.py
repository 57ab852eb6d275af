"""Runs the userland's commands one at a time, each in an instance of its own, on a directory of the test's."""

from __future__ import annotations

import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
import wasmtime

import agentsh_tools
from agentsh.core.tree import Tree
from agentsh.sandbox.hostcalls import define_hostcalls
from agentsh.sandbox.modules import Toolbox

if TYPE_CHECKING:
    from collections.abc import Sequence

BUILD = Path(agentsh_tools.__file__).parents[1] / "build.py"


@dataclass(frozen=True)
class Result:
    """How a command ended."""

    code: int
    out: bytes
    err: bytes


class Runner:
    """Runs commands on one directory."""

    def __init__(self, toolbox: Toolbox, engine: wasmtime.Engine, root: Path, scratch: Path) -> None:
        self.root = root
        self._toolbox = toolbox
        self._engine = engine
        self._scratch = scratch

    def __call__(self, *argv: str, stdin: bytes = b"", cwd: str = "", env: dict[str, str] | None = None) -> Result:
        tool = self._toolbox.get(argv[0])
        assert tool is not None, argv[0]
        return self.run_module(tool.module, [tool.argv0, *argv[1:]], stdin=stdin, cwd=cwd, env=env)

    def run_module(
        self,
        module: wasmtime.Module,
        argv: Sequence[str],
        *,
        stdin: bytes = b"",
        cwd: str = "",
        env: dict[str, str] | None = None,
    ) -> Result:
        streams = {name: self._scratch / name for name in ("in", "out", "err")}
        streams["in"].write_bytes(stdin)
        store = wasmtime.Store(self._engine)
        linker = wasmtime.Linker(self._engine)
        linker.define_wasi()
        wasi = wasmtime.WasiConfig()
        wasi.argv = argv
        wasi.env = list(({"PWD": f"/workspace/{cwd}".rstrip("/")} | (env or {})).items())
        wasi.stdin_file, wasi.stdout_file, wasi.stderr_file = (str(p) for p in streams.values())
        wasi.preopen_dir(str(self.root), "/workspace")
        store.set_wasi(wasi)
        code = 0
        with Tree(self.root) as tree:
            calls = define_hostcalls(linker, store, tree=tree)
            try:
                instance = linker.instantiate(store, module)
                instance.exports(store)["_start"](store)
            except wasmtime.ExitTrap as e:
                code = e.code
            finally:
                calls.close()
        store.close()
        return Result(code, streams["out"].read_bytes(), streams["err"].read_bytes())


@pytest.fixture(scope="session")
def engine() -> wasmtime.Engine:
    return wasmtime.Engine()


@pytest.fixture(scope="session")
def built() -> Path:
    """The userland, built when it is not there or not up to date (nothing to do takes 0.1 s)."""
    done = subprocess.run([sys.executable, str(BUILD)], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return agentsh_tools.MODULES_DIR


@pytest.fixture(scope="session")
def toolbox(built: Path, engine: wasmtime.Engine, tmp_path_factory: pytest.TempPathFactory) -> Toolbox:
    assert built.is_dir()
    return Toolbox(engine, tmp_path_factory.mktemp("modules"))


@pytest.fixture
def run(toolbox: Toolbox, engine: wasmtime.Engine, tmp_path: Path) -> Runner:
    root, scratch = tmp_path / "workspace", tmp_path / "scratch"
    root.mkdir()
    scratch.mkdir()
    return Runner(toolbox, engine, root, scratch)


def tree_of(root: Path) -> dict[str, tuple[str, object]]:
    """Everything below a directory: kind, and mode and content, or target."""
    found: dict[str, tuple[str, object]] = {}
    for path in sorted(root.rglob("*")):
        name = os.fsencode(path.relative_to(root)).decode("latin-1")
        if path.is_symlink():
            found[name] = ("link", os.readlink(path))
        elif path.is_dir():
            found[name] = ("dir", path.stat().st_mode & 0o777)
        else:
            found[name] = ("file", (path.stat().st_mode & 0o777, path.read_bytes()))
    return found


def plant(root: Path) -> None:
    """A small project to work on, the same every time, with fixed times."""
    files = {
        "a.txt": b"one two\nthree four\nfive\n\nsix seven eight\nfive\n",
        "b.txt": b"one two\nthree 4\nfive\nsix seven eight\nnine\n",
        "numbers": b"10\n9\n2\n1\n33\n100\n2\n",
        "table.csv": b"name,age,city\nann,31,Oslo\nbob,25,Rome\ncy,44,Bern\nann,19,Rome\n",
        "mixed": b"Apple\nbanana\napple\nCherry\nbanana\n  indented\n\tTabbed\n",
        "sizes": b"1K a\n2M b\n512 c\n1G d\n3K e\n",
        "versions": b"v1.10\nv1.2\nv1.9.1\nv1.0\n",
        "no-newline": b"last line has none",
        "empty": b"",
        "binary.bin": bytes(range(256)) * 4 + b"needle\n",
        "utf8.txt": "grüße\nnaïve café\nΣίσυφος\nplain\n".encode(),
        "latin1.txt": "grüße\nplain\n".encode("latin-1"),
        "crlf.txt": b"one\r\ntwo\r\n",
        "long.txt": b"".join(b"line %d of the long file\n" % i for i in range(1, 501)),
        "src/main.py": b"import os\n\ndef main():\n    print('hello')\n    return 0\n\n\n"
        b"if __name__ == '__main__':\n    main()\n",
        "src/util.py": b"import re\n\n\ndef helper(x):\n    # TODO: foo\n    return x * 2\n\nclass Foo:\n    pass\n",
        "src/pkg/__init__.py": b"",
        "src/pkg/mod.py": b"from os import path\n\nFOO = 'foo'\nBAR = FOO + 'bar'\ndef foo_bar(foo):\n    return foo\n",
        "src/pkg/data.json": b'{"foo": [1, 2, 3], "bar": {"baz": null}}\n',
        "docs/read me.md": b"# Title\n\nSome *text* with foo and bar.\n\n- item one\n- item two\n",
        "docs/deep/er/note.txt": b"deep foo\n",
        "run.sh": b"#!/bin/sh\necho run\n",
        ".hidden": b"secret foo\n",
    }
    for name, content in files.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
    (root / "run.sh").chmod(0o755)
    (root / "empty_dir").mkdir()
    (root / "link").symlink_to("a.txt")
    (root / "dirlink").symlink_to("src")
    (root / "dangling").symlink_to("nowhere")
    for number, path in enumerate(sorted(root.rglob("*"), reverse=True)):
        os.utime(path, (1_600_000_000 + number, 1_600_000_000 + number), follow_symlinks=False)
