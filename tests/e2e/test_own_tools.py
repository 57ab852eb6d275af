"""A person's own tools, from the source in docs/examples/tools to an action that calls them."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from agentsh import ActionStatus, NotFoundError, UserTools, Workspace
from agentsh.runtime.prompt import system_message
from agentsh.runtime.tools import tool_schemas

if TYPE_CHECKING:
    from collections.abc import Iterator

EXAMPLES = Path(__file__).resolve().parents[2] / "docs" / "examples" / "tools"
ZIG = [sys.executable, "-m", "ziglang"]
LINE = (
    "wordfreq t | head -2; printf 'x y x' | wordfreq; cd d; wordfreq g; wordfreq /workspace/t missing > ../out; echo $?"
)
EXPECTED = "3 the\n2 dog\n2 x\n1 y\n2 b\n1 a\n1\n"


@pytest.fixture
def ws(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Workspace]:
    monkeypatch.setenv("AGENTSH_CONFIG_DIR", str(tmp_path / "config"))
    (tmp_path / "ws" / "d").mkdir(parents=True)
    (tmp_path / "ws" / "t").write_text("the cat The dog\nthe end, dog")
    (tmp_path / "ws" / "d" / "g").write_text("b a b")
    with Workspace.open(tmp_path / "ws", data_dir=tmp_path / "data") as opened:
        yield opened


def said(ws: Workspace, line: str) -> str:
    record = ws.exec(line)
    return (ws.output(record.id) + ws.output(record.id, "stderr")).decode()


def rust() -> tuple[str, str]:
    for compiler in ("rustc", "/usr/bin/rustc"):
        for target in ("wasm32-wasip1", "wasm32-wasi"):
            if shutil.which(compiler):
                command = [compiler, "--print", "target-libdir", "--target", target]
                place = subprocess.run(command, capture_output=True, text=True, check=False).stdout.strip()
                if place and Path(place).is_dir() and linker(compiler):
                    return compiler, target
    pytest.skip("no rustc with rust-lld and the target wasm32-wasip1 or wasm32-wasi")


def linker(compiler: str) -> bool:
    """Whether the linker is there, which rustup brings and Debian has in a package of its own (lld)."""
    command = [compiler, "--print", "sysroot"]
    sysroot = Path(subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip())
    return shutil.which("rust-lld") is not None or any(sysroot.glob("lib/rustlib/*/bin/rust-lld"))


def build(language: str, out: Path) -> None:
    source = str(EXAMPLES / f"wordfreq.{language}")
    environment = dict(os.environ)
    if language in ("c", "zig"):
        pytest.importorskip("ziglang")
    if language == "c":
        command = [*ZIG, "cc", "--target=wasm32-wasi", "-O2", "-s", source, "-o", str(out)]
    elif language == "zig":
        options = ["-target", "wasm32-wasi", "-lc", "-O", "ReleaseSmall", f"-femit-bin={out}"]
        command = [*ZIG, "build-exe", source, *options]
    elif language == "rs":
        compiler, target = rust()
        command = [compiler, "--target", target, "-O", "-C", "strip=symbols", source, "-o", str(out)]
    else:
        go = shutil.which(os.environ.get("GO", "go"))
        if go is None:
            pytest.skip("no Go compiler")
        command = [go, "build", "-ldflags=-s -w", "-o", str(out), source]
        environment |= {
            "GOOS": "wasip1",
            "GOARCH": "wasm",
            "GOTOOLCHAIN": "local",
            "GOCACHE": str(out.parent / "cache"),
        }
    subprocess.run(command, check=True, env=environment, cwd=out.parent)


@pytest.mark.slow
@pytest.mark.parametrize("language", ["c", "zig", "rs", "go"])
def test_an_example_in_each_language(ws: Workspace, tmp_path: Path, language: str):
    build(language, tmp_path / "wordfreq.wasm")
    UserTools().add(tmp_path / "wordfreq.wasm", name="wordfreq", capabilities=["read"])
    record = ws.exec(LINE)
    assert ws.output(record.id).decode() == EXPECTED
    assert b"missing" in ws.output(record.id, "stderr")


@pytest.mark.python
def test_the_example_in_python(ws: Workspace):
    UserTools().add(EXAMPLES / "wordfreq.py", name="wordfreq", capabilities=["read"])
    record = ws.exec(LINE)
    if "not compiled" in (err := ws.output(record.id, "stderr").decode()) or "not installed" in err:
        pytest.skip(err)
    assert ws.output(record.id).decode() == EXPECTED


@pytest.fixture
def tool(tmp_path: Path) -> Path:
    wasmtime = pytest.importorskip("wasmtime")
    made = tmp_path / "nothing.wasm"
    made.write_bytes(bytes(wasmtime.wat2wasm('(module (memory (export "memory") 1) (func (export "_start")))')))
    return made


def test_a_warm_session_hints_policies_and_models_know_it(ws: Workspace, tool: Path, tmp_path: Path):
    assert "command not found" in said(ws, "wordfreq")
    tools = UserTools()
    tools.add(tool, name="wordfreq", description="count words", commands=["wordfreq", "wf"])
    assert said(ws, "wordfreq && wf && echo done; command -v wf") == "done\n/bin/wf\n"
    assert "there is wordfreq" in said(ws, "wordfrek")
    (shell,) = [s["function"] for s in tool_schemas(ws.user_tools()) if s["function"]["name"] == "shell"]
    assert "wordfreq, wf (count words; reads stdin alone)" in shell["description"]
    assert "wordfreq wf" in system_message(ws.user_tools())["content"]
    (tmp_path / "p.toml").write_text('[[rule]]\nverdict = "deny"\ncommands = ["wf"]\n')
    with Workspace.open(ws.path, data_dir=tmp_path / "data", policy=str(tmp_path / "p.toml")) as strict:
        assert strict.exec("echo t | xargs wf").status is ActionStatus.DENIED
        assert strict.exec("wordfreq").status is ActionStatus.DONE
    tools.remove("wordfreq")
    assert "command not found" in said(ws, "wf")
    with pytest.raises(NotFoundError):
        tools.get("wordfreq")
