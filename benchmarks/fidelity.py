"""``python -m benchmarks.fidelity``: what comes back, beside git, restic and borg.

A tree of odd entries is kept by each tool, everything is removed, and each tool brings it back. Every entry has a check
of its own. git keeps it the way shadow repositories do: a git directory outside, ``git add -A``, ``git commit``.
"""

from __future__ import annotations

import argparse
import os
import shutil
import socket
import stat
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from agentsh import Workspace

if TYPE_CHECKING:
    from collections.abc import Callable

LONG = "n" * 255
OLD_NS = 1_000_000_000_123_456_789


class Entry(NamedTuple):
    """One thing that is kept.

    Attributes:
        name: what the table calls it.
        make: makes it in the tree.
        seen: what must be the same afterwards.
    """

    name: str
    make: Callable[[bytes], None]
    seen: Callable[[bytes], object]


def _write(path: bytes, content: bytes = b"x\n", mode: int = 0o644) -> None:
    os.makedirs(os.path.dirname(path), exist_ok=True)
    with open(path, "wb") as f:
        f.write(content)
    os.chmod(path, mode)


def _content(path: bytes) -> object:
    with open(path, "rb") as f:
        return f.read()


def _mode(path: bytes) -> object:
    return stat.S_IMODE(os.lstat(path).st_mode), stat.S_IFMT(os.lstat(path).st_mode)


def _file(name: str, at: bytes, content: bytes = b"x\n", mode: int = 0o644) -> Entry:
    return Entry(name, lambda r: _write(r + b"/" + at, content, mode), lambda r: _content(r + b"/" + at))


def _moded(name: str, at: bytes, mode: int) -> Entry:
    return Entry(name, lambda r: _write(r + b"/" + at, b"x\n", mode), lambda r: _mode(r + b"/" + at))


def _directory(name: str, at: bytes, mode: int) -> Entry:
    def make(root: bytes) -> None:
        os.mkdir(root + b"/" + at)
        os.chmod(root + b"/" + at, mode)

    return Entry(name, make, lambda r: _mode(r + b"/" + at))


def _link(name: str, at: bytes, target: bytes) -> Entry:
    return Entry(name, lambda r: os.symlink(target, r + b"/" + at), lambda r: os.readlink(r + b"/" + at))


def _sparse(root: bytes) -> None:
    with open(root + b"/sparse", "wb") as f:
        f.seek(64 << 20)
        f.write(b"end")


def _hard(root: bytes) -> None:
    _write(root + b"/hard1")
    os.link(root + b"/hard1", root + b"/hard2")


def _timed(root: bytes) -> None:
    _write(root + b"/old")
    os.utime(root + b"/old", ns=(OLD_NS, OLD_NS))


def _timed_directory(root: bytes) -> None:
    os.mkdir(root + b"/olddir")
    os.utime(root + b"/olddir", ns=(OLD_NS, OLD_NS))


def _timed_link(root: bytes) -> None:
    os.symlink(b"x", root + b"/oldlink")
    os.utime(root + b"/oldlink", ns=(OLD_NS, OLD_NS), follow_symlinks=False)


def _xattr(root: bytes) -> None:
    _write(root + b"/xattr")
    os.setxattr(root + b"/xattr", b"user.note", b"mine")


def _socket(root: bytes) -> None:
    with socket.socket(socket.AF_UNIX) as s:
        here = os.getcwd()
        os.chdir(root)
        s.bind("socket")
        os.chdir(here)


def _nested(root: bytes) -> None:
    place = os.fsdecode(root) + "/nested"
    subprocess.run(["git", "init", "-q", place], check=True)
    _write(root + b"/nested/file", b"inside\n")
    identity = ["-c", "user.name=x", "-c", "user.email=x@example.org"]
    subprocess.run(["git", "-C", place, "add", "-A"], check=True)
    subprocess.run(["git", "-C", place, *identity, "commit", "-q", "-m", "x"], check=True)


def _ignored(root: bytes) -> None:
    _write(root + b"/.gitignore", b"*.log\nbuild/\n")
    _write(root + b"/kept.log", b"log\n")
    _write(root + b"/build/out", b"built\n")


def _eol(root: bytes) -> None:
    _write(root + b"/eol/.gitattributes", b"* text=auto eol=lf\n")
    _write(root + b"/eol/crlf.txt", b"a\r\nb\r\n")


def _read_only(root: bytes) -> None:
    _write(root + b"/closed/inside")
    os.chmod(root + b"/closed", 0o555)  # noqa: S103 - what is tested


ENTRIES = (
    _file("a plain file", b"plain"),
    _file("an empty file", b"empty", b""),
    _file("binary content", b"binary", bytes(range(256)) * 100),
    _file("no newline at the end", b"noend", b"no end"),
    _file("a newline in the name", b"new\nline"),
    _file("a name that is not UTF-8", b"\xff\xfe"),
    _file("control characters in the name", b"\x1b[2J\x07"),
    _file("a name of 255 bytes", LONG.encode()),
    _file("a leading dash, quotes and spaces", b"-rf \"'\\ "),
    _file("a path of 1,000 bytes", b"/".join([b"p" * 99] * 10)),
    _moded("an executable file", b"exec", 0o755),
    _moded("a private file (600)", b"private", 0o600),
    _moded("a read-only file (444)", b"readonly", 0o444),
    _moded("a file without any right (000)", b"nothing", 0o000),
    _moded("setuid", b"setuid", 0o4755),
    _directory("an empty directory", b"emptydir", 0o755),
    _directory("a private directory (700)", b"privatedir", 0o700),
    _directory("a sticky, shared directory (1777)", b"sticky", 0o1777),
    Entry(
        "a read-only directory with a file",
        _read_only,
        lambda r: (_mode(r + b"/closed"), _content(r + b"/closed/inside")),
    ),
    _link("a symlink", b"link", b"plain"),
    _link("a dangling symlink", b"dangling", b"no/where"),
    _link("an absolute symlink", b"absolute", b"/etc/hostname"),
    _link("a symlink to a directory", b"dirlink", b"emptydir"),
    _link("a symlink that is not UTF-8", b"oddlink", b"\xff\n"),
    Entry(
        "a sparse file of 64 MiB: content",
        _sparse,
        lambda r: (os.stat(r + b"/sparse").st_size, _content(r + b"/sparse")[-3:]),
    ),  # type: ignore[index]
    Entry("a sparse file stays sparse", lambda _: None, lambda r: os.stat(r + b"/sparse").st_blocks < 2048),
    Entry("hard links: content", _hard, lambda r: (_content(r + b"/hard1"), _content(r + b"/hard2"))),
    Entry(
        "hard links stay one file",
        lambda _: None,
        lambda r: os.stat(r + b"/hard1").st_ino == os.stat(r + b"/hard2").st_ino,
    ),
    Entry("a file's time, to the nanosecond", _timed, lambda r: os.stat(r + b"/old").st_mtime_ns),
    Entry("a directory's time", _timed_directory, lambda r: os.stat(r + b"/olddir").st_mtime_ns),
    Entry("a symlink's time", _timed_link, lambda r: os.lstat(r + b"/oldlink").st_mtime_ns),
    Entry("an extended attribute", _xattr, lambda r: os.getxattr(r + b"/xattr", b"user.note")),
    Entry("an ignored file", _ignored, lambda r: (_content(r + b"/kept.log"), _content(r + b"/build/out"))),
    Entry("CRLF under text=auto eol=lf", _eol, lambda r: _content(r + b"/eol/crlf.txt")),
    Entry("a nested repository's files", _nested, lambda r: _content(r + b"/nested/file")),
    Entry("a nested repository's history", lambda _: None, lambda r: _content(r + b"/nested/.git/HEAD")),
    Entry("a FIFO", lambda r: os.mkfifo(r + b"/fifo"), lambda r: stat.S_ISFIFO(os.lstat(r + b"/fifo").st_mode)),
    Entry("a socket", _socket, lambda r: stat.S_ISSOCK(os.lstat(r + b"/socket").st_mode)),
)


def _run(*command: str, cwd: Path | None = None, warned: int = 0, **environment: str) -> None:
    done = subprocess.run(command, cwd=cwd, env={**os.environ, **environment}, capture_output=True, check=False)
    if done.returncode not in {0, warned}:
        raise RuntimeError(f"{command[0]} {command[1]}: {done.stderr.decode(errors='replace')[-400:]}")


def agentsh(root: Path, home: Path, clear: Callable[[], None]) -> None:
    with Workspace.open(root, data_dir=home) as ws:
        ws.diff("now", "now")
        clear()
        ws.restore("s1")


def git(root: Path, home: Path, clear: Callable[[], None]) -> None:
    shadow = ["git", f"--git-dir={home / 'shadow.git'}", f"--work-tree={root}"]
    identity = ["-c", "user.name=x", "-c", "user.email=x@example.org"]
    _run(*shadow, "init", "-q", cwd=root)
    _run(*shadow, "add", "-A", cwd=root)
    _run(*shadow, *identity, "commit", "-q", "-m", "x", cwd=root)
    clear()
    _run(*shadow, "reset", "-q", "--hard", cwd=root)


def restic(root: Path, home: Path, clear: Callable[[], None]) -> None:
    where = {"RESTIC_REPOSITORY": str(home / "r"), "RESTIC_PASSWORD": "x", "RESTIC_CACHE_DIR": str(home / "c")}
    _run("restic", "init", "-q", **where)
    _run("restic", "backup", "-q", ".", cwd=root, warned=3, **where)
    clear()
    version = subprocess.run(["restic", "version"], capture_output=True, text=True, check=True).stdout.split()[1]
    sparse = ["--sparse"] if [int(n) for n in version.split(".")[:2]] >= [0, 15] else []
    _run("restic", "restore", "-q", "latest", *sparse, "--target", str(root), **where)


def borg(root: Path, home: Path, clear: Callable[[], None]) -> None:
    where = {"BORG_BASE_DIR": str(home), "BORG_REPO": str(home / "b")}
    _run("borg", "init", "-e", "none", **where)
    _run("borg", "create", "--sparse", "::x", ".", cwd=root, warned=1, **where)
    clear()
    _run("borg", "extract", "--sparse", "::x", cwd=root, warned=1, **where)


TOOLS: dict[str, Callable[[Path, Path, Callable[[], None]], None]] = {
    "agentsh": agentsh,
    "git": git,
    "restic": restic,
    "borg": borg,
}


def _clear(root: Path) -> None:
    for folder, _, _ in os.walk(root):
        os.chmod(folder, 0o755)  # noqa: S103 - a scratch tree
    for name in os.listdir(root):
        full = root / name
        shutil.rmtree(full) if full.is_dir() and not full.is_symlink() else full.unlink()


def _seen(entry: Entry, root: bytes) -> object:
    try:
        return entry.seen(root)
    except OSError:
        return None


def measure(tool: str, place: Path) -> list[str]:
    """What of each entry comes back from ``tool``: yes, no, or '-' where this machine cannot make it."""
    root, home = place / "w", place / "h"
    root.mkdir(parents=True)
    home.mkdir()
    raw = os.fsencode(root)
    made = []
    for entry in ENTRIES:
        try:
            entry.make(raw)
        except OSError:
            made.append(False)
        else:
            made.append(True)
    before = [_seen(e, raw) for e in ENTRIES]
    TOOLS[tool](root, home, lambda: _clear(root))
    after = [_seen(e, raw) for e in ENTRIES]
    marks = ["-" if not m else "yes" if b == a else "no" for m, b, a in zip(made, before, after, strict=True)]
    _clear(root)
    return marks


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--scratch", type=Path, help="where to work (the temporary directory)")
    options = parser.parse_args()
    os.environ["AGENTSH_CONFIG_DIR"] = "/nonexistent/agentsh"
    columns: dict[str, list[str]] = {}
    with tempfile.TemporaryDirectory(prefix="agentsh-fidelity-", dir=options.scratch) as place:
        for tool in TOOLS:
            if tool != "agentsh" and shutil.which(tool) is None:
                print(f"{tool} is not installed: left out", file=sys.stderr)
                continue
            try:
                columns[tool] = measure(tool, Path(place) / tool)
            except RuntimeError as e:
                print(f"{tool} kept nothing: {e}", file=sys.stderr)
                columns[tool] = ["no"] * len(ENTRIES)
    print("| entry | " + " | ".join(columns) + " |")
    print("|---|" + "---|" * len(columns))
    for n, entry in enumerate(ENTRIES):
        print(f"| {entry.name} | " + " | ".join(marks[n] for marks in columns.values()) + " |")
    counts = " | ".join(f"{marks.count('yes')} of {len(ENTRIES) - marks.count('-')}" for marks in columns.values())
    print(f"| **all** | {counts} |")
    return 0


if __name__ == "__main__":
    sys.exit(main())
