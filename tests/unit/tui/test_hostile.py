"""Nothing that a file or its name says reaches a screen as it is."""

from __future__ import annotations

from tests.unit.tui.conftest import Desk, Hands

HOSTILE = (
    "\x1b]52;c;SE9TVElMRQ==\x07",  # sets the clipboard
    "\x1b[2J\x1b[66;66H",  # clears the screen, moves the cursor
    "\x1bP+q484F5354\x1b\\\x1b_HOSTILE\x1b\\",  # DCS, APC
    "\x9b31mHOSTILE\x9d0;HOSTILE\x9c",  # C1 in single characters
    "\u202eELITSOH\u2066\u200b\ufeff",  # turns the line round, hides characters
    "\b\b\bHOSTILE\x7f",
    "[bold red]HOSTILE[/] [@click=app.quit]HOSTILE[/]",  # markup of Textual
    "\U000e0048\U000e004f",  # text that is not seen
)
LOUD = "".join(HOSTILE)
RAW = "\x1b\x07\x9b\x9c\x9d\u202e\u2066\u200b\ufeff\b\x7f\U000e0048"


def quiet(hands: Hands) -> str:
    """The screen, which has nothing raw."""
    text = hands.text()
    assert not [c for c in RAW if c in text]
    return text


def test_names_and_contents_are_shown_and_not_obeyed(desk: Desk) -> None:
    name = LOUD.replace("/", "|")[:90]
    with desk.workspace() as workspace:
        workspace.approve([workspace.stage(name, f"{LOUD}\n".encode()).id])
        workspace.commit()
        workspace.stage(f"x{name}", LOUD.encode())

    async def flow(hands: Hands) -> None:
        await hands.press("ctrl+r")
        await hands.sees("hunk 1")
        assert "x\\x1b]52;" in quiet(hands)
        assert "[bold red]HOSTILE[/]" in "\n".join(hands.rows("#diff"))
        await hands.press("Y")
        await hands.on("Confirm")
        quiet(hands)
        await hands.press("n", "escape", "ctrl+t")
        await hands.sees("commit a1")
        assert "\\x1b]52;" in quiet(hands)

    desk.drive(flow, size=(140, 50))
