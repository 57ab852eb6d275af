"""On a terminal: colours where they are wanted, and nothing hostile ever."""

from __future__ import annotations

import re
from typing import Any

import pytest
from rich.cells import cell_len

from agentsh.cli.progress import Wrap
from agentsh.core.effect import Flag
from agentsh.core.report import LogEntry, LogKind

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


def test_the_interface_needs_a_directory_and_a_terminal(terminal: Any, cli: Any) -> None:
    assert b"not a directory" in terminal("tui", "-w", "nowhere").out
    refused = cli("tui")
    assert refused.code == 2
    assert "needs a terminal" in refused.err


def lines(number: int) -> bytes:
    return b"".join(b"line %d\n" % n for n in range(number))


def test_a_long_file_is_folded_and_says_how_to_see_the_rest(terminal: Any, workspace: Any, make: Any) -> None:
    workspace.diffs = [make.created(b"f", lines(200), action="a7"), make.created(b"g", lines(200))]
    out = terminal("diff", colour=False).out.decode()
    assert "... 140 more lines (agentsh diff a7)" in out
    assert "... 140 more lines (agentsh diff --full)" in out
    assert "line 150" not in out
    for whole in (["diff", "--full"], ["diff", "a7"]):
        out = terminal(*whole, colour=False).out.decode()
        assert "more lines" not in out
        assert out.count("line 199") == 2


def test_many_files_are_named_without_their_lines(terminal: Any, workspace: Any, make: Any) -> None:
    workspace.diffs = [make.created(b"f%d" % n, lines(50)) for n in range(300)]
    out = terminal("diff", colour=False).out.decode()
    assert "more paths (agentsh diff --full):" in out
    assert out.count("\n") < 600


def test_the_log_has_one_row_an_entry_on_a_narrow_terminal(
    terminal: Any, workspace: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "60")
    title = "echo one\necho 日本語 " + "x" * 300
    workspace.entries = [LogEntry("a1", LogKind.ACTION, 0.0, title, "done")] * 3
    rows = terminal("log", colour=False).out.decode().splitlines()
    assert len(rows) == 3
    assert all(cell_len(row) == 60 for row in rows)
    assert "echo one ↵ echo" in rows[0]
    assert rows[0].endswith("…")


def test_a_warning_about_a_path_is_never_cut(
    terminal: Any, workspace: Any, make: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "30")
    workspace.diffs = [make.created(b"f" * 40, flags=(Flag.EXECUTABLE,))]
    assert b"executable: becomes executable" in terminal("diff", "--stat", colour=False).out


def test_a_models_words_break_between_words() -> None:
    wrap = Wrap(20)
    out = (
        "".join(wrap.feed(piece) for piece in ("I read the cl", "ass, the docs and\nthe ", "changelog of it"))
        + wrap.rest()
    )
    assert [line.rstrip() for line in out.split("\n")] == ["I read the class,", "the docs and", "the changelog of it"]
    assert wrap.feed("y" * 50 + " ") == "y" * 50, "a word longer than the terminal is left to it"
