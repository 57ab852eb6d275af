"""Trying out: what would come of an action, without that anything does."""

from __future__ import annotations

import sqlite3
import time
from typing import TYPE_CHECKING, Any

import pytest

from agentsh.core.action import ActionKind, ActionSpec, Origin
from agentsh.core.limits import Limits
from agentsh.runtime.trial import share
from agentsh.runtime.workspace import Workspace

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


def shell(line: str) -> list[ActionSpec]:
    return [ActionSpec(ActionKind.SHELL, {"line": line}, Origin.AGENT)]


@pytest.fixture
def place(tmp_path: Path) -> Path:
    place = tmp_path / "place"
    place.mkdir()
    (place / "a.txt").write_text("one\n")
    return place


@pytest.fixture
def workspace(place: Path, tmp_path: Path) -> Iterator[Workspace]:
    with Workspace.open(place, policy="review", data_dir=tmp_path / "data") as opened:
        yield opened


def rows(home: Path) -> dict[str, list[Any]]:
    """Everything that the store has."""
    (file,) = home.rglob("store.db")
    with sqlite3.connect(f"file:{file}?mode=ro", uri=True) as connection:
        tables = [name for (name,) in connection.execute("SELECT name FROM sqlite_master WHERE type='table'")]
        return {t: sorted(connection.execute(f'SELECT * FROM "{t}"').fetchall(), key=repr) for t in tables}  # noqa: S608


def test_what_would_come_of_it_is_told_and_nothing_stays(workspace: Workspace, place: Path, tmp_path: Path) -> None:
    staged = workspace.exec("echo staged > b.txt")
    before = rows(tmp_path / "data")
    trials = workspace.try_out(
        [
            shell("cat a.txt b.txt; echo new > c.txt; rm a.txt"),
            shell("ls; echo two >> b.txt; exit 3"),
            shell("nosuch"),
            [*shell("echo x > d.txt"), ActionSpec(ActionKind.READ, {"path": "d.txt"}, Origin.AGENT)],
        ]
    )
    first, second, third, fourth = trials
    assert (first.exit_code, first.stdout) == (0, b"one\nstaged\n")
    assert [(e.path, e.kind.value) for e in first.changes] == [(b"a.txt", "delete"), (b"c.txt", "create")]
    assert [line.text for d in first.diffs for h in d.hunks for line in h.lines] == [b"one\n", b"new\n"]
    assert (second.exit_code, second.stdout) == (3, b"a.txt\nb.txt\n")  # nothing of the first
    assert [e.kind.value for e in second.changes] == ["modify"]
    assert third.exit_code == 127
    assert fourth.stdout.split() == [b"1", b"x"]
    assert rows(tmp_path / "data") == before
    assert sorted(p.name for p in place.iterdir()) == ["a.txt"]
    assert workspace.exec("ls; cat b.txt").stdout.size == len(b"a.txt\nb.txt\nstaged\n")
    assert [r.id for r in workspace.status().pending] == [staged.id]
    assert list((tmp_path / "data").rglob("trial-*"))
    workspace.close()
    assert not list((tmp_path / "data").rglob("trial-*"))


def test_the_same_outcome_is_the_same_whatever_led_to_it(workspace: Workspace) -> None:
    one, two, three = workspace.try_out(
        [shell("echo 1; echo x > n"), shell("expr 2 - 1; printf 'x\\n' > n"), shell("echo 1; echo y > n")]
    )
    assert one.outcome == two.outcome != three.outcome


def test_what_the_policy_denies_is_not_run(place: Path, tmp_path: Path) -> None:
    (place / ".git").mkdir()
    with Workspace.open(place, policy="read-only", data_dir=tmp_path / "d") as strict:
        (trial,) = strict.try_out([shell("echo x > a.txt")])
        assert trial.denied
    with Workspace.open(place, policy="review", data_dir=tmp_path / "d") as opened:
        request = ActionSpec(ActionKind.HTTP, {"method": "GET", "url": "https://example.org/"}, Origin.AGENT)
        broken, asking = opened.try_out([shell("echo 'open"), [request]])
        assert broken.exit_code is None
        assert broken.problem
        assert (asking.exit_code, asking.problem) == (None, "Requests are not tried out.")


def test_together_they_use_what_one_action_may(place: Path, tmp_path: Path) -> None:
    limits = Limits(wall_s=3.0)
    with Workspace.open(place, policy="review", data_dir=tmp_path / "d", limits=limits) as opened:
        opened.try_out([shell("true")])  # its process is up
        start = time.monotonic()
        trials = opened.try_out([shell(f"sleep 100; echo {n}") for n in range(6)])
        taken = time.monotonic() - start
    assert all(t.problem for t in trials)
    assert sum(t.seconds for t in trials) < 3.0 + 6 * 1.5  # starting anew after each
    assert taken < 100


def test_a_share_of_every_limit() -> None:
    whole = Limits(wall_s=10.0, cpu_s=10.0)
    part = share(whole, 5)
    assert (part.wall_s, part.cpu_s) == (2.0, 2.0)
    for name in ("output_bytes", "staged_bytes", "staged_files", "processes", "loop_iterations"):
        assert getattr(part, name) * 5 <= getattr(whole, name)


def test_what_a_dead_process_left_is_removed(workspace: Workspace, tmp_path: Path) -> None:
    workspace.exec("true")
    (home,) = (tmp_path / "data" / "workspaces").iterdir()
    (home / "trial-999999999" / "upper").mkdir(parents=True)
    (home / "trial-999999999" / "upper" / "x").write_text("x")
    (home / "trial-not-ours").mkdir()
    workspace.try_out([shell("true")])
    assert not (home / "trial-999999999").exists()
    assert (home / "trial-not-ours").exists()
