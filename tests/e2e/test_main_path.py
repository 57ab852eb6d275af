"""Run, see the effect, approve, commit, revert: by hand and by an agent."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from pathlib import Path


def recording(path: Path, *turns: dict[str, Any]) -> str:
    path.write_text(json.dumps({"agentsh_recording": 1, "name": "test", "turns": list(turns)}))
    return f"replay:{path}"


def shell(line: str, text: str = "") -> dict[str, Any]:
    return {"text": text, "tool_calls": [{"name": "shell", "arguments": {"line": line}}]}


def test_a_staged_effect_is_seen_by_later_commands_and_not_by_the_workspace(agentsh: Any) -> None:
    first = agentsh("exec", "echo a > x")
    assert first.stdout == b""
    assert b"a1 pending" in first.stderr
    assert agentsh("exec", "cat x").stdout == b"a\n"
    assert agentsh.state() == {}


def test_exec_is_a_command_like_any_other(agentsh: Any) -> None:
    assert agentsh("exec", "echo out; echo err >&2; exit 7", code=7).stdout == b"out\n"
    assert agentsh("exec", "-", stdin=b"echo one\necho two\n").stdout == b"one\ntwo\n"
    assert agentsh("exec", "printf '\\377\\000\\033[31m'").stdout == b"\xff\x00\x1b[31m"
    assert agentsh("exec", "nosuchcommand", code=127).stdout == b""
    assert b"Nothing was run" in agentsh("exec", "echo 'open", code=2).stderr
    assert agentsh("status").stdout.count(b"Nothing waits") == 1


def test_commit_and_revert_bring_every_byte_back(agentsh: Any) -> None:
    (agentsh.root / "keep.txt").write_text("keep\n")
    (agentsh.root / "change.txt").write_text("one\ntwo\nthree\n")
    (agentsh.root / "gone").mkdir()
    (agentsh.root / "gone" / "deep.txt").write_text("deep\n")
    start = agentsh.state()
    agentsh("exec", "sed -i s/two/2/ change.txt && rm -r gone && mkdir -p new/dir && echo hi > new/dir/f")
    diff = agentsh("diff").stdout
    assert b"-two\n+2\n" in diff
    assert agentsh.state() == start

    agentsh("approve", "a1")
    assert agentsh.state() == start
    assert b"committed a1 as c1" in agentsh("commit").stdout
    state = agentsh.state()
    assert state[b"change.txt"][2] == b"one\n2\nthree\n"
    assert state[b"new/dir/f"][2] == b"hi\n"
    assert b"gone" not in state
    assert state[b"keep.txt"] == start[b"keep.txt"]

    assert b"change.txt" in agentsh("revert", "a1", "--dry-run").stdout
    assert agentsh.state() == state
    agentsh("revert", "a1")
    assert agentsh.state() == start
    agentsh("undo")
    assert agentsh.state() == state, "a revert is an action and can be reverted"
    assert agentsh.json("check")["ok"] is True


def test_exec_commit_and_discard(agentsh: Any) -> None:
    agentsh("exec", "--commit", "echo 1 > f")
    assert agentsh.state()[b"f"][2] == b"1\n"
    agentsh("exec", "--discard", "echo 2 > f")
    assert agentsh.state()[b"f"][2] == b"1\n"
    assert agentsh.pending() == []
    assert agentsh("exec", "cat f").stdout == b"1\n"


def test_exec_commit_names_what_it_commits_along(agentsh: Any) -> None:
    agentsh("exec", "--policy", "trusted", "echo 1 > f")
    told = agentsh("exec", "--commit", "echo 2 > g").stderr
    assert b"committed as c1, with a1 that had been approved before" in told
    assert agentsh.state()[b"f"][2] == b"1\n"


def test_reject_and_discard_take_effects_out_of_the_view(agentsh: Any) -> None:
    agentsh("exec", "echo 1 > f")
    agentsh("exec", "echo 2 > g")
    agentsh("reject", "a1", "--reason", "not that")
    assert agentsh("exec", "ls").stdout == b"g\n"
    agentsh("discard")
    assert agentsh("exec", "ls").stdout == b""
    assert agentsh.state() == {}


def test_approving_a_path_commits_that_path(agentsh: Any) -> None:
    agentsh("exec", "echo 1 > f; echo 2 > g")
    agentsh("approve", "a1", "--path", "g")
    agentsh("commit")
    assert set(agentsh.state()) == {b"g"}
    assert agentsh("exec", "cat f").stdout == b"1\n"


def test_commit_of_nothing_approved_asks_for_approval(agentsh: Any) -> None:
    agentsh("exec", "echo 1 > f")
    assert agentsh.json("commit", code=4)["error"] == "ApprovalNeeded"
    assert agentsh.state() == {}


def test_restore_brings_a_snapshot_back(agentsh: Any) -> None:
    agentsh("exec", "--commit", "echo 1 > f; echo 1 > g")
    snapshot = agentsh.json("status")["last_snapshot"]
    agentsh("exec", "--commit", "echo 2 > f; rm g")
    agentsh("restore", snapshot, "--path", "f")
    assert {p: s[2] for p, s in agentsh.state().items()} == {b"f": b"1\n"}
    agentsh("restore", snapshot)
    assert {p: s[2] for p, s in agentsh.state().items()} == {b"f": b"1\n", b"g": b"1\n"}


def test_an_agent_works_a_person_commits_and_reverts(agentsh: Any, tmp_path: Path) -> None:
    (agentsh.root / "a.py").write_text("x = 1\n")
    start = agentsh.state()
    model = recording(
        tmp_path / "r.json",
        shell("cat a.py", "I look."),
        {"tool_calls": [{"name": "edit", "arguments": {"path": "a.py", "old": "1", "new": "2"}}]},
        {"tool_calls": [{"name": "write", "arguments": {"path": "b.py", "content": "y = 1\n"}}]},
        {"text": "Done.", "expect": {"result_lacks": ["refused:"]}},
    )
    done = agentsh("run", "change it", "--model", model, code=4)
    assert done.stdout == b"Done.\n"
    assert b"approve" in done.stderr
    assert agentsh.state() == start
    actions = agentsh.pending()
    agentsh("approve", *actions)
    agentsh("commit")
    state = agentsh.state()
    assert (state[b"a.py"][2], state[b"b.py"][2]) == (b"x = 2\n", b"y = 1\n")
    agentsh("revert", *actions)
    assert agentsh.state() == start


def test_run_yes_commits_and_json_is_one_event_a_line(agentsh: Any, tmp_path: Path) -> None:
    model = recording(tmp_path / "r.json", shell("echo 1 > f"), {"text": "Done."})
    done = agentsh("run", "t", "--model", model, "--yes", "--json")
    events = [json.loads(line) for line in done.stdout.splitlines()]
    assert done.stderr == b""
    assert {e["schema"] for e in events} == {1}
    assert (events[0]["type"], events[-1]["type"]) == ("session-started", "review")
    assert events[-1]["commit"]["commit"] == "c1"
    assert agentsh.state()[b"f"][2] == b"1\n"


def test_a_task_that_fails_keeps_what_it_staged_for_review(agentsh: Any, tmp_path: Path) -> None:
    model = recording(
        tmp_path / "r.json",
        shell("echo 1 > f"),
        {"text": "Done.", "expect": {"result_contains": ["what no result holds"]}},
    )
    done = agentsh("run", "t", "--model", model, "--yes", code=1)
    assert b"--resume r1" in done.stderr
    assert agentsh.state() == {}
    assert agentsh.pending() == ["a1"]


def test_the_step_limit_is_a_limit(agentsh: Any, tmp_path: Path) -> None:
    model = recording(tmp_path / "r.json", shell("echo 1"), shell("echo 2"), {"text": "Done."})
    agentsh("run", "t", "--model", model, "--max-steps", "1", code=6)
    assert agentsh("run", "--resume", "r1", "--model", model).stdout == b"Done.\n"


@pytest.mark.parametrize(
    "line", ["echo x > .git/config", "rm -r .git", "mkdir -p sub/.git && echo x > sub/.git/config"]
)
def test_a_denied_path_is_three_and_leaves_nothing(agentsh: Any, line: str) -> None:
    (agentsh.root / ".git").mkdir()
    (agentsh.root / ".git" / "config").write_text("[core]\n")
    start = agentsh.state()
    done = agentsh("exec", "--commit", line, code=3)
    assert b"git-internals" in done.stderr
    assert agentsh.state() == start
    assert agentsh.pending() == []
    assert agentsh("exec", "cat .git/config").stdout == b"[core]\n"


def test_read_only_lets_nothing_land(agentsh: Any) -> None:
    agentsh("exec", "--commit", "--policy", "read-only", "echo 1 > f", code=3)
    assert agentsh.state() == {}


def test_trusted_still_asks_about_what_runs_later(agentsh: Any, tmp_path: Path) -> None:
    model = recording(tmp_path / "r.json", shell("echo 1 > f"), shell("echo 1 > .envrc"), {"text": "Done."})
    agentsh("run", "t", "--model", model, "--policy", "trusted", code=4)
    assert set(agentsh.state()) == {b"f"}
    assert agentsh.pending() == ["a2"]


def test_a_person_s_change_after_staging_is_a_conflict_and_survives(agentsh: Any) -> None:
    (agentsh.root / "f").write_text("old\n")
    agentsh("exec", "echo agent > f; echo agent > other")
    agentsh("approve", "a1")
    (agentsh.root / "f").write_text("person\n")
    conflict = agentsh.json("commit", code=5)
    assert conflict["paths"] == ["f"]
    assert {p: s[2] for p, s in agentsh.state().items()} == {b"f": b"person\n"}
    assert agentsh.pending() == ["a1"], "the agent's work is not lost either"
    agentsh("discard")
    assert agentsh("exec", "cat f").stdout == b"person\n"


def test_a_person_s_change_after_the_commit_is_merged_or_a_conflict(agentsh: Any) -> None:
    lines = [f"line {i}\n" for i in range(20)]
    (agentsh.root / "f").write_text("".join(lines))
    agentsh("exec", "--commit", "sed -i 's/line 2$/agent/' f")
    after = (agentsh.root / "f").read_text()
    (agentsh.root / "f").write_text(after.replace("line 15\n", "person\n"))
    agentsh("revert", "a1")
    assert (agentsh.root / "f").read_text() == "".join(lines).replace("line 15\n", "person\n")

    agentsh("exec", "--commit", "sed -i 's/line 3$/agent/' f")
    mine = (agentsh.root / "f").read_text().replace("agent", "person again")
    (agentsh.root / "f").write_text(mine)
    last = agentsh.json("log")["entries"]
    action = [e["id"] for e in last if e["kind"] == "action" and "line 3" in e["title"]][-1]
    assert agentsh.json("revert", action, code=5)["paths"] == ["f"]
    assert (agentsh.root / "f").read_text() == mine


def test_a_time_limit_stops_a_loop_and_commits_nothing(agentsh: Any) -> None:
    done = agentsh("exec", "--commit", "--timeout", "1", "echo 1 > f; while true; do :; done", code=6)
    assert b"wall_s" in done.stderr
    assert agentsh.state() == {}
