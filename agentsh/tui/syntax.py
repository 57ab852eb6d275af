"""The colours of code: what a piece of a line is, by the language that its file's name tells.

What is looked at may be hostile, and the rules of a language are regular expressions that it could make slow. So only
languages from a list are known, lines and files are bounded, and the time that it took is looked at between the pieces.
The text is made safe first; what comes out are styles for its characters and nothing else.
"""

from __future__ import annotations

import time
from pathlib import PurePosixPath
from typing import TYPE_CHECKING

from pygments.lexers import get_lexer_by_name
from pygments.token import Token

from agentsh.tui.text import Safe, safe

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from pygments.lexer import Lexer
    from pygments.token import _TokenType

    from agentsh.core.diff import FileDiff, Hunk

_LANGUAGES = {
    **dict.fromkeys((".py", ".pyi"), "python"),
    **dict.fromkeys((".js", ".mjs", ".cjs", ".jsx"), "javascript"),
    **dict.fromkeys((".ts", ".tsx"), "typescript"),
    **dict.fromkeys((".c", ".h"), "c"),
    **dict.fromkeys((".cc", ".cpp", ".hpp", ".cxx"), "cpp"),
    **dict.fromkeys((".sh", ".bash", ".zsh"), "bash"),
    **dict.fromkeys((".yaml", ".yml"), "yaml"),
    **dict.fromkeys((".html", ".htm"), "html"),
    **dict.fromkeys((".ini", ".cfg"), "ini"),
    ".go": "go",
    ".rs": "rust",
    ".java": "java",
    ".rb": "ruby",
    ".json": "json",
    ".toml": "toml",
    ".css": "css",
    ".sql": "sql",
}
_NAMES = {"Makefile": "make", "Dockerfile": "docker"}

_STYLES: tuple[tuple[_TokenType, str], ...] = (
    (Token.Comment, "syn-comment"),
    (Token.Literal.String, "syn-string"),
    (Token.Literal.Number, "syn-number"),
    (Token.Keyword, "syn-keyword"),
    (Token.Operator.Word, "syn-keyword"),
    (Token.Name.Function, "syn-name"),
    (Token.Name.Class, "syn-name"),
    (Token.Name.Decorator, "syn-name"),
    (Token.Name.Tag, "syn-keyword"),
    (Token.Name.Attribute, "syn-name"),
)

_MOST_CHARS = 200_000
_MOST_COLUMNS = 400
_MOST_S = 0.3

Pieces = tuple[tuple[int, str], ...]
"""A line as lengths, each with its style."""
Syntax = dict[tuple[bool, int], Pieces]
"""For each line of a side (True: before) by its number, its pieces."""


def shown(text: bytes) -> Safe:
    """The text of a line as it is shown: a tab takes four cells wherever it stands, so that pieces fit together."""
    return safe(text.replace(b"\t", b"    "))


def language_of(path: bytes) -> str:
    """The language of a file by its name; empty when it is none of the known ones."""
    name = PurePosixPath(path.decode("utf-8", "replace"))
    return _NAMES.get(name.name) or _LANGUAGES.get(name.suffix.lower(), "")


def syntax_of(diff: FileDiff) -> Syntax:
    """The pieces of a file's lines, as far as the time reaches; empty for a language that is not known."""
    language = language_of(diff.path)
    if not language or not diff.hunks:
        return {}
    found: Syntax = {}
    lexer = get_lexer_by_name(language, stripnl=False, ensurenl=True)  # its rules are loaded now, on nobody's time
    end = time.thread_time() + _MOST_S
    left = _MOST_CHARS
    for hunk in diff.hunks:
        for old in (False, True):
            lines = _side(hunk, old=old)
            size = sum(map(len, lines.values()))
            left -= size
            if left < 0 or time.thread_time() > end:
                return found
            if any(len(line) > _MOST_COLUMNS for line in lines.values()):
                continue
            numbers = list(lines)
            styled = _lex(lexer, list(lines.values()), end)
            found.update({(old, n): pieces for n, pieces in zip(numbers, styled, strict=False)})
    return found


def _side(hunk: Hunk, *, old: bool) -> Mapping[int, Safe]:
    gone = "+" if old else "-"
    lines = [shown(line.text.removesuffix(b"\n")) for line in hunk.lines if line.tag != gone]
    return dict(enumerate(lines, hunk.old_start if old else hunk.new_start))


def _lex(lexer: Lexer, lines: Sequence[Safe], end: float) -> list[Pieces]:
    """Styles line by line; those that were reached before ``end``."""
    out: list[Pieces] = []
    line: list[tuple[int, str]] = []
    for kind, text in lexer.get_tokens("\n".join(lines)):
        style = next((name for token, name in _STYLES if kind in token), "")
        first, *more = text.split("\n")
        line.append((len(first), style))
        for part in more:
            out.append(tuple(line))
            line = [(len(part), style)]
        if time.thread_time() > end:
            break
    return out[: len(lines)]


def styled(parts: Iterable[tuple[Safe, str]], pieces: Pieces | None) -> list[tuple[Safe, str]]:
    """Texts with their styles, taken apart where the pieces of the line begin and end, and with both styles.

    Args:
        parts: what is shown of the line.
        pieces: its syntax; None when there is none.
    """
    every = list(parts)
    if pieces is None or sum(n for n, _ in pieces) != sum(len(t) for t, _ in every):
        return every
    out: list[tuple[Safe, str]] = []
    ahead = iter(pieces)
    left, style = next(ahead, (0, ""))
    for text, own in every:
        at = 0
        while at < len(text):
            while not left:
                left, style = next(ahead)
            step = min(left, len(text) - at)
            out.append((Safe(text[at : at + step]), f"{own} {style}" if style else own))
            at, left = at + step, left - step
    return out
