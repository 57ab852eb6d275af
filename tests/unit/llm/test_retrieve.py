"""Pairs are found by what their wishes say, and a person can add some."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from agentsh.core.errors import UsageError
from agentsh.llm.retrieve import SHIPPED, Index, Pair, add_pairs, examples_text, load_index, read_pairs


@pytest.fixture(autouse=True)
def data_dir(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("AGENTSH_DATA_DIR", str(tmp_path / "data"))
    return tmp_path


def write(path: Path, *pairs: dict[str, object]) -> Path:
    path.write_text("".join(json.dumps(p) + "\n" for p in pairs))
    return path


def test_the_nearest_comes_first_and_no_line_twice() -> None:
    index = Index(
        [
            Pair("Count the lines of a.txt.", "wc -l < a.txt"),
            Pair("Line count of a.txt.", "wc -l < a.txt"),
            Pair("Delete the backup files.", "find . -name '*.bak' -delete"),
        ]
    )
    assert [p.command for p in index.best("Count the lines of other.txt", 3)] == [
        "wc -l < a.txt",
        "find . -name '*.bak' -delete",
    ]
    assert index.best("Delete all backup files", 1)[0].command == "find . -name '*.bak' -delete"
    assert index.best("", 3) == []
    assert Index([]).best("anything", 3) == []


def test_lines_of_one_shape_leave_room_for_another() -> None:
    many = [Pair(f"Show the first {n} lines.", f"head -n {n} f") for n in "abcd"]
    found = Index([*many, Pair("Show the last lines.", "tail -n 2 f")]).best("Show the first lines", 3)
    assert [p.command.split()[0] for p in found] == ["head", "head", "tail"]


def test_what_ships_is_found_with_its_usage() -> None:
    assert len(read_pairs(SHIPPED)) > 2000
    found = load_index().best("Read the port from server.json.", 4)
    assert any(p.command.startswith("jq -r .") for p in found)
    text = examples_text(found)
    assert "jq [options]" in text
    assert examples_text([]) == ""


def test_own_pairs_are_added_once(tmp_path: Path) -> None:
    mine = write(tmp_path / "mine.jsonl", {"instruction": "frobnicate the zebra", "command": "echo zebra"})
    assert add_pairs(mine) == 1
    assert add_pairs(mine) == 0
    assert load_index().best("please frobnicate a zebra", 1)[0].command == "echo zebra"


@pytest.mark.parametrize("line", ["{", "[]", '{"instruction": "x"}', '{"instruction": "x", "command": ""}'])
def test_what_is_no_pair_is_refused_with_its_line(tmp_path: Path, line: str) -> None:
    bad = tmp_path / "bad.jsonl"
    bad.write_text('{"instruction": "x", "command": "y"}\n' + line + "\n")
    with pytest.raises(UsageError, match="Line 2"):
        add_pairs(bad)
    with pytest.raises(UsageError, match="cannot be read"):
        add_pairs(tmp_path / "none.jsonl")
