"""Whatever the person does to the workspace between two jobs, the next job sees it."""

from __future__ import annotations

import random
import shutil
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from pathlib import Path

    from tests.unit.sandbox.conftest import Box

NAMES = ("a", "b", "c")
LOOK = (
    'find . -type f | sort | while read -r f; do echo "$f $(cat "$f")"; done; find . -type d | sort; ls a b c .; echo *'
)


def places(root: Path) -> list[Path]:
    return [root / x for x in NAMES] + [root / x / y for x in NAMES for y in NAMES]


def write(path: Path, text: str) -> None:
    if path.parent.is_dir() and not path.is_dir():
        path.write_text(text)


def save_by_renaming(path: Path, text: str) -> None:
    if path.parent.is_dir() and not path.is_dir():
        new = path.with_name("saved")
        new.write_text(text)
        new.replace(path)


def delete(path: Path) -> None:
    if path.is_dir():
        shutil.rmtree(path)
    elif path.exists():
        path.unlink()


def make_directory(path: Path) -> None:
    if path.parent.is_dir() and not path.exists():
        path.mkdir()


def move(path: Path, other: Path) -> None:
    if path.exists() and other.parent.is_dir() and not other.exists() and path not in other.parents:
        path.rename(other)


def edit(rng: random.Random, root: Path, number: int) -> None:
    """One thing that an editor, a checkout or a build does."""
    path, other = rng.sample(places(root), 2)
    text = f"{number}\n"
    rng.choice(
        [
            lambda: write(path, text),
            lambda: save_by_renaming(path, text),
            lambda: delete(path),
            lambda: make_directory(path),
            lambda: move(path, other),
            lambda: (delete(path), write(path, text)),
        ]
    )()


def seen(root: Path) -> list[str]:
    paths = sorted(root.rglob("*"))
    files = [f"./{p.relative_to(root)} {p.read_text().strip()}" for p in paths if p.is_file()]
    return sorted(files) + sorted([".", *(f"./{p.relative_to(root)}" for p in paths if p.is_dir())])


@pytest.mark.parametrize("seed", range(4))
def test_a_job_sees_the_workspace_as_it_is_now(box: Box, seed: int):
    rng = random.Random(seed)  # noqa: S311 - the same edits every time
    for number in range(30):
        for _ in range(rng.randint(1, 4)):
            edit(rng, box.workspace, number)
        done = box.run(LOOK)
        lines = done.stdout.decode().splitlines()
        want = seen(box.workspace)
        assert lines[: len(want)] == want, (number, done.stderr)
        assert lines[-1].split() == (sorted(p.name for p in box.workspace.iterdir()) or ["*"])


@pytest.mark.parametrize("seed", range(2))
def test_a_job_sees_edits_beside_what_is_staged(box: Box, seed: int):
    """The view's own changes stay, and the rest of the workspace moves on below them."""
    rng = random.Random(seed)  # noqa: S311 - the same edits every time
    box.run("mkdir -p staged/d; echo mine > staged/d/f; echo top > mine")
    for number in range(20):
        edit(rng, box.workspace, number)
        box.run(f"echo {number} > staged/d/n")
        done = box.run("cat staged/d/f staged/d/n mine; echo *")
        *lines, names = done.stdout.decode().splitlines()
        assert lines == ["mine", str(number), "top"]
        assert names.split() == sorted([*(p.name for p in box.workspace.iterdir()), "mine", "staged"])
