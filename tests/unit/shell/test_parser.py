from __future__ import annotations

import contextlib
import time

import pytest

from agentsh.core.errors import ShellSyntaxError
from agentsh.shell import parse
from agentsh.shell.parser import MAX_SOURCE
from agentsh.shell.tree import (
    Assignment,
    BinaryTest,
    BraceList,
    BraceRange,
    Case,
    CommandSubstitution,
    Condition,
    DoubleQuoted,
    For,
    Function,
    Glob,
    Group,
    If,
    Literal,
    Parameter,
    Pipeline,
    Quoted,
    Redirect,
    SimpleCommand,
    Subshell,
    Tilde,
    While,
    Word,
)


def command(source: str) -> object:
    statements = parse(source).body
    assert len(statements) == 1
    assert not statements[0].rest
    assert len(statements[0].first.commands) == 1
    return statements[0].first.commands[0]


def words(source: str) -> list[str | None]:
    found = command(source)
    assert isinstance(found, SimpleCommand)
    return [w.static if isinstance(w, Word) else None for w in found.words]


def only_part(source: str) -> object:
    found = command(f"x {source}")
    assert isinstance(found, SimpleCommand)
    word = found.words[1]
    assert isinstance(word, Word)
    assert len(word.parts) == 1
    return word.parts[0]


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ("echo hi", ["echo", "hi"]),
        ("echo 'a b' \"c d\" e\\ f", ["echo", "a b", "c d", "e f"]),
        ("echo a'b'\"c\"\\d", ["echo", "abcd"]),
        ("echo '' \"\"", ["echo", "", ""]),
        ("echo a\\\nb", ["echo", "ab"]),
        ('echo "a\\"b" "\\$x" "\\n"', ["echo", 'a"b', "$x", "\\n"]),
        ("echo $'a\\tb\\x41\\'' $'\\u00e9'", ["echo", "a\tbA'", "é"]),
        ("echo a#b # c", ["echo", "a#b"]),
        ("echo {} {a} a,b {", ["echo", "{}", "{a}", "a,b", "{"]),
        ("echo if then } ]]", ["echo", "if", "then", "}", "]]"]),
        ("echo $x ~ * {a,b} $(c)", ["echo", None, None, None, None, None]),
        ('echo $ "$" a$', ["echo", "$", "$", "a$"]),
        ("echo 2 2x", ["echo", "2", "2x"]),
    ],
)
def test_words(source: str, expected: list[str | None]) -> None:
    assert words(source) == expected


def test_parts() -> None:
    assert only_part("$x") == Parameter("x")
    assert only_part("${x:-a}") == Parameter("x", operator=":-", argument=Word((Literal("a"),), 7, "a"))
    assert only_part('"$x"') == DoubleQuoted((Parameter("x"),))
    assert only_part("*") == Glob("*")
    assert only_part("~") == Tilde("")
    assert only_part("'*'") == Quoted("*")
    assert only_part("{a,b}") == BraceList(((Literal("a"),), (Literal("b"),)))
    assert only_part("{01..10..2}") == BraceRange(1, 10, 2, 2)
    assert isinstance(only_part("$(a | b)"), CommandSubstitution)
    assert isinstance(only_part("`a`"), CommandSubstitution)
    assert only_part("${#a[@]}") == Parameter("a", "@", length=True)
    assert only_part("${!a[*]}") == Parameter("a", "*", indirect=True)
    assert only_part("${!a}") == Parameter("a", indirect=True)


def test_a_positional_parameter_is_one_digit_without_braces() -> None:
    found = command("x $10 ${10}")
    assert isinstance(found, SimpleCommand)
    first, second = found.words[1:]
    assert isinstance(first, Word)
    assert isinstance(second, Word)
    assert first.parts == (Parameter("1"), Literal("0"))
    assert second.parts == (Parameter("10"),)


@pytest.mark.parametrize(
    ("source", "kind"),
    [
        ("if a; then b; elif c; then d; else e; fi", If),
        ("while a; do b; done", While),
        ("for i in a b; do c; done", For),
        ("for i do a; done", For),
        ("case x in a|b) c;; esac", Case),
        ("(a; b)", Subshell),
        ("((a); b)", Subshell),
        ("{ a; b; }", Group),
        ("f() { a; }", Function),
        ("function f { a; }", Function),
        ("[[ a == b ]]", Condition),
    ],
)
def test_compound_commands(source: str, kind: type) -> None:
    assert isinstance(command(source), kind)


def test_redirections() -> None:
    found = command("cmd < in >> out 2>&1 3<>both &> all >| f <<< text")
    assert isinstance(found, SimpleCommand)
    assert [(r.operator, r.fd, r.target.static) for r in found.redirects] == [
        ("<", 0, "in"),
        (">>", 1, "out"),
        (">&", 2, "1"),
        ("<>", 3, "both"),
        ("&>", 1, "all"),
        (">|", 1, "f"),
        ("<<<", 0, "text"),
    ]


def test_here_documents() -> None:
    script = parse("cat <<A - <<'B' && echo done\nx $y\nA\n$z\nB\necho next\n")
    first = script.body[0].first.commands[0]
    assert isinstance(first, SimpleCommand)
    bodies = [r.target for r in first.redirects]
    assert bodies[0].parts == (DoubleQuoted((Literal("x "), Parameter("y"), Literal("\n"))),)
    assert bodies[1].static == "$z\n"
    assert len(script.body) == 2


def test_a_pipe_with_stderr_redirects_the_stage_before() -> None:
    stage = parse("a |& b").body[0].first.commands[0]
    assert isinstance(stage, SimpleCommand)
    assert [(r.operator, r.fd) for r in stage.redirects] == [(">&", 2)]


def test_assignments_and_declarations() -> None:
    found = command("a=1 b+=2 c[x]=3 export d=$e f")
    assert isinstance(found, SimpleCommand)
    assert [(a.name, a.append, a.subscript is not None) for a in found.assignments] == [
        ("a", False, False),
        ("b", True, False),
        ("c", False, True),
    ]
    assert isinstance(found.words[1], Assignment)
    assert isinstance(found.words[2], Word)
    assert words("echo a=1") == ["echo", "a=1"]


def test_statements_and_lists() -> None:
    body = parse("a && b || c; d & e\nf | g").body
    assert [s.background for s in body] == [False, True, False, False]
    assert [o for o, _ in body[0].rest] == ["&&", "||"]
    assert body[0].rest[0][1] == Pipeline((SimpleCommand((Word((Literal("b"),), 5, "b"),), (), (), 5),))
    assert len(body[3].first.commands) == 2


def test_regular_expressions_keep_their_parentheses() -> None:
    found = command(r"[[ $x =~ ^(a|b)\ [[:space:]]+$ ]]")
    assert isinstance(found, Condition)
    assert isinstance(found.test, BinaryTest)
    assert found.test.right.static == "^(a|b) [[:space:]]+$"


@pytest.mark.parametrize(
    ("source", "says", "offset"),
    [
        ("echo 'a", "single quote", 5),
        ('echo "a', "double quote", 5),
        ("echo `a", "backquote", 5),
        ("echo $(a", "'('", 6),
        ("echo ${a", "not closed", 5),
        ("echo ${a:", "not closed", 5),
        ("if a; then b", "'fi' is missing", 0),
        ("while a; do b", "'done' is missing", 0),
        ("case x in a) b", "'esac'", 0),
        ("{ a", "'}' is missing", 0),
        ("fi", "'fi' is not expected", 0),
        ("a | ", "ends too early", 4),
        ("a && ", "ends too early", 5),
        ("a ;; b", "';'", 2),
        ("| a", "'|'", 0),
        ("a > ", "name is missing", 4),
        ("cat <<X\nbody", "'X' is missing", 4),
        ("[[ a", "'[[' is not closed", 0),
        ("[[ a b ]]", "binary operator", 5),
        ("echo $((1 +))", "arithmetic", 11),
        ("f() echo", "compound command", 4),
        ("select x in a; do b; done", "'select'", 0),
        ("coproc a", "'coproc'", 0),
        ("x=<(a) b", "process substitution", 2),
        ("echo ${a@P}", "not supported", 5),
        ("declare -n r=x", "not supported", 8),
        ("f() { local -rn r=$1; }", "not supported", 12),
        ("typeset -n r", "not supported", 8),
        ("trap 'echo $BASH_COMMAND' DEBUG", "not supported", 26),
        ("echo a; trap - sigreturn", "not supported", 15),
        ("ulimit -n 4096", "cannot change", 10),
        ("if false; then ulimit -Sv unlimited; fi", "cannot change", 26),
        ("umask 077", "not supported", 6),
        ("enable -n echo", "not supported", 0),
        ("echo $[1]", "not supported", 5),
        ("a\0b", "NUL", 1),
        ("a \ud800", "no text", 2),
        ("echo ${}", "no valid name", 5),
        ("a=(b", "array", 2),
    ],
)
def test_errors_say_what_where_and_what_next(source: str, says: str, offset: int) -> None:
    with pytest.raises(ShellSyntaxError) as caught:
        parse(source)
    error = caught.value
    assert says in error.what
    assert error.offset == offset
    assert error.source == source
    assert error.next_step


def test_errors_name_line_and_column() -> None:
    with pytest.raises(ShellSyntaxError, match="line 3, column 6"):
        parse("a\nb\necho )")


@pytest.mark.parametrize("ending", ["", "x", ")", "}", ")" * 100_000, "}" * 100_000])
@pytest.mark.parametrize(
    "piece",
    ["(", "{ ", "$(", "$((", "((", '"$(', "${x:-", '"${x:-', "if ", "while ", "[[ ( ", "! ", "a[$(", "x=(", "f() ",
    "`",     "case x in x) ", "{a,",
        "@(", "<(", "< <(", "$((x[",  "for x in $(", "[[ ! ", "a | ", "a && ", "cat <<E\n", "'", '"'],
)  # fmt: skip
def test_deep_or_long_input_ends_soon_with_a_clean_answer(piece: str, ending: str) -> None:
    source = piece * (100_000 // len(piece)) + ending
    before = time.monotonic()
    with contextlib.suppress(ShellSyntaxError):
        parse(source)
    assert time.monotonic() - before < 20


@pytest.mark.parametrize(
    "source",
    [
        "declare -r n=x",
        "local x=-n",
        "export -n x",
        "trap 'rm -f x' EXIT",
        "trap DEBUG",
        'trap "$x" "$y"',
        "ulimit -c 0",
        "ulimit -n",
        'ulimit -n "$x"',
        "umask",
        "umask 022",
        "umask -S",
        "echo umask 077",
    ],
)
def test_what_looks_like_a_refused_command_and_is_none(source: str) -> None:
    parse(source)


def test_a_source_that_is_too_long_is_refused() -> None:
    with pytest.raises(ShellSyntaxError, match="characters, more than"):
        parse("a" * (MAX_SOURCE + 1))


def test_reasonable_nesting_is_accepted() -> None:
    parse("$(" * 20 + "a" + ")" * 20)
    parse("if a; then " * 20 + "b; " + "fi; " * 20)
    parse("(" * 30 + "a" + ")" * 30)


def test_the_tree_is_frozen() -> None:
    redirect = Redirect(">", 1, Word(()))
    with pytest.raises(AttributeError):
        redirect.fd = 2  # type: ignore[misc]
