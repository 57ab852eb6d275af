"""Words -> fields: the expansions of a shell, in POSIX's order."""

from __future__ import annotations

import re
from functools import lru_cache
from typing import TYPE_CHECKING

from agentsh.core.errors import LimitExceeded
from agentsh.sandbox.interpreter.arithmetic import Evaluator
from agentsh.sandbox.interpreter.control import CommandError
from agentsh.sandbox.interpreter.globbing import expand_paths
from agentsh.sandbox.interpreter.parameters import ParameterExpansion
from agentsh.sandbox.interpreter.patterns import Segments, has_magic
from agentsh.sandbox.interpreter.state import AssociativeArray, IndexedArray
from agentsh.shell.braces import count_unfolded, has_braces, unfold
from agentsh.shell.tree import (
    Arithmetic,
    ArrayValue,
    Assignment,
    CommandSubstitution,
    DoubleQuoted,
    Glob,
    Literal,
    Parameter,
    Part,
    ProcessSubstitution,
    Quoted,
    Tilde,
    Word,
)

if TYPE_CHECKING:
    from collections.abc import Iterable

    from agentsh.sandbox.interpreter.shell import Shell

MAX_TEXT = 64 << 20
"""Characters in one command's expanded words, or in one variable."""
FIELD_COST = 64
"""What a field counts for beside its text."""

_DEFAULT_IFS = " \t\n"


@lru_cache(maxsize=32)
def _splitter(ifs: str) -> tuple[re.Pattern[str], re.Pattern[str] | None]:
    """What separates fields under this IFS, and its white space at the start of a text."""
    white = re.escape("".join(c for c in ifs if c in _DEFAULT_IFS))
    other = re.escape("".join(c for c in ifs if c not in _DEFAULT_IFS))
    if not other:
        return re.compile(f"[{white}]+"), re.compile(f"[{white}]+")
    if not white:
        return re.compile(f"[{other}]"), None
    return re.compile(f"[{white}]*[{other}][{white}]*|[{white}]+"), re.compile(f"[{white}]+")


def _too_much_text() -> LimitExceeded:
    return LimitExceeded(
        f"A command's expanded words have more than {MAX_TEXT >> 20} MiB of text.",
        limit="memory_bytes",
        files="The action was stopped; nothing of it was committed.",
        next_step="Pass data through a pipe or a file instead of a variable.",
    )


class Fields:
    """Fields under construction.

    Args:
        ifs: what splits unquoted expansions; None where words are not split.
    """

    def __init__(self, ifs: str | None) -> None:
        self.ifs = ifs
        self.done: list[list[tuple[str, bool]]] = []
        self.current: list[tuple[str, bool]] | None = None
        self.size = 0
        self.splits_literals = False

    def add(self, text: str, quoted: bool) -> None:  # noqa: FBT001 - mirrors the pair it stores
        """Append text to the current field, beginning one where there is none."""
        if self.current is None:
            self.current = []
        self.current.append((text, quoted))
        self.size += len(text)
        if self.size > MAX_TEXT:
            raise _too_much_text()

    def cut(self) -> None:
        """End the current field, if there is one."""
        if self.current is not None:
            self.done.append(self.current)
            self.current = None
            self.size += FIELD_COST

    def split(self, text: str) -> None:
        """Append the result of an unquoted expansion."""
        if not text:
            return
        if not self.ifs:
            self.add(text, False)
            return
        splitter, white = _splitter(self.ifs)
        pos = 0
        if white is not None and (m := white.match(text)) is not None:
            self.cut()
            pos = m.end()
        for m in splitter.finditer(text, pos):
            self.add(text[pos : m.start()], False)
            self.cut()
            pos = m.end()
        if pos < len(text):
            self.add(text[pos:], False)

    def finish(self) -> list[list[tuple[str, bool]]]:
        """All fields."""
        self.cut()
        return self.done


class Expander:
    """Expands the words of one shell."""

    def __init__(self, shell: Shell) -> None:
        self.shell = shell
        self.state = shell.state
        self.parameters = ParameterExpansion(self)

    # --- what callers want -----------------------------------------------------------------------------------------

    def fields(self, words: Iterable[Word]) -> list[str]:
        """The arguments that words stand for: split, globbed, quotes removed."""
        out: list[str] = []
        for word in words:
            if word.static is not None:
                out.append(word.static)
            elif has_braces(word.parts):
                self._unfolded(word.parts, out)
            else:
                self._fields_of(word.parts, out)
        return out

    def _unfolded(self, parts: tuple[Part, ...], out: list[str]) -> None:
        size = count_unfolded(parts) * FIELD_COST  # known before the first is made: {1..99999999} fails at once
        if size > MAX_TEXT:
            raise _too_much_text()
        for number, one in enumerate(unfold(parts)):
            if all(isinstance(p, Literal) for p in one):  # {1..9}: nothing to expand any more
                text = "".join(p.text for p in one if isinstance(p, Literal))
                size += len(text)
                if size > MAX_TEXT:
                    raise _too_much_text()
                out.append(text)
            else:
                self._fields_of(one, out)
            if not number & 0x3FF:
                self.shell.run.tick()

    def _fields_of(self, parts: tuple[Part, ...], out: list[str]) -> None:
        fields = Fields(self.ifs())
        for part in parts:
            self.part(part, fields, quoted=False)
        noglob = "f" in self.state.options
        for field in fields.finish():
            segments = tuple(field)
            if not noglob and has_magic(segments):
                out.extend(self._paths(segments))
            else:
                out.append("".join(text for text, _ in segments))

    def _paths(self, segments: Segments) -> list[str]:
        found = expand_paths(self.shell, segments)
        if found:
            return found
        literal = "".join(text for text, _ in segments)
        if "failglob" in self.state.shell_options:
            raise CommandError(f"no match: {literal}", fatal=False)
        return [] if "nullglob" in self.state.shell_options else [literal]

    def text(self, word: Word) -> str:
        """One string: neither split nor globbed (assignments, redirections, ``case``)."""
        if word.static is not None:
            return word.static
        return "".join(text for text, _ in self.segments(word))

    def segments(self, word: Word) -> Segments:
        """As :meth:`text`, keeping what is quoted: a pattern."""
        fields = Fields(None)
        for part in word.parts:
            self.part(part, fields, quoted=False)
        out: list[tuple[str, bool]] = []
        for n, field in enumerate(fields.finish()):
            if n:
                out.append((" ", True))
            out.extend(field)
        return tuple(out)

    def arithmetic(self, word: Word) -> int:
        """The value of an arithmetic text.

        Raises:
            CommandError: it is no expression, or divides by zero.
        """
        return Evaluator(self.state).text(self.text(word))

    def ifs(self) -> str:
        """The field separators in force."""
        value = self.state.get("IFS")
        return _DEFAULT_IFS if value is None else value

    # --- parts -----------------------------------------------------------------------------------------------------

    def part(self, part: Part, out: Fields, *, quoted: bool) -> None:
        """Expand one part into ``out``."""
        if isinstance(part, Literal):
            if out.splits_literals and not quoted:
                out.split(part.text)
            else:
                out.add(part.text, quoted)
        elif isinstance(part, Glob):
            out.add(part.text, quoted)
        elif isinstance(part, Quoted):
            out.add(part.text, True)
        elif isinstance(part, DoubleQuoted):
            if not part.parts:
                out.add("", True)
            for p in part.parts:
                self.part(p, out, quoted=True)
        elif isinstance(part, Parameter):
            self.parameters.expand(part, out, quoted=quoted)
        else:
            self._value(self._computed(part), out, quoted=quoted or isinstance(part, Tilde | ProcessSubstitution))

    def _value(self, text: str, out: Fields, *, quoted: bool) -> None:
        if quoted:
            out.add(text, True)
        else:
            out.split(text)

    def _computed(self, part: Part) -> str:
        if isinstance(part, CommandSubstitution):
            return self.shell.substitute(part.body)
        if isinstance(part, ProcessSubstitution):
            from agentsh.sandbox.interpreter.process_files import hold  # noqa: PLC0415 - it needs this module

            return hold(self.shell, part)
        if isinstance(part, Arithmetic):
            return str(self.arithmetic(part.text))
        if isinstance(part, Tilde):
            name = {"": "HOME", "+": "PWD", "-": "OLDPWD"}[part.name]
            value = self.state.get(name)
            return value if value is not None else "~" + part.name
        # Braces in a place where they are not unfolded stay as they were written; the parser makes none there.
        raise TypeError(part)

    # --- assignments -----------------------------------------------------------------------------------------------

    def assign(self, assignment: Assignment) -> None:
        """Carry out an assignment in the shell itself.

        Raises:
            CommandError: the variable is read-only, or the subscript is wrong.
        """
        state, name = self.state, assignment.name
        if isinstance(assignment.value, ArrayValue):
            self._assign_array(assignment, assignment.value)
            return
        value = self.text(assignment.value)
        if assignment.subscript is not None:
            self._assign_element(assignment, value)
            return
        if name in state.integers:
            number = Evaluator(state).text(value)
            value = str(number + Evaluator(state).text(state.get(name) or "0") if assignment.append else number)
        elif assignment.append:
            value = (state.get(name) or "") + value
            if len(value) > MAX_TEXT:
                Fields(None).add(value, True)
        state.set(name, value)

    def key(self, name: str, subscript: Word) -> int | str:
        """An array's subscript as its key.

        Raises:
            CommandError: a negative index before the first element.
        """
        array = self.state.variables.get(name)
        if isinstance(array, AssociativeArray):
            return self.text(subscript)
        index = self.arithmetic(subscript)
        if index < 0:
            if isinstance(array, IndexedArray) and array:
                index += max(array) + 1
            if index < 0:
                raise CommandError(f"{name}: bad array subscript")
        return index

    def _array(self, name: str) -> IndexedArray | AssociativeArray:
        self.state.check_writable(name)
        value = self.state.variables.get(name)
        if isinstance(value, IndexedArray | AssociativeArray):
            return value
        array = IndexedArray() if value is None else IndexedArray({0: value})
        self.state.variables[name] = array
        return array

    def _assign_element(self, assignment: Assignment, value: str) -> None:
        if assignment.subscript is None:
            raise TypeError(assignment)
        key = self.key(assignment.name, assignment.subscript)
        array = self._array(assignment.name)
        if assignment.append:
            value = array.get(key, "") + value  # type: ignore[arg-type]
        array[key] = value  # type: ignore[index]

    def _assign_array(self, assignment: Assignment, value: ArrayValue) -> None:
        name = assignment.name
        self.state.check_writable(name)
        old = self.state.variables.get(name)
        if isinstance(old, AssociativeArray):
            pairs = AssociativeArray(old if assignment.append else {})
            for item in value.items:
                if item.key is None:
                    raise CommandError(f"{name}: must use subscript when assigning associative array")
                pairs[self.text(item.key)] = self.text(item.value)
            self.state.variables[name] = pairs
            return
        array = IndexedArray()
        if assignment.append:
            array = IndexedArray(old if isinstance(old, IndexedArray) else {0: old} if isinstance(old, str) else {})
        index = max(array, default=-1) + 1
        for item in value.items:
            if item.key is not None:
                index = self.arithmetic(item.key)
                array[index] = self.text(item.value)
                index += 1
                continue
            for text in self.fields((item.value,)):
                array[index] = text
                index += 1
        self.state.variables[name] = array
