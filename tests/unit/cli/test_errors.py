"""Every way to fail has its words and its exit code."""

from __future__ import annotations

import subprocess
import sys
from typing import TYPE_CHECKING, Any

import pytest

from agentsh.core.errors import (
    ActionFailed,
    AgentshError,
    ApprovalNeeded,
    ConflictError,
    Interrupted,
    LimitExceeded,
    PolicyDenied,
    StoreDamaged,
    UsageError,
)

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.usefixtures("workspace")

CODES: list[tuple[type[AgentshError], int]] = [
    (ActionFailed, 1),
    (UsageError, 2),
    (PolicyDenied, 3),
    (ApprovalNeeded, 4),
    (ConflictError, 5),
    (LimitExceeded, 6),
    (StoreDamaged, 7),
    (Interrupted, 130),
]


@pytest.mark.parametrize(("error", "code"), CODES)
def test_an_error_says_three_things_on_stderr(cli: Any, workspace: Any, error: type[AgentshError], code: int) -> None:
    workspace.errors["commit"] = error("It went wrong.", files="Files are safe.", next_step="Do this.")
    result = cli("commit")
    assert result.code == code
    assert result.out == b""
    assert [line.strip() for line in result.err.splitlines()] == [
        "agentsh: It went wrong.",
        "Files are safe.",
        "Do this.",
    ]
    assert workspace.closed


@pytest.mark.parametrize(("error", "code"), CODES)
def test_with_json_an_error_is_an_object_on_stdout(
    cli: Any, workspace: Any, error: type[AgentshError], code: int
) -> None:
    workspace.errors["commit"] = error("It went wrong.", next_step="Do this.")
    result = cli("commit", "--json")
    assert result.code == code
    assert result.json["error"] == error.__name__
    assert result.json["exit_code"] == code
    assert result.json["next"] == "Do this."
    assert result.err == ""


def test_a_conflict_names_its_paths_and_escapes_them(cli: Any, workspace: Any) -> None:
    workspace.errors["commit"] = ConflictError("Both changed it.", paths=[b"a\x1b[2Jb", b"\xff"])
    result = cli("commit")
    assert "! a\\x1b[2Jb" in result.err
    assert "! \\xff" in result.err
    assert "\x1b" not in result.err


def test_a_hostile_message_is_made_visible(cli: Any, workspace: Any) -> None:
    workspace.errors["commit"] = ActionFailed("bad \x1b]52;c;AAAA\x07 \u202e name")
    assert "bad \\x1b]52;c;AAAA\\x07 \\u202e name" in cli("commit").err


@pytest.mark.parametrize(
    "arguments",
    [["nonsense"], ["commit", "--nonsense"], ["approve"], ["diff", "--stat=1"], ["exec"], ["exec", "   "], []],
)
def test_a_wrong_call_is_two_and_says_where_help_is(cli: Any, arguments: list[str]) -> None:
    result = cli(*arguments)
    assert result.code == 2
    assert result.out == b""
    assert "Nothing was run." in result.err or "unchanged" in result.err


def test_a_wrong_call_with_json_is_json(cli: Any) -> None:
    result = cli("approve", "--json")
    assert result.code == 2
    assert result.json["error"] == "UsageError"


def test_a_line_named_json_after_two_dashes_is_no_option(cli: Any) -> None:
    assert cli("nonsense", "--", "--json").out == b""


def test_a_missing_directory_is_a_usage_error(cli: Any) -> None:
    result = cli("status", "-w", "no/such")
    assert result.code == 2
    assert "no/such is not a directory" in result.err


def test_an_unexpected_error_keeps_its_traceback_and_hides_it(cli: Any, workspace: Any, tmp_path: Path) -> None:
    workspace.errors["commit"] = ZeroDivisionError("surprise")
    result = cli("commit")
    assert result.code == 1
    assert "Traceback" not in result.err
    assert "ZeroDivisionError: surprise" in result.err
    assert "your files" in result.err
    (log,) = (tmp_path / "data" / "errors").iterdir()
    assert str(log) in result.err
    assert "Traceback (most recent call last)" in log.read_text()


def test_an_unexpected_error_without_a_place_for_its_log_is_still_told(
    cli: Any, workspace: Any, tmp_path: Path
) -> None:
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "errors").touch()
    workspace.errors["commit"] = ZeroDivisionError("surprise")
    result = cli("commit")
    assert result.code == 1
    assert "could not be written" in result.err


def test_ctrl_c_is_130(cli: Any, workspace: Any) -> None:
    workspace.errors["commit"] = KeyboardInterrupt()
    result = cli("commit")
    assert result.code == 130
    assert "Stopped" in result.err


def test_a_reader_that_went_away_is_no_error() -> None:
    code = (
        "import os, sys\n"
        "r, w = os.pipe()\n"
        "os.close(r)\n"
        "os.dup2(w, 1)\n"
        "from agentsh.cli.boundary import run\n"
        "sys.exit(run(['version']))\n"
    )
    done = subprocess.run([sys.executable, "-c", code], stderr=subprocess.PIPE, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")
