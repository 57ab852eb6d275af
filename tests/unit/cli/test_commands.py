"""Each command asks the workspace for the right thing and prints data, and only data, on stdout."""

from __future__ import annotations

import os
from dataclasses import replace
from typing import Any

import click
import pytest

from agentsh.cli.root import root
from agentsh.core.action import ActionStatus
from agentsh.core.decision import Decision, Verdict
from agentsh.core.effect import EffectState, Flag, change_set
from agentsh.core.errors import PolicyDenied
from agentsh.core.report import CheckReport, LogEntry, LogKind, Recovery

pytestmark = pytest.mark.usefixtures("workspace")

COMMANDS = [
    "run",
    "exec",
    "http",
    "status",
    "diff",
    "log",
    "show",
    "approve",
    "reject",
    "commit",
    "outbox",
    "discard",
    "revert",
    "restore",
    "undo",
    "check",
    "gc",
    "doctor",
    "version",
]


def test_the_contract_has_every_command() -> None:
    assert sorted(
        [*COMMANDS, "api", "eval", "export", "model", "policy", "secrets", "serve", "tools", "tui"]
    ) == sorted(root.list_commands(click.Context(root)))


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_explains_itself_with_an_example(cli: Any, command: str) -> None:
    result = cli(command, "--help")
    assert result.code == 0
    text = result.out.decode()
    assert "Examples:" in text
    assert f"agentsh {command}" in text.split("Examples:")[1]
    assert "--json" in text
    assert "-w, --workspace" in text


@pytest.mark.parametrize("command", ["init", "set", "test", "list", "rm"])
def test_every_command_about_secrets_too(cli: Any, command: str) -> None:
    assert f"agentsh secrets {command}" in cli("secrets", command, "--help").out.decode().split("Examples:")[1]


@pytest.mark.parametrize("command", ["serve", "index add", "upcycle", "train"])
def test_every_command_about_the_local_model_too(cli: Any, command: str) -> None:
    assert f"agentsh model {command}" in cli("model", *command.split(), "--help").out.decode().split("Examples:")[1]
    assert "agentsh eval" in cli("eval", "--help").out.decode().split("Examples:")[1]


# -- exec ------------------------------------------------------------------------------------------------------------


def test_exec_passes_bytes_and_the_exit_code_on(cli: Any, workspace: Any, make: Any) -> None:
    workspace.records["a1"] = make.action(1, exit_code=42)
    workspace.outputs = {"stdout": b"\xff\x00\x1b[31m raw", "stderr": b"oops\n"}
    result = cli("exec", "false")
    assert result.code == 42
    assert result.out == b"\xff\x00\x1b[31m raw"
    assert result.err == "oops\n"


def test_exec_that_changes_nothing_says_nothing(cli: Any, workspace: Any, make: Any) -> None:
    workspace.records["a1"] = make.action(1)
    assert cli("exec", "echo", "--timeout", "2.5").err == ""
    assert workspace.called("exec") == [("echo", None)]
    assert workspace.config.limits.wall_s == 2.5


def test_exec_tells_what_changed_with_the_reason_to_look_twice(cli: Any, workspace: Any, make: Any) -> None:
    workspace.records["a1"] = make.action(1, paths=[b".envrc"])
    workspace.diffs = [make.created(b".envrc", flags=(Flag.RUNS_CODE,))]
    result = cli("exec", "echo x > .envrc")
    assert result.out == b""
    assert "a1 pending, 1 path" in result.err
    assert "A  .envrc  +1" in result.err
    assert "runs-code: something runs this file later without asking" in result.err
    assert "agentsh approve a1" in result.err
    assert workspace.called("approve") == []


def test_exec_commit_approves_its_own_action_and_commits(cli: Any, workspace: Any, make: Any) -> None:
    workspace.records["a1"] = make.action(1, paths=[b"f"])
    workspace.diffs = [make.created(b"f")]
    result = cli("exec", "echo x > f", "--commit")
    assert result.code == 0
    assert workspace.called("approve") == [(("a1",), (), "exec --commit")]
    assert workspace.called("commit") == [()]
    assert "committed as c1" in result.err


@pytest.mark.parametrize(
    ("fields", "code"),
    [
        ({"status": ActionStatus.DENIED, "exit_code": None}, 3),
        ({"status": ActionStatus.INTERRUPTED, "exit_code": None}, 130),
        ({"status": ActionStatus.PENDING, "stopped": "wall_s", "paths": [b"f"]}, 6),
        ({"status": ActionStatus.INTERRUPTED, "stopped": "wall_s"}, 6),
    ],
)
def test_exec_commit_never_commits_what_was_refused_or_cut_short(
    cli: Any, workspace: Any, make: Any, fields: dict[str, Any], code: int
) -> None:
    workspace.records["a1"] = make.action(1, decision=Decision(Verdict.DENY, "no-git", "history is yours"), **fields)
    result = cli("exec", "x", "--commit")
    assert result.code == code
    assert "a1" in result.err
    assert workspace.called("approve") == workspace.called("commit") == []


def test_exec_commit_reports_a_denial_of_the_approval(cli: Any, workspace: Any, make: Any) -> None:
    workspace.records["a1"] = make.action(1, paths=[b"f"])
    workspace.errors["approve"] = PolicyDenied("f is protected.", rule="p")
    result = cli("exec", "x", "--commit")
    assert result.code == 3
    assert "f is protected." in result.err
    assert workspace.called("commit") == []


def test_exec_discard_drops_its_own_action_alone(cli: Any, workspace: Any, make: Any) -> None:
    workspace.records["a1"] = make.action(1, paths=[b"e"])
    workspace.records["a2"] = make.action(2, paths=[b"f"])
    assert cli("exec", "x", "--discard").code == 0
    assert workspace.called("reject") == [(("a2",), "exec --discard")]


def test_exec_json_holds_everything_and_prints_nothing_else(cli: Any, workspace: Any, make: Any) -> None:
    workspace.records["a1"] = make.action(1, paths=[b"\xff"], exit_code=3)
    workspace.outputs = {"stdout": b"out\xff", "stderr": b"err"}
    workspace.diffs = [make.created(b"\xff")]
    result = cli("exec", "x", "--json")
    assert result.code == 3
    assert result.err == ""
    value = result.json
    assert value["exit_code"] == 3
    assert value["stdout"] == "out\\xff"
    assert value["action"]["effects"][0]["path_hex"] == "ff"
    assert value["files"][0]["hunks"][0]["lines"] == [{"tag": "+", "text": "x\n"}]
    assert value["pending"] == ["a1"]


# -- see -------------------------------------------------------------------------------------------------------------


def test_status_lists_what_waits(cli: Any, workspace: Any, make: Any) -> None:
    workspace.records["a1"] = make.action(1, line="printf '\n\x1b[2J'", paths=[b"a\nb"])
    text = cli("status").out.decode()
    assert "a1" in text
    assert "a\\nb" in text
    assert "\\x1b[2J" in text
    assert "\x1b" not in text
    assert cli("status", "--json").json["pending"][0]["id"] == "a1"


def test_status_says_that_nothing_waits(cli: Any) -> None:
    assert b"Nothing waits" in cli("status").out


def test_diff_prints_a_patch_to_a_pipe(cli: Any, workspace: Any, make: Any) -> None:
    workspace.diffs = [make.created(b"new.txt", b"hello\n")]
    result = cli("diff", "a7")
    assert workspace.called("diff") == [("a7",)]
    assert result.out.startswith(
        b"diff --git a/new.txt b/new.txt\nnew file mode 100644\n--- /dev/null\n+++ b/new.txt\n"
    )
    assert result.out.endswith(b"@@ -0,0 +1,1 @@\n+hello\n")


def test_diff_stat_counts(cli: Any, workspace: Any, make: Any) -> None:
    workspace.diffs = [make.created(b"b", b"1\n2\n"), make.created(b"c")]
    assert cli("diff", "--stat").out.decode().splitlines() == ["A  b  +2", "A  c  +1", "2 paths changed, +3 -0"]


def test_diff_of_nothing_says_so_on_stderr(cli: Any) -> None:
    result = cli("diff")
    assert result.out == b""
    assert "Nothing is staged" in result.err


def test_log_is_one_line_an_entry_whatever_the_title_holds(cli: Any, workspace: Any) -> None:
    workspace.entries = [LogEntry("a1", LogKind.ACTION, 0.0, "one\ntwo\x1b]0;t\x07", "committed", {"raw": b"\xff"})]
    result = cli("log", "-n", "5")
    assert workspace.called("log") == [(5,)]
    assert result.out.count(b"\n") == 1
    assert b"\x1b" not in result.out
    (entry,) = cli("log", "--json").json["entries"]
    assert entry["details"] == {"raw": "\\xff"}


def test_show_gives_the_raw_output_of_a_stream(cli: Any, workspace: Any, make: Any) -> None:
    workspace.records["a1"] = make.action(1)
    workspace.outputs = {"stderr": b"\xffraw"}
    assert cli("show", "a1", "--output", "stderr").out == b"\xffraw"


def test_show_tells_decision_and_output(cli: Any, workspace: Any, make: Any) -> None:
    decision = Decision(Verdict.ASK, "review", "every change is reviewed")
    workspace.records["a1"] = make.action(1, "grep x", paths=[b"f"], decision=decision, stdout=make.output(b"d", 4))
    workspace.outputs = {"stdout": b"hit\n"}
    workspace.diffs = [make.created(b"f")]
    text = cli("show", "a1").out.decode()
    for part in ("grep x", "ask by rule review: every change is reviewed", "  hit", "@@ -0,0 +1,1 @@"):
        assert part in text


def test_show_of_an_unknown_action_is_a_usage_error(cli: Any) -> None:
    assert cli("show", "a77").code == 2


def test_what_opening_put_right_is_told_on_stderr(cli: Any, workspace: Any) -> None:
    workspace.recovered = (
        Recovery(commit="c4", outcome="finished", paths=(b"x\ny",)),
        Recovery(commit="c5", outcome="undone"),
        Recovery(commit="c6", outcome="conflict"),
        Recovery(action="a9", outcome="interrupted"),
    )
    result = cli("log")
    lines = [line for line in result.err.splitlines() if line.startswith("recovered:")]
    assert ["finished" in lines[0], "undone" in lines[1], "left alone" in lines[2], "a9" in lines[3]] == [True] * 4
    assert "x\\ny" in lines[0]


# -- answer and undo -------------------------------------------------------------------------------------------------


def test_approve_takes_paths_as_raw_bytes(cli: Any, workspace: Any, make: Any) -> None:
    workspace.records["a1"] = make.action(1, paths=[b"f"])
    result = cli("approve", "a1", "--path", "f", "--path", "\udcff", "--comment", "fine")
    assert workspace.called("approve") == [(("a1",), (b"f", b"\xff"), "fine")]
    assert result.out == b"approved a1: f\n"


def test_reject_hands_the_reason_on(cli: Any, workspace: Any, make: Any) -> None:
    workspace.records["a1"] = make.action(1, paths=[b"f"])
    assert b"rejected a1" in cli("reject", "a1", "--reason", "no").out
    assert workspace.called("reject") == [(("a1",), "no")]


def test_commit_names_what_landed(cli: Any, workspace: Any, make: Any) -> None:
    workspace.records["a1"] = make.action(1, paths=[b"f", b"g"], status=ActionStatus.APPROVED)
    assert cli("commit").out == b"committed a1 as c1 (snapshot s1), 2 paths: f, g\n"
    assert cli("commit", "--json").json["commit"] == "c1"


def test_discard_tells_each_action(cli: Any, workspace: Any, make: Any) -> None:
    workspace.records["a1"] = make.action(1, paths=[b"f"])
    assert cli("discard").out == b"discarded a1: f\n"
    assert "Nothing is staged" in cli("discard").err


def test_a_revert_tells_how_to_take_it_back(cli: Any, workspace: Any) -> None:
    result = cli("revert", "a1", "a2")
    assert workspace.called("revert") == [(("a1", "a2"), False)]
    assert result.out == b"reverted a1 a2 as c2 (snapshot s2), 1 path: x\n"
    assert "agentsh revert a9" in result.err


def test_a_dry_revert_prints_the_patch(cli: Any, workspace: Any, make: Any) -> None:
    workspace.diffs = [make.created(b"x")]
    result = cli("revert", "a1", "--dry-run")
    assert workspace.called("revert") == [(("a1",), True)]
    assert result.out.startswith(b"diff --git")
    assert "Nothing was written" in result.err
    assert cli("revert", "a1", "--dry-run", "--json").json["files"][0]["path"] == "x"


def test_restore_and_undo(cli: Any, workspace: Any) -> None:
    assert b"restored s2 as c3" in cli("restore", "s2", "--path", "src").out
    assert workspace.called("restore") == [("s2", (b"src",), False)]
    assert b"undone as c4" in cli("undo").out


# -- upkeep ----------------------------------------------------------------------------------------------------------


def test_check_of_a_damaged_store_is_seven(cli: Any, workspace: Any) -> None:
    assert cli("check").code == 0
    workspace.report = CheckReport(ok=False, problems=("blob ab is gone",), objects={"blobs": 1})
    result = cli("check")
    assert (result.code, result.out) == (7, b"damaged: blob ab is gone\n")
    assert cli("check", "--json").json["ok"] is False


def test_gc_says_what_it_freed(cli: Any) -> None:
    assert cli("gc").out == b"freed 3.9 KiB: 2 unused contents; the store is 1000 B\n"
    assert cli("gc", "--dry-run").out == b"would free about 3.9 KiB: 2 unused contents; the store is 4.9 KiB\n"


def test_version_prints_the_parts(cli: Any) -> None:
    assert cli("version").out.startswith(b"agentsh ")
    assert cli("version", "--json").json["agentsh"]


def test_the_data_directory_can_be_given(cli: Any, tmp_path: Any) -> None:
    cli("status", "--data-dir", str(tmp_path / "elsewhere"))
    assert os.environ["AGENTSH_DATA_DIR"] == str(tmp_path / "elsewhere")


def test_one_answer_to_several_actions_is_one_line_of_the_log(cli: Any, workspace: Any) -> None:
    review = [LogEntry(f"a{n}", LogKind.REVIEW, 0.0, f"approved a{n}", "approved") for n in (1, 2, 3)]
    other = LogEntry("a4", LogKind.REVIEW, 0.0, "rejected a4", "rejected")
    workspace.entries = [*review, other]
    first, second = cli("log").out.decode().splitlines()
    assert first.endswith("approved  a1 a2 a3")
    assert second.split()[-2:] == ["a4", "rejected"]
    assert len(cli("log", "--json").json["entries"]) == 4


def test_that_a_revert_is_approved_is_no_line_of_the_log(cli: Any, workspace: Any) -> None:
    workspace.entries = [
        LogEntry("a1", LogKind.ACTION, 0.0, "echo", "committed", {"kind": "shell"}),
        LogEntry("a1", LogKind.REVIEW, 0.0, "approved a1", "approved"),
        LogEntry("a2", LogKind.ACTION, 0.0, "revert a1", "committed", {"kind": "revert"}),
        LogEntry("a2", LogKind.REVIEW, 0.0, "approved a2", "approved"),
    ]
    assert [line.split()[-3:] for line in cli("log").out.decode().splitlines()][2:] == [["committed", "revert", "a1"]]


def test_commit_and_discard_together_run_nothing(cli: Any, workspace: Any) -> None:
    result = cli("exec", "touch x", "--commit", "--discard")
    assert result.code == 2
    assert "exclude each other" in result.err
    assert not workspace.called("exec")


def test_an_option_before_the_command_is_told_its_place(cli: Any) -> None:
    result = cli("-w", "there", "status")
    assert result.code == 2
    assert "agentsh COMMAND -w" in result.err


def test_what_is_approved_already_only_needs_a_commit(cli: Any, workspace: Any, make: Any) -> None:
    workspace.records["a1"] = make.action(1, paths=[b"f"], status=ActionStatus.APPROVED)
    workspace.diffs = [make.created(b"f")]
    err = cli("exec", "touch f").err
    assert "keep: agentsh commit" in err


def test_status_tells_which_part_of_an_action_is_approved(cli: Any, workspace: Any, make: Any) -> None:
    record = make.action(1, "touch a b c", paths=[b"a", b"b", b"c"], status=ActionStatus.APPROVED)
    states = (EffectState.COMMITTED, EffectState.APPROVED, EffectState.PENDING)
    effects = [replace(e, state=s) for e, s in zip(record.changes, states, strict=True)]
    workspace.records["a1"] = replace(record, changes=change_set(effects))
    (line,) = [row for row in cli("status").out.decode().splitlines() if row.startswith("  a1")]
    assert "1 of 2 paths" in line
    assert line.endswith("b, c")
