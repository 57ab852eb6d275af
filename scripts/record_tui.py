"""Pictures of the full-screen interface, and a short recording: ``python scripts/record_tui.py docs``.

The interface runs on the real runtime with a recorded model, its keys pressed by this script. What it showed is
``tui-main.svg``, ``tui-review.svg``, ``tui-timeline.svg``, and ``tui.svg``, in which the screens follow one another.
Two runs give the same bytes: the clock and the path that are shown are made up.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import re
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any
from unittest.mock import patch

from agentsh.tui import words
from agentsh.tui.app import AgentshApp
from agentsh.tui.main import MainScreen
from agentsh.tui.prompt import Prompt

if TYPE_CHECKING:
    from collections.abc import Callable

    from textual.pilot import Pilot

SIZE = (110, 30)
SECONDS_A_SCREEN = 2.5
LONGEST_WAIT_S = 60.0

README = "# Weather\n\nReads the weather of a place.\n\n    python weather.py Oslo\n"
PROGRAM = """import json
import sys


def load(place):
    with open(place + ".json") as file:
        return json.load(file)


print(load(sys.argv[1])["now"])
"""
TASK = "rename load to read_place, and say so in the README"
LINE = (
    "sed -i 's/load(place)/read_place(place)/; s/load(sys/read_place(sys/' weather.py && "
    "echo '\nIn a program: read_place(\"Oslo\")' >> README.md"
)
SAID = "I rename the function where it is made and where it is called, and add a line to the README."
_FONT_FACE = re.compile(r"\s*@font-face \{.*?\}", re.DOTALL)


class Recording:
    """The interface, and the pictures of it."""

    def __init__(self, app: AgentshApp, pilot: Pilot[None]) -> None:
        self._app = app
        self._pilot = pilot
        self.frames: list[str] = []

    async def until(self, holds: Callable[[], Any]) -> None:
        """Wait until something is on the screen."""
        loop = asyncio.get_running_loop()
        end = loop.time() + LONGEST_WAIT_S
        while not holds():
            if loop.time() > end:
                raise TimeoutError(self._text())
            await self._pilot.pause(0.02)
        await self._pilot.pause()

    async def sees(self, *texts: str) -> None:
        """Wait for words."""
        await self.until(lambda: all(t in self._text() for t in texts))

    async def press(self, *keys: str) -> None:
        """Press keys."""
        await self._pilot.press(*keys)

    def _text(self) -> str:
        strips = self._app.screen._compositor.render_strips()  # noqa: SLF001 - the one way to the painted text
        return "\n".join("".join(s.text for s in strip) for strip in strips)

    def picture(self) -> str:
        """The screen as it is, which is kept as the next frame too."""
        svg = self._app.export_screenshot(title="agentsh")
        svg = "\n".join(line.rstrip() for line in _FONT_FACE.sub("", svg).strip().splitlines())
        self.frames.append(svg)
        return svg + "\n"


async def record(root: Path, data: Path, model: str) -> tuple[dict[str, str], list[str]]:
    """Press the keys of the demonstration; the pictures by name, and all frames."""
    app = AgentshApp(root, model="recorded", data_dir=data)  # the real name has a path that is never the same
    app.directory = "~/weather"
    pictures: dict[str, str] = {}
    async with app.run_test(size=SIZE) as pilot:
        hands = Recording(app, pilot)
        await hands.until(lambda: isinstance(app.screen, MainScreen))
        await hands.sees("nothing to review")
        app.screen.query_one(Prompt).cursor_blink = False
        await hands.sees("policy")
        hands.picture()
        app.screen.query_one(Prompt).text = TASK
        await hands.press("end")
        hands.picture()
        app.model = model
        await hands.press("enter")
        await hands.sees("1 action to review", "nothing is written yet")
        await app.workers.wait_for_complete([w for w in app.workers if w.group in ("job", "facts")])
        app.model = "recorded"
        await app.screen.refresh_facts()
        await hands.sees("model   recorded")
        pictures["tui-main"] = hands.picture()
        await hands.press("ctrl+r")
        await hands.sees("hunk 1", "read_place")
        pictures["tui-review"] = hands.picture()
        await hands.press("y")
        await hands.sees("[✓] M README.md", "[✓] M weather.py")
        hands.picture()
        await hands.press("c")
        await hands.sees("Nothing waits")
        await hands.press("escape", "ctrl+t")
        await hands.sees("commit a1")
        app.clear_notifications()
        await hands.until(lambda: "Committed" not in hands._text())  # noqa: SLF001 - as above
        pictures["tui-timeline"] = hands.picture()
        await hands.press("z")
        await hands.sees("revert a1")
        app.clear_notifications()
        hands.picture()
    return pictures, hands.frames


def animated(frames: list[str]) -> str:
    """Frames, one after the other, again and again."""
    whole = SECONDS_A_SCREEN * len(frames)
    box = re.search(r'viewBox="([^"]+)"', frames[0])
    if box is None:
        raise ValueError("a frame has no size")
    share = 100 / len(frames)
    style = [
        ".frame { visibility: hidden; animation: turn " + f"{whole}s steps(1) infinite; }}",
        f"@keyframes turn {{ 0% {{ visibility: visible; }} {share:.3f}%, 100% {{ visibility: hidden; }} }}",
    ]
    style += [f".frame-{k} {{ animation-delay: {k * SECONDS_A_SCREEN}s; }}" for k in range(len(frames))]
    inside = "\n".join(f'<g class="frame frame-{k}">\n{svg}\n</g>' for k, svg in enumerate(frames))
    head = f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="{box[1]}">\n<style>\n'
    return head + "\n".join(style) + f"\n</style>\n{inside}\n</svg>\n"


def main() -> None:
    """Write the pictures."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    folder: Path = parser.parse_args().folder
    with tempfile.TemporaryDirectory() as name:
        base = Path(name)
        root = base / "weather"
        root.mkdir()
        (root / "README.md").write_text(README)
        (root / "weather.py").write_text(PROGRAM)
        turns = [
            {"text": SAID, "tool_calls": [{"name": "shell", "arguments": {"line": LINE}}]},
            {"text": "Done: weather.py and README.md say read_place now."},
        ]
        recording = base / "recording.json"
        recording.write_text(json.dumps({"agentsh_recording": 1, "name": "recorded", "turns": turns}))
        os.environ.update(AGENTSH_CONFIG_DIR=str(base / "config"), AGENTSH_DATA_DIR=str(base / "data"))
        with patch.object(words, "moment", lambda _: "12:00:00"):
            pictures, frames = asyncio.run(record(root, base / "data", f"replay:{recording}"))
    for picture, svg in {**pictures, "tui": animated(frames)}.items():
        (folder / f"{picture}.svg").write_text(svg)
        print(f"{folder / picture}.svg  {len(svg):,} bytes")


if __name__ == "__main__":
    main()
