"""How stretches of shell text are read: what is ordinary, what ends them, what a quote or backslash means there."""

from __future__ import annotations

import re
from dataclasses import dataclass


@dataclass(frozen=True)
class Mode:
    """How a stretch of text is read.

    Attributes:
        run: what ordinary characters are.
        stop: characters that end it.
        quoted: double-quote rules: single quotes, patterns and blanks mean nothing.
        escapes: what a backslash can escape under double-quote rules; elsewhere it escapes everything.
    """

    run: re.Pattern[str]
    stop: str
    quoted: bool = False
    escapes: str = '$`"\\'
    patterns: bool = True


BARE = Mode(re.compile(r"(?:[^ \t\n;&|<>()$`\"'\\*?\[+@!]|[+@!](?!\())+"), " \t\n;&|<>()")
DOUBLE = Mode(re.compile(r'[^"$`\\]+'), '"', quoted=True)
HEREDOC = Mode(re.compile(r"[^$`\\]+"), "", quoted=True, escapes="$`\\")
BRACED = Mode(re.compile(r"(?:[^}$`\"'\\*?\[+@!]|[+@!](?!\())+"), "}")
BRACED_QUOTED = Mode(re.compile(r"[^}\"$`\\]+"), "}", quoted=True, escapes='$`"\\}')
PATTERN_PART = Mode(re.compile(r"(?:[^/}$`\"'\\*?\[+@!]|[+@!](?!\())+"), "/}")
EXTGLOB = Mode(re.compile(r"(?:[^|)$`\"'\\*?\[+@!]|[+@!](?!\())+"), "|)")
SUBSCRIPT = Mode(re.compile(r"[^\]\[$`\"'\\]+"), "]", patterns=False)
REGEX = Mode(re.compile(r"[^ \t\n()|$`\"'\\<>&;\[]+"), " \t\n()|[;&<>", patterns=False)
ARITHMETIC = Mode(re.compile(r"[^()$`\"\\;]+"), "();", quoted=True)
ARITHMETIC_SECTION = Mode(re.compile(r"[^();$`\"\\]+"), "();", quoted=True)
SUBSTRING = Mode(re.compile(r"[^:?}()$`\"\\]+"), ":?}()", quoted=True)
