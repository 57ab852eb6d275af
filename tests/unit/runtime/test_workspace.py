"""The workspace facade over the real store and the real sandbox."""

from __future__ import annotations

import asyncio
import os
import threading
from pathlib import Path

import pytest

from agentsh import (
    ActionKind,
    ActionSpec,
    ActionStatus,
    ApprovalNeeded,
    AsyncWorkspace,
    ConfigError,
    ConflictError,
    EffectState,
    Limits,
    NotFoundError,
    Origin,
    PolicyDenied,
    ShellSyntaxError,
    UsageError,
    Workspace,
)

from .conftest import Opener


def agent(kind: ActionKind, **arguments: object) -> ActionSpec:
    return ActionSpec(kind, arguments, Origin.AGENT)


def test_the_whole_path(ws: Workspace, root: Path) -> None:
    (root / "f").write_text("one\ntwo\n")
    action = ws.exec("sed -i s/two/2/ f && mkdir new && echo hi > new/g")
    assert (action.id, action.status, action.exit_code) == ("a1", ActionStatus.PENDING, 0)
    assert [e.path for e in action.changes] == [b"f", b"new", b"new/g"]
    assert (root / "f").read_text() == "one\ntwo\n"
    assert ws.output(ws.exec("cat f new/g").id) == b"one\n2\nhi\n"

    ws.approve([action.id])
    result = ws.commit()
    assert result.paths == (b"f", b"new", b"new/g")
    assert (root / "f").read_text() == "one\n2\n"
    assert ws.show(action.id).status is ActionStatus.COMMITTED
    assert ws.output(ws.exec("cat f new/g").id) == b"one\n2\nhi\n"

    reverted = ws.revert([action.id])
    assert (root / "f").read_text() == "one\ntwo\n"
    assert not (root / "new").exists()
    assert ws.exec("ls").status is ActionStatus.DONE
    ws.revert(reverted.actions)
    assert (root / "new/g").read_text() == "hi\n"
    assert ws.check().ok


def test_a_second_process_sees_what_is_staged(opener: Opener) -> None:
    first, second = opener(), opener()
    first.exec("echo a > x")
    assert second.output(second.exec("cat x").id) == b"a\n"
    second.exec("echo b >> x")
    assert first.output(first.exec("cat x").id) == b"a\nb\n"
    first.approve(["a1", "a3"])
    first.commit()
    second.exec("echo c >> x")
    assert first.output(first.exec("cat x").id) == b"a\nb\nc\n"


def test_nothing_is_approved_by_itself(ws: Workspace, root: Path) -> None:
    ws.exec("echo a > x")
    with pytest.raises(ApprovalNeeded):
        ws.commit()
    assert not (root / "x").exists()


def test_commit_of_nothing_is_no_error(ws: Workspace) -> None:
    assert ws.commit().commit is None


def test_part_of_an_action_can_land(ws: Workspace, root: Path) -> None:
    action = ws.exec("mkdir d && echo 1 > d/a && echo 2 > d/b && echo 3 > c")
    ws.approve([action.id], paths=["d/a"])
    ws.commit()
    assert sorted(os.listdir(root)) == ["d"]
    assert os.listdir(root / "d") == ["a"]
    left = ws.show(action.id)
    assert left.status is ActionStatus.PENDING
    assert {e.path: e.state for e in left.changes}[b"d/b"] is EffectState.PENDING
    assert ws.output(ws.exec("cat d/b c").id) == b"2\n3\n"
    ws.reject([action.id])
    assert ws.exec("cat c").exit_code == 1
    ws.revert([action.id])
    assert os.listdir(root) == []


def test_rejecting_one_action_keeps_a_later_one(ws: Workspace, root: Path) -> None:
    (root / "f").write_text("".join(f"line {i}\n" for i in range(20)))
    first = ws.exec("sed -i '2s/$/ changed/' f")
    second = ws.exec("sed -i '18s/$/ too/' f")
    ws.reject([first.id], reason="no")
    text = ws.output(ws.exec("cat f").id).decode()
    assert " changed" not in text
    assert "line 17 too" in text
    ws.approve([second.id])
    ws.commit()
    assert (root / "f").read_text() == text


def test_rejecting_what_a_later_action_needs_is_a_conflict(ws: Workspace) -> None:
    first = ws.exec("echo a > f")
    ws.exec("echo b > f")
    with pytest.raises(ConflictError, match="a2"):
        ws.reject([first.id])
    assert ws.output(ws.exec("cat f").id) == b"b\n"


def test_the_persons_edit_is_never_overwritten(ws: Workspace, root: Path) -> None:
    (root / "f").write_text("mine\n")
    action = ws.exec("echo agent > f; echo g > g")
    (root / "f").write_text("edited\n")
    ws.approve([action.id])
    with pytest.raises(ConflictError) as e:
        ws.commit()
    assert e.value.paths == (b"f",)
    assert (root / "f").read_text() == "edited\n"
    assert not (root / "g").exists()


def test_an_edit_while_the_action_runs_drops_the_action(ws: Workspace, root: Path) -> None:
    (root / "f").write_text("old\n")
    started = threading.Event()

    def edit() -> None:
        started.wait(10)
        (root / "f").write_text("mine\n")

    person = threading.Thread(target=edit)
    person.start()

    def on_output(_: str, data: bytes) -> None:
        if b"go" in data:
            started.set()
            person.join()

    with pytest.raises(ConflictError, match="while the action ran"):
        ws.exec("cat f > /dev/null; echo agent >> f; echo go; cat f", on_output=on_output)
    assert (root / "f").read_text() == "mine\n"
    assert ws.status().pending == ()
    assert ws.output(ws.exec("cat f").id) == b"mine\n"


def test_later_edits_by_the_person_are_seen_and_kept(ws: Workspace, root: Path) -> None:
    ws.exec("ls")
    (root / "new").write_text("mine\n")
    assert ws.output(ws.exec("cat new").id) == b"mine\n"
    action = ws.exec("echo agent > other")
    ws.approve([action.id])
    ws.commit()
    assert (root / "new").read_text() == "mine\n"


def test_restore_brings_back_a_snapshot_with_the_persons_edits(ws: Workspace, root: Path) -> None:
    (root / "mine").write_text("1\n")
    ws.approve([ws.exec("echo a > f").id])
    first = ws.commit().snapshot
    assert first is not None
    (root / "mine").write_text("2\n")
    ws.approve([ws.exec("rm f").id])
    second = ws.commit().snapshot
    assert second is not None
    ws.restore(first)
    assert (root / "mine").read_text() == "1\n"
    assert (root / "f").read_text() == "a\n"
    ws.restore(second, paths=["mine"])
    assert (root / "mine").read_text() == "2\n"
    assert (root / "f").exists()


def test_undo_and_undo_again(ws: Workspace, root: Path) -> None:
    with pytest.raises(UsageError):
        ws.undo()
    ws.approve([ws.exec("echo a > f").id])
    ws.commit()
    ws.undo()
    assert not (root / "f").exists()
    ws.undo()
    assert (root / "f").read_text() == "a\n"


def test_a_dry_run_shows_and_writes_nothing(ws: Workspace, root: Path) -> None:
    ws.approve([ws.exec("echo a > f").id])
    ws.commit()
    preview = ws.revert(["a1"], dry_run=True)
    assert preview.commit is None
    assert [(d.path, d.removed) for d in preview.diffs] == [(b"f", 1)]
    assert (root / "f").exists()


def test_git_internals_are_read_only(ws: Workspace, root: Path) -> None:
    (root / ".git/hooks").mkdir(parents=True)
    (root / ".git/config").write_text("[core]\n")
    for line in ("echo x >> .git/config", "rm -rf .git", "echo x > .git/hooks/pre-commit", "mv .git git"):
        action = ws.exec(line)
        assert action.status is ActionStatus.DENIED, line
        assert action.decision is not None
        assert action.decision.rule == "git-internals"
    assert ws.output(ws.exec("cat .git/config").id) == b"[core]\n"
    assert ws.status().pending == ()


def test_an_agent_cannot_write_the_configuration_and_a_person_can(ws: Workspace) -> None:
    spec = agent(ActionKind.WRITE, path=".agentsh.toml", content='policy = "trusted"')
    assert ws.act(spec).status is ActionStatus.DENIED
    assert ws.exec("echo > .agentsh.toml").status is ActionStatus.PENDING


def test_read_only_lets_nothing_land(opener: Opener) -> None:
    ws = opener(policy="read-only")
    action = ws.exec("echo a > f")
    assert action.status is ActionStatus.DENIED
    assert ws.exec("cat f").exit_code == 1
    with pytest.raises(UsageError):
        ws.approve([action.id])


def test_what_one_policy_staged_another_refuses_to_approve(opener: Opener) -> None:
    opener().exec("echo a > f")
    with pytest.raises(PolicyDenied):
        opener(policy="read-only").approve(["a1"])


def test_trusted_approves_the_ordinary_and_asks_about_the_rest(opener: Opener, root: Path) -> None:
    ws = opener(policy="trusted")
    assert ws.exec("echo a > f").status is ActionStatus.APPROVED
    assert ws.exec("echo a > conftest.py").status is ActionStatus.PENDING
    ws.commit()
    assert os.listdir(root) == ["f"]


def test_a_policy_file_judges_commands_and_paths(opener: Opener, tmp_path: Path) -> None:
    policy = tmp_path / "policy.toml"
    policy.write_text(
        """
        preset = "trusted"
        [[rule]]
        name = "no-rm"
        verdict = "deny"
        reason = "Nothing is removed here."
        commands = ["rm"]
        [[rule]]
        verdict = "ask"
        paths = ["docs/**"]
        """
    )
    ws = opener(policy=str(policy))
    refused = ws.exec("ls && rm -f x")
    assert refused.status is ActionStatus.DENIED
    assert refused.decision is not None
    assert (refused.decision.rule, refused.decision.reason) == ("no-rm", "Nothing is removed here.")
    assert ws.exec("mkdir docs && echo > docs/a").status is ActionStatus.PENDING
    assert ws.exec("echo > a").status is ActionStatus.APPROVED
    assert ws.exec('x=rm; "$x" a').status is ActionStatus.DENIED


def test_a_syntax_error_runs_and_records_nothing(ws: Workspace) -> None:
    with pytest.raises(ShellSyntaxError):
        ws.exec("echo a > f; if")
    assert ws.log() == []


def test_a_limit_drops_the_whole_action(opener: Opener) -> None:
    ws = opener(limits=Limits(wall_s=0.5))
    action = ws.exec("echo a > f; while :; do :; done")
    assert (action.status, action.stopped, action.exit_code) == (ActionStatus.INTERRUPTED, "wall_s", 6)
    assert ws.exec("cat f").exit_code == 1


def test_an_interrupted_action_leaves_nothing(ws: Workspace) -> None:
    def on_output(*_: object) -> None:
        ws.interrupt()

    action = ws.exec("echo a > f; echo go; while :; do :; done", on_output=on_output)
    assert (action.status, action.exit_code) == (ActionStatus.INTERRUPTED, 130)
    assert ws.exec("cat f").exit_code == 1


def test_a_command_that_ends_with_130_is_no_interruption(ws: Workspace) -> None:
    action = ws.exec("echo a > f; exit 130")
    assert (action.status, action.exit_code) == (ActionStatus.PENDING, 130)


def test_the_agents_file_tools(ws: Workspace, root: Path) -> None:
    (root / "-dash").write_text("x\n")
    write = ws.act(agent(ActionKind.WRITE, path="src/a.py", content="a = 1\nb = 1\n"))
    assert [e.path for e in write.changes] == [b"src", b"src/a.py"]
    assert b"a = 1" in ws.output(ws.act(agent(ActionKind.READ, path="src/a.py", offset=1, limit=1)).id)
    assert ws.act(agent(ActionKind.EDIT, path="src/a.py", old="= 1", new="= 2")).exit_code != 0
    edit = ws.act(agent(ActionKind.EDIT, path="src/a.py", old="= 1", new="= 2", replace_all=True))
    assert edit.exit_code == 0
    found = ws.output(ws.act(agent(ActionKind.SEARCH, pattern="= [0-9]", glob="*.py")).id)
    assert found.count(b"= 2") == 2
    assert b"x" in ws.output(ws.act(agent(ActionKind.READ, path="-dash")).id)


def test_stage_takes_any_bytes(ws: Workspace, root: Path) -> None:
    content = bytes(range(256)) + b"\n" * 5
    action = ws.stage("-odd ö\n name", content)
    ws.approve([action.id])
    ws.commit()
    assert (root / "-odd ö\n name").read_bytes() == content
    with pytest.raises(UsageError):
        ws.stage(b"latin \xff", b"")


def test_unknown_ids_and_wrong_states(ws: Workspace) -> None:
    for call in (ws.show, ws.output, ws.diff):
        with pytest.raises(NotFoundError):
            call("a99")
    with pytest.raises(UsageError):
        ws.show("nonsense")
    ws.exec("ls")
    for ids in ([], ["a1"]):
        with pytest.raises(UsageError):
            ws.approve(ids)
    with pytest.raises(UsageError):
        ws.revert(["a1"])


def test_a_workspace_that_holds_our_own_files_is_refused(tmp_path: Path, root: Path) -> None:
    with pytest.raises(ConfigError):
        Workspace.open(tmp_path, data_dir=tmp_path / "data")
    for variable in ("AGENTSH_CONFIG_DIR", "AGENTSH_CACHE_DIR"):
        with pytest.MonkeyPatch.context() as patch:
            patch.setenv(variable, str(root / "deep"))
            with pytest.raises(ConfigError) as e:
                Workspace.open(root, data_dir=tmp_path / "data")
            assert variable in e.value.next_step
    with pytest.raises(UsageError):
        Workspace.open(tmp_path / "none", data_dir=tmp_path / "data")


def test_the_async_workspace(root: Path, tmp_path: Path) -> None:
    async def session() -> None:
        async with await AsyncWorkspace.open(root, data_dir=tmp_path / "data") as ws:
            action = await ws.exec("echo a > f")
            await ws.approve([action.id])
            await ws.commit()
            assert (root / "f").read_text() == "a\n"
            going = asyncio.Event()
            loop = asyncio.get_running_loop()

            def on_output(*_: object) -> None:
                loop.call_soon_threadsafe(going.set)

            endless = asyncio.create_task(ws.exec("echo go; while :; do :; done", on_output=on_output))
            await going.wait()
            endless.cancel()
            with pytest.raises(asyncio.CancelledError):
                await endless
            assert (await ws.show("a2")).status is ActionStatus.INTERRUPTED
            await ws.revert(["a1"])
            assert not (root / "f").exists()

    asyncio.run(session())


def test_what_is_staged_names_the_action_where_it_is_one_action_s(ws: Workspace, root: Path) -> None:
    (root / "both").write_text("1\n")
    ws.exec("echo 2 >> both; echo x > one")
    ws.exec("echo 3 >> both")
    assert {d.path: d.action for d in ws.diff()} == {b"both": "", b"one": "a1"}


def test_a_place_for_data_that_cannot_be_made_is_said_to_be_that(root: Path, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(ConfigError, match="cannot be made"):
        Workspace.open(root, data_dir=tmp_path / "file" / "data")


def test_a_path_that_names_nothing_approves_nothing(ws: Workspace) -> None:
    ws.exec("echo a > a")
    with pytest.raises(NotFoundError, match="typo"):
        ws.approve(["a1"], paths=["a", "typo"])
    assert ws.show("a1").status is ActionStatus.PENDING


def test_without_a_granted_clock_time_stands_still(opener: Opener, root: Path) -> None:
    (root / ".agentsh.toml").write_text("clock = false\n")
    ws = opener()
    first = ws.output(ws.exec("date +%s").id)
    assert first == ws.output(ws.exec("sleep 0; date +%s").id)
    assert int(first) < 1_700_000_000
