"""Landing what nobody approved, or something else than what was approved."""

from __future__ import annotations

import os
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from agentsh.core.action import ActionKind, ActionSpec, ActionStatus, Origin
from agentsh.core.effect import EffectState, Flag
from agentsh.core.errors import ApprovalNeeded, ConflictError, PolicyDenied, UsageError

if TYPE_CHECKING:
    from pathlib import Path

    from agentsh import Workspace

    from .conftest import Opener


def agent(ws: Workspace, line: str) -> str:
    return ws.act(ActionSpec(ActionKind.SHELL, {"line": line}, Origin.AGENT)).id


def test_an_approval_under_a_loose_policy_committed_under_a_strict_one(opener: Opener, root: Path):
    with opener(policy="trusted") as ws:
        assert ws.show(agent(ws, "echo landed > file")).status is ActionStatus.APPROVED
    with opener(policy="read-only") as ws:
        with pytest.raises(PolicyDenied):
            ws.commit()
        assert not (root / "file").exists()


def test_a_path_protected_after_it_was_approved(opener: Opener, root: Path):
    with opener(policy="trusted") as ws:
        agent(ws, "echo landed > vault")
    (root / ".agentsh.toml").write_text('protected = ["vault"]\n')
    with opener(policy="trusted") as ws:
        with pytest.raises(PolicyDenied):
            ws.commit()
        assert not (root / "vault").exists()


@pytest.mark.parametrize("path", ["", "/", "//", "/etc", b""])
def test_a_path_that_is_empty_is_not_the_whole_action(opener: Opener, path: str | bytes):
    ws = opener()
    action = agent(ws, "echo evil > evil")
    with pytest.raises(UsageError):
        ws.approve([action], paths=[path])
    with pytest.raises(UsageError):
        ws.restore("s1", paths=[path])
    assert {e.state for e in ws.show(action).changes} == {EffectState.PENDING}


def test_an_approval_does_not_outlive_what_it_was_given_for(opener: Opener, root: Path):
    """Rejecting an earlier action changes what a later one does: its approval is gone."""
    (root / "list").write_text("1\n2\n3\n4\n5\n6\n7\n8\n9\n")
    ws = opener()
    first = agent(ws, "sed -i s/1/one/ list")
    second = agent(ws, "sed -i s/9/nine/ list")
    ws.approve([second])
    ws.reject([first])
    assert ws.show(second).status is ActionStatus.PENDING
    with pytest.raises(ApprovalNeeded):
        ws.commit()
    assert (root / "list").read_text() == "1\n2\n3\n4\n5\n6\n7\n8\n9\n"


def test_building_on_what_was_not_approved(opener: Opener, root: Path):
    (root / "run.sh").write_text("echo\n")
    ws = opener(policy="trusted")
    assert ws.show(agent(ws, "chmod +x run.sh")).status is ActionStatus.PENDING
    agent(ws, "echo 'rm -rf ~' > run.sh")  # unflagged by itself: the file is executable already
    with pytest.raises(ConflictError):
        ws.commit()
    assert (root / "run.sh").stat().st_mode & 0o111 == 0


def test_a_child_of_a_directory_that_was_not_approved(opener: Opener, root: Path):
    ws = opener()
    agent(ws, "mkdir d")
    second = agent(ws, "echo evil > d/x")
    ws.approve([second])
    with pytest.raises(ConflictError):
        ws.commit()
    assert list(root.iterdir()) == []


def test_a_child_of_a_symlink_that_was_rejected(opener: Opener, root: Path, tmp_path: Path):
    (tmp_path / "outside").mkdir()
    (root / "d").mkdir()
    ws = opener()
    first = agent(ws, "rmdir d; ln -s ../outside d")
    second = agent(ws, "rm d; mkdir d; echo evil > d/x")
    ws.approve([second])
    with pytest.raises(ConflictError):
        ws.commit()
    ws.reject([first])
    assert ws.show(second).status is ActionStatus.PENDING
    with pytest.raises(ApprovalNeeded):
        ws.commit()
    assert os.listdir(tmp_path / "outside") == []
    assert list((root / "d").iterdir()) == []


def test_a_file_swapped_for_a_symlink_between_approval_and_commit(opener: Opener, root: Path, tmp_path: Path):
    (tmp_path / "precious").write_text("precious")
    (root / "file").write_text("old")
    ws = opener()
    ws.approve([agent(ws, "echo new > file")])
    (root / "file").unlink()
    (root / "file").symlink_to(tmp_path / "precious")
    with pytest.raises(ConflictError):
        ws.commit()
    assert (tmp_path / "precious").read_text() == "precious"


@pytest.mark.parametrize(
    "lines",
    [
        ["ln -s . x", "ln -s x/x/../../outside link"],
        ["mkdir -p a/b; ln -s a/b deep", "ln -s deep/../../../outside link"],
        ["ln -s ../outside link"],
        ["mkdir d; ln -s ../outside d/link", "mv d/link link"],
    ],
)
def test_a_symlink_that_leads_out_in_a_roundabout_way(opener: Opener, root: Path, lines: list[str]):
    ws = opener(policy="trusted")
    for line in lines:
        action = agent(ws, line)
    (link,) = (e for e in ws.show(action).changes if e.path == b"link")
    assert Flag.ESCAPING_SYMLINK in link.flags
    assert ws.show(action).status is ActionStatus.PENDING
    assert not os.path.lexists(root / "link")


def test_files_of_holes_that_would_take_forever_to_read(opener: Opener):
    ws = opener()
    for count in ("1 2 3", "$(seq 200)"):
        record = ws.show(agent(ws, f"for i in {count}; do truncate -s 2000000000 f$i; done"))
        assert record.stopped == "staged_bytes"
        assert not record.changes
    assert ws.output(agent(ws, "ls"), "stdout") == b""


@pytest.mark.parametrize(
    "spec",
    [
        (ActionKind.WRITE, {"path": "\ud800", "content": ""}),
        (ActionKind.WRITE, {"path": "a", "content": "\ud800"}),
        (ActionKind.EDIT, {"path": "a", "old": "\ud800", "new": ""}),
        (ActionKind.SEARCH, {"pattern": "\ud800"}),
        (ActionKind.SEARCH, {"pattern": "x", "glob": "\ud800"}),
        (ActionKind.READ, {"path": "a", "offset": "1; rm a"}),
        (ActionKind.SHELL, {"line": "echo '\ud800'"}),
        (ActionKind.REVERT, {"actions": ["a1"]}),
    ],
)
def test_arguments_that_no_command_can_take(opener: Opener, spec: tuple[ActionKind, dict[str, str]]):
    ws = opener()
    with pytest.raises(UsageError):
        ws.act(ActionSpec(*spec, Origin.AGENT))
    assert ws.log() == []


@pytest.mark.parametrize("path", ["--all", "-e", "--help", "-rf"])
def test_paths_that_look_like_options(opener: Opener, root: Path, path: str):
    ws = opener()
    write = ws.act(ActionSpec(ActionKind.WRITE, {"path": path, "content": "one one"}, Origin.AGENT))
    assert [e.path for e in write.changes] == [path.encode()]
    edit = ws.act(ActionSpec(ActionKind.EDIT, {"path": path, "old": "one", "new": "two"}, Origin.AGENT))
    assert edit.exit_code != 0  # twice in the file, and '--all' was not asked for
    read = ws.act(ActionSpec(ActionKind.READ, {"path": path}, Origin.AGENT))
    assert b"one one" in ws.output(read.id)
    for pattern in (path, "--include=*"):
        found = ws.act(ActionSpec(ActionKind.SEARCH, {"pattern": pattern, "path": path}, Origin.AGENT))
        assert found.exit_code == 1
    assert list(root.iterdir()) == []


_DIES = """
import os, sys
from pathlib import Path
from agentsh import Workspace
ws = Workspace.open(sys.argv[1], data_dir=Path(sys.argv[2]))
ws.exec("echo evil > evil; echo begun; while :; do :; done", on_output=lambda *_: os.kill(os.getpid(), 9))
"""


def test_what_a_dead_process_left_is_not_taken_for_the_next_action(opener: Opener, root: Path, tmp_path: Path):
    ws = opener()
    agent(ws, "echo one > one")
    subprocess.run([sys.executable, "-c", _DIES, root, tmp_path / "data"], check=False)
    action = agent(ws, "echo two > two")
    assert ws.show("a2").status is ActionStatus.INTERRUPTED
    assert [e.path for e in ws.show(action).changes] == [b"two"]
    ws.approve([action])
    ws.commit()
    assert sorted(p.name for p in root.iterdir()) == ["two"]


def test_a_yes_to_a_directory_is_none_to_what_is_in_it(opener: Opener, root: Path):
    (root / "old").mkdir()
    ws = opener()
    action = agent(ws, "mkdir new; echo evil > new/x; echo fine > new/y; chmod 700 old; echo evil > old/x")
    ws.approve([action], paths=["new", "old"], below=False)
    ws.approve([action], paths=["new/y"], below=False)
    ws.commit()
    assert sorted(str(p.relative_to(root)) for p in root.rglob("*")) == ["new", "new/y", "old"]


def test_a_yes_to_a_file_does_not_remove_what_stands_in_its_way(opener: Opener, root: Path):
    (root / "d").write_text("precious")
    ws = opener()
    action = agent(ws, "rm d; mkdir d; echo new > d/x")
    ws.approve([action], paths=["d/x"], below=False)
    with pytest.raises(ConflictError):
        ws.commit()
    assert (root / "d").read_text() == "precious"


def test_effects_that_change_between_the_look_and_the_yes(opener: Opener, root: Path):
    (root / "list").write_text("1\n2\n3\n4\n5\n6\n7\n8\n9\n")
    ws = opener()
    first = agent(ws, "sed -i s/1/one/ list")
    second = agent(ws, "sed -i s/9/nine/ list")
    shown = {second: ws.show(second).changes.digest}
    opener().reject([first])
    with pytest.raises(ConflictError):
        ws.approve([second], seen=shown)
    with pytest.raises(ConflictError):
        ws.approve([second], seen={})
    assert ws.show(second).status is ActionStatus.PENDING


def test_effects_that_change_between_the_look_and_the_no(opener: Opener, root: Path):
    ws = opener()
    first, second = agent(ws, "echo 1 > a; echo 2 > b"), agent(ws, "echo 3 > c")
    shown = {a: ws.show(a).changes.digest for a in (first, second)}
    (record,) = opener().approve([first], paths=["a"])
    landing = {first: record.changes.landing_digest}
    opener().approve([second])  # by somebody else, after the look
    for seen in (landing, {}, {**landing, second: "0" * 64}):
        with pytest.raises(ConflictError):
            ws.commit(seen=seen)
    assert not list(root.iterdir())
    opener().reject([first], paths=["b"])
    opener().approve([first], lines={"a": [(1, 1)]})
    with pytest.raises(ConflictError):
        ws.reject([first], seen={first: "0" * 64})
    ws.reject([second], seen=shown)
    assert ws.show(first).status is ActionStatus.APPROVED
    assert ws.show(second).status is ActionStatus.REJECTED


@pytest.mark.parametrize("answer", ["approve", "reject"])
def test_an_answer_that_is_cut_short(opener: Opener, root: Path, monkeypatch: pytest.MonkeyPatch, answer: str):
    """It holds for every action that it names, and for all that follows from it, or for none."""
    (root / "list").write_text("1\n2\n3\n4\n5\n6\n7\n8\n9\n")
    ws = opener()
    ids = [agent(ws, "sed -i s/1/one/ list"), agent(ws, "sed -i s/9/nine/ list")]
    before = [ws.show(i) for i in ids]
    calls = []

    def cut(*arguments: object, **_: object) -> None:
        calls.append(arguments)
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(ws._open_store(), "set_status", cut)
        with pytest.raises(KeyboardInterrupt):
            ws.approve(ids) if answer == "approve" else ws.reject(ids[:1])
    assert calls
    assert [opener().show(i) for i in ids] == before
