"""The parser's second half: commands that begin with a reserved word or a parenthesis."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from agentsh.shell.redirects import RedirectParser
from agentsh.shell.tree import (
    ArithmeticCommand,
    ArithmeticFor,
    BinaryTest,
    Body,
    Case,
    CaseItem,
    Command,
    Condition,
    For,
    Function,
    Group,
    If,
    JoinedTest,
    NotTest,
    Subshell,
    Test,
    UnaryTest,
    While,
    Word,
)

if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Literal as OneOf

_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*", re.ASCII)
_FUNCTION_NAME = re.compile(r"[^ \t\n;&|<>()$`\"'\\]+")
_EMPTY_PARENTHESES = re.compile(r"[ \t]*\([ \t]*\)")
_UNARY_TESTS = frozenset("-" + c for c in "abcdefghknoprstuvwxzGLNORS")
_BINARY_TESTS = frozenset(
    ["=", "==", "!=", "=~", "<", ">", "-eq", "-ne", "-lt", "-le", "-gt", "-ge", "-nt", "-ot", "-ef"]
)
_TEST_OPERATOR = re.compile(r"(==|=~|!=|=|<|>|-(?:eq|ne|lt|le|gt|ge|nt|ot|ef)(?=[ \t\n]))")


class CompoundParser(RedirectParser):
    """Compound commands; the methods without a body here are the parser's."""

    def statements(self) -> Body:
        """Statements up to a closing token or the end."""
        raise NotImplementedError

    def command(self) -> Command:
        """One command with its redirections."""
        raise NotImplementedError

    def compound(self, word: str) -> Command:
        """The compound command that begins here with the reserved ``word``, or with a parenthesis."""
        parse: Callable[[], Command] | None = {
            "": self._parenthesis,
            "{": self._group,
            "if": self._if,
            "while": self._while,
            "until": self._while,
            "for": self._for,
            "case": self._case,
            "[[": self._condition,
            "function": self._function,
        }.get(word)
        if parse is None:
            if word == "select":
                self.fail("'select' asks a person and is not supported", next_step="Choose in the script itself.")
            if word == "coproc":
                self.fail("'coproc' is not supported", next_step="Use a pipeline, or files between two commands.")
            self.unexpected()
        return parse()

    def body(self, opened_by: str, start: int) -> Body:
        """Statements, at least one."""
        statements = self.statements()
        if not statements:
            if self.pos >= self.end:
                self.fail(f"'{opened_by}' is not closed", start)
            self.unexpected("a command is missing")
        return statements

    def _parenthesis(self) -> Command:
        start = self.pos
        if self.at("(("):
            text = self.arithmetic_text(start)
            if text is not None:
                return ArithmeticCommand(text)
            self.pos = start
        self.pos += 1
        at = self.pos
        body = self.substituted_body()
        if not body:
            self.fail("a subshell without a command", at)
        return Subshell(body)

    def _group(self) -> Group:
        start = self.pos
        self.pos += 1
        body = self.body("{", start)
        self.expect("}", "{", start)
        return Group(body)

    def _if(self) -> If:
        start = self.pos
        self.pos += 2
        branches: list[tuple[Body, Body]] = []
        otherwise: Body | None = None
        while True:
            condition = self.body("if", start)
            self.expect("then", "if", start)
            branches.append((condition, self.body("if", start)))
            if self.reserved() == "elif":
                self.pos += 4
                continue
            if self.reserved() == "else":
                self.pos += 4
                otherwise = self.body("if", start)
            self.expect("fi", "if", start)
            return If(tuple(branches), otherwise)

    def _while(self) -> While:
        start = self.pos
        word = self.reserved()
        self.pos += len(word)
        condition = self.body(word, start)
        return While(condition, self._do(word, start), until=word == "until")

    def _do(self, opened_by: str, start: int) -> Body:
        self.expect("do", opened_by, start)
        body = self.body(opened_by, start)
        self.expect("done", opened_by, start)
        return body

    def _for(self) -> For | ArithmeticFor:
        start = self.pos
        self.pos += 3
        self.blanks()
        if self.at("(("):
            return self._arithmetic_for(start)
        m = _NAME.match(self.source, self.pos)
        if m is None:
            self.fail("'for' needs the name of a variable")
        self.pos = m.end()
        self.newlines()
        words: list[Word] | None = None
        if self.reserved() == "in":
            self.pos += 2
            words = []
            while True:
                self.blanks()
                word = self.word()
                if word is None:
                    break
                words.append(word)
        self.blanks()
        if self.at(";"):
            self.pos += 1
        self.newlines()
        body = self._braced_or_do("for", start)
        return For(m.group(), None if words is None else tuple(words), body)

    def _braced_or_do(self, opened_by: str, start: int) -> Body:
        if self.reserved() == "{":
            return self._group().body
        return self._do(opened_by, start)

    def _arithmetic_for(self, start: int) -> ArithmeticFor:
        self.pos += 2
        sections: list[Word | None] = []
        for stop in (";", ";", "))"):
            text = self.arithmetic_section(stop)
            if text is None:
                self.fail("for ((start; condition; step)) has exactly three parts", start)
            sections.append(text if text.static is None or text.static.strip() else None)
        self.blanks()
        if self.at(";"):
            self.pos += 1
        self.newlines()
        return ArithmeticFor(sections[0], sections[1], sections[2], self._braced_or_do("for", start))

    def _case(self) -> Case:
        start = self.pos
        self.pos += 4
        self.blanks()
        word = self.word(braces=False)
        if word is None:
            self.fail("'case' needs a word")
        self.newlines()
        self.expect("in", "case", start)
        items: list[CaseItem] = []
        self.newlines()
        while self.reserved() != "esac":
            if self.pos >= self.end:
                self.fail("'case' is not closed: 'esac' is missing", start)
            items.append(self._case_item(start))
            self.newlines()
        self.pos += 4
        return Case(word, tuple(items))

    def _case_item(self, start: int) -> CaseItem:
        if self.at("("):
            self.pos += 1
        patterns: list[Word] = []
        while True:
            self.blanks()
            pattern = self.word(braces=False)
            if pattern is None:
                self.fail("a pattern is missing")
            patterns.append(pattern)
            self.blanks()
            if not self.at("|"):
                break
            self.pos += 1
        if not self.at(")"):
            self.unexpected("')' must end the patterns")
        self.pos += 1
        body = self.statements()
        return CaseItem(tuple(patterns), body, self._case_item_end(start))

    def _case_item_end(self, start: int) -> OneOf[";;", ";&", ";;&"]:
        ends: tuple[OneOf[";;", ";&", ";;&"], ...] = (";;&", ";&", ";;")
        for end in ends:
            if self.at(end):
                self.pos += len(end)
                return end
        if self.pos >= self.end:
            self.fail("'case' is not closed: 'esac' is missing", start)
        if self.reserved() != "esac":
            self.unexpected("';;' or 'esac' must come first")
        return ";;"

    def _function(self) -> Function:
        start = self.pos
        self.pos += len("function")
        self.blanks()
        m = _FUNCTION_NAME.match(self.source, self.pos)
        if m is None:
            self.fail("'function' needs a name")
        self.pos = m.end()
        if (empty := _EMPTY_PARENTHESES.match(self.source, self.pos)) is not None:
            self.pos = empty.end()
        return self.function_body(m.group(), start)

    def function_body(self, name: str, start: int) -> Function:
        """The compound command after a function's name."""
        self.newlines()
        if not (self.reserved() in ("{", "if", "for", "while", "until", "case", "[[") or self.at("(")):
            self.unexpected("a function's body is a compound command such as { ...; }")
        self.enter()
        body = self.command()
        self.leave()
        return Function(name, body, start)

    # --- [[ ]] -----------------------------------------------------------------------------------------------------

    def _condition(self) -> Condition:
        start = self.pos
        self.pos += 2
        test = self._or_test(start)
        self.newlines()
        if self.reserved() != "]]":
            if self.pos >= self.end:
                self.fail("'[[' is not closed", start)
            self.unexpected("']]' must come first")
        self.pos += 2
        return Condition(test)

    def _or_test(self, start: int) -> Test:
        test = self._and_test(start)
        self.newlines()
        while self.at("||"):
            self.pos += 2
            test = JoinedTest("||", test, self._and_test(start))
            self.newlines()
        return test

    def _and_test(self, start: int) -> Test:
        test = self._one_test(start)
        self.newlines()
        while self.at("&&"):
            self.pos += 2
            test = JoinedTest("&&", test, self._one_test(start))
            self.newlines()
        return test

    def _one_test(self, start: int) -> Test:
        self.newlines()
        self.enter()
        try:
            if self.reserved() == "!":
                self.pos += 1
                return NotTest(self._one_test(start))
            if self.at("("):
                self.pos += 1
                test = self._or_test(start)
                self.newlines()
                if not self.at(")"):
                    self.unexpected("')' must come first")
                self.pos += 1
                return test
            return self._primary_test(start)
        finally:
            self.leave()

    def _primary_test(self, start: int) -> Test:
        if self.pos >= self.end:
            self.fail("'[[' is not closed", start)
        if self.reserved() == "]]":
            self.unexpected("a condition is missing")
        left = self.word(braces=False)
        if left is None:
            self.unexpected()
        self.blanks()
        m = _TEST_OPERATOR.match(self.source, self.pos)
        if m is not None:
            operator = m.group(1)
            self.pos = m.end()
            self.blanks()
            right = self.regex_word() if operator == "=~" else self.word(braces=False)
            if right is None:
                self.fail(f"a word is missing after '{operator}'")
            return BinaryTest(operator, left, right)
        if left.static in _UNARY_TESTS and self._word_begins():
            operand = self.word(braces=False)
            if operand is None:
                self.unexpected()
            return UnaryTest(left.static or "", operand)
        if self._word_begins():
            self.unexpected("a binary operator is missing")
        return UnaryTest("-n", left)

    def _word_begins(self) -> bool:
        return self.pos < self.end and self.source[self.pos] not in "\n;&|<>()" and self.reserved() != "]]"
