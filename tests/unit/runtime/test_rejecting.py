"""Rejecting a part of an action: what is dropped is gone from the staging view, and what is kept can land."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from agentsh.core.action import ActionKind, ActionSpec, ActionStatus, Origin
from agentsh.core.effect import EffectState
from agentsh.core.errors import ConflictError, NotFoundError, UsageError

if TYPE_CHECKING:
    from pathlib import Path

    from agentsh import Workspace

LINES = [f"line {n}" for n in range(1, 41)]


def text(**at: str) -> str:
    lines = list(LINES)
    for name, line in at.items():
        lines[int(name[1:]) - 1] = line
    return "\n".join(lines) + "\n"


OLD, NEW = text(), text(l3="three", l20="twenty", l38="thirty-eight")


def change(ws: Workspace, root: Path) -> str:
    (root / "t").write_text(OLD)
    return ws.stage("t", NEW.encode()).id


def staged(ws: Workspace, path: str) -> bytes:
    return ws.output(ws.exec(f"cat {path}").id)


def test_a_hunk_is_rejected_and_the_rest_lands(ws: Workspace, root: Path) -> None:
    action = change(ws, root)
    (record,) = ws.reject([action], hunks={"t": [2]}, reason="not twenty")
    assert [(e.part, e.state.value) for e in record.changes] == [(0, "pending"), (1, "rejected")]
    assert record.status is ActionStatus.PENDING
    assert staged(ws, "t").decode() == text(l3="three", l38="thirty-eight")
    ws.approve([action])
    ws.commit()
    assert (root / "t").read_text() == text(l3="three", l38="thirty-eight")
    ws.revert([action])
    assert (root / "t").read_text() == OLD


def test_lines_are_rejected_after_a_hunk_was_approved(ws: Workspace, root: Path) -> None:
    action = change(ws, root)
    ws.approve([action], hunks={"t": [1]})
    ws.reject([action], lines={"t": [(19, 21)]})
    assert [e.state.value for e in ws.show(action).changes] == ["approved", "pending", "rejected"]
    ws.commit()
    assert (root / "t").read_text() == text(l3="three")
    assert staged(ws, "t").decode() == text(l3="three", l38="thirty-eight")
    ws.approve([action])
    ws.commit()
    assert (root / "t").read_text() == text(l3="three", l38="thirty-eight")


def test_every_hunk_rejected_is_the_action_rejected(ws: Workspace, root: Path) -> None:
    action = change(ws, root)
    ws.reject([action], hunks={"t": [1, 3]})
    (record,) = ws.reject([action], hunks={"t": [1]})
    assert record.status is ActionStatus.REJECTED
    assert staged(ws, "t").decode() == OLD


def test_an_approved_hunk_is_not_rejected_by_its_number(ws: Workspace, root: Path) -> None:
    action = change(ws, root)
    ws.approve([action], hunks={"t": [1]})
    with pytest.raises(UsageError, match="approved already"):
        ws.reject([action], hunks={"t": [1]})
    assert [e.state.value for e in ws.show(action).changes] == ["approved", "pending"]


def test_what_is_not_there_is_not_rejected(ws: Workspace, root: Path) -> None:
    action = change(ws, root)
    with pytest.raises(NotFoundError, match="no hunk 9"):
        ws.reject([action], hunks={"t": [9]})
    with pytest.raises(NotFoundError, match="nope"):
        ws.reject([action], paths=["nope"])
    assert [e.state for e in ws.show(action).changes] == [EffectState.PENDING]


def test_a_later_action_on_the_same_file_keeps_its_own_change(ws: Workspace, root: Path) -> None:
    action = change(ws, root)
    later = ws.exec("sed -i s/'line 30'/thirty/ t").id
    ws.approve([later])
    ws.reject([action], hunks={"t": [2]})
    assert ws.show(later).status is ActionStatus.PENDING  # it is another change now, so the yes to it is gone
    ws.approve([action, later])
    ws.commit()
    assert (root / "t").read_text() == text(l3="three", l30="thirty", l38="thirty-eight")


def test_a_later_action_that_builds_on_it_is_in_the_way(ws: Workspace, root: Path) -> None:
    action = change(ws, root)
    ws.exec("sed -i s/twenty/TWENTY/ t")
    with pytest.raises(ConflictError, match="builds on"):
        ws.reject([action], hunks={"t": [2]})
    assert staged(ws, "t").decode() == text(l3="three", l20="TWENTY", l38="thirty-eight")


def test_a_file_is_rejected_and_the_others_keep_their_yes(ws: Workspace, root: Path) -> None:
    action = ws.exec("echo a > a; echo b > b").id
    ws.approve([action], paths=["a"])
    (record,) = ws.reject([action], paths=["b"], reason="no b")
    assert record.status is ActionStatus.APPROVED
    assert record.note == "no b"
    ws.commit()
    assert sorted(p.name for p in root.iterdir()) == ["a"]
    assert ws.show(action).status is ActionStatus.COMMITTED


def test_a_directory_goes_with_what_is_in_it(ws: Workspace) -> None:
    action = ws.exec("mkdir d; echo a > d/a; echo b > b").id
    (record,) = ws.reject([action], paths=["d"])
    assert {e.path: e.state.value for e in record.changes} == {b"d": "rejected", b"d/a": "rejected", b"b": "pending"}


def test_a_file_that_stays_keeps_its_directory(ws: Workspace, root: Path) -> None:
    (root / "d").mkdir()
    (root / "d" / "a").write_text("a")
    (root / "d" / "b").write_text("b")
    action = ws.exec("rm -r d").id
    ws.reject([action], paths=["d/a"])
    ws.approve([action])
    ws.commit()
    assert [p.name for p in (root / "d").iterdir()] == ["a"]


def test_a_rejection_is_about_what_was_seen(ws: Workspace, root: Path) -> None:
    action = change(ws, root)
    seen = {action: ws.show(action).changes.digest}
    ws.approve([action], hunks={"t": [1]})  # the parts are others now
    with pytest.raises(ConflictError, match="nothing was rejected"):
        ws.reject([action], seen=seen)
    assert ws.show(action).status is not ActionStatus.REJECTED


def test_a_commit_is_of_what_was_seen(ws: Workspace, root: Path) -> None:
    action = ws.exec("echo a > a; echo b > b").id
    (record,) = ws.approve([action], paths=["a"])
    seen = {action: record.changes.landing_digest}
    ws.approve([action], paths=["b"])
    with pytest.raises(ConflictError, match="nothing was committed"):
        ws.commit(seen=seen)
    assert not list(root.iterdir())
    ws.commit(seen={action: ws.show(action).changes.landing_digest})
    assert sorted(p.name for p in root.iterdir()) == ["a", "b"]


def test_the_noes_of_a_session_are_known_in_order(ws: Workspace, root: Path) -> None:
    (root / "t").write_text(OLD)
    session = ws.start_session("task", "model")
    spec = ActionSpec(ActionKind.WRITE, {"path": "t", "content": NEW}, Origin.AGENT)
    action = ws.act(spec, session=session).id
    other = ws.exec("echo x > x").id
    ws.reject([other], reason="another's")
    ws.reject([action], hunks={"t": [2]}, reason="not twenty")
    ws.reject([action], reason="none of it")
    first, second = ws.rejections(session)
    assert (first.action, first.paths, first.part, first.reason) == (action, (b"t",), "hunk 2", "not twenty")
    assert (second.paths, second.part, second.reason) == ((), "", "none of it")
    assert ws.rejections(session, first.number) == [second]
