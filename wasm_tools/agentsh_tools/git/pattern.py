"""Regular expressions of POSIX, as git takes them, in Python's syntax."""

from __future__ import annotations

import re

from .failure import GitError

_CLASSES = {
    "alpha": "A-Za-z", "digit": "0-9", "alnum": "A-Za-z0-9", "upper": "A-Z", "lower": "a-z", "space": r"\s",
    "blank": r" \t", "punct": r"!-/:-@\[-`{-~", "xdigit": "0-9A-Fa-f", "print": " -~", "graph": "!-~",
    "cntrl": r"\x00-\x1f\x7f", "word": r"\w",
}  # fmt: skip


def translated(pattern: str, syntax: str) -> bytes:
    """The pattern for :mod:`re`.

    Args:
        pattern: as given.
        syntax: ``basic``, ``extended``, ``perl`` or ``fixed``.

    Raises:
        GitError: it is not a regular expression.
    """
    if syntax == "fixed":
        text = re.escape(pattern)
    elif syntax == "perl":
        text = pattern
    else:
        text = _posix(pattern, basic=syntax == "basic")
    raw = text.encode("utf-8", "surrogateescape")
    try:
        re.compile(raw)
    except (re.error, OverflowError, RecursionError) as e:
        raise GitError(f"'{pattern}': {e}") from e
    return raw


def _posix(pattern: str, *, basic: bool) -> str:
    out: list[str] = []
    at, end = 0, len(pattern)
    starts = True  # whether an operator here would have nothing to repeat
    while at < end:
        c = pattern[at]
        at += 1
        if c == "[":
            text, at = _bracket(pattern, at)
            out.append(text)
            starts = False
            continue
        if c == "\\" and at < end:
            c = pattern[at]
            at += 1
            if basic and c in "(){}|+?":
                out.append(c)
            elif c in "wWsSbB" or c.isdigit():
                out.append("\\" + c)
            elif c in "<>":
                out.append(r"\b(?=\w)" if c == "<" else r"\b(?<=\w)")
            else:
                out.append(re.escape(c))
            starts = basic and c in "(|"
            continue
        if c == "*" and starts:
            out.append(r"\*")
        elif basic and c == "^" and not starts:
            out.append(r"\^")
        elif basic and c == "$" and at < end and not pattern.startswith((r"\)", r"\|"), at):
            out.append(r"\$")
        elif basic and c in "(){}|+?":
            out.append("\\" + c)
        elif c in "#& ~-":
            out.append(c)
        else:
            out.append(c)
        starts = c in "^(|" and (c == "^" or not basic)
    return "".join(out)


def _bracket(pattern: str, at: int) -> tuple[str, int]:
    out = ["["]
    if pattern[at : at + 1] == "^":
        out.append("^")
        at += 1
    first = True
    while at < len(pattern):
        c = pattern[at]
        if c == "]" and not first:
            return "".join(out) + "]", at + 1
        first = False
        if pattern.startswith("[:", at):
            stop = pattern.find(":]", at)
            name = _CLASSES.get(pattern[at + 2 : stop]) if stop > 0 else None
            if name is not None:
                out.append(name)
                at = stop + 2
                continue
        out.append("\\" + c if c in "\\[]&~|" else c)
        at += 1
    raise GitError("unmatched [ in a pattern")
