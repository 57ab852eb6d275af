"""``agentsh tools``: shown before it is added, added only on a yes."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import wasmtime

from agentsh import UserTools


@pytest.fixture
def module(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    monkeypatch.setenv("AGENTSH_CONFIG_DIR", str(tmp_path / "config"))
    (tmp_path / "m.wasm").write_bytes(
        bytes(wasmtime.wat2wasm('(module (memory (export "memory") 1) (func (export "_start")))'))
    )
    return str(tmp_path / "m.wasm")


def test_a_script_must_say_yes(cli: Any, module: str):
    for more in ([], ["--json"]):
        refused = cli("tools", "add", module, "--name", "m", "--capability", "write", *more)
        assert refused.code == 4
    assert "change the workspace" in cli("tools", "add", module, "--name", "m", "--capability", "write").err
    assert UserTools().list() == ()
    added = cli("tools", "add", module, "--name", "m", "--capability", "env=A,B", "--yes", "--json").json["added"]
    assert (added["name"], added["capabilities"], added["kind"]) == ("m", ["env=A,B"], "module")


@pytest.mark.parametrize(("typed", "code", "names"), [("y\n", 0, ["m"]), ("n\n", 1, []), ("\n", 1, [])])
def test_a_person_is_asked(terminal: Any, module: str, typed: str, code: int, names: list[str]):
    done = terminal("tools", "add", module, "--name", "m", typed=typed, colour=False)
    assert done.code == code
    assert b"may not" in done.out
    assert b"Add it?" in done.out
    assert [t.name for t in UserTools().list()] == names


def test_what_was_added_is_listed_shown_and_removed(cli: Any, module: str):
    assert cli("tools", "list").err == "No tool was added.\n"
    cli("tools", "add", module, "--name", "m", "--description", "does nothing", "--yes")
    cli("tools", "add", module, "--name", "cat", "--replace", "--yes")
    listed = cli("tools", "list").out.decode()
    assert "does nothing" in listed
    assert "replaces cat" in listed
    shown = cli("tools", "show", "m", "--json").json
    assert shown["state"] == "ok"
    assert shown["sha256"] in cli("tools", "show", "m").out.decode()
    assert [t["name"] for t in cli("tools", "list", "--json").json["tools"]] == ["cat", "m"]
    assert cli("tools", "remove", "m").out == b"removed m\n"
    assert cli("tools", "remove", "m").code == 2
    assert cli("tools", "show", "\x1b[2J").code == 2


def test_a_tool_that_was_changed_is_marked(cli: Any, module: str, tmp_path: Path):
    cli("tools", "add", module, "--name", "m", "--yes")
    (kept,) = (tmp_path / "config" / "tools").glob("*.wasm")
    kept.write_bytes(b"other")
    assert "! changed" in cli("tools", "list").out.decode()
    assert cli("tools", "show", "m", "--json").json["state"] == "changed"
