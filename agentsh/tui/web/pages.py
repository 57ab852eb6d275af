"""All that the server hands out: a page, a page of refusal, and files of textual-serve by name."""

from __future__ import annotations

from html import escape
from importlib.resources import files
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from agentsh.tui.web.guard import Refusal

_ASSETS = {
    "textual.js": ("textual_serve", "static/js/textual.js", "text/javascript; charset=utf-8"),
    "xterm.css": ("textual_serve", "static/css/xterm.css", "text/css; charset=utf-8"),
    "mono.ttf": ("textual_serve", "static/fonts/RobotoMono-VariableFont_wght.ttf", "font/ttf"),
    "mono-italic.ttf": ("textual_serve", "static/fonts/RobotoMono-Italic-VariableFont_wght.ttf", "font/ttf"),
    "page.js": ("agentsh.tui.web", "page.js", "text/javascript; charset=utf-8"),
    "page.css": ("agentsh.tui.web", "page.css", "text/css; charset=utf-8"),
}
"""Nothing else can be asked for: no path becomes the name of a file."""


def asset(name: str) -> tuple[bytes, str] | None:
    """A file's content and type; None where there is no such file."""
    found = _ASSETS.get(name)
    if found is None:
        return None
    package, path, kind = found
    return files(package).joinpath(path).read_bytes(), kind


def headers(authority: str, *, secure: bool) -> dict[str, str]:
    """What every answer says about itself: nothing from elsewhere runs in it, nothing shows it in a frame."""
    socket = f"{'wss' if secure else 'ws'}://{authority}"
    policy = {
        "default-src": "'none'",
        "script-src": "'self'",
        # The terminal in the page writes its colours and sizes into a style element.
        "style-src": "'self' 'unsafe-inline'",
        "font-src": "'self'",
        "img-src": "'self' data:",
        "connect-src": f"'self' {socket}",
        "base-uri": "'none'",
        "form-action": "'none'",
        "frame-ancestors": "'none'",
    }
    return {
        "Content-Security-Policy": "; ".join(f"{k} {v}" for k, v in policy.items()),
        "X-Content-Type-Options": "nosniff",
        "X-Frame-Options": "DENY",
        "Referrer-Policy": "no-referrer",
        "Cross-Origin-Opener-Policy": "same-origin",
        "Cross-Origin-Resource-Policy": "same-origin",
        "Cache-Control": "no-store",
        "Server": "agentsh",
    }


def main_page(title: str, websocket: str) -> str:
    """The page with the interface.

    Args:
        title: raw text.
        websocket: the URL of the WebSocket.
    """
    return f"""<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<title>{escape(title)}</title>
<link rel="icon" href="data:,">
<link rel="stylesheet" href="/static/xterm.css">
<link rel="stylesheet" href="/static/page.css">
<script src="/static/textual.js"></script>
<script src="/static/page.js"></script>
</head>
<body>
<div class="notice starting"><p>Starting agentsh</p></div>
<div class="notice ended"><p>It has ended. What is staged stays staged. <a href="/">Open it again</a></p></div>
<div id="terminal" class="textual-terminal" data-session-websocket-url="{escape(websocket)}" data-font-size="16"></div>
<noscript><p>The interface in the browser needs JavaScript. 'agentsh' in a terminal needs none.</p></noscript>
</body>
</html>
"""


def refusal_page(refusal: Refusal) -> str:
    """The page that says why there is none."""
    return f"""<!doctype html>
<html lang="en">
<head><meta charset="utf-8"><title>agentsh</title></head>
<body>
<h1>{escape(refusal.what)}</h1>
<p>{escape(refusal.then)}</p>
</body>
</html>
"""
