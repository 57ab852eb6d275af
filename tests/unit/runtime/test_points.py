"""Points in time, what lies between two of them, and the timeline as a graph."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest

from agentsh.cli.graph import COLUMNS, draw
from agentsh.cli.paint import Page
from agentsh.core.errors import NotFoundError, UsageError
from agentsh.core.lock import FileLock

if TYPE_CHECKING:
    from pathlib import Path

    from agentsh import Workspace


def changed(ws: Workspace, old: str, new: str | None = None) -> dict[bytes, str]:
    return {d.path: d.kind.value for d in ws.diff(old, new)}


@pytest.fixture
def history(ws: Workspace, root: Path) -> Workspace:
    """s1, a1 in c1, the person's edit as s3, a2 in c2, a3 staged, a4 changed nothing, and an edit nobody has seen."""
    (root / "t").write_text("one\n")
    for line, mine in (("echo two >> t", "mine"), ("echo x > made", None)):
        action = ws.exec(line).id
        ws.approve([action])
        ws.catch_up()
        ws.commit()
        if mine:
            (root / mine).write_text("mine\n")
    ws.exec("rm made")
    ws.exec("true; # \x1b[2J" + "long " * 40)
    (root / "unseen").write_text("now\n")
    return ws


def test_between_any_two_points(history: Workspace) -> None:
    ws = history
    assert changed(ws, "s1", "c1") == changed(ws, "a1^", "a1") == changed(ws, "c1") == {b"t": "modify"}
    assert changed(ws, "c1", "c2^") == changed(ws, "s3") == {b"mine": "create"}
    assert changed(ws, "c1", "a2") == {b"mine": "create", b"made": "create"}
    assert changed(ws, "a2", "c1") == {b"mine": "delete", b"made": "delete"}
    assert changed(ws, "a2", "now") == {b"unseen": "create"}
    assert changed(ws, "now", "staged") == {b"made": "delete"}
    assert changed(ws, "s1", "s1") == {}
    assert changed(ws, "a2", "now") == {b"unseen": "create"}  # seen by now, and still no part of what was before


@pytest.mark.parametrize("point", ["s9", "c9", "a9", "a3", "s1^"])
def test_a_point_that_is_not_there(history: Workspace, point: str) -> None:
    with pytest.raises(NotFoundError):
        history.diff(point, "now")


@pytest.mark.parametrize("point", ["", "x", "s", "c1^^", "now^", "r1", "HEAD"])
def test_what_is_no_point(history: Workspace, point: str) -> None:
    with pytest.raises(UsageError):
        history.diff(point, "now")


def test_a_reader_waits_for_nobody(history: Workspace, root: Path) -> None:
    (root / "later").write_text("x")
    with FileLock(history._home / "lock"):
        assert changed(history, "a2", "now") == {}
        assert history.stale
    assert b"later" in changed(history, "a2", "now")
    assert not history.stale


def test_restore_to_a_point(history: Workspace, root: Path) -> None:
    history.restore("a1^", paths=["t"])
    assert (root / "t").read_text() == "one\n"
    assert (root / "mine").exists()


def test_the_timeline_has_parents(history: Workspace) -> None:
    history.revert(["a1"])
    history.restore("c1")
    entries = {e.id: e for e in history.timeline()}
    assert entries["a1"].parents == ()  # asked for before anything was seen
    assert entries["c1"].parents == ("s1", "a1")
    assert entries["s3"].parents == ("c1",)
    assert entries["c2"].parents == ("s3", "a2")
    assert entries["a3"].parents == ("c2",)
    assert (entries["a5"].undoes, entries["a6"].undoes) == (("a1",), ("c1",))
    for limit in (1, 2, 5, 100):
        assert history.timeline(limit=limit) == history.timeline()[-limit:]


def test_the_newest_entries_are_those_of_the_whole(history: Workspace, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("agentsh.runtime.timeline._FEWEST_LINES", 1)
    for n in range(4):
        history.exec(f"echo {n} > waits{n}")  # actions that no state follows
    for limit in range(1, 16):
        assert history.timeline(limit=limit) == history.timeline()[-limit:], limit


def test_what_touched_a_path(history: Workspace) -> None:
    history.exec("mkdir -p d/e; echo 1 > d/e/f.py; echo 2 > dx")
    everything = history.touching(".")
    assert {"a1", "a2", "a3", "c1", "c2", "s1"} <= everything
    assert "a5" in history.touching("d")
    assert "a5" in history.touching("d/e/f.py")
    assert "a5" in history.touching("*.py")
    assert "a5" not in history.touching("d/e/g")
    assert "a5" not in history.touching("t")
    assert {"a1", "c1"} <= history.touching("t")
    assert history.touching("nowhere") == frozenset()
    with pytest.raises(UsageError):
        history.touching("/etc")


def test_the_graph_fits_80_columns(history: Workspace) -> None:
    page = Page()
    draw(page, history.timeline())
    rows = page.plain().splitlines()
    assert [r[:9].strip() for r in rows] == [
        "|\\",
        "| o a1",
        "* | s1",
        "|/",
        "*   c1",
        "|\\",
        "| o a2",
        "* | s3",
        "|/",
        "*   c2",
        "|\\",
        "| o a3",
        "| x a4",
    ]
    assert all(len(r) <= COLUMNS and "\x1b" not in r for r in rows)
    assert [r for r in rows if "yours" in r] == [rows[2], rows[7]]


def test_an_edit_that_was_found_after_a_commit_is_no_part_of_it(ws: Workspace, root: Path) -> None:
    for number in (1, 2):
        action = ws.exec(f"echo {number} > t{number}").id
        ws.approve([action])
        ws.commit()
        if number == 1:
            (root / "mine").write_text("mine\n")
            os.utime(root / "mine", ns=(0, int(ws._open_store().snapshot("s2").at * 1e9) + 1_000))
    assert [s.origin for s in ws._open_store().snapshots()] == ["person", "commit", "commit"]
    assert changed(ws, "c2^", "c2") == {b"t2": "create"}
    assert changed(ws, "c1", "c2^") == changed(ws, "c1", "a2^") == {b"mine": "create"}
    assert changed(ws, "c2", "now") == {}
    assert changed(ws, "s4") == {b"mine": "create"}
    ws.restore("c2")
    assert (root / "mine").exists()
    ws.restore("c1")
    assert not (root / "mine").exists()
