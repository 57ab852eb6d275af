"""The parser's ground floor: blanks, newlines, reserved words, redirections and here-documents."""

from __future__ import annotations

import re
from typing import NoReturn

from agentsh.shell.dollar import DollarScanner
from agentsh.shell.tree import DoubleQuoted, Quoted, Redirect, Word

_COMMENT = re.compile(r"#[^\n]*")
_BLANKS = re.compile(r"(?:[ \t]|\\\n)+")
_REDIRECT = re.compile(r"([0-9]{0,4})(<<<|<<-|<<|<&|<>|<|>>|>&|>\||>)|(&>>|&>)")
_NAMED_FD = re.compile(r"\{([A-Za-z_]\w*)\}(?=[<>])")
_RESERVED = re.compile(
    r"(if|then|elif|else|fi|for|while|until|do|done|case|esac|in|function|select|coproc|time|\[\[|\]\]|[{}!])"
    r"(?=[ \t\n;&|<>()]|\Z)"
)
_DESCRIPTOR = re.compile(r"[0-9]{1,4}|-|[0-9]{1,4}-")


class RedirectParser(DollarScanner):
    """Reads what stands between words."""

    def __init__(self, source: str, depth: int = 0, *, first_line: int = 1) -> None:
        super().__init__(source, depth, first_line=first_line)
        self.not_assigned: set[int] = set()  # as not_arithmetic, for the [ of name[i]=
        self.heredocs: list[tuple[Redirect, str, bool, bool]] = []  # node, delimiter, quoted, tabs stripped

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
        if self.heredocs:
            pending, self.heredocs = self.heredocs, []
            for heredoc in pending:
                self._read_heredoc(*heredoc)

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

    # --- redirections ----------------------------------------------------------------------------------------------

    def redirect(self) -> Redirect | None:
        """The redirection that stands here, if one does."""
        start = self.pos
        named = _NAMED_FD.match(self.source, start)
        name = named.group(1) if named else ""
        m = _REDIRECT.match(self.source, named.end() if named else start)
        if m is None:
            return None
        digits, operator, both = m.groups()
        if operator in ("<", ">") and self.source.startswith("(", m.end()):
            if digits or name:
                before = digits or f"{{{name}}}"
                self.fail(
                    f"'{before}{operator}(' is no redirection", start, next_step=f"Write {before}{operator} file."
                )
            return None
        self.pos = m.end()
        self.blanks()
        if operator in ("<<", "<<-"):
            return self._heredoc(start, int(digits or 0), name, strip=operator == "<<-")
        target = self._redirected_substitution(operator) or self.word()
        if target is None:
            self.fail(f"a name is missing after '{both or operator}'")
        if both:
            return Redirect(both, 1, target, start)
        fd = int(digits) if digits else 0 if operator[0] == "<" else 1
        if operator in ("<&", ">&"):
            return self._duplicate(Redirect(operator, fd, target, start, name), numbered=bool(digits or name))
        return Redirect(operator, fd, target, start, name)

    def _duplicate(self, redirect: Redirect, *, numbered: bool) -> Redirect:
        static = redirect.target.static
        if static is not None and not _DESCRIPTOR.fullmatch(static):
            if redirect.operator == ">&" and not numbered:
                return Redirect("&>", 1, redirect.target, redirect.offset)
            self.fail(f"'{static}' is no descriptor", redirect.offset)
        return redirect  # of what is only known when it runs, nothing but a descriptor will do

    def _redirected_substitution(self, operator: str) -> Word | None:
        if operator not in ("<", ">") or not self.at(operator + "("):
            return None
        start = self.pos
        return Word((self.process_substitution(),), start)

    def _heredoc(self, start: int, fd: int, name: str, *, strip: bool) -> Redirect:
        word = self.word(braces=False)
        if word is None:
            self.fail("the here-document's delimiter is missing")
        if word.static is None:
            # Expansions mean nothing in a delimiter; their source text is it.
            delimiter, quoted = self.source[word.offset : self.pos], False
        else:
            delimiter = word.static
            quoted = any(isinstance(p, Quoted | DoubleQuoted) for p in word.parts)
        redirect = Redirect("<<", fd, word, start, name)
        self.heredocs.append((redirect, delimiter, quoted, strip))
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
            parts = (DoubleQuoted(type(self)(text, self.depth, first_line=self.line_of(start)).heredoc_parts()),)
            self.leave()
            body = self.finish(list(parts), start, braces=False)
        # The one late write to a node: its body stands after the rest of the line that announces it.
        object.__setattr__(redirect, "target", body)
