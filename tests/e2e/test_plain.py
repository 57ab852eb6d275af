"""The same work on lines alone: words, no escape sequence, no mark that says something by itself."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from tests.e2e.conftest import Program
from tests.worlds.terminal import Pty


def talk(agentsh: Program, *lines: str, arguments: tuple[str, ...] = ()) -> str:
    done = agentsh("tui", "--plain", *arguments, stdin="".join(f"{x}\n" for x in lines).encode())
    said: str = done.stderr.decode()
    assert all(ch.isprintable() or ch == "\n" for ch in said + done.stdout.decode().replace("\t", ""))
    return said


def test_from_a_line_to_its_revert_in_words(agentsh: Program) -> None:
    (agentsh.root / "old.txt").write_text("one\ntwo\n")
    said = talk(agentsh, "!sed -i s/two/2/ old.txt; printf 'x\\033[2J' > new.txt", "list", "diff")
    assert "Action a1, pending, by you" in said
    assert "Added new.txt, 1 line added, pending" in said
    assert "Modified old.txt, 1 line added, 1 line removed, pending" in said
    assert "The policy asks because" in said
    assert "removed 2: two" in said
    assert "added 2: 2" in said
    assert "added 1: x\\x1b[2J" in said
    assert not (agentsh.root / "new.txt").exists()

    said = talk(agentsh, "approve a1 new.txt", "yes", "commit", "reject a1 not this one", "log 3")
    assert "Approve a1? yes or no: Approved new.txt of a1" in said
    assert "1 path written" in said
    assert "Rejected a1. Your files are unchanged." in said
    assert (agentsh.root / "new.txt").exists()
    assert (agentsh.root / "old.txt").read_text() == "one\ntwo\n"

    said = talk(agentsh, "revert a1", "no", "revert a1", "yes", "undo")
    assert "Deleted new.txt" in said
    assert "Nothing was reverted." in said
    assert "Reverted a1 as c2" in said
    assert "Took back the last commit as c3" in said
    assert (agentsh.root / "new.txt").exists()


def test_what_was_not_said_is_asked_about(agentsh: Program) -> None:
    agentsh("exec", "echo 1 > a; echo 2 > b")
    said = talk(agentsh, "approve a1", "perhaps", "no", "commit")
    assert "Action a1, pending" in said
    assert "Added b, 1 line added" in said
    assert said.count("Approve a1? yes or no: ") == 2
    assert "a1 is left as it is." in said
    assert "approve ACTION" in said  # a commit without a yes says what it waits for
    assert "Nobody answered." in talk(agentsh, "approve all")
    assert agentsh.pending() == ["a1"]
    assert agentsh.json("status")["pending"][0]["status"] == "pending"
    assert agentsh.state() == {}


def test_a_task_and_its_actions_in_words(agentsh: Program, tmp_path: Path) -> None:
    call = {"name": "shell", "arguments": {"line": "echo hello > greeting.txt; echo sa\\\\033id"}}
    turns: list[Any] = [{"text": "I write \x1b[31mit.", "tool_calls": [call]}, {"text": "Done."}]
    recording = tmp_path / "recording.json"
    recording.write_text(json.dumps({"agentsh_recording": 1, "name": "recorded", "turns": turns}))
    said = talk(agentsh, "please greet", "approve all", "commit", arguments=("--model", f"replay:{recording}"))
    assert "Session r1 begins" in said
    assert "I write \\x1b[31mit." in said
    assert "The model runs: echo hello" in said
    assert "Added greeting.txt, 1 line added" in said
    assert "1 action waits for an answer." in said
    # The model's actions were told as they came; the yes is still about what is there now.
    assert "Approve a1? yes or no: " in said


def test_words_are_not_guessed_at(agentsh: Program) -> None:
    agentsh("exec", "echo 1 > a")
    said = talk(agentsh, "commit the changes please", "approve", "diff a99", "log x", "!", "help", "nothing known")
    assert "does not take so many" in said
    assert "approve takes an action" in said
    assert "a99" in said
    assert "log takes a number" in said
    assert "approve ACTION [PATH]: approve it" in said
    assert "No model was chosen" in said
    assert agentsh.state() == {}


def test_on_a_terminal_too_there_is_no_escape_sequence(agentsh: Program) -> None:
    terminal = Pty(
        ["tui", "--plain"], cwd=agentsh.root, environment={**agentsh.environment, "AGENTSH_DATA_DIR": agentsh.data}
    )
    try:
        terminal.sees("agentsh: ")
        at = terminal.press("!while true; do echo on; sleep 1; done\n")
        terminal.sees("\non", since=at)
        at = terminal.press("\x03")
        terminal.sees("interrupted", "agentsh: ", since=at)
        at = terminal.press("!echo hi > f\n")
        terminal.sees("Added f", since=at)
        at = terminal.press("diff\n")
        terminal.sees("added 1: hi", since=at)
        terminal.press("\x04")
        assert terminal.ended() == 0
        assert "\x1b" not in terminal.sent
    finally:
        terminal.close()
