"""Tools that a person added: what a hostile one does with what it was not granted, and who else could add one."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
import wasmtime

from agentsh import ActionKind, ActionSpec, ConfigError, Limits, SandboxError, UsageError, UserTools, Workspace

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    Add = Callable[..., None]

_SOURCE = Path(__file__).parent / "guest" / "tool.c"
_START = '(memory (export "memory") 1) (func (export "_start"))'


@pytest.fixture(scope="session")
def hostile(tmp_path_factory: pytest.TempPathFactory) -> Path:
    pytest.importorskip("ziglang")
    built = tmp_path_factory.mktemp("guest") / "tool.wasm"
    compiler = [sys.executable, "-m", "ziglang", "cc", "--target=wasm32-wasi", "-O1", "-s"]
    subprocess.run([*compiler, "-Wno-everything", _SOURCE, "-o", built], check=True)
    return built


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A workspace beside something precious."""
    (tmp_path / "outside").mkdir()
    (tmp_path / "outside" / "secret").write_text("the-host-secret")
    (tmp_path / "ws" / "d").mkdir(parents=True)
    (tmp_path / "ws" / "file").write_text("file\n")
    return tmp_path / "ws"


@pytest.fixture
def tools(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> UserTools:
    monkeypatch.setenv("AGENTSH_CONFIG_DIR", str(tmp_path / "config"))
    return UserTools()


@pytest.fixture
def ws(root: Path, tools: UserTools, tmp_path: Path) -> Iterator[Workspace]:
    del tools  # it has set the place of the configuration
    with Workspace.open(root, data_dir=tmp_path / "data") as opened:
        yield opened


def wat(tmp_path: Path, text: str, name: str = "t.wasm") -> Path:
    """A module made of its text form."""
    (tmp_path / name).write_bytes(bytes(wasmtime.wat2wasm(f"(module {text})")))
    return tmp_path / name


def said(ws: Workspace, line: str, **options: float) -> tuple[int, str, str]:
    record = ws.exec(line, **options)  # type: ignore[arg-type]
    code = record.exit_code
    assert code is not None
    return code, ws.output(record.id).decode(), ws.output(record.id, "stderr").decode()


def precious(root: Path) -> list[str]:
    outside = root.parent / "outside"
    return [f"{p.name}: {p.read_text()}" for p in sorted(outside.iterdir())]


@pytest.mark.parametrize("granted", [["read"], []], ids=["read", "nothing"])
def test_writing_without_the_grant(ws: Workspace, tools: UserTools, hostile: Path, root: Path, granted: list[str]):
    tools.add(hostile, name="t", capabilities=[*granted, "clock", "random"])
    before = (root / "file").stat()
    record = ws.exec("t change; cd d; t change; cd ..; ls -la --full-time file d; cat file")
    assert b"DONE" not in ws.output(record.id)
    assert ws.output(record.id).endswith(b"file\n")
    assert not record.changes
    assert (root / "file").stat().st_mtime_ns == before.st_mtime_ns


def test_that_the_attack_works_where_it_is_granted(ws: Workspace, tools: UserTools, hostile: Path):
    """What the test above tries is not in vain."""
    tools.add(hostile, name="t", capabilities=["write"])
    _, out, _ = said(ws, "t change")
    for what in (
        "write",
        "ftruncate",
        "futimens",
        "pwrite",
        "mkdir",
        "rename",
        "link",
        "raw write",
        "raw size",
        "raw rename",
        "raw times",
    ):
        assert f"DONE {what} " in out, what


def test_reading_without_the_grant(ws: Workspace, tools: UserTools, hostile: Path):
    tools.add(hostile, name="t", capabilities=["clock", "random", "env=PWD,HOME"])
    names = "file ./file /workspace /workspace/file . .. / d /etc/passwd /proc/self/environ"
    code, out, _ = said(ws, f"t look {names}; cd d; t look {names} ../file")
    assert (code, out) == (0, "")


@pytest.mark.parametrize("granted", ["read", "write"])
def test_names_that_lead_out(ws: Workspace, tools: UserTools, hostile: Path, root: Path, granted: str):
    tools.add(hostile, name="t", capabilities=[granted])
    outside = root.parent / "outside"
    (root / "link").symlink_to(outside)
    (root / "leaf").symlink_to("../outside/secret")
    names = [
        "../outside/secret", "../outside/new", "d/../../outside/secret", "/workspace/../outside/secret",
        f"{outside}/secret", "link/secret", "link/new", "leaf", "./leaf", "/workspace/link/secret", "/etc/passwd",
        "/proc/self/environ", "..", "../..", "/",
    ]  # fmt: skip
    shown = "".join(said(ws, f"{where} t take {' '.join(names)}")[1] for where in ("", "cd d;"))
    for word in (
        "ENTRY secret",
        "ENTRY etc",
        "ENTRY ws",
        "the-host-secret",
        "root:",
        "list ..",
        "create ../",
        "rename ..",
    ):
        assert word not in shown
    assert precious(root) == ["secret: the-host-secret"]


def test_a_directory_that_becomes_a_way_out_under_the_feet_of_the_shell(
    ws: Workspace, tools: UserTools, hostile: Path, root: Path
):
    tools.add(hostile, name="t", capabilities=["write"])
    code, out, err = said(ws, "cd d; rmdir ../d; ln -s ../outside ../d; t take secret new")
    assert code == 126
    assert out == ""
    assert "cannot be entered" in err
    assert precious(root) == ["secret: the-host-secret"]


def test_variables_time_and_chance_without_the_grant(ws: Workspace, tools: UserTools, hostile: Path):
    tools.add(hostile, name="t", capabilities=["env=SHOWN"])
    line = "export TOKEN=hidden SHOWN=yes; t env; t random; sleep 0.01; t time"
    _, first, _ = said(ws, line)
    assert first.splitlines()[0] == "SHOWN=yes"
    assert "hidden" not in first
    assert first.splitlines()[1] == "-1" + " 0" * 16
    assert said(ws, line)[1] == first


def test_a_file_that_is_swapped_after_adding(ws: Workspace, tools: UserTools, tmp_path: Path):
    """The original, which nobody reads again; and what is kept, in a worker that has run it and in one that has not."""
    honest = wat(tmp_path, _START)
    tools.add(honest, name="t")
    evil = wat(tmp_path, _START.replace('"_start")', '"_start") unreachable'), "evil.wasm").read_bytes()
    honest.write_bytes(evil)
    assert said(ws, "t")[0] == 0
    (kept,) = (tmp_path / "config" / "tools").glob("*.wasm")
    good = kept.read_bytes()
    for content in (evil, b"", good + b"\0", good[:-1]):
        kept.write_bytes(content)
        code, _, err = said(ws, "t")
        assert code == 126
        assert "not the one that was added" in err
        with Workspace.open(ws.path, data_dir=tmp_path / "data2") as fresh:
            assert said(fresh, "t")[0] == 126
        assert tools.state(tools.get("t")) == "changed"
    kept.unlink()
    kept.symlink_to(tmp_path / "evil.wasm")
    assert said(ws, "t")[0] == 126
    kept.unlink()
    assert said(ws, "t")[0] == 126
    kept.write_bytes(good)
    assert said(ws, "t")[0] == 0


def test_a_start_function_that_never_ends(ws: Workspace, tools: UserTools, tmp_path: Path):
    """Neither adding it runs it, nor does calling it outlast the limit."""
    loop = wat(tmp_path, f"{_START} (func $f (loop (br 0))) (start $f)")
    tools.add(loop, name="t")
    record = ws.exec("t", timeout=0.5)
    assert record.stopped == "wall_s"
    assert record.duration < 1.5
    assert said(ws, "echo alive")[1] == "alive\n"


def test_a_start_function_that_crashes(ws: Workspace, tools: UserTools, tmp_path: Path):
    tools.add(wat(tmp_path, f"{_START} (func $f unreachable) (start $f)"), name="t")
    code, _, err = said(ws, "t")
    assert code == 134
    assert err == "t: crashed: unreachable\n"


_I32X3 = "(func (param i32 i32 i32) (result i32))"


@pytest.mark.parametrize(
    ("text", "why"),
    [
        (f'(import "env" "system" (func (param i32))) {_START}', "env.system"),
        (f'(import "agentsh" "remove" {_I32X3}) {_START}', "agentsh.remove"),
        (f'(import "agentsh" "set_mode" {_I32X3}) {_START}', "agentsh.set_mode"),
        (f'(import "host" "call" {_I32X3}) {_START}', "host.call"),
        (f'(import "wasi_snapshot_preview1" "path_exec" (func)) {_START}', "path_exec"),
        (f'(import "wasi_snapshot_preview1" "fd_write" (func)) {_START}', "fd_write"),
        ('(import "wasi_snapshot_preview1" "m" (memory 1)) (func (export "_start"))', "m"),
        (f'(import "wasi_unstable" "fd_close" (func (param i32) (result i32))) {_START}', "draft"),
        ('(memory (export "memory") 65536) (func (export "_start"))', "4096 MiB"),
        ('(memory (export "memory") 1 2 shared) (func (export "_start"))', "threads"),
        ('(memory (export "memory") i64 1) (func (export "_start"))', "memory64"),
        (f"(memory 1) {_START}", "multiple memories"),
        (f"(type (struct (field i32))) {_START}", "gc"),
        ('(memory (export "memory") 1) (func (export "_initialize"))', "reactor"),
        ('(memory (export "memory") 1)', "_start"),
        ('(func (export "_start"))', "memory"),
        ('(memory (export "memory") 1) (func (export "_start") (param i32))', "_start"),
        ('(memory (export "memory") 1) (global (export "_start") i32 (i32.const 0))', "_start"),
    ],
)  # fmt: skip
def test_modules_that_are_no_tools(tools: UserTools, tmp_path: Path, text: str, why: str):
    with pytest.raises(UsageError) as caught:
        tools.add(wat(tmp_path, text), name="t")
    assert why in caught.value.what + caught.value.next_step
    assert tools.list() == ()


@pytest.mark.parametrize(
    ("content", "name", "why"),
    [
        (b"\0asm\x0d\0\x01\0", "t.wasm", "preview 2"),
        (b"\0asm\x02\0\0\0", "t.wasm", "version"),
        (b"\0asm\x01\0\0\0\xff\xff", "t.wasm", "not valid"),
        (b"\0as", "t.wasm", "no WASM module"),
        (b"(module)", "t.wasm", "text form"),
        (b"\x7fELF\x02", "t.wasm", "this machine"),
        (b"\0asm\x01\0\0\0" + bytes(64 << 20), "t.wasm", "larger"),
        (b"#" * (256 << 10) + b"\n", "t.py", "larger"),
        (b"\xff", "t.py", "UTF-8"),
        (b"a\0b", "t.py", "NUL"),
        (b"print()", "t.txt", "no WASM module"),
    ],
    ids=["component", "version", "cut", "short", "text", "elf", "large", "large-script", "latin", "nul", "other"],
)
def test_files_that_are_no_tools(tools: UserTools, tmp_path: Path, content: bytes, name: str, why: str):
    (tmp_path / name).write_bytes(content)
    with pytest.raises(UsageError) as caught:
        tools.add(tmp_path / name, name="t")
    assert why in caught.value.what
    assert tools.list() == ()


def test_a_fifo_in_the_place_of_a_file(tools: UserTools, tmp_path: Path):
    os.mkfifo(tmp_path / "t.wasm")
    with pytest.raises(UsageError, match="regular"):
        tools.add(tmp_path / "t.wasm", name="t")


def test_memory_and_tables_that_the_limits_do_not_allow(ws: Workspace, tools: UserTools, root: Path, tmp_path: Path):
    tools.add(wat(tmp_path, '(memory (export "memory") 8192) (func (export "_start"))'), name="fat")
    tools.add(wat(tmp_path, f"(table 4000000000 funcref) {_START}"), name="table")
    code, _, err = said(ws, "table")
    assert code == 126
    assert "cannot be started" in err
    with Workspace.open(root, data_dir=tmp_path / "data", limits=Limits(memory_bytes=64 << 20)) as small:
        record = small.exec("fat")
        assert (record.stopped, record.exit_code) == ("memory_bytes", 6)
        assert said(small, "echo alive")[1] == "alive\n"


@pytest.mark.parametrize(
    "name",
    ["", ".", "..", "a/b", "/t", "../t", "-t", ".t", "a b", "a\n", "a\x1b[2J", "a\u202eb", "é", "a\0", "a;b", "$(x)",
     "a" * 65],
)  # fmt: skip
def test_names_that_mean_something_else(tools: UserTools, tmp_path: Path, name: str):
    for options in ({"name": name}, {"name": "t", "commands": [name]}):
        with pytest.raises(UsageError) as caught:
            tools.add(wat(tmp_path, _START), **options)  # type: ignore[arg-type]
        assert "\x1b" not in caught.value.what
    assert not (tmp_path / "config").exists() or tools.list() == ()


@pytest.mark.parametrize("text", ["a\nb", "\x1b]0;x\x07", "\u202ereversed", "a\u200bb", "x" * 201])
def test_descriptions_that_say_more_than_can_be_seen(tools: UserTools, tmp_path: Path, text: str):
    with pytest.raises(UsageError, match="visible"):
        tools.add(wat(tmp_path, _START), name="t", description=text)


@pytest.mark.parametrize(
    "words", [["network"], ["read,write"], ["env"], ["env="], ["env=A,"], ["env=A B"], [""], ["Read"]]
)
def test_capabilities_that_there_are_not(tools: UserTools, tmp_path: Path, words: list[str]):
    with pytest.raises(UsageError, match="capability"):
        tools.add(wat(tmp_path, _START), name="t", capabilities=words)


@pytest.mark.parametrize(
    "name", ["cd", "[", "test", "if", "time", "sh", "bash", "find", "xargs", "view", "put", "edit"]
)
def test_names_that_the_shell_and_agentsh_need(tools: UserTools, tmp_path: Path, name: str):
    for replace in (False, True):
        with pytest.raises(UsageError):
            tools.add(wat(tmp_path, _START), name=name, replace=replace)


def test_a_command_is_replaced_only_where_that_was_said(ws: Workspace, tools: UserTools, hostile: Path, root: Path):
    with pytest.raises(UsageError, match="own"):
        tools.add(hostile, name="grep")
    assert tools.add(hostile, name="grep", replace=True).replace
    assert said(ws, "grep file file")[1] == "hello grep\n"
    # agentsh's own search is not the person's tool.
    record = ws.act(ActionSpec(ActionKind.SEARCH, {"pattern": "file"}))
    assert ws.output(record.id) == b"./file:1:file\n"
    # A command that agentsh gets later is not shadowed by an older tool of that name.
    listed = json.loads((root.parent / "config" / "tools" / "tools.json").read_text())
    listed["tools"]["grep"]["replace"] = False
    (root.parent / "config" / "tools" / "tools.json").write_text(json.dumps(listed))
    assert said(ws, "grep file file")[1] == "file\n"
    assert tools.state(tools.get("grep")) == "hidden"


def test_a_repository_or_an_action_that_adds_a_tool(ws: Workspace, tools: UserTools, hostile: Path, root: Path):
    tools.add(hostile, name="own", capabilities=["write"])
    shelf = root.parent / "config" / "tools"
    before = {p.name: p.read_bytes() for p in shelf.iterdir()}
    (root / "tools").mkdir()
    for name, content in before.items():
        (root / "tools" / name).write_bytes(content.replace(b'"own"', b'"evil"'))
    (root / "tool.wasm").write_bytes(hostile.read_bytes())
    code, _, err = said(ws, "agentsh tools add tool.wasm --name evil --yes; evil; tools/tool.wasm; ./tool.wasm")
    assert code in (126, 127)
    assert "evil: command not found" in err
    said(ws, f"cp tool.wasm {shelf}/x.wasm; own take {shelf}/tools.json ../config/tools/tools.json; echo > {shelf}/y")
    assert {p.name: p.read_bytes() for p in shelf.iterdir()} == before
    (root / ".agentsh.toml").write_text('[tools.evil]\nfile = "tool.wasm"\n')
    with pytest.raises(ConfigError):
        Workspace.open(root, data_dir=root.parent / "data")


@pytest.mark.parametrize("where", ["config", "config/tools"])
def test_a_workspace_where_the_tools_are_kept(tools: UserTools, tmp_path: Path, where: str):
    tools.add(wat(tmp_path, _START), name="t")
    with pytest.raises(ConfigError):
        Workspace.open(tmp_path / where, data_dir=tmp_path / "data")


_ENTRY = {"kind": "module", "commands": ["t"], "description": "", "capabilities": [], "sha256": "0" * 64, "size": 1}


def listed(name: str = "t", **changes: object) -> str:
    """A list with one tool in it."""
    fields = {**_ENTRY, "source": "", "replace": False, **changes}
    return json.dumps({"schema": 1, "tools": {name: fields}})


@pytest.mark.parametrize(
    "content",
    [
        "",
        "[]",
        "{}",
        '{"schema": 2, "tools": {}}',
        "[" * 100_000,
        listed("a/b"),
        listed(commands=["../x"]),
        listed(sha256="../../../etc/passwd"),
        listed(description="\x1b[2J"),
        listed(capabilities=["everything"]),
        listed(kind="program"),
        listed(size="1"),
    ],
)
def test_a_list_that_is_damaged(ws: Workspace, tools: UserTools, tmp_path: Path, content: str):
    tools.add(wat(tmp_path, _START), name="t")
    (tmp_path / "config" / "tools" / "tools.json").write_text(content)
    with pytest.raises(ConfigError, match=r"tools\.json"):
        tools.list()
    with pytest.raises(SandboxError, match=r"tools\.json"):
        ws.exec("echo x")


@pytest.mark.parametrize("mode", [0o777, 0o770])
def test_a_shelf_that_others_can_change(ws: Workspace, tools: UserTools, tmp_path: Path, mode: int):
    tools.add(wat(tmp_path, _START), name="t")
    (tmp_path / "config" / "tools").chmod(mode)
    with pytest.raises(ConfigError, match="Others"):
        tools.list()
    with pytest.raises(SandboxError, match="Others"):
        ws.exec("t")


def test_a_tool_that_writes_to_nobody(ws: Workspace, tools: UserTools, hostile: Path):
    tools.add(hostile, name="t", capabilities=["read"])
    assert said(ws, "t yes | head -1; echo ${PIPESTATUS[0]}")[1] == "y\n141\n"
    code, _, err = said(ws, "t confuse")
    assert code == 0 or (code == 134 and err.startswith("t: crashed: "))
    for code in (0, 1, 200):
        assert said(ws, f"t exit {code}")[0] == code


_SCRIPT = """
import os, sys
sys.path.append(".")
for path in ("file", "/workspace/file", "/workspace", "/etc/passwd", "../outside/secret"):
    try:
        print("DONE", path, sorted(os.listdir(path)) if os.path.isdir(path) else open(path).read())
    except OSError:
        pass
for path in ("new", "/workspace/new", "/usr/local/lib/new", "../new"):
    try:
        open(path, "w").write("owned")
        print("WROTE", path)
    except OSError:
        pass
print(sorted(n for n in os.environ if not n.startswith(("PYTHON", "PYTEST"))))  # those are the sandbox's own
"""


@pytest.mark.python
@pytest.mark.parametrize(
    ("granted", "expected"),
    [
        ([], "DONE /workspace []\n[]\n"),
        (["read"], "DONE file file\n\nDONE /workspace/file file\n\nDONE /workspace ['d', 'file']\n['PWD']\n"),
        (["read", "write"], None),
    ],
    ids=["nothing", "read", "write"],
)
def test_a_script_without_the_grant(ws: Workspace, tools: UserTools, granted: list[str], expected: str | None):
    (ws.path.parent / "t.py").write_text(_SCRIPT)
    tools.add(ws.path.parent / "t.py", name="t", capabilities=granted)
    record = ws.exec("export TOKEN=hidden; t")
    if "not compiled" in (err := ws.output(record.id, "stderr").decode()) or "not installed" in err:
        pytest.skip(err)
    out = ws.output(record.id).decode()
    if expected is None:
        assert [e.path for e in record.changes] == [b"new"]
    else:
        assert out == expected
        assert not record.changes


@pytest.mark.python
def test_a_module_of_the_workspace_does_not_take_over_a_script(ws: Workspace, tools: UserTools):
    for name in ("os", "sys", "json", "sitecustomize", "usercustomize"):
        (ws.path / f"{name}.py").write_text("print('taken over')")
    (ws.path.parent / "t.py").write_text("import json, sys; print(json.dumps(sys.argv))")
    tools.add(ws.path.parent / "t.py", name="t", capabilities=["write"])
    code, out, err = said(ws, "export PYTHONPATH=/workspace PYTHONSTARTUP=/workspace/os.py; t -c 'print(1)' --help")
    if "not compiled" in err or "not installed" in err:
        pytest.skip(err)
    assert (code, out) == (0, '["t", "-c", "print(1)", "--help"]\n')
