"""Repositories of many kinds, made by the machine's own git."""

from __future__ import annotations

import os
import random
import subprocess
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

START = 1_700_000_000


class Repo:
    """A working tree, and the machine's git on it, without the person's configuration."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.now = START
        self.env = {
            "PATH": os.environ["PATH"],
            "HOME": "/nonexistent",
            "TZ": "UTC",
            "LC_ALL": "C.UTF-8",
            "GIT_CONFIG_NOSYSTEM": "1",
            "GIT_CONFIG_GLOBAL": "/dev/null",
            "GIT_OPTIONAL_LOCKS": "0",
            "GIT_AUTHOR_NAME": "Ann Author",
            "GIT_AUTHOR_EMAIL": "ann@example.org",
            "GIT_COMMITTER_NAME": "Carl Committer",
            "GIT_COMMITTER_EMAIL": "carl@example.org",
        }

    def git(self, *words: str, check: bool = True, cwd: str = "", **env: str) -> subprocess.CompletedProcess[bytes]:
        """Run git; each run is a minute after the last, in author's and committer's time."""
        self.now += 60
        dates = {"GIT_AUTHOR_DATE": f"{self.now} +0200", "GIT_COMMITTER_DATE": f"{self.now + 5} -0330"}
        return subprocess.run(
            ["git", *words], cwd=self.root / cwd, env={**self.env, **dates, **env}, check=check, capture_output=True
        )

    def line(self, line: str, cwd: str = "") -> tuple[int, bytes, bytes]:
        """Run a shell line as it is."""
        done = subprocess.run(["sh", "-c", line], cwd=self.root / cwd, env=self.env, check=False, capture_output=True)
        return done.returncode, done.stdout, done.stderr

    def write(self, name: str, text: str | bytes) -> None:
        """Write a file."""
        path = self.root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(text.encode() if isinstance(text, str) else text)

    def commit(self, message: str, **env: str) -> None:
        """Commit everything."""
        self.git("add", "-A")
        self.git("commit", "-q", "-m", message, **env)

    def settle(self) -> None:
        """Make the index older than 'now', so that times alone tell what is unchanged."""
        for path in (self.root / ".git").glob("index"):
            st = path.stat()
            os.utime(path, ns=(st.st_atime_ns, st.st_mtime_ns + 2_000_000_000))


def code(lines: int, seed: int) -> str:
    """Something that looks like a program: repeated short lines, indentation, blank lines."""
    rng = random.Random(seed)  # noqa: S311 - the same each time
    out = []
    for _ in range(lines):
        kind = rng.randrange(8)
        indent = "    " * rng.randrange(3)
        if kind == 0:
            out.append("")
        elif kind == 1:
            out.append(f"def name_{rng.randrange(12)}(x):")
        elif kind == 2:
            out.append(f"{indent}return x")
        elif kind == 3:
            out.append(f"{indent}}}")
        else:
            out.append(f"{indent}value_{rng.randrange(20)} = {rng.randrange(6)}")
    return "\n".join(out) + "\n"


def edited(text: str, seed: int) -> str:
    """The text after some edits."""
    rng = random.Random(seed)  # noqa: S311 - the same each time
    lines = text.split("\n")
    for _ in range(rng.randrange(1, 9)):
        at, size = rng.randrange(len(lines) + 1), rng.randrange(1, 6)
        how = rng.randrange(4)
        if how == 0:
            del lines[at : at + size]
        elif how == 1:
            lines[at:at] = code(size, rng.randrange(10**6)).split("\n")[:-1]
        elif how == 2:
            lines[at : at + size] = code(size, rng.randrange(10**6)).split("\n")[:-1]
        else:
            lines[at:at] = lines[max(at - size, 0) : at]
    return "\n".join(lines)


def history(repo: Repo) -> None:  # noqa: PLR0915 - one thing after another
    """Merges, renames, binary files, modes, links, tags, packs, a remote, a stash, and a working tree that differs."""
    repo.git("init", "-q", "-b", "main")
    repo.write("a.py", code(120, 1))
    repo.write("dir/b.py", code(60, 2))
    repo.write("dir/deep/c.txt", "one\ntwo\nthree\n")
    repo.write("logo.bin", bytes(range(256)) * 4)
    repo.write(".gitignore", "*.log\nbuild/\n!keep.log\n/only-here\n")
    repo.write("README.md", "# A project\n\nText.\n")
    os.symlink("a.py", repo.root / "link")
    repo.commit("Begin\n\nThe first one.\n\n- a list\n\twith a tab\n")
    repo.write("a.py", edited(code(120, 1), 3))
    repo.commit("Change a")
    repo.git("tag", "light")
    repo.git("mv", "dir/b.py", "dir/renamed.py")
    repo.commit("Rename exactly")
    text = (repo.root / "dir/renamed.py").read_text()
    repo.git("mv", "dir/renamed.py", "moved.py")
    repo.write("moved.py", text + "more = 1\n")
    (repo.root / "a.py").chmod(0o755)
    repo.commit("Move, add a line, and make a executable")
    repo.git("tag", "-a", "v1.0", "-m", "Version one\n\nWith notes.")
    repo.git("gc", "-q")
    repo.git("checkout", "-q", "-b", "topic")
    repo.write("topic.txt", "topic\n" * 30)
    repo.commit("Add a topic", GIT_AUTHOR_NAME="Théa Ünder", GIT_AUTHOR_EMAIL="thea@example.org")
    repo.write("topic.txt", "topic\n" * 20 + "end\n")
    repo.write("logo.bin", bytes(range(255, -1, -1)) * 5)
    repo.commit("Change the topic and the logo")
    repo.git("checkout", "-q", "main")
    repo.write("README.md", "# A project\n\nMore text.\n")
    repo.commit("Say more: fixes #12")
    repo.git("merge", "-q", "--no-ff", "-m", "Merge the topic", "topic")
    repo.git("checkout", "-q", "-b", "other", "HEAD~1")
    repo.write("dir/deep/c.txt", "one\nTWO\nthree\nfour\n")
    repo.commit("Write TWO")
    repo.git("checkout", "-q", "main")
    repo.write("dir/deep/c.txt", "one\n2\nthree\n")
    repo.commit("Write 2")
    repo.git("merge", "-q", "other", check=False)
    repo.write("dir/deep/c.txt", "one\n2 and TWO\nthree\nfour\n")
    repo.commit("Merge other, by hand")
    repo.git("rm", "-q", "topic.txt")
    repo.commit("Remove the topic")
    repo.git("update-ref", "refs/remotes/origin/main", "HEAD~3")
    repo.git("symbolic-ref", "refs/remotes/origin/HEAD", "refs/remotes/origin/main")
    repo.git("config", "remote.origin.url", "https://example.org/x.git")
    repo.git("config", "remote.origin.fetch", "+refs/heads/*:refs/remotes/origin/*")
    repo.git("config", "branch.main.remote", "origin")
    repo.git("config", "branch.main.merge", "refs/heads/main")
    repo.git("config", "branch.topic.remote", "origin")
    repo.git("config", "branch.topic.merge", "refs/heads/gone")
    repo.write("moved.py", "stash = 1\n")
    repo.git("stash", "push", "-q", "-m", "put aside")
    repo.write("a.py", edited((repo.root / "a.py").read_text(), 9))
    repo.write("staged.txt", "staged\n")
    repo.git("add", "staged.txt")
    repo.write("staged.txt", "staged\nand changed\n")
    (repo.root / "README.md").unlink()
    repo.git("mv", "dir/deep/c.txt", "dir/deep/d.txt")
    (repo.root / "moved.py").chmod(0o755)
    repo.write("new.txt", "new\n")
    repo.write("newdir/x/y.txt", "deep\n")
    repo.write("newdir/z.log", "ignored\n")
    repo.write("build/out", "ignored\n")
    repo.write("some.log", "ignored\n")
    repo.write("keep.log", "kept\n")
    repo.settle()


def conflict(repo: Repo) -> None:
    """In the middle of a merge that does not go through."""
    repo.git("init", "-q", "-b", "main")
    repo.write("both.txt", "".join(f"line {i}\n" for i in range(30)))
    repo.write("gone.txt", "gone\n")
    repo.write("kept.txt", "kept\n")
    repo.commit("Base")
    repo.git("checkout", "-q", "-b", "theirs")
    repo.write("both.txt", "".join(f"line {i}\n" if i != 10 else "theirs\n" for i in range(30)))
    repo.write("gone.txt", "changed\n")
    repo.write("added.txt", "their version\n")
    repo.write("clean.txt", "clean\n")
    repo.commit("Theirs")
    repo.git("checkout", "-q", "main")
    repo.write("both.txt", "".join(f"line {i}\n" if i != 10 else "ours\n" for i in range(30)))
    (repo.root / "gone.txt").unlink()
    repo.write("added.txt", "our version\n")
    repo.commit("Ours")
    repo.git("merge", "theirs", check=False)
    repo.settle()


def unborn(repo: Repo) -> None:
    """Before the first commit."""
    repo.git("init", "-q", "-b", "main")
    repo.write("one.txt", "one\n")
    repo.git("add", "one.txt")
    repo.write("two.txt", "two\n")
    repo.settle()


def detached(repo: Repo) -> None:
    """No branch is checked out, and the index is of version 4."""
    repo.git("init", "-q", "-b", "main")
    for n in range(4):
        repo.write("f.txt", f"{n}\n")
        repo.commit(f"Commit {n}")
    repo.git("tag", "here", "HEAD~2")
    repo.git("checkout", "-q", "here")
    repo.git("update-index", "--index-version", "4")
    repo.git("add", "-N", ".")
    repo.write("intent.txt", "intent\n")
    repo.git("add", "-N", "intent.txt")
    repo.settle()


def linked(repo: Repo) -> None:
    """A second working tree and a submodule's gitfile, inside of the workspace."""
    repo.git("init", "-q", "-b", "main")
    repo.write("f.txt", "f\n")
    repo.commit("First")
    repo.git("worktree", "add", "-q", "-b", "side", "side")
    repo.write("side/g.txt", "g\n")
    repo.git("add", "g.txt", cwd="side")
    repo.write("side/h.txt", "h\n")
    git_file = repo.root / "side/.git"
    # Relative, as git since 2.48 writes it on request: an absolute one names a place that the sandbox does not have.
    git_file.write_text("gitdir: ../.git/worktrees/side\n")
    repo.settle()


def names(repo: Repo) -> None:
    """Names that need quotes."""
    repo.git("init", "-q", "-b", "main")
    for name in (
        "with space.txt",
        "ünïcode.txt",
        'quo"te',
        "tab\there",
        "back\\slash",
        "日本/語.txt",
        "-dash",
        "new\nline",
    ):
        repo.write(name, f"{name!r}\n" * 3)
    repo.commit("Names")
    for name in ("with space.txt", "ünïcode.txt", 'quo"te', "tab\there"):
        repo.write(name, "changed\n")
    repo.git("mv", "日本/語.txt", "日本/新 語.txt")
    repo.write("untracked ü", "x")
    repo.write("空/a b", "x")
    repo.settle()


def edits(repo: Repo) -> None:
    """Many files with many edits: the same lines must be shown as changed."""
    repo.git("init", "-q", "-b", "main")
    for n in range(60):
        repo.write(f"f{n:02d}.py", code(20 + n * 6, n))
    repo.commit("Before")
    for n in range(60):
        text = edited(code(20 + n * 6, n), n + 1000)
        repo.write(f"f{n:02d}.py", text if n % 7 else text.rstrip("\n"))
    repo.settle()


def renames(repo: Repo) -> None:
    """Many files moved and changed at once."""
    repo.git("init", "-q", "-b", "main")
    for n in range(20):
        repo.write(f"old/{n % 4}/name{n}.py", code(30 + n, n))
    repo.commit("Before")
    for n in range(20):
        text = code(30 + n, n)
        for seed in range(n % 5):
            text = edited(text, seed + n * 50)
        (repo.root / f"old/{n % 4}/name{n}.py").unlink()
        where = f"new/{n % 3}/name{n}.py" if n % 2 else f"other/called{n}.py"
        repo.write(where, text)
    repo.commit("After")
    repo.settle()


WORLDS: dict[str, Callable[[Repo], None]] = {
    f.__name__: f for f in (history, conflict, unborn, detached, linked, names, edits, renames)
}
