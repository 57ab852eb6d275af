"""Programs of others: what they answer, whatever the machine has of its own, and that they can start nothing."""

from __future__ import annotations

import threading
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from agentsh.core.tree import Tree
from agentsh.sandbox.locks import END, Locks
from tests.unit.userland.conftest import plant

if TYPE_CHECKING:
    from tests.unit.userland.conftest import Runner

ENV = {"HOME": "/workspace", "LANG": "C.UTF-8"}


@pytest.mark.parametrize(
    ("program", "expected"),
    [
        ('BEGIN { print length("日本語"), substr("naïve", 3, 2), index("日本語", "語") }', "3 ïv 3\n"),
        ('BEGIN { printf "%-6s|%3s|%.2s|%c\\n", "é", "ü", "日本語", 233 }', "é     |  ü|日本|é\n"),
        ('BEGIN { print toupper("grüße"), tolower("ÀÉ") }', "GRÜßE àé\n"),
        ('BEGIN { s = "äöü"; print gsub(/./, "x", s), s; print match("xäy", /[^x]/), RLENGTH }', "3 xxx\n2 1\n"),
        ('BEGIN { n = split("aäb", c, ""); print n, c[2] }', "3 ä\n"),
        ('BEGIN { print gensub(/(a+)(b)/, "<\\\\2\\\\1>", "g", "aab ab") }', "<baa> <ba>\n"),
        ('BEGIN { print gensub("b", "X", 2, "abcabd"), gensub(/x*/, "-", "g", "abc") }', "abcaXd -a-b-c-\n"),
        ('BEGIN { if (match("k=12", /([a-z])=([0-9]+)/, m)) print m[1], m[2], m[2, "start"] }', "k 12 3\n"),
        ('BEGIN { a[1] = "c"; a[2] = 10; a[3] = 9; n = asort(a); print n, a[1], a[2], a[3] }', "3 9 10 c\n"),
        ('BEGIN { a["y"]; a["x"]; n = asorti(a, b); print n, b[1], b[2], length(a) }', "2 x y 2\n"),
        ('BEGIN { print strftime("%F %T", 86399), mktime("1970 01 02 00 00 00") }', "1970-01-01 23:59:59 86400\n"),
        ('BEGIN { print and(12, 10), or(12, 10), xor(12, 10), lshift(1, 4), strtonum("0x1F") }', "8 14 6 16 31\n"),
        ('BEGIN { print ("a_1 b" ~ /^\\w+\\s\\w$/), ("foo bar" ~ /\\<bar\\>/), ("foobar" ~ /\\ybar/) }', "1 1 0\n"),
        ('BEGIN { print substr("hello", 0, 3) "|" substr("hello", 4, 99) "|" substr("hello", 1.5, 1) }', "he|lo|e\n"),
    ],
)
def test_awk_counts_characters_and_has_gnus_functions(run: Runner, program: str, expected: str) -> None:
    result = run("awk", program, env=ENV)
    assert (result.out.decode(), result.err, result.code) == (expected, b"", 0)


@pytest.mark.parametrize(
    ("program", "said"),
    [
        ('BEGIN { system("ls") }', "cannot run 'ls'"),
        ('BEGIN { print "x" | "sort" }', "cannot run 'sort'"),
        ('BEGIN { "date" | getline d }', "cannot run 'date'"),
        ("BEGIN { IGNORECASE = 1 }", "IGNORECASE is GNU awk's"),
        ("/[^é]/", "not supported"),
    ],
)
def test_awk_says_what_it_cannot_do_and_fails(run: Runner, program: str, said: str) -> None:
    result = run("awk", program, env=ENV)
    assert result.code == 2
    assert said in result.err.decode()
    assert result.out == b""


def test_awk_goes_on_over_text_that_is_not_utf8(run: Runner) -> None:
    plant(run.root)
    assert run("awk", "{ print toupper($0), length($0) }", "latin1.txt", env=ENV).out == b"GR\xfc\xdfE 5\nPLAIN 5\n"


def test_an_option_that_awk_does_not_have_is_an_error(run: Runner) -> None:
    assert run("awk", "--csv", "{print}", env=ENV).code == 2


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (
            ["-n", '"test foo" | test("FO+"; "i"), [scan("o")], sub("(?<a>t)"; "<\\(.a)>")'],
            'true\n["o","o"]\n"<t>est foo"\n',
        ),
        (["-n", '"grüße" | length, ascii_downcase, ltrimstr("g"), @base64'], '5\n"grüße"\n"rüße"\n"Z3LDvMOfZQ=="\n'),
        (["-n", '"2020-01-02T03:04:05Z" | fromdate, (fromdate | todate)'], '1577934245\n"2020-01-02T03:04:05Z"\n'),
        (["-n", "100000000000000000000, 1.10, ([3,1,2] | sort, max)"], "100000000000000000000\n1.10\n[1,2,3]\n3\n"),
        (["-r", ".foo[]", "src/pkg/data.json"], "1\n2\n3\n"),
        (["-n", "--arg", "x", "5", "$x, ($x | tonumber + 1), $__prog_args?"], None),
        (["-n", "pow(2; 10), (2 | log2, exp10), ([1,2,3,4] | add / length)"], "1024\n1\n100\n2.5\n"),
    ],
)
def test_jq_answers(run: Runner, arguments: list[str], expected: str | None) -> None:
    plant(run.root)
    result = run("jq", "-c", *arguments, env=ENV)
    if expected is None:
        assert result.code == 3  # it does not compile
        assert b"$__prog_args" in result.err
    else:
        assert (result.out.decode(), result.err, result.code) == (expected, b"", 0)


@pytest.mark.parametrize(
    ("arguments", "code"), [([".", "missing"], 2), ([".", "src/main.py"], 5), ([".["], 3), (["-e", ".x?", "-n"], 1)]
)
def test_jqs_exit_code_says_what_was_wrong(run: Runner, arguments: list[str], code: int) -> None:
    plant(run.root)
    assert run("jq", *arguments, env=ENV).code == code


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (["-header", "-csv", ":memory:", "select 1 as a, 'b,c' as b"], 'a,b\n1,"b,c"\n'),
        (["-json", ":memory:", "select 1 as a, null as b"], '[{"a":1,"b":null}]\n'),
        ([":memory:", "select json_extract('{\"a\":[1,2]}', '$.a[1]'), pow(2, 10), 1 + 1"], "2|1024.0|2\n"),
        (
            [
                ":memory:",
                "create virtual table f using fts5(x)",
                "insert into f values ('hello world')",
                "select x from f('hello')",
            ],
            "hello world\n",
        ),
        (
            [":memory:", ".mode csv", ".import table.csv t", "select city, sum(age) from t group by city order by 1"],
            "Bern,44\nOslo,31\nRome,44\n",
        ),
        (["new.db", "create table t(a); insert into t values (1), (2); select sum(a) from t"], "3\n"),
        (
            ["wal.db", "pragma journal_mode = wal; create table t(a); insert into t values (7); select a from t"],
            "wal\n7\n",
        ),
    ],
)
def test_sqlite_answers(run: Runner, arguments: list[str], expected: str) -> None:
    plant(run.root)
    result = run("sqlite3", *arguments, env=ENV)
    assert (result.out.decode(), result.err, result.code) == (expected, b"", 0)
    left = {p.name for p in run.root.iterdir() if p.name.endswith((".db-journal", ".db-wal", ".db-shm"))}
    assert left == set()


def test_sqlite_keeps_a_database_and_its_mode(run: Runner) -> None:
    assert run("sqlite3", "a.db", "create table t(a); insert into t values ('x')", env=ENV).code == 0
    (run.root / "a.db").chmod(0o600)
    assert run("sqlite3", "a.db", "insert into t values ('y'); select count(*) from t", env=ENV).out == b"2\n"
    assert (run.root / "a.db").stat().st_mode & 0o777 == 0o600
    import sqlite3  # noqa: PLC0415 - the machine's own library must read what ours wrote

    with sqlite3.connect(run.root / "a.db") as db:
        assert db.execute("select a from t order by 1").fetchall() == [("x",), ("y",)]
        assert db.execute("pragma integrity_check").fetchone() == ("ok",)


@pytest.mark.parametrize(
    "command", [".shell ls", ".system ls", ".once |cat", ".import '|cat a' t", "select load_extension('x')"]
)
def test_sqlite_starts_nothing(run: Runner, command: str) -> None:
    result = run("sqlite3", ":memory:", command, env=ENV)
    assert result.code != 0
    assert result.err


def test_two_writers_of_a_database_do_not_meet(run: Runner) -> None:
    """One holds a transaction open while the other writes: the second is told that the database is locked."""
    run("sqlite3", "a.db", "create table t(a)", env=ENV)
    from agentsh.sandbox.locks import LOCKS  # noqa: PLC0415 - the same that the host call uses

    with Tree(run.root) as tree:
        file = tree.path, b"a.db"
    first = object()
    pending = 0x40000000
    assert LOCKS.take(file, first, (pending, pending + 512), exclusive=True)
    try:
        refused = run("sqlite3", "a.db", "insert into t values (1)", env=ENV)
    finally:
        LOCKS.end(first)
    assert refused.code != 0
    assert b"locked" in refused.err
    assert run("sqlite3", "a.db", "insert into t values (1); select count(*) from t", env=ENV).out == b"1\n"


def test_locks_are_those_of_posix() -> None:
    locks, a, b = Locks(), object(), object()
    assert locks.take("f", a, (0, 10), exclusive=False)
    assert locks.take("f", b, (5, 15), exclusive=False)
    assert not locks.take("f", a, (5, 8), exclusive=True)
    assert locks.take("f", a, (0, 5), exclusive=True)
    assert not locks.is_free("f", b, (4, 5), exclusive=False)
    locks.release("f", a, (2, 3))
    assert locks.is_free("f", b, (2, 3), exclusive=True)
    assert not locks.is_free("f", b, (3, 4), exclusive=False)
    assert locks.take("g", b, (0, END), exclusive=True)
    locks.end(a)
    assert locks.take("f", b, (0, END), exclusive=True)
    locks.end(b)
    assert locks.is_free("f", a, (0, END), exclusive=True)


def test_of_many_threads_one_gets_an_exclusive_lock() -> None:
    locks = Locks()
    won: list[object] = []

    def attempt() -> None:
        me = object()
        if locks.take("f", me, (0, 1), exclusive=True):
            won.append(me)

    threads = [threading.Thread(target=attempt) for _ in range(16)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(won) == 1


def test_what_awk_and_sqlite_write_is_in_the_workspace_alone(run: Runner, tmp_path: Path) -> None:
    outside = tmp_path / "outside"
    outside.mkdir()
    (run.root / "way-out").symlink_to(outside)
    assert run("awk", 'BEGIN { print "x" > "../outside/a" }', env=ENV).code == 2
    assert run("awk", 'BEGIN { print "x" > "way-out/a" }', env=ENV).code == 2
    assert run("sqlite3", "way-out/a.db", "create table t(a)", env=ENV).code != 0
    assert (
        run("sqlite3", ":memory:", "attach '/workspace/../outside/b.db' as b", "create table b.t(a)", env=ENV).code != 0
    )
    assert list(outside.iterdir()) == []
