"""Looking inside SQLite files, friendly and hostile ones."""

from __future__ import annotations

import random
import sqlite3
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from pathlib import Path

    from agentsh import Workspace
    from agentsh.core.diff import FileDiff


def make(path: Path, *statements: str) -> bytes:
    connection = sqlite3.connect(path)
    for statement in statements:
        connection.execute(statement)
    connection.commit()
    connection.close()
    return path.read_bytes()


def lines(diff: FileDiff, tags: str = "+-") -> list[tuple[str, bytes]]:
    return [(line.tag, line.text) for hunk in diff.inside for line in hunk.lines if line.tag in tags]


@pytest.fixture
def shop(root: Path) -> Path:
    make(
        root / "shop.db", "CREATE TABLE t(id INTEGER PRIMARY KEY, name TEXT)", "INSERT INTO t VALUES (1, 'a'), (2, 'b')"
    )
    return root / "shop.db"


@pytest.mark.usefixtures("shop")
def test_changed_rows_and_tables_are_shown(ws: Workspace):
    sql = "UPDATE t SET name = 'x' WHERE id = 1; DELETE FROM t WHERE id = 2; CREATE TABLE u(v)"
    act = ws.exec(f'sqlite3 shop.db "{sql}"')
    (diff,) = ws.diff(act.id)
    assert diff.binary
    assert not diff.hunks  # it is approved whole
    assert sorted(lines(diff)) == [
        ("+", b"CREATE TABLE u(v);\n"),
        ("+", b"INSERT INTO t VALUES(1,'x');\n"),
        ("-", b"INSERT INTO t VALUES(1,'a');\n"),
        ("-", b"INSERT INTO t VALUES(2,'b');\n"),
    ]
    assert "SQLite, as SQL +2 -2" in diff.note
    assert ws.diff(act.id) == [diff]


@pytest.mark.usefixtures("shop")
def test_a_new_file_and_a_deleted_one(ws: Workspace):
    new, gone = ws.exec("sqlite3 new.db 'CREATE TABLE n(i); INSERT INTO n VALUES (7)'"), ws.exec("rm shop.db")
    assert lines(ws.diff(new.id)[0]) == [("+", b"CREATE TABLE n(i);\n"), ("+", b"INSERT INTO n VALUES(7);\n")]
    assert {tag for tag, _ in lines(ws.diff(gone.id)[0])} == {"-"}


def test_a_file_that_was_only_packed_anew_says_so(ws: Workspace, root: Path):
    make(root / "v.db", "CREATE TABLE t(x)", "INSERT INTO t VALUES (zeroblob(50000))", "DELETE FROM t")
    (diff,) = ws.diff(ws.exec("sqlite3 v.db VACUUM").id)
    assert diff.note.endswith("SQLite, with the same tables and rows")
    assert diff.inside == ()


def test_other_binary_files_are_left_alone(ws: Workspace):
    (diff,) = ws.diff(ws.exec(r"printf 'SQLite format 2\0\1\2' > not.db").id)
    assert diff.note == "binary, 0 -> 18 bytes"


def test_too_much_to_show_says_so(ws: Workspace, root: Path):
    make(root / "big.db", "CREATE TABLE t(x)", "INSERT INTO t VALUES (randomblob(3000000))")
    (diff,) = ws.diff(ws.exec("rm big.db").id)
    assert diff.note.endswith("an SQLite file with more in it than can be shown")


def test_a_damaged_file_is_told_and_hurts_nobody(ws: Workspace, shop: Path, root: Path):
    whole = bytearray(shop.read_bytes())
    dice = random.Random(7)  # noqa: S311
    for number in range(6):
        content = bytearray(whole)
        for _ in range(200):
            content[dice.randrange(16, len(content))] = dice.randrange(256)
        (root / f"{number}.db").write_bytes(content)
    (root / "cut.db").write_bytes(whole[:3000])
    diffs = {d.path: d for d in ws.diff(ws.exec("rm *.db").id)}
    assert len(diffs) == 8
    assert all("SQLite" in d.note for d in diffs.values())
    assert diffs[b"cut.db"].note.endswith("an SQLite file that cannot be read")


def test_statements_in_a_file_are_shown_and_not_run(ws: Workspace, root: Path):
    make(
        root / "trap.db",
        "CREATE TABLE t(x)",
        "CREATE VIEW v AS WITH RECURSIVE c(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM c) SELECT n FROM c",
        "INSERT INTO t VALUES ('\x1b]0;owned\x07'), ('.shell touch /tmp/x'), (char(10) || 'DROP TABLE t;')",
    )
    (diff,) = ws.diff(ws.exec("rm trap.db").id)
    text = b"".join(t for _, t in lines(diff))
    assert b"CREATE VIEW v" in text
    assert b".shell touch" in text
    assert b"\x1b" not in text
