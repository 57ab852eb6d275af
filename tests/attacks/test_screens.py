"""Two hundred hostile texts through every screen, on a real terminal: none of theirs gets out as it is.

What the program sends is read byte by byte. Every escape sequence in it has to be one that the interface itself has a
use for, and bears none of the marks of ours; every other character has to be one that shows itself.
"""

from __future__ import annotations

import json
import re
import unicodedata
from collections.abc import Iterator
from pathlib import Path

import pytest

from agentsh import Workspace
from agentsh.core.action import ActionKind, ActionSpec, Origin
from tests.worlds.terminal import SEQUENCE, Pty

pytestmark = pytest.mark.slow

MARK = "31337"
"""A number in every hostile sequence that may have one: no sequence of the interface's own has it."""

_STRINGS = ("]0;{}", "]52;c;{}", "]8;;http://{}/", "]9;{}", "]777;notify;{}", "]1337;{}", "]4;1;{}", "]10;{}")
_CSI = (
    "2J",
    "3J",
    "{}H",
    "{};{}H",
    "{}A",
    "{}m",
    "5;53;{}m",
    "?1047h",
    "?47l",
    "?12h",
    "?{}h",
    "6n",
    "c",
    ">c",
    "{} q",
)
_CSI_MORE = (
    "{}L",
    "{}M",
    "{}P",
    "{}X",
    "{};{}r",
    "!p",
    "s",
    "u",
    "20t",
    "21t",
    "{}b",
    "?{}$p",
    "=5u",
    "{}S",
    "{}T",
    "4h",
)
_ESC = ("c", "7", "8", "D", "M", "E", "(0", ")0", "#8", "=", ">", "N", "O", "\\", "Z", "n", "%@", " F")
_MARKUP = (
    "[bold red]{}[/]",
    "[/]{}",
    "[@click=app.quit]{}[/]",
    "[@click=screen.approve]{}[/]",
    "[link=http://{}]x[/link]",
    "[reverse]{}",
    "[on red]{}",
    "[$error]{}",
    ":bomb:{}",
    "\\[bold]{}",
    "[[{}]]",
    "[not bold]{}",
)


def hostile() -> list[str]:
    """The texts, each with a name of its own (``H000``) before and behind what is hostile in it."""
    kinds = [f"\x1b{s}{end}" for s in _STRINGS for end in ("\x07", "\x1b\\", "\x9c", "")]
    kinds += [f"\x1b[{s}" for s in (*_CSI, *_CSI_MORE)] + [f"\x9b{s}" for s in _CSI]
    kinds += [f"\x1b{s}" for s in _ESC]
    kinds += [f"\x1b{c}{{}}\x1b\\" for c in "PX^_"] + [f"{c}{{}}\x9c" for c in "\x90\x98\x9e\x9f\x9d"]
    kinds += [chr(c) for c in (*range(1, 10), *range(11, 32), *range(127, 160))]
    kinds += [chr(c) for c in (0x61C, *range(0x200B, 0x2010), *range(0x202A, 0x202F), *range(0x2066, 0x206A))]
    kinds += [
        chr(c) for c in (0x2028, 0x2029, 0x2060, 0xFEFF, 0xFE0F, 0x3164, 0x115F, 0xE0041, 0xE0100, 0xE000, 0xFFFF)
    ]
    kinds += ["p\u0430y", "s\u2215x.a", "Z" + "\u0335" * 12, "\xa0", "\r" + " " * 20, "\b" * 8, *_MARKUP]
    return [f"H{n:03}{kind.replace('{}', MARK)}H{n:03}" for n, kind in enumerate(kinds)]


TEXTS = hostile()
TAGS = {t[:4] for t in TEXTS}
NAMES = [t.replace("/", "|").replace("\uffff", "\ufffe") for t in TEXTS]

_OWN = re.compile(
    r"\x1b(?:\[[0-9;]*m|\[[0-9]+;[0-9]+H|\[\?(?:1000|1003|1004|1006|1015|1016|1049|2004|2026|2048|25|7)[hl]"
    r"|\[\?(?:2026|2048)\$p|\[>25u|\[<u|\]22;(?:default|pointer|text)\x07)"
)
"""All that the interface says to a terminal."""


def raw(sent: str) -> list[str]:
    """What in ``sent`` the interface would not say of itself."""
    found = [s for s in SEQUENCE.findall(sent) if not _OWN.fullmatch(s) or MARK in s]
    rest = SEQUENCE.sub("", sent)
    for ch in sorted(set(rest) - set("\r\n")):
        odd = unicodedata.category(ch) in ("Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp")
        if odd or ch in "\u0430\u2215\xa0\u3164\u115f\ufe0f\U000e0100":
            found.append(ch)
    return found + re.findall("[\u0300-\u036f]{5,}", rest)


class Screens:
    """The interface on a store that is full of hostile things."""

    def __init__(self, base: Path) -> None:
        self.base = base
        self.root = base / "workspace"
        self.root.mkdir()
        self.config = base / "config"
        self.config.mkdir()
        self.data = base / "data"
        self.opened: list[Pty] = []

    def workspace(self) -> Workspace:
        return Workspace.open(self.root, data_dir=self.data)

    def open(self, *arguments: str) -> Pty:
        places = {"AGENTSH_DATA_DIR": self.data, "AGENTSH_CONFIG_DIR": self.config}
        self.opened.append(Pty(["tui", *arguments], cwd=self.root, environment=places, columns=250, rows=60))
        return self.opened[-1]


@pytest.fixture
def screens(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Screens]:
    made = Screens(tmp_path)
    monkeypatch.setenv("AGENTSH_CONFIG_DIR", str(made.config))
    monkeypatch.setenv("AGENTSH_DATA_DIR", str(made.data))
    yield made
    for pty in made.opened:
        pty.close()


def tags(text: str) -> set[str]:
    return set(re.findall(r"H\d{3}", text))


def pages_of(pty: Pty, since: int, wanted: set[str]) -> None:
    """Turn pages, down and up again, until all that is wanted was on the screen."""
    key = "\x1b[6~"
    for _ in range(80):
        missing = wanted - tags(pty.text(since))
        if not missing:
            return
        at = pty.press(key)
        try:
            pty.until(lambda at=at: len(pty.sent) > at, within_s=2)
        except TimeoutError:  # at an end
            key = {"\x1b[6~": "\x1b[5~", "\x1b[5~": "\x1b[6~"}[key]
        while pty.read():  # the frame to its end: what is overtaken by the next is never shown
            pass
    raise AssertionError(f"never shown: {sorted(missing)}")


def escape(pty: Pty) -> int:
    """Press escape; a key that followed at once would be one with it."""
    at = pty.press("\x1b")
    pty.until(lambda: len(pty.sent) > at)
    while pty.read(0.3):
        pass
    return at


def leave(pty: Pty) -> None:
    """Leave, and look at all that was sent."""
    pty.press("\x11")
    assert pty.ended() == 0
    assert not raw(pty.sent)
    # Shown, not swallowed: an escape of theirs is there to be read.
    assert "\\x1b" in pty.text()


def test_there_are_enough_and_they_would_be_noticed() -> None:
    assert len(TEXTS) >= 200
    harmless = [t for t in TEXTS if any(m.replace("{}", MARK) in t for m in _MARKUP) or "\r" in t]
    assert [t for t in TEXTS if not raw(t) and t not in harmless] == []


def test_contents_and_output(screens: Screens) -> None:
    whole = "\n".join(TEXTS)
    with screens.workspace() as workspace:
        workspace.approve([workspace.stage("new.txt", b"one\n").id])
        workspace.commit()
        workspace.stage("new.txt", b"one\n" + whole.encode() + b"\n\xff\xfe\x80H999\n")
        workspace.exec("cat new.txt; cat new.txt >&2")
    pty = screens.open()
    pty.sees("1 action to review")
    at = pty.press("!cat new.txt")
    pty.sees("!cat", since=at)
    at = pty.press("\r")
    pty.sees("lines before (o shows all)", since=at)
    at = pty.press("\x12")
    pty.sees("hunk 1", since=at)
    pty.press("\t")
    pages_of(pty, at, TAGS)
    at = pty.press("v")  # side by side, from the top
    pages_of(pty, at, TAGS)
    at = pty.press("q")
    pty.sees("Timeline", since=at)
    at = pty.press("\x14")
    pty.sees(" entries", since=at)  # the main screen names the action, too
    at = pty.press("\x1b[B")
    at = pty.press("o")
    pages_of(pty, at, TAGS)
    leave(pty)


def test_names_of_files_in_review_questions_timeline_and_revert(screens: Screens) -> None:
    quoted = " ".join("'./" + n.replace("'", "") + "'" for n in NAMES)
    with screens.workspace() as workspace:
        workspace.approve([workspace.exec(f"touch {quoted}").id])
        workspace.commit()
        workspace.exec(f"rm {quoted}")
        for n, text in enumerate(TEXTS[:30]):
            workspace.reject([workspace.stage(f"r{n}", b"").id], reason=text)
    pty = screens.open()
    pty.sees("1 action to review")
    at = pty.press("\x12")
    pty.sees("Review", since=at)
    pages_of(pty, at, TAGS)
    at = pty.press("Y")
    pty.sees("Approve all", since=at)
    at = pty.press("n")
    pty.sees("Back", since=at)
    at = pty.press("x")
    pty.sees("Reject", since=at)
    escape(pty)
    at = pty.press("q")
    pty.sees("Timeline", since=at)
    at = pty.press("\x14")
    pty.sees("commit a1", since=at)
    pty.press("G")
    at = pty.press("r")
    pty.sees("It would change", since=at)
    pages_of(pty, at, TAGS)
    leave(pty)


def test_a_model_its_task_its_actions_and_a_conflict(screens: Screens) -> None:
    whole = "\n".join(TEXTS)
    lines = [f": '{t}'" for t in TEXTS if "'" not in t and "\n" not in t]
    calls = [{"name": "shell", "arguments": {"line": line}} for line in lines]
    turns: list[dict[str, object]] = [
        {"text": whole, "tool_calls": calls[:60]},
        *({"text": "", "tool_calls": calls[n : n + 60]} for n in range(60, len(calls), 60)),
        {"text": "\x1b]0;31337\x07The end", "tool_calls": [{"name": TEXTS[5], "arguments": {"line": TEXTS[9]}}]},
        {"text": f"ready {TEXTS[7]}"},
    ]
    recording = screens.base / "recording.json"
    recording.write_text(json.dumps({"agentsh_recording": 1, "name": TEXTS[3], "turns": turns}))
    with screens.workspace() as workspace:
        name = f"c{NAMES[40]}"
        (screens.root / name).write_text(f"zero {TEXTS[2]}\n")
        for text in (f"one {TEXTS[0]}\n", f"two {TEXTS[1]}\n"):
            workspace.approve([workspace.stage(name, text.encode()).id])
            workspace.commit()
    pty = screens.open("--model", f"replay:{recording}")
    pty.sees("nothing to review")
    typed = [t for t in TEXTS if "\x1b" not in t and "\n" not in t][:30]  # terminals paste no ESC
    at = pty.paste(f"a task {' '.join(typed)}")
    pty.until(lambda: len(tags(pty.text(at)) & {t[:4] for t in typed}) > 20)
    at = pty.press("\r")
    pty.sees("ready", since=at)
    pty.press("\t")
    at = pty.press("\x1b[H")
    pages_of(pty, at, TAGS)
    at = pty.press("\x14")
    pty.sees("Timeline", since=at)
    pages_of(pty, at, tags("".join(lines)))
    at = pty.press("f")
    pty.sees("Show entries", since=at)
    at = pty.paste(typed[5])
    pty.sees(typed[5][:4], since=at)
    escape(pty)
    pty.press("G")
    at = pty.press("r")
    pty.sees("1 conflict to answer", "Result", since=at)
    pages_of(pty, at, {t[:4] for t in TEXTS[:3]})
    pty.press("y")
    pty.sees("needs an answer first", since=at)
    at = pty.press("b")
    pty.sees("both, ours first", "all answered", since=at)
    at = pty.press("s")  # below each other, where each line is whole
    pages_of(pty, at, {t[:4] for t in TEXTS[:3]})
    leave(pty)


def test_requests_and_settings_and_errors(screens: Screens) -> None:
    (screens.config / "config.toml").write_text('[http]\nallow = ["api.example"]\n')
    bodies = ["\n".join(TEXTS), TEXTS[30]]
    with screens.workspace() as workspace:
        for n, body in enumerate(bodies):
            headers = {"X-A": f"h{n}"}
            url = f"https://api.example/items?q={MARK}"
            arguments = {"method": "POST", "url": url, "body": body, "headers": headers}
            workspace.act(ActionSpec(ActionKind.HTTP, arguments, Origin.AGENT))
    (screens.root / ".agentsh.toml").write_text('policy = "trusted"\n[limits]\nopen_files = 99999\n')
    pty = screens.open()
    pty.sees("not taken")
    at = pty.press("\x12")
    pty.sees("→ POST", since=at)
    at = pty.press("y")
    pty.sees("Idempotency-Key", since=at)
    pty.press("\t")
    pages_of(pty, at, TAGS)
    at = pty.press("\x10")
    pty.sees("Search for commands", since=at)
    escape(pty)
    at = pty.press("\x1bOP")
    pty.sees("keys and signs", since=at)
    at = pty.press("\x1b[20~")
    pty.sees("for this sitting", since=at)
    at = pty.press("s")
    pty.until(lambda: any(t in pty.text(at) for t in ("Values are never shown", "no keyring on this")), within_s=40)
    leave(pty)
