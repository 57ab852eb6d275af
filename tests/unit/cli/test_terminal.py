"""On a terminal: colours where they are wanted, and nothing hostile ever."""

from __future__ import annotations

import re
from typing import Any

import pytest

from agentsh.core.effect import Flag

pytestmark = pytest.mark.usefixtures("workspace")

SGR = re.compile(rb"\x1b\[[0-9;]*m")
HOSTILE = b"\x1b]52;c;QUFB\x07\x1b[2J\x9b31m\xe2\x80\xae\rgone"


def only_colours(out: bytes) -> bool:
    return b"\x1b" not in SGR.sub(b"", out) and b"\xe2\x80\xae" not in out and b"\x07" not in out


@pytest.mark.parametrize("arguments", [["diff"], ["diff", "--patch"], ["diff", "--stat"], ["show", "a1"], ["status"]])
def test_hostile_names_and_contents_do_not_reach_the_terminal(
    terminal: Any, workspace: Any, make: Any, arguments: list[str]
) -> None:
    name = b"n" + HOSTILE
    workspace.records["a1"] = make.action(1, line=name.decode("utf-8", "surrogateescape"), paths=[name])
    workspace.records["a1"] = make.action(
        1, line=name.decode("utf-8", "surrogateescape"), paths=[name], stdout=make.output(b"d", 9)
    )
    workspace.outputs = {"stdout": HOSTILE + b"\n"}
    workspace.diffs = [make.created(name, HOSTILE + b"\n", note="n" + HOSTILE.decode("utf-8", "surrogateescape"))]
    result = terminal(*arguments)
    assert result.code == 0
    assert only_colours(result.out), result.out


def test_a_command_s_output_is_made_visible(terminal: Any, workspace: Any, make: Any) -> None:
    workspace.records["a1"] = make.action(1)
    workspace.outputs = {"stdout": HOSTILE, "stderr": HOSTILE}
    out = terminal("exec", "x").out
    assert only_colours(out)
    assert out.count(b"\\x1b]52;c;QUFB\\x07") == 2
    assert out.endswith(b"\r\n"), "an open line is ended"


def test_a_character_that_arrives_in_two_pieces_is_one(terminal: Any, workspace: Any, make: Any) -> None:
    workspace.records["a1"] = make.action(1)

    def in_pieces(_line: str, *, timeout: float | None = None, on_output: Any = None) -> Any:
        del timeout
        for piece in (b"gr\xc3", b"\xbcn\xe2", b"\n"):
            on_output("stdout", piece)
        return workspace.records["a1"]

    workspace.exec = in_pieces
    assert terminal("exec", "x").out == "grün\\xe2\r\n".encode()


def test_colours_on_a_terminal_and_none_with_no_color(terminal: Any, workspace: Any, make: Any) -> None:
    workspace.diffs = [make.created(b"f", flags=(Flag.EXECUTABLE,))]
    assert SGR.search(terminal("diff").out)
    plain = terminal("diff", colour=False).out
    assert b"\x1b" not in plain
    assert b"A f  added  +1" in plain
    assert b"executable: becomes executable" in plain


def test_a_line_without_an_end_and_a_changed_line_end_are_visible(terminal: Any, workspace: Any, make: Any) -> None:
    workspace.diffs = [make.created(b"f", b"a\tb\r\nlast")]
    out = terminal("diff", colour=False).out.decode()
    assert "a   b\\x0d" in out
    assert "+ last  (no newline at the end)" in out


def test_bare_agentsh_says_what_to_use(terminal: Any) -> None:
    result = terminal()
    assert result.code == 0
    assert b"no full-screen interface in this version" in result.out
