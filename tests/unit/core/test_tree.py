"""A tree reaches what is inside it, and nothing else."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from agentsh.core.tree import OutsideTreeError, Tree, split_path


@pytest.fixture
def outside(tmp_path: Path) -> Path:
    (tmp_path / "outside").mkdir()
    (tmp_path / "outside/secret").write_text("secret")
    return tmp_path / "outside"


@pytest.fixture
def tree(tmp_path: Path, outside: Path):
    root = tmp_path / "root"
    (root / "a/b").mkdir(parents=True)
    (root / "a/b/file").write_text("text")
    (root / "in").symlink_to("a/b")
    (root / "out").symlink_to(outside)
    (root / "loop").symlink_to("loop")
    with Tree(root) as t:
        yield t


@pytest.mark.parametrize("path", [b"..", b"a/../../x", b"/etc/passwd", b"a\0b"])
def test_split_refuses_paths_that_lead_out(path: bytes) -> None:
    with pytest.raises(OutsideTreeError):
        split_path(path)


def test_split_ignores_empty_and_dot_names() -> None:
    assert split_path(b"./a//b/./c/") == [b"a", b"b", b"c"]


def test_opens_and_reads_inside(tree: Tree) -> None:
    fd = tree.open(b"a/b/file")
    with os.fdopen(fd) as f:
        assert f.read() == "text"
    assert tree.lstat(b"a/b/none") is None
    assert tree.lstat(b"a/b/file/below") is None
    assert sorted(e.name for e in tree.scan()) == ["a", "in", "loop", "out"]


def test_never_opens_through_a_symlink(tree: Tree) -> None:
    for path in (b"in/file", b"out/secret", b"in"):
        with pytest.raises(OSError):
            os.close(tree.open(path))
    assert tree.lstat(b"out/secret") is None


def test_a_fifo_does_not_block(tree: Tree) -> None:
    os.mkfifo(os.path.join(tree.path, b"fifo"))
    fd = tree.open(b"fifo")
    os.close(fd)


def test_resolve_follows_links_that_stay_inside(tree: Tree) -> None:
    assert tree.resolve(b"in/file") == b"a/b/file"
    assert tree.resolve(b"../b/file", cwd=b"a/b") == b"a/b/file"
    assert tree.resolve(b"/workspace/in/new") == b"a/b/new"
    os.symlink("/workspace/a", os.path.join(tree.path, b"abs"))
    assert tree.resolve(b"abs/b") == b"a/b"


@pytest.mark.parametrize("path", [b"out/secret", b"..", b"in/../../..", b"/etc/passwd", b"/workspacex/a"])
def test_resolve_refuses_what_leads_out(tree: Tree, path: bytes) -> None:
    with pytest.raises(OutsideTreeError):
        tree.resolve(path)


def test_resolve_gives_up_on_loops(tree: Tree) -> None:
    with pytest.raises(OSError, match="symbolic links"):
        tree.resolve(b"loop/x")


def test_the_root_stays_the_root_when_it_is_renamed_away(tree: Tree, tmp_path: Path, outside: Path) -> None:
    (tmp_path / "root").rename(tmp_path / "elsewhere")
    (tmp_path / "root").symlink_to(outside)
    assert tree.lstat(b"secret") is None
    assert tree.lstat(b"a/b/file") is not None


def test_two_looks_at_one_directory_do_not_disturb_each_other(tree: Tree) -> None:
    with tree.directory(b"") as one, tree.directory(b"") as two, os.scandir(one) as first:
        next(first)
        with os.scandir(two) as second:
            assert {e.name for e in second} == {"a", "in", "out", "loop"}
