"""``test``, ``[`` and ``[[``: questions about strings, numbers and files."""

from __future__ import annotations

import os
import re
import stat
from pathlib import Path
from typing import TYPE_CHECKING

from agentsh.core.sanitise import visible_line
from agentsh.sandbox.interpreter.arithmetic import Evaluator, wrap
from agentsh.sandbox.interpreter.control import CommandError
from agentsh.sandbox.interpreter.patterns import matches, posix_regex
from agentsh.sandbox.interpreter.process_files import host_path
from agentsh.sandbox.interpreter.state import IndexedArray, encode
from agentsh.shell.tree import BinaryTest, JoinedTest, NotTest, Test, UnaryTest

if TYPE_CHECKING:
    from collections.abc import Callable

    from agentsh.sandbox.interpreter.registry import Builtin, Words
    from agentsh.sandbox.interpreter.shell import Shell

_NUMBER = re.compile(r"\s*[+-]?[0-9]+\s*", re.ASCII)
_COMPARE: dict[str, Callable[[int, int], bool]] = {
    "-eq": lambda a, b: a == b,
    "-ne": lambda a, b: a != b,
    "-lt": lambda a, b: a < b,
    "-le": lambda a, b: a <= b,
    "-gt": lambda a, b: a > b,
    "-ge": lambda a, b: a >= b,
}
_STRINGS = frozenset(["=", "==", "!=", "<", ">"])
_FILES = frozenset(["-nt", "-ot", "-ef"])
_TYPES: dict[str, Callable[[int], bool]] = {
    "-f": stat.S_ISREG,
    "-d": stat.S_ISDIR,
    "-p": stat.S_ISFIFO,
    "-S": stat.S_ISSOCK,
    "-b": stat.S_ISBLK,
    "-c": stat.S_ISCHR,
    "-r": lambda m: bool(m & 0o444),
    "-w": lambda m: bool(m & 0o222),
    "-x": lambda m: bool(m & 0o111),
    "-u": lambda m: bool(m & stat.S_ISUID),
    "-g": lambda m: bool(m & stat.S_ISGID),
    "-k": lambda m: bool(m & stat.S_ISVTX),
    "-e": lambda _: True,
    "-a": lambda _: True,
    "-O": lambda _: True,
    "-G": lambda _: True,
}
_UNARY = frozenset(["-n", "-z", "-s", "-t", "-v", "-o", "-h", "-L", "-N", "-R", *_TYPES])
_BINARY = frozenset([*_COMPARE, *_STRINGS, *_FILES])
_DEVICES = frozenset(["/dev/null", "/dev/zero", "/dev/urandom", "/dev/random", "/dev/full"])


def _stat(shell: Shell, name: str, *, follow: bool = True) -> os.stat_result | None:
    """The status of what a name leads to inside the tree; None where there is nothing to be seen."""
    if not name:
        return None
    if name in _DEVICES:
        return Path(os.devnull).stat()
    tree = shell.run.tree
    ours = host_path(shell, name)
    try:
        if ours is not None:
            return Path(ours).lstat()
        if follow or name.endswith("/"):
            st = tree.lstat(tree.resolve(encode(name), cwd=shell.state.cwd))
            return None if st is not None and name.endswith("/") and not stat.S_ISDIR(st.st_mode) else st
        head, slash, last = name.rpartition("/")
        where = tree.resolve(encode(head + slash) or b".", cwd=shell.state.cwd)
        return tree.lstat(b"/".join(p for p in (where, encode(last)) if p))
    except OSError:
        return None


def file_test(shell: Shell, operator: str, name: str) -> bool:
    """A question about one path."""
    if operator in ("-h", "-L"):
        st = _stat(shell, name, follow=False)
        return st is not None and stat.S_ISLNK(st.st_mode)
    st = _stat(shell, name)
    if st is None:
        return False
    if operator == "-s":
        return st.st_size > 0
    if operator == "-N":
        return st.st_mtime_ns > st.st_atime_ns
    return _TYPES[operator](st.st_mode)


def _unary(shell: Shell, operator: str, operand: str) -> bool:
    if operator == "-n":
        return operand != ""
    if operator == "-z":
        return operand == ""
    if operator == "-t":
        return False  # no action has a terminal
    if operator == "-o":
        return operand in shell.state.options or _LONG.get(operand, "") in shell.state.options
    if operator in ("-v", "-R"):
        return operator == "-v" and _is_set(shell, operand)
    return file_test(shell, operator, operand)


_LONG = {"errexit": "e", "nounset": "u", "xtrace": "x", "noglob": "f", "noclobber": "C", "allexport": "a"}


def _is_set(shell: Shell, name: str) -> bool:
    m = re.fullmatch(r"(\w+)\[(.*)\]", name, re.DOTALL)
    if m is None:
        return shell.state.get(name) is not None
    array = shell.state.variables.get(m[1])
    if isinstance(array, IndexedArray):
        return bool(array) if m[2] in "@*" else Evaluator(shell.state).text(m[2]) in array
    return array is not None and not isinstance(array, str) and m[2] in array


def _files(shell: Shell, operator: str, left: str, right: str) -> bool:
    a, b = _stat(shell, left), _stat(shell, right)
    if operator == "-ef":
        return a is not None and b is not None and (a.st_dev, a.st_ino) == (b.st_dev, b.st_ino)
    if operator == "-ot":
        a, b = b, a
    return a is not None and (b is None or a.st_mtime_ns > b.st_mtime_ns)


# --- [[ ]] ---------------------------------------------------------------------------------------------------------


def condition(shell: Shell, test: Test) -> bool:
    """Whether a ``[[ ]]`` condition holds.

    Raises:
        CommandError: an operand is no number, or no regular expression.
    """
    if isinstance(test, JoinedTest):
        left = condition(shell, test.left)
        return left and condition(shell, test.right) if test.operator == "&&" else left or condition(shell, test.right)
    if isinstance(test, NotTest):
        return not condition(shell, test.operand)
    if isinstance(test, UnaryTest):
        return _unary(shell, test.operator, shell.expander.text(test.operand))
    return _binary_condition(shell, test)


def _binary_condition(shell: Shell, test: BinaryTest) -> bool:
    operator = test.operator
    left = shell.expander.text(test.left)
    fold = "nocasematch" in shell.state.shell_options
    if operator in ("=", "==", "!="):
        found = matches(shell.expander.segments(test.right), left, ignore_case=fold)
        return found != (operator == "!=")
    if operator == "=~":
        return _regex(shell, left, test, fold=fold)
    right = shell.expander.text(test.right)
    if operator in ("<", ">"):
        return encode(left) < encode(right) if operator == "<" else encode(left) > encode(right)
    if operator in _FILES:
        return _files(shell, operator, left, right)
    evaluator = Evaluator(shell.state)
    try:
        return _COMPARE[operator](evaluator.text(left), evaluator.text(right))
    except CommandError as e:
        raise CommandError(f"[[: {e.message}", 1) from None


def _regex(shell: Shell, left: str, test: BinaryTest, *, fold: bool) -> bool:
    text = posix_regex(shell.expander.segments(test.right))
    try:
        m = re.compile(text, re.DOTALL | (re.IGNORECASE if fold else 0)).search(left)
    except (re.error, OverflowError):
        raise CommandError(f"[[: {visible_line(text)}: invalid regular expression", 2) from None
    groups = {} if m is None else {n: g or "" for n, g in enumerate((m.group(), *m.groups()))}
    shell.state.variables["BASH_REMATCH"] = IndexedArray(groups)
    return m is not None


# --- test, [ -------------------------------------------------------------------------------------------------------


class _Test:
    """POSIX's ``test``: what the words mean depends on how many there are."""

    def __init__(self, shell: Shell, words: list[str]) -> None:
        self.shell = shell
        self.words = words
        self.i = 0

    def evaluate(self) -> bool:
        words = self.words
        if not words:
            return False
        if len(words) == 1:
            return words[0] != ""
        if len(words) == 2:
            return self._two(words)
        if len(words) == 3 and (words[1] in _BINARY or words[1] in ("-a", "-o")):
            return self._three(words)
        if len(words) == 4 and words[0] == "!":
            return not _Test(self.shell, words[1:]).evaluate()
        result = self._or(0)
        if self.i < len(words):
            raise CommandError(f"test: {visible_line(words[self.i])}: unexpected word", 2)
        return result

    def _two(self, words: list[str]) -> bool:
        if words[0] == "!":
            return words[1] == ""
        if words[0] in _UNARY:
            return _unary(self.shell, words[0], words[1])
        raise CommandError(f"test: {visible_line(words[0])}: unary operator expected", 2)

    def _three(self, words: list[str]) -> bool:
        left, operator, right = words
        if operator == "-a":
            return left != "" and right != ""
        if operator == "-o":
            return left != "" or right != ""
        return self._compare(left, operator, right)

    def _compare(self, left: str, operator: str, right: str) -> bool:
        if operator in _COMPARE:
            return _COMPARE[operator](self._number(left), self._number(right))
        if operator in _FILES:
            return _files(self.shell, operator, left, right)
        if operator in ("=", "=="):
            return left == right
        if operator == "!=":
            return left != right
        return encode(left) < encode(right) if operator == "<" else encode(left) > encode(right)

    @staticmethod
    def _number(text: str) -> int:
        if not _NUMBER.fullmatch(text) or len(text) > 40:
            raise CommandError(f"test: {visible_line(text)}: integer expression expected", 2)
        return wrap(int(text))

    def _or(self, depth: int) -> bool:
        result = self._and(depth)
        while self.i < len(self.words) and self.words[self.i] == "-o":
            self.i += 1
            right = self._and(depth)
            result = result or right
        return result

    def _and(self, depth: int) -> bool:
        result = self._primary(depth)
        while self.i < len(self.words) and self.words[self.i] == "-a":
            self.i += 1
            right = self._primary(depth)
            result = result and right
        return result

    def _primary(self, depth: int) -> bool:
        if depth > 50:
            raise CommandError("test: nested too deep", 2)
        words = self.words
        if self.i >= len(words):
            raise CommandError("test: argument expected", 2)
        word = words[self.i]
        if self.i + 2 < len(words) and words[self.i + 1] in _BINARY:
            self.i += 3
            return self._compare(word, words[self.i - 2], words[self.i - 1])
        self.i += 1
        if word == "!":
            return not self._primary(depth + 1)
        if word == "(":
            result = self._or(depth + 1)
            if self.i >= len(words) or words[self.i] != ")":
                raise CommandError("test: ')' expected", 2)
            self.i += 1
            return result
        if word in _UNARY and self.i < len(words):
            self.i += 1
            return _unary(self.shell, word, words[self.i - 1])
        return word != ""


def _test(shell: Shell, arguments: Words) -> int:
    return int(not _Test(shell, [a for a in arguments if isinstance(a, str)]).evaluate())


def _bracket(shell: Shell, arguments: Words) -> int:
    words = [a for a in arguments if isinstance(a, str)]
    if words[-1:] != ["]"]:
        raise CommandError("[: missing ']'", 2)
    return int(not _Test(shell, words[:-1]).evaluate())


TABLE: dict[str, Builtin] = {"test": _test, "[": _bracket}
