"""Tasks of several steps: each can be solved, and what is no solution is not taken for one."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest

from agentsh.config import cache_dir
from agentsh.core.errors import UsageError
from agentsh.runtime.tasks.errand import Checks, Errand, Played, read_errand, read_errands
from agentsh.runtime.tasks.errand_check import judge_errand, read_files
from agentsh.runtime.tasks.errand_run import REPLAY, ErrandResult, Results, Terms, run_errand, run_errands
from agentsh.sandbox.python_files import python_is_prepared

HOME = Path(__file__).resolve().parents[2] / "tasks"
ERRANDS = read_errands(HOME)
TERMS = Terms(REPLAY)
NOTHING = Played((), "I did nothing.")


def each(errands: list[Errand]) -> list[object]:
    return [pytest.param(e, id=e.name, marks=[pytest.mark.python] * e.python) for e in errands]


def can_run(errand: Errand) -> None:
    if errand.python and not python_is_prepared(cache_dir()):
        pytest.skip("the sandbox's Python is not prepared: agentsh doctor --prepare")


def test_there_are_enough_in_equal_thirds() -> None:
    many = Counter(e.level for e in ERRANDS)
    assert len(ERRANDS) >= 30
    assert set(many.values()) == {len(ERRANDS) // 3}
    assert len({e.kind for e in ERRANDS}) >= 15


@pytest.mark.parametrize("errand", each(ERRANDS))
def test_the_recorded_solution_is_one(errand: Errand) -> None:
    can_run(errand)
    result = run_errand(errand, None, TERMS)
    assert result.why == ""
    assert result.solved
    assert result.status == "done"
    assert result.denied == 0
    assert result.actions == len(errand.solution.does)


@pytest.mark.parametrize("errand", each(ERRANDS))
def test_neither_nothing_nor_something_plausible_is_a_solution(errand: Errand) -> None:
    can_run(errand)
    for wrong in (NOTHING, *errand.wrong):
        result = run_errand(errand, None, TERMS, played=wrong)
        assert not result.solved, wrong.why
        assert result.why


def test_what_is_in_the_way_of_a_check_is_not_followed(tmp_path: Path) -> None:
    place, outside = tmp_path / "place", tmp_path / "outside"
    place.mkdir()
    outside.mkdir()
    (place / "tests").symlink_to(outside)
    checks = Checks(hidden={"tests/test_x.py": "x"}, run=(), may_change=("*",))
    assert read_files(place) == {"tests": b"->" + str(outside).encode()}
    with_lines = Checks(hidden=checks.hidden, run=read_errand(HOME / "make-executable.toml").checks.run)
    why = judge_errand(with_lines, place=place, before=read_files(place), said="", scratch=tmp_path / "scratch")
    assert why == "tests/test_x.py is a link"
    assert list(outside.iterdir()) == []


def errand_file(directory: Path, name: str = "one", **changes: str) -> Path:
    parts = {
        "level": 'level = "easy"',
        "kind": 'kind = "k"',
        "task": 'task = "Make b."',
        "files": '[files]\n"a" = "1\\n"',
        "check": '[check]\nfiles = { "b" = "2" }',
        "solution": '[solution]\ndoes = ["echo 2 > b"]\nsays = "Done."',
        "wrong": '[[wrong]]\ndoes = ["echo 3 > b"]\nsays = "Done."',
    } | changes
    file = directory / f"{name}.toml"
    file.write_text("\n".join(parts.values()) + "\n")
    return file


@pytest.mark.parametrize(
    ("part", "text", "says"),
    [
        ("level", 'level = "trivial"', "level"),
        ("wrong", "", "lacks 'wrong'"),
        ("check", '[check]\nanswer = ["("]', "cannot be read"),
        ("check", "[check]\nanswers = []", "has no answers"),
        ("files", '[files]\n"../up" = ""', "no path within a workspace"),
        ("files", '[files]\n"/etc/x" = ""', "no path within a workspace"),
        ("solution", '[solution]\ndoes = [{ tool = "http", url = "x" }]\nsays = ""', "no tool"),
        ("task", "task = 1", "is no text"),
        ("task", "task = [", "cannot be read"),
    ],
)
def test_a_file_that_is_no_task_is_told(tmp_path: Path, part: str, text: str, says: str) -> None:
    with pytest.raises(UsageError) as caught:
        read_errand(errand_file(tmp_path, **{part: text}))
    assert says in caught.value.what


def test_a_directory_without_tasks_is_told(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="no tasks"):
        read_errands(tmp_path)


def test_what_was_finished_is_not_done_again(tmp_path: Path) -> None:
    for name in ("one", "two"):
        errand_file(tmp_path, name)
    errands, file = read_errands(tmp_path), tmp_path / "results.jsonl"
    told: list[tuple[str, bool]] = []

    def tell(result: ErrandResult, fresh: bool) -> None:
        told.append((result.name, fresh))
        if fresh and result.name == "one":
            with file.open("a") as f:
                f.write('{"terms": {')  # as if the process had died in the middle of the next
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        run_errands(errands, None, TERMS, results=Results(file, TERMS), on_result=tell)
    report = run_errands(errands, None, TERMS, results=Results(file, TERMS), on_result=tell)
    assert told == [("one", True), ("one", False), ("two", True)]
    assert report.rows() == [("easy", 2, 2), ("all", 2, 2)]
    assert all(Results(file, TERMS).of(e) for e in errands)
    errand_file(tmp_path, "two", task='task = "Make b, please."')
    assert [bool(Results(file, TERMS).of(e)) for e in read_errands(tmp_path)] == [True, False]
    assert not any(Results(file, Terms("other")).of(e) for e in errands)


def test_a_file_of_something_else_is_no_file_of_results(tmp_path: Path) -> None:
    (tmp_path / "x").write_text("precious words")
    with pytest.raises(UsageError, match="Line 1"):
        Results(tmp_path / "x", TERMS)


def test_what_takes_too_long_is_ended_and_not_solved(tmp_path: Path) -> None:
    slow = '[solution]\ndoes = ["echo 2 > b", "sleep 60"]\nsays = "Done."'
    errand = read_errand(errand_file(tmp_path, solution=slow))
    result = run_errand(errand, None, Terms(REPLAY, seconds=2.0))
    assert (result.status, result.solved) == ("time-limit", False)
    assert result.why == "it took more than 2 s"
    assert result.seconds < 30
    few = run_errand(errand, None, Terms(REPLAY, max_steps=1))
    assert (few.status, few.why) == ("step-limit", "it took more than 1 steps")


def test_what_the_policy_denies_is_not_done(tmp_path: Path) -> None:
    result = run_errand(read_errand(errand_file(tmp_path)), None, Terms(REPLAY, policy="read-only"))
    assert (result.solved, result.denied, result.why) == (False, 1, "there is no b")
