"""The parser of commands: one pass over the source, words read by :mod:`agentsh.shell.words`."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import TYPE_CHECKING

from agentsh.core.errors import ShellSyntaxError
from agentsh.shell.compound import CompoundParser
from agentsh.shell.refusals import refusal
from agentsh.shell.tree import (
    ArrayItem,
    ArrayValue,
    Assignment,
    Body,
    Command,
    Function,
    Pipeline,
    Quoted,
    Redirect,
    Script,
    SimpleCommand,
    Statement,
    Word,
)

if TYPE_CHECKING:
    from typing import Literal as OneOf

MAX_SOURCE = 1 << 20
"""Characters in one script."""

_ASSIGNMENT = re.compile(r"([A-Za-z_][A-Za-z0-9_]*)(\+?=|\[)", re.ASCII)
_TIME_OPTION = re.compile(r"-p[ \t]+")
_FUNCTION = re.compile(r"([^ \t\n;&|<>()$`\"'\\={}]+)[ \t]*\([ \t]*\)")
_DECLARATIONS = frozenset(["export", "readonly", "local", "declare", "typeset"])
_CLOSERS = frozenset(["then", "elif", "else", "fi", "do", "done", "esac", "}", "]]", "in"])


def parse(source: str, *, first_line: int = 1) -> Script:
    """The tree of a script.

    Args:
        source: shell text; bytes that are no UTF-8 as surrogates (PEP 383).
        first_line: the number of its first line, as ``$LINENO`` tells it.

    Raises:
        ShellSyntaxError: it is no shell script, or uses a construct that is not supported.
    """
    parser = Parser(source, first_line=first_line)
    if len(source) > MAX_SOURCE:
        parser.fail(
            f"the script has {len(source)} characters, more than {MAX_SOURCE}",
            0,
            next_step="Put data into a file and read it from there.",
        )
    if "\0" in source:
        parser.fail("a NUL character", source.index("\0"))
    try:
        source.encode("utf-8", "surrogateescape")
    except UnicodeEncodeError as e:
        parser.fail("a character that is no text", e.start)
    try:
        body = parser.statements()
        if parser.pos < parser.end:
            parser.unexpected()
    except RecursionError:
        # The nesting bound is meant to be hit first; a caller that is deep in its own stack may not leave room for it.
        raise ShellSyntaxError(
            "shell syntax: the script nests too deep.",
            source=source,
            next_step="Split it into functions or several commands.",
        ) from None
    return Script(source, body)


class Parser(CompoundParser):
    """Reads statements; :class:`CompoundParser` the commands with a reserved word, its bases the rest."""

    # --- statements ------------------------------------------------------------------------------------------------

    def statements(self) -> Body:
        """Statements up to a closing token or the end."""
        out: list[Statement] = []
        self.newlines()
        while self.pos < self.end:
            ch = self.source[self.pos]
            if ch == ")" or self.at(";;") or self.at(";&") or self.reserved() in _CLOSERS:
                break
            out.append(self._statement())
            self.newlines()
        if self.pos >= self.end and self.heredocs:
            self.fail(f"the here-document's end '{self.heredocs[0][1]}' is missing", self.heredocs[0][0].offset)
        return tuple(out)

    def _statement(self) -> Statement:
        self.blanks()
        start = self.pos
        first = self._pipeline()
        rest: list[tuple[OneOf["&&", "||"], Pipeline]] = []
        while True:
            self.blanks()
            if self.at("&&") or self.at("||"):
                operator: OneOf["&&", "||"] = "&&" if self.at("&&") else "||"
                self.pos += 2
                self.newlines()
                rest.append((operator, self._pipeline()))
                continue
            break
        background, text = False, ""
        if self.at("&") and not self.at("&>"):
            background, text = True, self.source[start : self.pos].rstrip()
            self.pos += 1
        elif self.at(";") and not self.at(";;") and not self.at(";&"):
            self.pos += 1
        elif self.pos < self.end and self.source[self.pos] not in "\n;)":
            self.unexpected()
        return Statement(first, tuple(rest), background, text)

    def _pipeline(self) -> Pipeline:
        negated = timed = portable = False
        self.blanks()
        while (word := self.reserved()) in ("!", "time"):
            self.pos += len(word)
            if word == "!":
                negated = not negated
            else:
                timed = True
            self.blanks()
            if timed and (m := _TIME_OPTION.match(self.source, self.pos)):
                self.pos = m.end()
                portable = True
        commands = [self.command()]
        while True:
            self.blanks()
            if not self.at("|") or self.at("||"):
                break
            at = self.pos
            self.pos += 1
            if self.at("&"):
                self.pos += 1
                commands[-1] = self._with_stderr(commands[-1], at)
            self.newlines()
            commands.append(self.command())
        return Pipeline(tuple(commands), negated, timed, portable)

    def _with_stderr(self, command: Command, at: int) -> Command:
        if isinstance(command, Function):
            self.unexpected()
        one = Word((Quoted("1"),), at, "1")
        return replace(command, redirects=(*command.redirects, Redirect(">&", 2, one, at)))

    # --- commands --------------------------------------------------------------------------------------------------

    def command(self) -> Command:
        """One command with its redirections."""
        word = self.reserved()
        if word or self.at("("):
            self.enter()
            command = self.compound(word)
            redirects = self.redirects()
            self.leave()
            if redirects:
                if isinstance(command, Function):
                    self.unexpected()
                command = replace(command, redirects=redirects)
            self._check_end_of_compound()
            return command
        if (m := _FUNCTION.match(self.source, self.pos)) is not None:
            self.pos, start = m.end(), self.pos
            return self.function_body(m.group(1), start)
        return self._simple()

    def _check_end_of_compound(self) -> None:
        self.blanks()
        if self.pos < self.end and self.source[self.pos] not in "\n;&|)" and self.reserved() not in _CLOSERS:
            self.unexpected()

    def redirects(self) -> tuple[Redirect, ...]:
        """The redirections that stand here."""
        out: list[Redirect] = []
        while True:
            self.blanks()
            redirect = self.redirect()
            if redirect is None:
                return tuple(out)
            out.append(redirect)

    def _simple(self) -> SimpleCommand:
        start = self.pos
        words: list[Word | Assignment] = []
        assignments: list[Assignment] = []
        redirects: list[Redirect] = []
        declares = False
        while True:
            self.blanks()
            if self.pos >= self.end:
                break
            ch = self.source[self.pos]
            if ch in "\n;|)":
                break
            if ch == "&" and not self.at("&>"):
                break
            redirect = self.redirect() if ch in "<>&{" or ch.isdigit() else None
            if redirect is not None:
                redirects.append(redirect)
                continue
            assignment = self._assignment() if not words or declares else None
            if assignment is not None:
                if words:
                    words.append(assignment)
                else:
                    assignments.append(assignment)
                continue
            word = self.word()
            if word is None:
                self.unexpected()
            declares = declares or (not words and word.static in _DECLARATIONS)
            words.append(word)
        if not words and not assignments and not redirects:
            self.unexpected()
        self._check(words)
        return SimpleCommand(tuple(words), tuple(assignments), tuple(redirects), start, self.line_of(start))

    def _check(self, words: list[Word | Assignment]) -> None:
        found = refusal(words)
        if found is not None:
            at, what, instead = found
            self.fail(what, words[at].offset, next_step=instead)

    def _assignment(self) -> Assignment | None:
        start = self.pos
        m = _ASSIGNMENT.match(self.source, start)
        if m is None:
            return None
        name, operator = m.groups()
        subscript: Word | None = None
        self.pos = m.end()
        if operator == "[":
            subscript = self._assigned_subscript(m.end() - 1)
            if subscript is None:
                self.pos = start
                return None
            operator = "+=" if self.at("+=") else "="
            self.pos += len(operator)
        value: Word | ArrayValue
        if self.at("("):
            if subscript is not None:
                self.unexpected()
            value = self._array()
        else:
            value = self.assigned_value()
        return Assignment(name, value, subscript, operator == "+=", start)

    def _assigned_subscript(self, at: int) -> Word | None:
        """The subscript at ``at`` when ``=`` follows it, else None: ``x[1]`` alone is a pattern."""
        if at in self.not_assigned:
            return None
        self.pos = at
        depth, heredocs = self.depth, self.heredocs
        try:
            subscript = self.subscript()
        except ShellSyntaxError:
            self.depth, self.heredocs = depth, heredocs
        else:
            if (self.at("=") or self.at("+=")) and isinstance(subscript, Word):
                return subscript
        self.not_assigned.add(at)
        return None

    def assigned_value(self) -> Word:
        """What stands after ``=``: a word, possibly empty."""
        start = self.pos
        parts = self.bare_parts()
        if self.at("<(") or self.at(">("):
            self.fail(
                "process substitution in an assignment is not supported",
                next_step="Its file goes with the command: write it as the command's argument.",
            )
        return self.finish(parts, start, braces=False, assigned=True)

    def _array(self) -> ArrayValue:
        start = self.pos
        self.pos += 1
        items: list[ArrayItem] = []
        while True:
            self.newlines()
            if self.pos >= self.end:
                self.fail("an array's ( is not closed", start)
            if self.at(")"):
                self.pos += 1
                return ArrayValue(tuple(items))
            key: Word | None = None
            at = self.pos
            if self.at("["):
                key = self._assigned_subscript(at)
                if key is None:
                    self.pos = at
                else:
                    if self.at("+="):
                        self.fail("[key]+=value inside an array is not supported", at)
                    self.pos += 1
            value = self.word() if key is None else self.assigned_value()
            if value is None:
                self.unexpected()
            items.append(ArrayItem(key, value))

    # --- nested sources --------------------------------------------------------------------------------------------

    def substituted_body(self) -> Body:
        """The statements up to the closing parenthesis, which is consumed."""
        start = self.pos
        pending, self.heredocs = self.heredocs, []
        body = self.statements()
        if not self.at(")"):
            if self.pos < self.end:
                self.unexpected()
            self.fail("a '(' is not closed", start - 1)
        if self.heredocs:
            self.fail("a here-document must end before the ')'", self.heredocs[0][0].offset)
        self.heredocs = pending
        self.pos += 1
        return body

    def nested(self, text: str, at: int) -> Body:
        """The statements of ``text``, a source of its own."""
        parser = Parser(text, self.depth, first_line=self.line_of(at))
        try:
            body = parser.statements()
            if parser.pos < parser.end:
                parser.unexpected()
        except ShellSyntaxError as e:
            self.fail(f"inside backquotes: {e.what.rstrip('.')}", at, next_step=e.next_step)
        return body
