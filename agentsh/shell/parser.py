"""The parser of commands: one pass over the source, words read by :mod:`agentsh.shell.words`."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import TYPE_CHECKING, NoReturn

from agentsh.core.errors import ShellSyntaxError
from agentsh.shell.compound import CompoundParser
from agentsh.shell.tree import (
    ArrayItem,
    ArrayValue,
    Assignment,
    Body,
    Command,
    DoubleQuoted,
    Function,
    Pipeline,
    ProcessSubstitution,
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

_COMMENT = re.compile(r"#[^\n]*")
_BLANKS = re.compile(r"(?:[ \t]|\\\n)+")
_REDIRECT = re.compile(r"([0-9]{0,4})(<<<|<<-|<<|<&|<>|<|>>|>&|>\||>)|(&>>|&>)")
_NAMED_FD = re.compile(r"\{[A-Za-z_]\w*\}[<>]")
_ASSIGNMENT = re.compile(r"([A-Za-z_][A-Za-z0-9_]*)(\+?=|\[)", re.ASCII)
_RESERVED = re.compile(
    r"(if|then|elif|else|fi|for|while|until|do|done|case|esac|in|function|select|coproc|time|\[\[|\]\]|[{}!])"
    r"(?=[ \t\n;&|<>()]|\Z)"
)
_TIME_OPTION = re.compile(r"-p[ \t]+")
_FUNCTION = re.compile(r"([^ \t\n;&|<>()$`\"'\\={}]+)[ \t]*\([ \t]*\)")
_DECLARATIONS = frozenset(["export", "readonly", "local", "declare", "typeset"])
_CLOSERS = frozenset(["then", "elif", "else", "fi", "do", "done", "esac", "}", "]]", "in"])


def parse(source: str) -> Script:
    """The tree of a script.

    Args:
        source: shell text; bytes that are no UTF-8 as surrogates (PEP 383).

    Raises:
        ShellSyntaxError: it is no shell script, or uses a construct that is not supported.
    """
    parser = Parser(source)
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
    """Reads statements; :class:`CompoundParser` the commands with a reserved word, its base the words."""

    def __init__(self, source: str, depth: int = 0) -> None:
        super().__init__(source, depth)
        self._not_assigned: set[int] = set()  # as not_arithmetic, for the [ of name[i]=
        self._heredocs: list[tuple[Redirect, str, bool, bool]] = []  # node, delimiter, quoted, tabs stripped

    # --- blanks, newlines, operators -------------------------------------------------------------------------------

    def blanks(self) -> None:
        """Skip blanks, continued lines and a comment."""
        m = _BLANKS.match(self.source, self.pos)
        if m:
            self.pos = m.end()
        if self.pos < self.end and self.source[self.pos] == "#":
            m = _COMMENT.match(self.source, self.pos)
            self.pos = m.end() if m else self.pos

    def newlines(self) -> None:
        """Skip blanks, comments and newlines, reading here-documents that begin after them."""
        self.blanks()
        while self.pos < self.end and self.source[self.pos] == "\n":
            self.newline()
            self.blanks()

    def newline(self) -> None:
        """Consume a newline and the bodies of the here-documents that were announced before it."""
        self.pos += 1
        if self._heredocs:
            pending, self._heredocs = self._heredocs, []
            for heredoc in pending:
                self._read_heredoc(*heredoc)

    def at(self, text: str) -> bool:
        """Whether ``text`` stands here."""
        return self.source.startswith(text, self.pos)

    def reserved(self) -> str:
        """The reserved word that stands here, not consumed; empty for none."""
        m = _RESERVED.match(self.source, self.pos)
        return m.group(1) if m else ""

    def expect(self, word: str, opened_by: str, start: int) -> None:
        """Consume a reserved word that must come now."""
        if self.reserved() != word:
            if self.pos >= self.end:
                self.fail(f"'{opened_by}' is not closed: '{word}' is missing", start)
            self.unexpected(f"'{word}' of the '{opened_by}' must come first")
        self.pos += len(word)

    def unexpected(self, why: str = "") -> NoReturn:
        """Raise for what stands here."""
        if self.pos >= self.end:
            self.fail("the script ends too early" + (f": {why}" if why else ""))
        token = self.reserved() or self.source[self.pos : self.pos + 1].replace("\n", "newline")
        self.fail(f"'{token}' is not expected here" + (f": {why}" if why else ""))

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
        if self.pos >= self.end and self._heredocs:
            self.fail(f"the here-document's end '{self._heredocs[0][1]}' is missing", self._heredocs[0][0].offset)
        return tuple(out)

    def _statement(self) -> Statement:
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
        background = False
        if self.at("&") and not self.at("&>"):
            background = True
            self.pos += 1
        elif self.at(";") and not self.at(";;") and not self.at(";&"):
            self.pos += 1
        elif self.pos < self.end and self.source[self.pos] not in "\n;)":
            self.unexpected()
        return Statement(first, tuple(rest), background)

    def _pipeline(self) -> Pipeline:
        negated = timed = False
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
        return Pipeline(tuple(commands), negated, timed)

    def _with_stderr(self, command: Command, at: int) -> Command:
        if isinstance(command, Function):
            self.unexpected()
        one = Word((Quoted("1"),), at, "1")
        return replace(command, redirects=(*command.redirects, Redirect(">&", 2, one, at)))  # type: ignore[union-attr]

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
                command = replace(command, redirects=redirects)  # type: ignore[call-arg]
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
            redirect = self._redirect()
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
            if ch in "<>&{" or ch.isdigit():
                if ch == "&" and not self.at("&>"):
                    break
                redirect = self._redirect()
                if redirect is not None:
                    redirects.append(redirect)
                    continue
            if ch == "(":
                self.unexpected()
            if not words or declares:
                assignment = self._assignment()
                if assignment is not None:
                    (words if words else assignments).append(assignment)  # type: ignore[arg-type]
                    continue
            word = self.word()
            if word is None:
                self.unexpected()
            if not words and word.static in _DECLARATIONS:
                declares = True
            words.append(word)
        if not words and not assignments and not redirects:
            self.unexpected()
        return SimpleCommand(tuple(words), tuple(assignments), tuple(redirects), start)

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
        if at in self._not_assigned:
            return None
        self.pos = at
        depth, heredocs = self.depth, self._heredocs
        try:
            subscript = self.subscript()
        except ShellSyntaxError:
            self.depth, self._heredocs = depth, heredocs
        else:
            if (self.at("=") or self.at("+=")) and isinstance(subscript, Word):
                return subscript
        self._not_assigned.add(at)
        return None

    def assigned_value(self) -> Word:
        """What stands after ``=``: a word, possibly empty."""
        start = self.pos
        return self.finish(self.bare_parts(), start, braces=False, assigned=True)

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

    # --- redirections ----------------------------------------------------------------------------------------------

    def _redirect(self) -> Redirect | None:
        start = self.pos
        if _NAMED_FD.match(self.source, start):
            self.fail("{name}> is not supported", next_step="Use a number: exec 3>file.")
        m = _REDIRECT.match(self.source, start)
        if m is None:
            return None
        digits, operator, both = m.groups()
        if operator in ("<", ">") and self.source.startswith("(", m.end()):
            self.fail(
                f"process substitution {operator}(...) as a command's argument is not supported",
                start,
                next_step="Write to a file first: cmd > out.txt; then name the file, and remove it when done. "
                "As a redirection it works: while read -r x; do ...; done < <(cmd).",
            )
        self.pos = m.end()
        self.blanks()
        if operator in ("<<", "<<-"):
            return self._heredoc(start, int(digits or 0), strip=operator == "<<-")
        target = self._process_substitution(operator) or self.word()
        if target is None:
            self.fail(f"a name is missing after '{both or operator}'")
        if both:
            return Redirect(both, 1, target, start)
        fd = int(digits) if digits else 0 if operator[0] == "<" else 1
        if operator in ("<&", ">&"):
            static = target.static
            if static is None and operator == ">&" and not digits:
                self.fail(
                    ">& with a name that is not known before it runs is not supported",
                    start,
                    next_step="Write > file 2>&1 for a file, or give the descriptor's number.",
                )
            if static is not None and not re.fullmatch(r"[0-9]{1,4}|-|[0-9]{1,4}-", static):
                if operator == ">&" and not digits:
                    return Redirect("&>", 1, target, start)
                self.fail(f"'{static}' is no descriptor", start)
        return Redirect(operator, fd, target, start)

    def _process_substitution(self, operator: str) -> Word | None:
        if operator not in ("<", ">") or not self.at(operator + "("):
            return None
        start = self.pos
        self.enter()
        self.pos += 2
        body = self.substituted_body()
        self.leave()
        return Word((ProcessSubstitution(body),), start)

    def _heredoc(self, start: int, fd: int, *, strip: bool) -> Redirect:
        word = self.word(braces=False)
        if word is None:
            self.fail("the here-document's delimiter is missing")
        if word.static is None:
            # Expansions mean nothing in a delimiter; their source text is it.
            delimiter, quoted = self.source[word.offset : self.pos], False
        else:
            delimiter = word.static
            quoted = any(isinstance(p, Quoted | DoubleQuoted) for p in word.parts)
        redirect = Redirect("<<", fd, word, start)
        self._heredocs.append((redirect, delimiter, quoted, strip))
        return redirect

    def _read_heredoc(self, redirect: Redirect, delimiter: str, quoted: bool, strip: bool) -> None:  # noqa: FBT001
        lines: list[str] = []
        start = self.pos
        while True:
            if self.pos >= self.end:
                self.fail(f"the here-document's end '{delimiter}' is missing", redirect.offset)
            newline = self.source.find("\n", self.pos)
            stop = self.end if newline < 0 else newline
            line = self.source[self.pos : stop]
            self.pos = min(stop + 1, self.end)
            if strip:
                line = line.lstrip("\t")
            if line == delimiter:
                if newline >= 0:
                    self.pos = stop  # the newline ends the line as any other
                    self.pos += 1
                break
            lines.append(line + "\n")
        text = "".join(lines)
        if quoted:
            body = Word((Quoted(text),), start, text)
        else:
            self.enter()
            inner = Parser(text, self.depth)
            parts = (DoubleQuoted(inner.heredoc_parts()),)
            self.leave()
            body = self.finish(list(parts), start, braces=False)
        # The one late write to a node: its body stands after the rest of the line that announces it.
        object.__setattr__(redirect, "target", body)

    # --- nested sources --------------------------------------------------------------------------------------------

    def substituted_body(self) -> Body:
        """The statements up to the closing parenthesis, which is consumed."""
        start = self.pos
        pending, self._heredocs = self._heredocs, []
        body = self.statements()
        if not self.at(")"):
            if self.pos < self.end:
                self.unexpected()
            self.fail("a '(' is not closed", start - 1)
        if self._heredocs:
            self.fail("a here-document must end before the ')'", self._heredocs[0][0].offset)
        self._heredocs = pending
        self.pos += 1
        return body

    def nested(self, text: str, at: int) -> Body:
        """The statements of ``text``, a source of its own."""
        parser = Parser(text, self.depth)
        try:
            body = parser.statements()
            if parser.pos < parser.end:
                parser.unexpected()
        except ShellSyntaxError as e:
            self.fail(f"inside backquotes: {e.what.rstrip('.')}", at, next_step=e.next_step)
        return body
