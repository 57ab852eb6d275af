"""The interface in a real browser: from a line to its revert, by keys, with the files looked at."""

from __future__ import annotations

import re
import shutil
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.worlds.served import Served
from tests.worlds.terminal import SEQUENCE

sync_api = pytest.importorskip("playwright.sync_api", reason="needs playwright, of the extra dev")
pytest.importorskip("textual_serve", reason="needs the extra web")
CHROMIUM = next(
    (found for name in ("chromium", "chromium-browser", "google-chrome") if (found := shutil.which(name))), ""
)

pytestmark = [pytest.mark.slow, pytest.mark.skipif(not CHROMIUM, reason="there is no Chromium on this machine")]


class Browser:
    """A page, and all that was drawn in it."""

    def __init__(self, context: Any) -> None:
        self.page = context.new_page()
        self.drawn = ""
        self.problems: list[str] = []
        self.page.on("websocket", self._listen)
        self.page.on("pageerror", lambda e: self.problems.append(str(e)))
        self.page.on("console", lambda m: self.problems.append(m.text) if m.type == "error" else None)

    def _listen(self, socket: Any) -> None:
        socket.on("framereceived", self._take)

    def _take(self, payload: bytes | str) -> None:
        self.drawn += payload if isinstance(payload, str) else payload.decode()

    def text(self, since: int = 0) -> str:
        return SEQUENCE.sub("", self.drawn[since:])

    def until(self, holds: Callable[[], object]) -> None:
        end = time.monotonic() + 40
        while not holds():
            if time.monotonic() > end:
                raise TimeoutError(re.sub(r"\s+", " ", self.text())[-2000:])
            self.page.wait_for_timeout(30)

    def sees(self, *texts: str, since: int = 0) -> None:
        self.until(lambda: all(t in self.text(since) for t in texts))

    def press(self, *keys: str) -> int:
        at = len(self.drawn)
        for key in keys:
            self.page.keyboard.press(key)
        return at


@pytest.fixture
def served(tmp_path: Path) -> Iterator[Served]:
    made = Served(tmp_path)
    yield made
    assert made.close() == 0


@pytest.fixture
def browser() -> Iterator[Browser]:
    with sync_api.sync_playwright() as play:
        chromium = play.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        context = chromium.new_context(viewport={"width": 1280, "height": 800})
        yield Browser(context)
        context.close()
        chromium.close()


def test_a_line_is_run_approved_committed_and_reverted(served: Served, browser: Browser, tmp_path: Path) -> None:
    new = served.root / "new.txt"
    asked: list[str] = []
    browser.page.on("request", lambda request: asked.append(request.url))
    browser.page.goto(served.link)
    browser.sees("Say what to do", "nothing to review")
    assert browser.page.url == f"{served.origin}/"  # the token is not in the address any more
    (cookie,) = browser.page.context.cookies()
    assert (cookie["httpOnly"], cookie["sameSite"]) == (True, "Strict")

    browser.page.keyboard.type("!echo hello > new.txt")
    at = browser.press("Enter")
    browser.sees("1 action to review", since=at)
    assert not new.exists()
    at = browser.press("F2")
    browser.sees("hunk 1", "hello", since=at)
    at = browser.press("y")
    browser.sees("[✓]", since=at)
    browser.press("c")
    browser.until(new.exists)
    assert new.read_text() == "hello\n"
    browser.page.screenshot(path=tmp_path / "review.png")

    at = browser.press("q")
    browser.sees("Say what to do", since=at)
    at = browser.press("F3")
    browser.sees("commit a1", since=at)
    browser.press("z")
    browser.until(lambda: not new.exists())

    # Nothing came from anywhere else, and the page's own rules let all of it through.
    assert {url for url in asked if not url.startswith((served.origin, "data:"))} == set()
    assert browser.problems == []

    # A page that is loaded again goes on from the store.
    at = len(browser.drawn)
    browser.page.reload()
    browser.sees("Say what to do", since=at)
    at = browser.press("F3")
    browser.sees("revert a1", since=at)
    browser.press("F10")
    browser.page.wait_for_selector("body.-closed .notice.ended", state="visible")


def test_another_page_in_the_same_browser_gets_nowhere(served: Served, browser: Browser) -> None:
    browser.page.goto(served.link)
    browser.sees("Say what to do")
    evil = browser.page.context.new_page()
    evil.route("http://evil.example/", lambda route: route.fulfill(body="<p>hello</p>", content_type="text/html"))
    evil.goto("http://evil.example/")
    outcome = evil.evaluate(
        """([name, origin]) => new Promise(done => {
            const socket = new WebSocket(`ws://${name}/ws?width=80&height=24`);
            socket.onopen = () => done("open");
            socket.onerror = () => done("refused");
        })""",
        [served.name, served.origin],
    )
    assert outcome == "refused"
    read = "url => fetch(url, {credentials: 'include'}).then(r => r.text()).catch(() => 'refused')"
    assert evil.evaluate(read, f"{served.origin}/") == "refused"
    evil.set_content(f"<iframe src='{served.origin}/'></iframe>")
    evil.wait_for_timeout(500)
    frames = [f for f in evil.frames if f != evil.main_frame]
    assert not any("terminal" in f.content() for f in frames if f.url.startswith(served.origin))
    # What was open before goes on.
    browser.page.keyboard.type("!echo still here")
    at = browser.press("Enter")
    browser.sees("still here", since=at)
