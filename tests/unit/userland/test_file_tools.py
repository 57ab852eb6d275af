"""view, put and edit: the agent's file tools."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from tests.unit.userland.conftest import Runner


def change(old: bytes, new: bytes) -> bytes:
    return b"%d\n%s%d\n%s" % (len(old), old, len(new), new)


def test_view_numbers_lines(run: Runner) -> None:
    (run.root / "f").write_bytes(b"one\ntwo\nthree")
    result = run("view", "f")
    assert (result.code, result.out, result.err) == (0, b"     1\tone\n     2\ttwo\n     3\tthree\n", b"")


def test_view_says_how_much_there_is_when_it_shows_a_part(run: Runner) -> None:
    (run.root / "f").write_bytes(b"".join(b"%d\n" % i for i in range(1, 101)))
    result = run("view", "f", "10", "2")
    assert result.out == b"    10\t10\n    11\t11\n"
    assert b"lines 10 to 11 of 100" in result.err


@pytest.mark.parametrize("offset", ["0", "-1", "x", ""])
def test_view_refuses_an_offset_that_is_none(run: Runner, offset: str) -> None:
    (run.root / "f").write_bytes(b"a\n")
    assert run("view", "f", offset).code == 2


def test_view_refuses_binary_directories_and_what_is_missing(run: Runner) -> None:
    (run.root / "b").write_bytes(b"a\0b")
    (run.root / "d").mkdir()
    for name, word in (("b", b"not text"), ("d", b"directory"), ("none", b"No such file")):
        result = run("view", name)
        assert result.code == 1
        assert word in result.err
        assert result.out == b""


def test_view_past_the_end_says_where_the_end_is(run: Runner) -> None:
    (run.root / "f").write_bytes(b"a\nb\n")
    result = run("view", "f", "9")
    assert result.code == 1
    assert b"2 lines" in result.err


def test_put_creates_directories_and_keeps_the_mode(run: Runner) -> None:
    assert run("put", "a/b/c", stdin=b"new\0bytes").code == 0
    assert (run.root / "a/b/c").read_bytes() == b"new\0bytes"
    script = run.root / "script"
    script.write_bytes(b"old")
    script.chmod(0o750)
    assert run("put", "script", stdin=b"other").code == 0
    assert script.read_bytes() == b"other"
    assert script.stat().st_mode & 0o777 == 0o750
    assert sorted(p.name for p in run.root.iterdir()) == ["a", "script"]


def test_put_writes_through_a_symlink_inside(run: Runner) -> None:
    (run.root / "target").write_bytes(b"old")
    (run.root / "link").symlink_to("target")
    assert run("put", "link", stdin=b"new").code == 0
    assert (run.root / "link").is_symlink()
    assert (run.root / "target").read_bytes() == b"new"


def test_put_goes_by_the_working_directory(run: Runner) -> None:
    (run.root / "sub").mkdir()
    assert run("put", "f", stdin=b"x", cwd="sub").code == 0
    assert (run.root / "sub/f").read_bytes() == b"x"


def test_edit_replaces_what_is_there_once(run: Runner) -> None:
    (run.root / "f").write_bytes(b"a\nb\nc\n")
    result = run("edit", "f", stdin=change(b"b\n", b"B\nB\n"))
    assert (result.code, result.out) == (0, b"f: replaced at line 2\n")
    assert (run.root / "f").read_bytes() == b"a\nB\nB\nc\n"


def test_edit_refuses_what_is_there_more_than_once_and_names_the_lines(run: Runner) -> None:
    (run.root / "f").write_bytes(b"x\ny\nx\n")
    result = run("edit", "f", stdin=change(b"x", b"z"))
    assert result.code == 1
    assert b"2 times, at line 1, 3" in result.err
    assert (run.root / "f").read_bytes() == b"x\ny\nx\n"
    assert run("edit", "f", "--all", stdin=change(b"x", b"z")).code == 0
    assert (run.root / "f").read_bytes() == b"z\ny\nz\n"


def test_edit_points_at_the_closest_line(run: Runner) -> None:
    (run.root / "f").write_bytes(b"def first():\n    pass\ndef second(value):\n    return value\n")
    result = run("edit", "f", stdin=change(b"def second(values):\n", b""))
    assert result.code == 1
    assert b"closest line is 3:\ndef second(value):" in result.err


@pytest.mark.parametrize("stdin", [b"", b"3\nab", b"x\n", b"1\na1\nbmore", b"99999999999\na", b"1\na"])
def test_edit_refuses_broken_input(run: Runner, stdin: bytes) -> None:
    (run.root / "f").write_bytes(b"abc")
    assert run("edit", "f", stdin=stdin).code == 2
    assert (run.root / "f").read_bytes() == b"abc"


def test_edit_refuses_an_empty_and_an_unchanged_text(run: Runner) -> None:
    (run.root / "f").write_bytes(b"abc")
    assert run("edit", "f", stdin=change(b"", b"x")).code == 2
    assert run("edit", "f", stdin=change(b"a", b"a")).code == 1


def test_edit_is_byte_exact(run: Runner) -> None:
    (run.root / "f").write_bytes(b"a\r\n\xff\xfe\0z")
    assert run("edit", "f", stdin=change(b"\xff\xfe\0", b"\0\n")).code == 0
    assert (run.root / "f").read_bytes() == b"a\r\n\0\nz"
