"""What a person does in the interface, on the real runtime."""

from __future__ import annotations

from contextlib import nullcontext
from pathlib import Path

import pytest
from textual.widgets import Input

from agentsh.core.action import ActionStatus
from agentsh.core.effect import EffectState
from agentsh.tui.conversation import Conversation
from agentsh.tui.prompt import Prompt
from tests.unit.tui.conftest import Desk, Hands, recording


def test_a_line_runs_is_reviewed_committed_undone_and_redone(desk: Desk) -> None:
    async def flow(hands: Hands) -> None:
        await hands.send("!sed -i s/color/colour/ README.md; echo 'x = 1' > new.py; echo said")
        shown = "\n".join(hands.rows("#conversation"))
        assert "said" in shown
        assert "asks because" in shown
        assert "README.md" in shown
        assert "new.py" in shown
        assert "1 action to review" in hands.text()
        assert not (desk.root / "new.py").exists()
        await hands.press("ctrl+r")
        await hands.on("ReviewScreen")
        await hands.sees("asks because", "hunk 1")
        await hands.press("y")
        await hands.sees("[✓] M README.md", "[✓] A new.py")
        await hands.press("c")
        await hands.sees("Nothing waits for an answer")
        assert (desk.root / "new.py").read_text() == "x = 1\n"
        await hands.press("escape", "ctrl+t")
        await hands.sees("commit a1")
        await hands.press("z")
        await hands.until(lambda: not (desk.root / "new.py").exists())
        await hands.sees("revert a1")
        await hands.press("Z")
        await hands.until((desk.root / "new.py").exists)
        await hands.sees("revert a2")

    desk.drive(flow)


def test_what_landed_in_part_is_undone_and_the_rest_goes_on_waiting(desk: Desk) -> None:
    with desk.workspace() as workspace:
        action = workspace.exec("sed -i s/color/colour/ README.md; echo x > new.py").id
        workspace.approve([action], paths=["new.py"])
        workspace.commit()

    async def flow(hands: Hands) -> None:
        await hands.press("ctrl+t")
        await hands.sees("commit a1")
        await hands.press("z")
        await hands.until(lambda: not (desk.root / "new.py").exists())
        await hands.sees("revert a1")
        await hands.press("Z")
        await hands.until((desk.root / "new.py").exists)

    desk.drive(flow)
    with desk.workspace() as workspace:
        assert [e.path for e in workspace.diff(action) if e.path != b"new.py"] == [b"README.md"]


def test_one_hunk_is_approved_and_the_rest_rejected_with_a_comment(desk: Desk) -> None:
    async def flow(hands: Hands) -> None:
        await hands.send("!sed -i s/color/colour/ README.md")
        await hands.press("ctrl+r")
        await hands.sees("hunk 2")
        await hands.press("tab", "right_square_bracket", "y")
        await hands.sees("[✓] M README.md", "[ ] M README.md")
        await hands.press("tab", "c")
        await hands.until(lambda: "The colour of things." in (desk.root / "README.md").read_text())
        assert "The last color." in (desk.root / "README.md").read_text()
        await hands.sees("[ ] M README.md")
        await hands.press("x")
        await hands.on("AskLine")
        hands.app.screen.query_one(Input).value = "not that one"
        await hands.press("enter")
        await hands.sees("Nothing waits for an answer")

    desk.drive(flow)
    with desk.workspace() as workspace:
        record = workspace.show("a1")
        assert record.note == "not that one"
        assert {e.state for e in record.changes} == {EffectState.COMMITTED, EffectState.REJECTED}


def test_an_answer_is_about_what_was_shown(desk: Desk) -> None:
    async def flow(hands: Hands) -> None:
        await hands.send("!sed -i 1s/colour/title/ README.md")
        await hands.send("!sed -i s/last/very_last/ README.md")
        await hands.press("ctrl+r")
        await hands.sees("a2")
        with desk.workspace() as other:
            other.reject(["a1"])  # so a2 is not what is on the screen any more
        for _ in range(2):
            await hands.press("down")
        await hands.press("y")
        await hands.sees("not the ones that were shown")
        with desk.workspace() as other:
            assert other.show("a2").status is ActionStatus.PENDING

    desk.drive(flow)


def test_a_conflict_is_answered_by_side(desk: Desk) -> None:
    with desk.workspace() as workspace:
        for text in ("one", "two"):
            workspace.approve([workspace.exec(f"echo {text} > a.txt").id])
            workspace.commit()

    async def flow(hands: Hands) -> None:
        await hands.press("ctrl+t")
        await hands.sees("echo one")
        view = hands.app.screen.query_one("#entries")
        await hands.until(lambda: view.entry is not None)
        while view.entry.id != "a1":
            await hands.press("down")
        await hands.press("r")
        await hands.on("ConflictScreen")
        await hands.sees("1 conflict to answer", "ours, now", "theirs, undone")
        await hands.press("y")
        await hands.sees("needs an answer first")
        await hands.press("t")
        await hands.sees("all answered", "take the undone state")
        await hands.press("y")
        await hands.until(lambda: not (desk.root / "a.txt").exists())

    desk.drive(flow)


def test_a_revert_is_previewed_before_it_is_done(desk: Desk) -> None:
    with desk.workspace() as workspace:
        workspace.approve([workspace.exec("echo one > a.txt; rm app.py").id])
        workspace.commit()

    async def flow(hands: Hands) -> None:
        await hands.press("ctrl+t")
        await hands.sees("echo one")
        await hands.press("r")
        await hands.on("RevertScreen")
        await hands.sees("It would change 2 paths", "A app.py  added")
        assert (desk.root / "a.txt").exists()
        await hands.press("y")
        await hands.on("TimelineScreen")
        await hands.sees("revert a1")
        assert not (desk.root / "a.txt").exists()
        assert (desk.root / "app.py").exists()

    desk.drive(flow)


def test_a_model_works_and_its_words_and_actions_are_shown(desk: Desk, tmp_path: Path) -> None:
    async def flow(hands: Hands) -> None:
        await hands.send("say hello")
        shown = "\n".join(hands.rows("#conversation"))
        assert "> say hello" in shown
        assert "• I write a greeting." in shown
        assert "┌ a1 echo hello > greeting.txt" in shown
        assert "A greeting.txt  added +1" in shown
        assert "• Done: greeting.txt says hello." in shown
        assert "1 action to review, and nothing is written yet" in shown
        assert "session r1" in "\n".join(hands.rows("#side"))

    desk.drive(flow, model=recording(tmp_path))


def test_without_a_model_the_prompt_says_what_to_do(desk: Desk) -> None:
    async def flow(hands: Hands) -> None:
        await hands.sees("No model is configured", "--model")
        await hands.send("please work")
        await hands.sees("No model was chosen.")
        await hands.send("!echo still works")
        await hands.sees("still works")

    desk.drive(flow)


def test_escape_stops_what_runs(desk: Desk) -> None:
    async def flow(hands: Hands) -> None:
        await hands.say("!echo started; while true; do true; done")
        await hands.sees("│ started")
        await hands.press("escape")
        await hands.until(lambda: not hands.app.work.busy)
        await hands.sees("interrupted")

    desk.drive(flow)


def test_the_prompt_has_lines_a_history_and_paths(desk: Desk) -> None:
    async def flow(hands: Hands) -> None:
        prompt = hands.app.screen.query_one(Prompt)
        await hands.send("!echo one")
        await hands.press("up")
        assert prompt.text == "!echo one"
        await hands.press("down")
        assert prompt.text == ""
        await hands.press("a", "ctrl+j", "b")
        assert prompt.text == "a\nb"
        prompt.text = ""
        await hands.press("@", "R", "E", "tab")
        await hands.until(lambda: prompt.text == "@README.md ")

    desk.drive(flow)


def test_the_edit_of_a_proposal_is_an_action_of_its_own(
    desk: Desk, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    editor = tmp_path / "editor"
    editor.write_text('#!/bin/sh\necho mine >> "$1"\n')
    editor.chmod(0o755)
    monkeypatch.setenv("VISUAL", str(editor))

    async def flow(hands: Hands) -> None:
        await hands.send("!echo one > a.txt")
        await hands.press("ctrl+r")
        await hands.sees("a.txt")
        # There is no terminal to hand over here; the one in the end-to-end test is real.
        monkeypatch.setattr(hands.app, "suspend", nullcontext)
        await hands.press("e")
        await hands.sees("write a.txt")

    desk.drive(flow)
    with desk.workspace() as workspace:
        assert workspace.read_blob(workspace.diff()[0].after.digest) == b"one\nmine\n"
        assert [a.id for a in workspace.status().pending] == ["a1", "a2"]


def test_the_output_of_an_action_is_shown_in_full_and_searched(desk: Desk) -> None:
    async def flow(hands: Hands) -> None:
        await hands.send("!seq 300")
        assert "295 lines before (o shows all)" in "\n".join(hands.rows("#conversation"))
        view = hands.app.screen.query_one(Conversation)
        view.focus()
        await hands.press("o")
        await hands.on("OutputScreen")
        await hands.until(lambda: hands.app.screen.query_one("#output").row_count == 300)
        await hands.press("slash")
        await hands.on("AskLine")
        await hands.press("2", "7", "7", "enter")
        await hands.on("OutputScreen")
        assert hands.app.screen.query_one("#output").cursor == 276
        await hands.sees("277")

    desk.drive(flow)


def test_the_panel_folds_and_the_diff_splits_by_width(desk: Desk) -> None:
    async def flow(hands: Hands) -> None:
        await hands.send("!sed -i s/color/colour/ README.md")
        assert hands.app.screen.query_one("#side").display
        await hands.press("ctrl+r")
        await hands.sees("hunk 1")
        assert not hands.app.screen.query_one("#diff").split
        await hands.press("tab", "s")
        await hands.sees("│")
        await hands.press("s")
        await hands.pilot.resize_terminal(170, 40)
        await hands.press("escape")
        await hands.pilot.resize_terminal(80, 24)
        await hands.until(lambda: not hands.app.screen.query_one("#side").display)

    desk.drive(flow)
