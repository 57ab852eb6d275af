"""The history for git: exact trees, index and working tree untouched, and nothing of the repository's is run."""

from __future__ import annotations

import subprocess
from typing import TYPE_CHECKING

import pytest

from agentsh.core.errors import ConflictError, UsageError
from agentsh.runtime.gitbranch import to_branch
from agentsh.runtime.patches import to_patches
from tests.worlds import trees
from tests.worlds.scene import Scene

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

OLD: trees.World = {
    b"bin": trees.file(b"\0\1\2"),
    b"gone": trees.file(b"x\n"),
    b"run": trees.file(b"#!/bin/sh\n"),
    b"t": trees.file(b"one\ntwo\nthree\n"),
}
FIRST: trees.World = {
    b"bin": trees.file(b"\0\1\2\3"),
    b"d": trees.directory(),
    b"d/new\n\xff name": trees.file(b"no end"),
    b"link": trees.link(b"t"),
    b"run": trees.file(b"#!/bin/sh\n", 0o755),
    b"t": trees.file(b"one\nTWO\nthree\n"),
}
SECOND: trees.World = {**FIRST, b"t": trees.file(b"one\nTWO\nmine\nfour\n"), b"link": trees.file(b"a file now\n")}


def git(root: Path, *arguments: str, stdin: bytes = b"") -> bytes:
    return subprocess.run(["git", *arguments], cwd=root, input=stdin, capture_output=True, check=True).stdout


def tree_of(root: Path, revision: str) -> dict[bytes, tuple[bytes, bytes]]:
    """Path to mode and content."""
    found = {}
    for line in git(root, "ls-tree", "-r", "-z", "--full-tree", revision).split(b"\0")[:-1]:
        meta, _, path = line.partition(b"\t")
        mode, _, id_ = meta.split()
        found[path] = (mode, git(root, "cat-file", "blob", id_.decode()))
    return found


def as_git(world: trees.World) -> dict[bytes, tuple[bytes, bytes]]:
    modes = {"link": b"120000", "file": b"100644"}
    return {
        p: (b"100755" if kind == "file" and mode & 0o100 else modes[kind], body)
        for p, (kind, body, mode, _) in world.items()
        if kind != "dir"
    }


@pytest.fixture
def scene(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Scene]:
    """A repository with OLD as its one commit, then FIRST by an action, an edit, and SECOND by another."""
    config = tmp_path / "gitconfig"
    config.write_text("[user]\nname = Me\nemail = me@example.org\n[init]\ndefaultBranch = main\n")
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", str(config))
    monkeypatch.setenv("GIT_CONFIG_NOSYSTEM", "1")
    with Scene(tmp_path, OLD) as made:
        git(made.root, "init", "-q")
        git(made.root, "add", "-A")
        git(made.root, "commit", "-q", "-m", "old")
        known = {p: n for p, n in made.world().items() if not p.startswith(b".git")}
        inside = {p: n for p, n in made.world().items() if p.startswith(b".git")}
        assert known == OLD
        made.become({**FIRST, **inside})
        (made.root / "t").write_bytes(b"one\nTWO\nmine\n")
        made.become({**SECOND, **inside})
        yield made


def test_a_branch_has_every_state_and_nothing_else_is_touched(scene: Scene) -> None:
    before = {p: n for p, n in scene.world().items() if not p.startswith((b".git/objects", b".git/refs", b".git/logs"))}
    done = to_branch(scene.store, scene.root, "agent/work")
    assert (done.commits, done.left_out) == (3, ())
    trees_ = [tree_of(scene.root, f"agent/work~{n}") for n in (3, 2, 1, 0)]
    between = {**FIRST, b"t": trees.file(b"one\nTWO\nmine\n")}
    assert trees_ == [as_git(OLD), as_git(FIRST), as_git(between), as_git(SECOND)]
    after = {p: n for p, n in scene.world().items() if not p.startswith((b".git/objects", b".git/refs", b".git/logs"))}
    assert after == before
    names = git(scene.root, "log", "--format=%an|%cn|%s", "agent/work").decode().splitlines()
    assert names[1] == "Me|Me|Changes made outside agentsh"
    assert names[0].startswith("agentsh|Me|")
    assert git(scene.root, "fsck", "--strict") is not None
    with pytest.raises(ConflictError):
        to_branch(scene.store, scene.root, "agent/work")


def test_what_git_ignores_and_nested_repositories_are_left_out(scene: Scene) -> None:
    (scene.root / ".gitignore").write_text("*.log\n")
    (scene.root / "sub" / ".git").mkdir(parents=True)
    world = scene.world()
    scene.become({**world, b"x.log": trees.file(b"x"), b"sub/y": trees.file(b"y"), b"z": trees.file(b"z")})
    done = to_branch(scene.store, scene.root, "b")
    assert done.left_out == (b"sub/y", b"x.log")
    assert b"z" in tree_of(scene.root, "b")


def test_nothing_of_the_repository_runs(scene: Scene, tmp_path: Path) -> None:
    """Hooks, monitors and filters that an action may have planted."""
    trap = tmp_path / "trap"
    trap.write_text(f"#!/bin/sh\ntouch {tmp_path}/sprung\n")
    trap.chmod(0o755)
    hooks = scene.root / ".git" / "hooks"
    hooks.mkdir(exist_ok=True)
    for name in ("reference-transaction", "post-commit", "post-index-change", "pre-auto-gc"):
        (hooks / name).write_bytes(trap.read_bytes())
        (hooks / name).chmod(0o755)
    git(scene.root, "config", "core.fsmonitor", str(trap))
    git(scene.root, "config", "filter.x.clean", str(trap))
    git(scene.root, "config", "gpg.program", str(trap))
    git(scene.root, "config", "commit.gpgSign", "true")
    (tmp_path / "sprung").unlink(missing_ok=True)
    (scene.root / ".gitattributes").write_text("* filter=x\n")
    to_branch(scene.store, scene.root, "b")
    assert not (tmp_path / "sprung").exists()


@pytest.mark.parametrize("name", ["-x", "a..b", "", "x y", "a\nb", "HEAD^{}"])
def test_a_name_that_is_no_branch(scene: Scene, name: str) -> None:
    with pytest.raises(UsageError):
        to_branch(scene.store, scene.root, name)
    with pytest.raises(UsageError):
        to_branch(scene.store, scene.root, "fine", onto="--upload-pack=x")


def test_patches_give_the_same_trees(scene: Scene, tmp_path: Path) -> None:
    done = to_patches(scene.store, tmp_path / "patches")
    assert done.commits == 3
    copy = tmp_path / "copy"
    git(tmp_path, "clone", "-q", str(scene.root), str(copy))
    files = sorted(str(p) for p in (tmp_path / "patches").iterdir())
    git(copy, "am", "-q", *files)
    assert tree_of(copy, "HEAD") == as_git(SECOND)
    with pytest.raises(UsageError):
        to_patches(scene.store, tmp_path / "patches")
