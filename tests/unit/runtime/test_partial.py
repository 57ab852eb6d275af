"""Approving a part of a change: what lands is what was chosen, and the rest waits."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from agentsh.core.action import ActionKind, ActionSpec, ActionStatus, Origin
from agentsh.core.effect import EffectState, Flag
from agentsh.core.errors import ApprovalNeeded, ConflictError, NotFoundError, PolicyDenied, UsageError

if TYPE_CHECKING:
    from pathlib import Path

    from agentsh import Workspace

    from .conftest import Opener

LINES = [f"line {n}" for n in range(1, 41)]


def text(**at: str) -> str:
    lines = list(LINES)
    for name, line in at.items():
        lines[int(name[1:]) - 1] = line
    return "\n".join(lines) + "\n"


OLD, NEW = text(), text(l3="three", l20="twenty", l38="thirty-eight")


def change(ws: Workspace, root: Path, new: str = NEW) -> str:
    if not (root / "t").exists():
        (root / "t").write_text(OLD)
    return ws.stage("t", new.encode()).id


def states(ws: Workspace, action: str) -> list[tuple[int, str]]:
    return [(e.part, e.state.value) for e in ws.show(action).changes]


def test_one_hunk_lands_and_the_rest_waits(ws: Workspace, root: Path) -> None:
    action = change(ws, root)
    assert [h.number for d in ws.diff(action) for h in d.hunks] == [1, 2, 3]
    whole = ws.show(action).changes.digest
    (record,) = ws.approve([action], hunks={"t": [2]})
    assert record.changes.digest != whole
    assert states(ws, action) == [(0, "approved"), (1, "pending")]
    assert (root / "t").read_text() == OLD
    ws.commit()
    assert (root / "t").read_text() == text(l20="twenty")
    assert ws.show(action).status is ActionStatus.PENDING
    assert ws.exec("sed -n 3p t").stdout.size == len("three\n")  # the staging view still shows all of it
    with pytest.raises(ApprovalNeeded):
        ws.commit()
    ws.approve([action])
    ws.commit()
    assert (root / "t").read_text() == NEW
    assert ws.show(action).status is ActionStatus.COMMITTED
    assert ws.check().ok
    ws.revert([action])
    assert (root / "t").read_text() == OLD
    ws.revert([ws.log()[-1].details["actions"][0]])  # type: ignore[index]
    assert (root / "t").read_text() == NEW


def test_hunks_of_what_landed_in_parts_are_reverted_by_their_numbers(ws: Workspace, root: Path) -> None:
    action = change(ws, root)
    ws.approve([action], hunks={"t": [3]})
    ws.commit()
    with pytest.raises(UsageError, match="never committed"):
        ws.revert([action], hunks={"t": [2]})
    ws.approve([action])
    ws.commit()
    assert [(h.number, h.old_start) for d in ws.diff(action) for h in d.hunks] == [(1, 35), (2, 1), (3, 17)]
    assert [d.path for d in ws.revert([action], hunks={"t": [1]}, dry_run=True).diffs] == [b"t"]
    assert (root / "t").read_text() == NEW
    ws.revert([action], hunks={"t": [1]})
    assert (root / "t").read_text() == text(l3="three", l20="twenty")


def test_more_hunks_add_up_to_one_part(ws: Workspace, root: Path) -> None:
    action = change(ws, root)
    ws.approve([action], hunks={"t": [1]})
    numbers = {h.new_start: h.number for d in ws.diff(action) if d.state is EffectState.PENDING for h in d.hunks}
    ws.approve([action], hunks={"t": [numbers[35]]})
    assert states(ws, action) == [(0, "approved"), (1, "pending")]
    ws.commit()
    assert (root / "t").read_text() == text(l3="three", l38="thirty-eight")
    assert ws.check().ok


def test_all_hunks_are_the_whole(ws: Workspace, root: Path) -> None:
    action = change(ws, root)
    ws.approve([action], hunks={"t": [1, 2]}, lines={"t": [(38, 38)]})
    assert states(ws, action) == [(0, "approved")]


def test_permission_bits_are_no_part_of_a_hunk(ws: Workspace, root: Path) -> None:
    (root / "t").write_text(OLD)
    action = ws.exec("sed -i s/line.3$/three/ t; chmod +x t").id
    ws.approve([action], hunks={"t": [1]})
    chosen, rest = ws.show(action).changes
    assert Flag.EXECUTABLE not in chosen.flags
    assert Flag.EXECUTABLE in rest.flags
    ws.commit()
    assert (root / "t").read_text() == text(l3="three")
    assert not (root / "t").stat().st_mode & 0o111


def test_a_new_file_is_approved_with_the_directory_it_needs(ws: Workspace, root: Path) -> None:
    action = ws.exec("mkdir d; echo x > d/x; echo y > d/y").id
    ws.approve([action], hunks={"d/x": [1]})
    ws.commit()
    assert {p.name for p in (root / "d").iterdir()} == {"x"}


def test_work_on_top_of_a_part_waits_for_the_rest(ws: Workspace, root: Path) -> None:
    first = change(ws, root)
    second = ws.exec("sed -i s/line.30/thirty/ t").id
    ws.approve([first], hunks={"t": [1]})
    ws.approve([second])
    with pytest.raises(ConflictError, match=first):
        ws.commit()
    assert (root / "t").read_text() == OLD
    ws.approve([first])
    ws.commit()
    assert (root / "t").read_text() == text(l3="three", l20="twenty", l30="thirty", l38="thirty-eight")


def test_dropping_the_rest_keeps_what_landed(ws: Workspace, root: Path) -> None:
    action = change(ws, root)
    ws.approve([action], hunks={"t": [1]})
    ws.commit()
    ws.reject([action])
    assert states(ws, action) == [(0, "committed"), (1, "rejected")]
    assert ws.show(action).status is ActionStatus.COMMITTED
    assert (root / "t").read_text() == text(l3="three")
    assert ws.exec("cat t").stdout.size == len(text(l3="three"))
    assert ws.check().ok


def test_dropping_an_earlier_action_takes_the_approval_of_a_part_with_it(ws: Workspace, root: Path) -> None:
    (root / "t").write_text(OLD)
    first = ws.exec("sed -i s/line.10$/ten/ t").id
    second = ws.exec("sed -i -e s/line.3$/three/ -e s/line.38/thirty-eight/ t").id
    ws.approve([second], hunks={"t": [1]})
    ws.reject([first])
    assert states(ws, second) == [(0, "pending")]
    ws.approve([second])
    ws.commit()
    assert (root / "t").read_text() == text(l3="three", l38="thirty-eight")


def test_what_cannot_be_chosen(ws: Workspace, root: Path) -> None:
    action = change(ws, root)
    other = ws.exec("head -c 9 /dev/zero > bin").id
    for wrong in ({"t": [4]}, {"elsewhere": [1]}):
        with pytest.raises(NotFoundError):
            ws.approve([action], hunks=wrong)  # type: ignore[arg-type]
    with pytest.raises(NotFoundError):
        ws.approve([other], hunks={"bin": [1]})
    with pytest.raises(UsageError):
        ws.approve([action, other], hunks={"t": [1]})
    with pytest.raises(ConflictError):
        ws.approve([action], hunks={"t": [1]}, seen={action: "0" * 64})
    assert states(ws, action) == [(0, "pending")]
    ws.approve([action], hunks={"t": [1]})
    ws.commit()
    with pytest.raises(UsageError, match="committed already"):
        ws.approve([action], hunks={"t": [1]})


def test_the_policy_judges_the_part(opener: Opener, root: Path) -> None:
    (root / "t").write_text(OLD)
    spec = ActionSpec(ActionKind.SHELL, {"line": "sed -i s/line.3$/three/ t"}, Origin.AGENT)
    action = opener().act(spec).id
    (root / ".agentsh.toml").write_text('protected = ["t"]\n')
    ws = opener()
    with pytest.raises(PolicyDenied):
        ws.approve([action], hunks={"t": [1]})
    assert states(ws, action) == [(0, "pending")]
