"""The interface on a real workspace, in a terminal without a screen."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest
from textual.pilot import Pilot

from agentsh import Workspace
from agentsh.tui.app import AgentshApp
from agentsh.tui.lines import LineView
from agentsh.tui.main import MainScreen
from agentsh.tui.prompt import Prompt
from agentsh.tui.text import plain

README = "# colour\n\nThe color of things.\n" + "".join(f"line {n}\n" for n in range(1, 21)) + "The last color.\n"


class Hands:
    """What a person does and sees."""

    def __init__(self, app: AgentshApp, pilot: Pilot[None]) -> None:
        self.app = app
        self.pilot = pilot

    async def until(self, holds: Callable[[], Any], *, within_s: float = 30) -> None:
        """Wait until something can be seen."""
        end = time.monotonic() + within_s
        while not holds():
            if time.monotonic() > end:
                raise TimeoutError(f"on {self.app.screen}:\n{self.text()}")
            await self.pilot.pause(0.01)
        await self.pilot.pause()

    async def press(self, *keys: str) -> None:
        await self.pilot.press(*keys)

    async def on(self, name: str) -> None:
        """Wait for a screen."""
        await self.until(lambda: type(self.app.screen).__name__ == name)

    async def sees(self, *texts: str) -> None:
        """Wait for words on the screen."""
        await self.until(lambda: all(t in self.text() for t in texts))

    async def ready(self) -> None:
        """Wait for the main screen."""
        await self.until(lambda: isinstance(self.app.screen, MainScreen) and self.app.screen._facts.policy)

    async def send(self, text: str) -> None:
        """Say something, and wait for the end of it."""
        await self.say(text)
        await self.until(lambda: not self.app.work.busy and self.app.screen._timer is None)
        await self.app.workers.wait_for_complete([w for w in self.app.workers if w.group in ("job", "facts")])

    async def say(self, text: str) -> None:
        """Say something."""
        blocks = len(self.app.screen._conversation.blocks)
        self.app.screen.query_one(Prompt).text = text
        await self.press("enter")
        await self.until(lambda: len(self.app.screen._conversation.blocks) > blocks)

    def lines(self) -> list[str]:
        """The screen, line by line, as a terminal would have it."""
        _width, height = self.app.size
        strips = self.app.screen._compositor.render_strips()
        return ["".join(s.text for s in strip) for strip in strips][:height]

    def text(self) -> str:
        return "\n".join(self.lines())

    def rows(self, selector: str) -> list[str]:
        """All rows of a view, also those that are not on the screen."""
        view = self.app.screen.query_one(selector, LineView)
        return [plain(view.row(y)) for y in range(view.row_count)]


Flow = Callable[[Hands], Awaitable[None]]


class Desk:
    """A workspace, and the interface on it."""

    def __init__(self, root: Path, data: Path) -> None:
        self.root = root
        self.data = data

    def app(self, *, model: str = "", watch: str | None = None) -> AgentshApp:
        app = AgentshApp(self.root, model=model, data_dir=self.data, watch=watch)
        app.directory = "/home/you/project"
        return app

    def workspace(self) -> Workspace:
        return Workspace.open(self.root, data_dir=self.data)

    def drive(self, flow: Flow, *, size: tuple[int, int] = (120, 40), model: str = "") -> None:
        """Open the interface, wait for it, do what the flow does."""

        async def run() -> None:
            app = self.app(model=model)
            async with app.run_test(size=size, notifications=True) as pilot:
                hands = Hands(app, pilot)
                await hands.ready()
                await flow(hands)

        asyncio.run(run())


@pytest.fixture
def desk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Desk:
    monkeypatch.setenv("AGENTSH_CONFIG_DIR", str(tmp_path / "config"))
    monkeypatch.setenv("AGENTSH_DATA_DIR", str(tmp_path / "data"))
    monkeypatch.setattr("agentsh.tui.words.moment", lambda _: "12:00:00")
    root = tmp_path / "project"
    root.mkdir()
    (root / "README.md").write_text(README)
    (root / "app.py").write_text("def load(path):\n    return open(path).read()\n")
    return Desk(root, tmp_path / "data")


def recording(
    folder: Path,
    *,
    said: str = "I write a greeting.",
    line: str = "echo hello > greeting.txt",
    last: str = "Done: greeting.txt says hello.",
) -> str:
    """A model that says something, runs a line, and says something more; what ``--model`` calls it."""
    call = {"name": "shell", "arguments": {"line": line}}
    turns = [{"text": said, "tool_calls": [call]}, {"text": last}]
    path = folder / "recording.json"
    path.write_text(json.dumps({"agentsh_recording": 1, "name": "recorded", "turns": turns}))
    return f"replay:{path}"
