"""The one place where untrusted text becomes safe to show.

Anything an agent, a command or a file says may carry escape sequences that move the cursor, set the clipboard
(OSC 52), retitle the window, or reorder the line (bidirectional overrides, CVE-2021-42574); it may bear a letter that
poses as another one (CVE-2021-42694). They are shown, not obeyed.
"""

from __future__ import annotations

import re
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
        0x00A0,  # blanks that are none to a program; the ideographic one is as wide as the text round it
        0x1680,
        *range(0x2000, 0x200B),
        0x202F,
        0x205F,
    ]
)
_TWINS = frozenset(
    "асԁеһіјӏорԛѕуԝхАВСЕНІЈКМОРԚЅТԜХУҮЗ"  # Cyrillic
    "αγικνορυχΑΒΕΖΗΙΚΜΝΟΡΤΥΧϲϳ"  # Greek
    "օոսցհզյքԼՏՕ"  # Armenian
    "ᎪᏴᏟᎠᎬᏀᎻᎥᎫᏦᏞᎷᏢᏒᏚᎢᏙᎳᏃ"  # noqa: RUF001 - Cherokee
    "ıɑɡɩ"  # noqa: RUF001 - Latin ones that are no ASCII
)
"""Letters that look like one of ASCII; beside one, in the same word, they are there to be taken for it."""
_MATHS = range(0x1D400, 0x1D7CC)  # the alphabet in bold, italic, script: no text, and to a program another word
_WIDE = frozenset([*range(0xFF21, 0xFF3B), *range(0xFF41, 0xFF5B)])  # as wide as ideographs
_WORD = re.compile(r"[^\W\d_]+(?:[\d_]*[^\W\d_]+)*")
_PATHLIKE = re.compile(r"(?<=[A-Za-z0-9.])[\u2044\u2215\u29f8\uff0f\u2024\ua4f8](?=[A-Za-z.])")
"""What looks like a slash or a dot, within a name."""
_MOST_MARKS = 4
"""Marks on one letter: more than any script has run over the lines above and below."""


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
    """``text`` with all that deceives an eye or steers a terminal as visible escapes; newline and tab stay.

    That is: control, invisible and reordering characters; blanks that are no spaces; letters that pose as ASCII within
    a word of ASCII; and marks that are stacked on a letter, or on nothing.
    """
    if text.isascii():
        return text if text.isprintable() else "".join(_escape(ch) if _is_unsafe(ch) else ch for ch in text)
    text = _PATHLIKE.sub(_escaped, _WORD.sub(_unmasked, text))
    out: list[str] = []
    marks = _MOST_MARKS  # nothing to stand on yet
    for ch in text:
        if ch.isascii():
            unsafe = _is_unsafe(ch)
            marks = _MOST_MARKS if unsafe or ch in _KEEP else 0
        elif unicodedata.category(ch) in ("Mn", "Me"):
            unsafe = marks >= _MOST_MARKS or _is_unsafe(ch)
            marks += 1
        else:
            unsafe = _is_unsafe(ch)
            marks = _MOST_MARKS if unsafe else 0
        out.append(_escape(ch) if unsafe else ch)
    return "".join(out)


def _escaped(found: re.Match[str]) -> str:
    return _escape(found[0])


def _unmasked(word: re.Match[str]) -> str:
    """A word, with the letters as escapes that only look like the others."""
    text = word[0]
    if text.isascii() or not any(ch.isascii() and ch.isalpha() for ch in text):
        return text
    return "".join(_escape(ch) if ch in _TWINS or ord(ch) in _MATHS or ord(ch) in _WIDE else ch for ch in text)


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
