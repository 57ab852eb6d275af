"""The one place where untrusted text becomes safe to show.

Anything an agent, a command or a file says may carry escape sequences that move the cursor, set the clipboard
(OSC 52), retitle the window, or reorder the line (bidirectional overrides, CVE-2021-42574). They are shown, not obeyed.
"""

from __future__ import annotations

import unicodedata

_KEEP = frozenset("\n\t")
_DISGUISE = frozenset(
    [
        *range(0x200B, 0x2010),  # zero-width space, joiners, marks
        *range(0x2028, 0x202F),  # line and paragraph separator, bidirectional embedding and override
        *range(0x2060, 0x2070),  # word joiner, invisible operators, bidirectional isolates
        0x061C,  # Arabic letter mark
        0xFEFF,  # byte order mark
        0x034F,  # combining grapheme joiner
        *range(0xFE00, 0xFE10),  # variation selectors: a text can be hidden in a row of them
        *range(0xE0100, 0xE01F0),
        *range(0x180B, 0x1810),  # Mongolian ones
        0x115F,  # Hangul fillers: letters that show nothing, and so names of variables that show nothing
        0x1160,
        0x3164,
        0xFFA0,
        0x17B4,  # Khmer vowels without a shape
        0x17B5,
        0x2800,  # Braille pattern blank
        *range(0xE0000, 0xE0080),  # tag characters
    ]
)


def _is_unsafe(ch: str) -> bool:
    if ch in _KEEP:
        return False
    return ord(ch) in _DISGUISE or unicodedata.category(ch) in ("Cc", "Cs", "Co", "Cn", "Cf")


def _escape(ch: str) -> str:
    code = ord(ch)
    if 0xDC80 <= code <= 0xDCFF:  # a byte that was no UTF-8 (PEP 383)
        return f"\\x{code - 0xDC00:02x}"
    if code < 0x100:
        return f"\\x{code:02x}"
    return f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"


def visible(text: str) -> str:
    """``text`` with every control, invisible or reordering character as a visible escape; newline and tab stay."""
    if text.isascii() and text.isprintable():
        return text
    return "".join(_escape(ch) if _is_unsafe(ch) else ch for ch in text)


def visible_line(text: str) -> str:
    """As :func:`visible`, on one line: newline and tab are escaped too."""
    if text.isascii() and text.isprintable():
        return text
    return visible(text).replace("\n", "\\n").replace("\t", "\\t")


def visible_title(text: str) -> str:
    """As :func:`visible`, on one line that a person can read: a mark where lines end, and no indentation."""
    return " ↵ ".join(visible_line(part.strip()) for part in text.split("\n") if part.strip())


def visible_path(path: bytes) -> str:
    r"""A raw path for people: one line, bytes that are no UTF-8 as ``\\xNN``."""
    return visible_line(path.decode("utf-8", "surrogateescape"))
