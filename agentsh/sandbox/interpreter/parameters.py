"""``$x`` and ``${x...}``: the value of a parameter and every operator on it."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from agentsh.sandbox.interpreter.control import CommandError
from agentsh.sandbox.interpreter.patterns import compile_pattern, find_prefix, find_suffix, substitute
from agentsh.sandbox.interpreter.state import AssociativeArray, IndexedArray
from agentsh.shell.escapes import ansi_c
from agentsh.shell.tree import Assignment, Parameter, Quoted, Word

if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Literal

    from agentsh.sandbox.interpreter.expansion import Expander, Fields

_ELEMENT = re.compile(r"([A-Za-z_][A-Za-z0-9_]*)\[(.+)\]", re.ASCII | re.DOTALL)
_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*", re.ASCII)
_DEFAULTS = frozenset([":-", "-", ":=", "=", ":?", "?", ":+", "+"])
_CONTROLS = re.compile("[\0-\x1f\x7f\udc80-\udcff]")
_ESCAPED = {"\a": "\\a", "\b": "\\b", "\t": "\\t", "\n": "\\n", "\v": "\\v", "\f": "\\f", "\r": "\\r", "\x1b": "\\E"}


class ParameterExpansion:
    """Expands parameters for an :class:`Expander`."""

    def __init__(self, expander: Expander) -> None:
        self.expander = expander
        self.state = expander.state

    def expand(self, p: Parameter, out: Fields, *, quoted: bool) -> None:
        """Expand ``p`` into ``out``.

        Raises:
            CommandError: unset under ``set -u``, ``:?``, or an operator that cannot be applied.
        """
        if not p.operator and p.subscript is None and not p.length and not p.indirect and p.name not in "@*":
            value = self.state.get(p.name)
            if value is None:
                self._check_set(p)
                value = ""
            if quoted:
                out.add(value, True)
            else:
                out.split(value)
            return
        if p.indirect and p.operator != "names" and p.subscript is None:
            p = self._indirect(p)
        values = self._values(p)
        if isinstance(values, list):
            self._expand_list(p, values, out, quoted=quoted)
        else:
            self._expand_scalar(p, values, out, quoted=quoted)

    def _check_set(self, p: Parameter) -> None:
        if "u" in self.state.options and p.name not in "@*":
            raise CommandError(f"{p.name}: unbound variable", 127, fatal=True)

    def _indirect(self, p: Parameter) -> Parameter:
        name = self.state.get(p.name)
        element = _ELEMENT.fullmatch(name or "")
        if element is not None:
            name, text = element.groups()
            key: Word | Literal["@", "*"] = Word((Quoted(text),), 0, text)
            if text in ("@", "*"):
                key = "@" if text == "@" else "*"
            return Parameter(name, key, False, p.length, p.operator, p.argument, p.second)
        if not name or not (_NAME.fullmatch(name) or name.isdigit() or name in "@*#?$!-"):
            raise CommandError(f"{p.name}: invalid indirect expansion", fatal=True)
        return Parameter(name, None, False, p.length, p.operator, p.argument, p.second)

    # --- values ----------------------------------------------------------------------------------------------------

    def _values(self, p: Parameter) -> list[str] | str | None:  # noqa: PLR0911 - one return a form of ${...}
        """A list for ``@`` and ``*`` forms, else the scalar or None where unset."""
        state = self.state
        if p.operator == "names":
            return sorted(n for n in state.variables if n.startswith(p.name))
        if p.name in ("@", "*"):
            return list(state.parameters)
        value = state.array(p.name)
        if p.subscript is None:
            return state.get(p.name)
        if isinstance(p.subscript, str):
            if isinstance(value, IndexedArray):
                keys = sorted(value)
                return [str(k) for k in keys] if p.indirect else [value[k] for k in keys]
            if isinstance(value, AssociativeArray):
                return list(value) if p.indirect else list(value.values())
            scalar = state.get(p.name)
            return [] if scalar is None else ["0"] if p.indirect else [scalar]
        key = self.expander.key(p.name, p.subscript)
        if isinstance(value, IndexedArray | AssociativeArray):
            return value.get(key)  # type: ignore[arg-type]
        return state.get(p.name) if key == 0 else None

    # --- lists -----------------------------------------------------------------------------------------------------

    def _expand_list(self, p: Parameter, values: list[str], out: Fields, *, quoted: bool) -> None:
        if p.length:
            self._emit(str(len(values)), out, quoted=quoted)
            return
        star = p.name == "*" or p.subscript == "*"
        if p.operator in _DEFAULTS:
            joined = " ".join(values) if values else None
            if not self._uses_word(p, joined):
                self._emit_list(values if p.operator[-1] != "+" else [], out, quoted=quoted, star=star)
                return
            self._default(p, out, quoted=quoted)
            return
        if p.operator == ":":
            values = self._slice_list(p, values)
        elif p.operator == "@A":
            values = self._declaration(p, values)
        elif p.operator == "@a":
            values = [self._attributes(p)] * len(values)
        elif p.operator and p.operator != "names":
            change = self._change(p)
            values = [change(v) for v in values]
        self._emit_list(values, out, quoted=quoted, star=star)

    def _emit_list(self, values: list[str], out: Fields, *, quoted: bool, star: bool) -> None:
        if star and (quoted or out.ifs is None):
            out.add(self.expander.ifs()[:1].join(values), quoted)
            return
        separator = self.expander.ifs()[:1]
        if not quoted and out.ifs is not None and separator not in ("", " ", "\t", "\n"):
            # As bash: joined, then split again, so that empty elements keep their places.
            out.split(separator.join(values))
            return
        for n, value in enumerate(values):
            if n:
                out.cut()
            if quoted:
                out.add(value, True)
            else:
                out.split(value)

    def _slice_list(self, p: Parameter, values: list[str]) -> list[str]:
        positional = p.name in ("@", "*")
        array = self.state.variables.get(p.name)
        offset = self._number(p.argument)
        if positional:
            values = [self.state.name, *values]
        if isinstance(array, IndexedArray) and p.subscript is not None:
            # Offsets count indices, not elements.
            top = max(array, default=-1) + 1
            offset = offset + top if offset < 0 else offset
            values = [array[k] for k in sorted(array) if k >= offset] if offset >= 0 else []
        else:
            offset = offset + len(values) if offset < 0 else offset
            values = values[offset:] if offset >= 0 else []
        if p.second is None:
            return values
        length = self._number(p.second)
        if length < 0:
            raise CommandError(f"{length}: substring expression < 0", fatal=True)
        return values[:length]

    # --- scalars ---------------------------------------------------------------------------------------------------

    def _expand_scalar(self, p: Parameter, value: str | None, out: Fields, *, quoted: bool) -> None:
        if p.operator in _DEFAULTS:
            if self._uses_word(p, value):
                self._default(p, out, quoted=quoted)
            elif p.operator[-1] != "+":
                self._emit(value or "", out, quoted=quoted)
            elif quoted:
                out.add("", True)
            return
        if value is None:
            self._check_set(p)
        if p.length:
            self._emit(str(len(value or "")), out, quoted=quoted)
            return
        self._emit(self._changed(p, value), out, quoted=quoted)

    def _changed(self, p: Parameter, value: str | None) -> str:
        if p.operator == ":":
            return self._substring(p, value or "")
        if p.operator == "@a":
            return self._attributes(p)
        if p.operator == "@A":
            return " ".join(self._declaration(p, [] if value is None else [value]))
        return "" if value is None else self._change(p)(value) if p.operator else value

    def _emit(self, text: str, out: Fields, *, quoted: bool) -> None:
        if quoted:
            out.add(text, True)
        else:
            out.split(text)

    def _uses_word(self, p: Parameter, value: str | None) -> bool:
        missing = value is None or (p.operator[0] == ":" and value == "")
        return missing != (p.operator[-1] == "+")

    def _default(self, p: Parameter, out: Fields, *, quoted: bool) -> None:
        word = p.argument or Word(())
        kind = p.operator[-1]
        if kind == "?":
            text = self.expander.text(word)
            default = "parameter null or not set" if p.operator[0] == ":" else "parameter not set"
            raise CommandError(f"{p.name}: {text or default}", status=127, fatal=True)
        if kind == "=":
            if not _NAME.fullmatch(p.name):
                raise CommandError(f"${p.name}: cannot assign in this way", fatal=True)
            text = self.expander.text(word)
            if isinstance(p.subscript, Word):
                self.expander.assign(Assignment(p.name, Word((), 0, text), p.subscript))
            else:
                self.state.set(p.name, text)
            self._emit(text, out, quoted=quoted)
            return
        if quoted:
            if not word.parts:
                out.add("", True)
            for part in word.parts:
                self.expander.part(part, out, quoted=True)
            return
        before = out.splits_literals
        out.splits_literals = out.ifs is not None
        try:
            for part in word.parts:
                self.expander.part(part, out, quoted=False)
        finally:
            out.splits_literals = before

    def _number(self, word: Word | None) -> int:
        return 0 if word is None else self.expander.arithmetic(word)

    def _substring(self, p: Parameter, text: str) -> str:
        offset = self._number(p.argument)
        if offset < 0:
            offset += len(text)
            if offset < 0:
                return ""
        if p.second is None:
            return text[offset:]
        length = self._number(p.second)
        if length >= 0:
            return text[offset : offset + length]
        end = len(text) + length
        if end < offset:
            raise CommandError(f"{length}: substring expression < 0", fatal=True)
        return text[offset:end]

    def _attributes(self, p: Parameter) -> str:
        return self.state.attributes(p.name) if _NAME.fullmatch(p.name) else ""

    def _declaration(self, p: Parameter, values: list[str]) -> list[str]:
        """The command that sets the parameter as it is; none where nothing is set."""
        letters = self._attributes(p)
        if p.name in ("@", "*"):
            return ["set", "--", *map(quote, values)]
        whole = self.state.variables.get(p.name)
        if not values or not _NAME.fullmatch(p.name):
            return [f"declare -{letters} {p.name}"] if letters and not values else []
        text = shown(whole) if isinstance(p.subscript, str) and not isinstance(whole, str) else quote(values[0])
        return [f"declare -{letters} {p.name}={text}" if letters else f"{p.name}={text}"]

    def _change(self, p: Parameter) -> Callable[[str], str]:
        """The operator as a function of the value; its words are expanded once."""
        op = p.operator
        if op[0] == "@":
            return _TRANSFORMATIONS[op]
        pattern = self.expander.segments(p.argument) if p.argument is not None else ()
        if op in ("#", "##"):
            return lambda s: s[find_prefix(pattern, s, longest=op == "##") or 0 :]
        if op in ("%", "%%"):
            return lambda s: s[: find_suffix(pattern, s, longest=op == "%%")]
        if op[0] == "/":
            return self._substitution(p, op)
        convert = str.upper if op[0] == "^" else str.lower
        only = compile_pattern(pattern) if pattern else None

        def change(s: str) -> str:
            picked = s if len(op) == 2 else s[:1]
            new = "".join(convert(c) if only is None or only.fullmatch(c) else c for c in picked)
            return new + s[len(picked) :]

        return change

    def _substitution(self, p: Parameter, op: str) -> Callable[[str], str]:
        pattern = self.expander.segments(p.argument) if p.argument is not None else ()
        replace: list[str | None] = []
        for text, quoted in self.expander.segments(p.second) if p.second is not None else ():
            if quoted:
                replace.append(text)
                continue
            # An unquoted & stands for what matched, as in bash 5.2.
            for n, piece in enumerate(text.split("&")):
                if n:
                    replace.append(None)
                replace.append(piece)
        new = "".join(r or "" for r in replace)

        def change(s: str) -> str:
            if op in ("/#", "/%"):
                if op == "/#":
                    n = find_prefix(pattern, s, longest=True)
                    return s if n is None else self._joined(replace, s[:n]) + s[n:]
                n = find_suffix(pattern, s, longest=True)
                return s if n is None else s[:n] + self._joined(replace, s[n:])
            if not any(text for text, _ in pattern):
                return s
            return (
                substitute(pattern, s, replace, every=op == "//") if s else (new if self._matches_empty(pattern) else s)
            )

        return change

    @staticmethod
    def _joined(replace: list[str | None], found: str) -> str:
        return "".join(found if r is None else r for r in replace)

    @staticmethod
    def _matches_empty(pattern: tuple[tuple[str, bool], ...]) -> bool:
        return compile_pattern(pattern).fullmatch("") is not None


def shown(value: object) -> str:
    """A value as ``declare -p`` prints it: the shell reads it back."""
    if isinstance(value, str):
        if _CONTROLS.search(value):
            return quote(value)
        return '"' + "".join("\\" + c if c in '"\\$`' else c for c in value) + '"'
    if isinstance(value, IndexedArray):
        return "(" + " ".join(f"[{k}]={shown(value[k])}" for k in sorted(value)) + ")"
    if isinstance(value, AssociativeArray):
        return "(" + "".join(f"[{k}]={shown(v)} " for k, v in value.items()) + ")"
    return ""


def quote(text: str) -> str:
    """``text`` so that the shell reads it back as one word."""
    if _CONTROLS.search(text):
        text = text.replace("\\", "\\\\").replace("'", "\\'")
        # Three digits, so that none that follows belongs to it.
        return "$'" + _CONTROLS.sub(lambda m: _ESCAPED.get(m[0], "") or f"\\{ord(m[0]) & 0xFF:03o}", text) + "'"
    return "'" + text.replace("'", "'\\''") + "'"


_TRANSFORMATIONS: dict[str, Callable[[str], str]] = {
    "@Q": quote,
    "@E": ansi_c,
    "@U": str.upper,
    "@L": str.lower,
    "@u": lambda s: s[:1].upper() + s[1:],
}
