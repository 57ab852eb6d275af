"""Conflicts taken apart into places, and put together again by a person's picks."""

from __future__ import annotations

from pathlib import Path

import pytest

from agentsh import Workspace
from agentsh.core.history import PathConflict, Resolution
from agentsh.runtime.merge import Region
from agentsh.runtime.resolving import Pick, lines_of


def landed(ws: Workspace, path: str, content: bytes) -> str:
    action = ws.stage(path, content).id
    ws.approve([action])
    ws.commit()
    return action


def conflict(ws: Workspace, action: str) -> PathConflict:
    (found,) = ws.revert([action], dry_run=True).conflicts
    return found


def torn(ws: Workspace, root: Path) -> PathConflict:
    """In two places; what is agreed is from both sides."""
    (root / "t").write_text("a\nb\nc\nd\ne\nf\ng\n")
    first = landed(ws, "t", b"A\nb\nc\nD\ne\nf\ng\n")
    landed(ws, "t", b"1\nb\nc\n4\ne\nf\nG\n")
    return conflict(ws, first)


def test_the_places_are_what_both_sides_changed(ws: Workspace, root: Path) -> None:
    apart = ws.take_apart(torn(ws, root))
    assert apart is not None
    assert apart.parts == (
        Region((b"A\n",), (b"1\n",), (b"a\n",)),
        b"b\nc\n",
        Region((b"D\n",), (b"4\n",), (b"d\n",)),
        b"e\nf\nG\n",
    )
    assert apart.shown == apart.parts
    assert apart.picked({}).conflicts == 2
    assert apart.picked({0: "theirs"}).conflicts == 1


@pytest.mark.parametrize(
    ("picks", "text"),
    [
        ({0: "ours", 1: "theirs"}, b"1\nb\nc\nd\ne\nf\nG\n"),
        ({0: "both", 1: "both-theirs-first"}, b"1\na\nb\nc\nd\n4\ne\nf\nG\n"),
        ({0: b"", 1: b"mine\n"}, b"b\nc\nmine\ne\nf\nG\n"),
    ],
)
def test_what_is_picked_is_what_lands(ws: Workspace, root: Path, picks: dict[int, Pick], text: bytes) -> None:
    found = torn(ws, root)
    apart = ws.take_apart(found)
    assert apart is not None
    merged = apart.picked(picks).text
    assert merged == text
    ws.revert([found.action], answers=[Resolution(text=merged, conflict=found, path=found.path)])
    assert (root / "t").read_bytes() == text


def test_a_last_line_without_an_end_does_not_run_into_the_other_side() -> None:
    place = Region((b"old",), (b"mine",), (b"theirs",))
    assert lines_of(place, "both") == b"mine\ntheirs"
    assert lines_of(place, "both-theirs-first") == b"theirs\nmine"
    assert lines_of(Region((b"old",), (), (b"theirs",)), "both") == b"theirs"


def test_what_is_no_text_has_no_places(ws: Workspace) -> None:
    first = landed(ws, "b", b"\0one")
    landed(ws, "b", b"\0two")
    assert ws.take_apart(conflict(ws, first)) is None


def test_an_answered_text_keeps_the_merge_of_the_permission_bits(ws: Workspace, root: Path) -> None:
    (root / "x").write_text("a\n")
    (root / "x").chmod(0o644)
    for line in ("sed -i s/a/b/ x; chmod 755 x", "sed -i s/b/c/ x"):
        ws.approve([ws.exec(line).id])
        ws.commit()
    found = conflict(ws, "a1")
    ws.revert(["a1"], answers=[Resolution(text=b"mine\n", conflict=found, path=b"x")])
    assert (root / "x").read_text() == "mine\n"
    assert (root / "x").stat().st_mode & 0o777 == 0o644
