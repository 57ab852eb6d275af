"""The host calls: permission bits and searches, from well-meant and from hostile guests."""

from __future__ import annotations

import os
import struct
from typing import TYPE_CHECKING

import pytest
import wasmtime

from agentsh.core.tree import Tree
from agentsh.sandbox.hostcalls import define_hostcalls

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

PAGE = 65536
BUFFER = 8 * PAGE
ENOENT, EINVAL, EFAULT, EACCES, EPERM, EBADF, ENOTDIR = 44, 28, 21, 2, 63, 8, 54

GUEST = wasmtime.wat2wasm(
    """(module
    (import "agentsh" "get_mode" (func $get_mode (param i32 i32 i32) (result i32)))
    (import "agentsh" "set_mode" (func $set_mode (param i32 i32 i32) (result i32)))
    (import "agentsh" "read_link" (func $read_link (param i32 i32 i32 i32) (result i32)))
    (import "agentsh" "read_dir" (func $read_dir (param i32 i32 i32 i32) (result i32)))
    (import "agentsh" "get_stat" (func $get_stat (param i32 i32 i32 i32) (result i32)))
    (import "agentsh" "remove" (func $remove (param i32 i32 i32) (result i32)))
    (import "agentsh" "walk_open" (func $walk_open (param i32 i32 i32 i32 i32) (result i32)))
    (import "agentsh" "walk_next" (func $walk_next (param i32 i32 i32) (result i32)))
    (import "agentsh" "walk_close" (func $walk_close (param i32) (result i32)))
    (memory (export "memory") 32)
    (func (export "get_mode") (param i32 i32 i32) (result i32)
      (call $get_mode (local.get 0) (local.get 1) (local.get 2)))
    (func (export "set_mode") (param i32 i32 i32) (result i32)
      (call $set_mode (local.get 0) (local.get 1) (local.get 2)))
    (func (export "read_link") (param i32 i32 i32 i32) (result i32)
      (call $read_link (local.get 0) (local.get 1) (local.get 2) (local.get 3)))
    (func (export "read_dir") (param i32 i32 i32 i32) (result i32)
      (call $read_dir (local.get 0) (local.get 1) (local.get 2) (local.get 3)))
    (func (export "get_stat") (param i32 i32 i32 i32) (result i32)
      (call $get_stat (local.get 0) (local.get 1) (local.get 2) (local.get 3)))
    (func (export "remove") (param i32 i32 i32) (result i32)
      (call $remove (local.get 0) (local.get 1) (local.get 2)))
    (func (export "walk_open") (param i32 i32 i32 i32 i32) (result i32)
      (call $walk_open (local.get 0) (local.get 1) (local.get 2) (local.get 3) (local.get 4)))
    (func (export "walk_next") (param i32 i32 i32) (result i32)
      (call $walk_next (local.get 0) (local.get 1) (local.get 2)))
    (func (export "walk_close") (param i32) (result i32) (call $walk_close (local.get 0))))"""
)


class Guest:
    """A guest that makes whatever calls the test wants."""

    def __init__(self, engine: wasmtime.Engine, tree: Tree) -> None:
        self.store = wasmtime.Store(engine)
        linker = wasmtime.Linker(engine)
        self.calls = define_hostcalls(linker, self.store, tree=tree)
        self.exports = linker.instantiate(self.store, wasmtime.Module(engine, GUEST)).exports(self.store)
        self.memory = self.exports["memory"]

    def __call__(self, name: str, *args: int) -> int:
        return int(self.exports[name](self.store, *args))

    def place(self, data: bytes, at: int = 0) -> tuple[int, int]:
        self.memory.write(self.store, bytearray(data), at)
        return at, len(data)

    def get_mode(self, path: bytes, *, follow: bool = True) -> int:
        return self("get_mode", *self.place(path), int(follow))

    def set_mode(self, path: bytes, mode: int) -> int:
        return self("set_mode", *self.place(path), mode)

    def open(self, path: bytes, filters: bytes = b"") -> int:
        return self("walk_open", *self.place(path), 0, *self.place(filters, 4096))

    def walk(self, path: bytes, filters: bytes = b"", capacity: int = BUFFER) -> list[tuple[int, bytes, bytes]]:
        handle = self.open(path, filters)
        assert handle > 0
        records = []
        while (used := self("walk_next", handle, PAGE, capacity)) > 0:
            data = bytes(self.memory.read(self.store, PAGE, PAGE + used))
            at = 0
            while at < used:
                kind, path_len, length = struct.unpack_from("<III", data, at)
                at += 12
                records.append((kind, data[at : at + path_len], data[at + path_len : at + path_len + length]))
                at += path_len + length
        assert used == 0
        assert self("walk_close", handle) == 0
        return records


@pytest.fixture
def root(tmp_path: Path) -> Path:
    path = tmp_path / "workspace"
    path.mkdir()
    (tmp_path / "outside").mkdir()
    (tmp_path / "outside/secret").write_bytes(b"secret")
    (tmp_path / "outside/secret").chmod(0o640)
    return path


@pytest.fixture
def guest(engine: wasmtime.Engine, root: Path) -> Iterator[Guest]:
    with Tree(root) as tree:
        made = Guest(engine, tree)
        yield made
        made.calls.close()


def test_modes_are_told_and_set(guest: Guest, root: Path) -> None:
    (root / "f").write_bytes(b"")
    assert guest.set_mode(b"/workspace/f", 0o751) == 0
    assert guest.get_mode(b"/workspace/f") == 0o751
    assert (root / "f").stat().st_mode & 0o7777 == 0o751


def test_modes_go_through_links_that_stay_inside(guest: Guest, root: Path) -> None:
    (root / "f").write_bytes(b"")
    (root / "f").chmod(0o600)
    (root / "relative").symlink_to("f")
    (root / "absolute").symlink_to("/workspace/f")
    for name in (b"relative", b"absolute"):
        assert guest.get_mode(b"/workspace/" + name) == 0o600
    assert guest.set_mode(b"/workspace/absolute", 0o644) == 0
    assert (root / "f").stat().st_mode & 0o777 == 0o644


def test_a_link_s_text_is_read_and_nothing_followed(guest: Guest, root: Path) -> None:
    (root / "link").symlink_to("/etc/passwd")
    (root / "file").write_bytes(b"")
    (root / "out").symlink_to("../outside")
    assert guest("read_link", *guest.place(b"/workspace/link"), PAGE, 100) == 11
    assert bytes(guest.memory.read(guest.store, PAGE, PAGE + 11)) == b"/etc/passwd"
    assert guest("read_link", *guest.place(b"/workspace/link"), PAGE, 4) == 4
    assert guest("read_link", *guest.place(b"/workspace/link"), -1, 100) == -EFAULT
    assert guest("read_link", *guest.place(b"/workspace/file"), PAGE, 100) == -EINVAL
    assert guest("read_link", *guest.place(b"/workspace"), PAGE, 100) == -EINVAL
    assert guest("read_link", *guest.place(b"/workspace/out/secret"), PAGE, 100) == -EACCES


def test_a_directory_is_listed_as_wasi_does(guest: Guest, root: Path) -> None:
    (root / "d").mkdir()
    (root / "d" / os.fsdecode(b"\xff")).write_bytes(b"")
    (root / "d/link").symlink_to("x")
    (root / "d/sub").mkdir()
    needed = guest("read_dir", *guest.place(b"/workspace/d"), PAGE, 10)
    assert needed == 5 * 24 + len(b"...linksub\xff")
    assert bytes(guest.memory.read(guest.store, PAGE, PAGE + 24)) == bytes(24)
    assert guest("read_dir", *guest.place(b"/workspace/d"), PAGE, needed) == needed
    data = bytes(guest.memory.read(guest.store, PAGE, PAGE + needed))
    found, at = [], 0
    while at < needed:
        following, _, length, kind = struct.unpack_from("<QQIB3x", data, at)
        found.append((data[at + 24 : at + 24 + length], kind))
        at += 24 + length
        assert following == at
    assert found == [(b".", 3), (b"..", 3), (b"link", 7), (b"sub", 3), (b"\xff", 4)]
    assert guest("read_dir", *guest.place(b"/workspace/d/link"), PAGE, PAGE) < 0


def test_a_status_has_what_stat_tells(guest: Guest, root: Path) -> None:
    path = root / os.fsdecode(b"\xff")
    path.write_bytes(b"four")
    path.chmod(0o640)
    os.utime(path, ns=(1_500_000_000_123_456_789, 1_600_000_000_000_000_001))
    assert guest("get_stat", *guest.place(b"/workspace/\xff"), 0, PAGE) == 0
    st = path.stat()
    times = st.st_mtime_ns, st.st_atime_ns, st.st_ctime_ns
    expected = struct.pack("<QQQQqqqQ", st.st_dev, st.st_ino, 4, 1, *times, 0o100640)
    assert bytes(guest.memory.read(guest.store, PAGE, PAGE + 64)) == expected
    assert guest("get_stat", *guest.place(b"/workspace/none"), 0, PAGE) == ENOENT


def test_removal_takes_links_and_empty_directories_alone(guest: Guest, root: Path, tmp_path: Path) -> None:
    (root / "link").symlink_to(tmp_path / "outside")
    (root / "d/sub").mkdir(parents=True)
    assert guest("remove", *guest.place(b"/workspace/d"), 1) > 0
    assert guest("remove", *guest.place(b"/workspace/d/sub"), 0) > 0
    assert guest("remove", *guest.place(b"/workspace/d/sub"), 1) == 0
    assert guest("remove", *guest.place(b"/workspace/link"), 0) == 0
    assert guest("remove", *guest.place(b"/workspace"), 1) > 0
    assert guest("remove", *guest.place(b"/workspace/d/.."), 1) > 0
    assert os.listdir(root) == ["d"]
    assert (tmp_path / "outside/secret").exists()


@pytest.mark.parametrize("mode", [0o4755, 0o2755, 0o1777, 0o100644, -1])
def test_bits_beyond_permissions_are_refused(guest: Guest, root: Path, mode: int) -> None:
    (root / "f").write_bytes(b"")
    (root / "f").chmod(0o644)
    assert guest.set_mode(b"/workspace/f", mode) == EPERM
    assert (root / "f").stat().st_mode & 0o7777 == 0o644


def test_a_directory_stays_usable_for_its_owner(guest: Guest, root: Path) -> None:
    (root / "d").mkdir()
    assert guest.set_mode(b"/workspace/d", 0) == 0
    assert (root / "d").stat().st_mode & 0o777 == 0o700


def test_a_file_without_any_bits_can_get_them_back(guest: Guest, root: Path) -> None:
    (root / "f").write_bytes(b"")
    assert guest.set_mode(b"/workspace/f", 0) == 0
    assert guest.set_mode(b"/workspace/f", 0o600) == 0
    assert (root / "f").stat().st_mode & 0o777 == 0o600


@pytest.mark.parametrize(
    "path",
    [
        b"/etc/passwd", b"/workspace/../outside/secret", b"relative", b"", b"/", b"/workspace/link",
        b"/workspace/dir/secret", b"/workspace/a\0b", b"/workspacex", b"/workspace/abs",
    ],
)  # fmt: skip
def test_nothing_outside_is_reached(guest: Guest, root: Path, tmp_path: Path, path: bytes) -> None:
    (root / "link").symlink_to("../outside/secret")
    (root / "dir").symlink_to("../outside")
    (root / "abs").symlink_to(tmp_path / "outside/secret")
    assert guest.get_mode(path) < 0
    assert guest.set_mode(path, 0o777) > 0
    assert guest.open(path) < 0
    assert guest("read_dir", *guest.place(path), PAGE, PAGE) < 0
    assert guest("get_stat", *guest.place(path), 1, PAGE) > 0
    assert guest("remove", *guest.place(path + b"/secret"), 0) > 0
    assert guest("remove", *guest.place(path), 1) > 0
    assert (tmp_path / "outside/secret").stat().st_mode & 0o777 == 0o640


@pytest.mark.parametrize(
    ("pointer", "length"),
    [(32 * PAGE, 1), (32 * PAGE - 1, 2), (-1, 1), (-5, 10), (0, -1), (2**31 - 1, 100), (0, 2**31 - 1)],
)
def test_a_pointer_out_of_bounds_is_an_errno(guest: Guest, pointer: int, length: int) -> None:
    assert guest("get_mode", pointer, length, 1) < 0
    assert guest("set_mode", pointer, length, 0o600) > 0
    assert guest("walk_open", pointer, length, 0, 0, 0) < 0
    assert guest("read_dir", pointer, length, PAGE, PAGE) < 0
    assert guest("get_stat", pointer, length, 1, PAGE) > 0
    assert guest("remove", pointer, length, 0) > 0
    if pointer:
        assert guest("get_stat", *guest.place(b"/workspace"), 1, pointer) == EFAULT
        assert guest("read_dir", *guest.place(b"/workspace"), pointer, PAGE) == -EFAULT
    handle = guest.open(b"/workspace")
    assert guest("walk_next", handle, pointer, length) == -EFAULT
    assert guest("walk_open", *guest.place(b"/workspace"), 0, pointer, length) < 0


def test_a_walk_gives_every_file_in_byte_order(guest: Guest, root: Path) -> None:
    for name in (b"b", b"a/z", b"a/b/c", b"Z", b"a.txt", b"\xff\xfe", b"new\nline"):
        path = os.path.join(os.fsencode(root), name)
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(path, "wb") as f:
            f.write(b"content of " + name)
    records = guest.walk(b"/workspace")
    names = [b"Z", b"a/b/c", b"a/z", b"a.txt", b"b", b"new\nline", b"\xff\xfe"]
    assert records == [(1, name, b"content of " + name) for name in names]


def test_a_walk_leaves_out_links_and_what_is_no_file(guest: Guest, root: Path, tmp_path: Path) -> None:
    (root / "file").write_bytes(b"x")
    (root / "link").symlink_to("file")
    (root / "out").symlink_to(tmp_path / "outside")
    os.mkfifo(root / "fifo")
    assert guest.walk(b"/workspace") == [(1, b"file", b"x")]


def test_a_walk_applies_its_filters(guest: Guest, root: Path) -> None:
    for name in ("a.py", "b.txt", "skip/c.py", "keep/d.py", "keep/e.pyc", "keep/[x].py"):
        (root / name).parent.mkdir(exist_ok=True)
        (root / name).write_bytes(b"")

    def names(filters: bytes) -> list[bytes]:
        return [path for _, path, _ in guest.walk(b"/workspace", filters)]

    assert names(b"i*.py\0dskip\0") == [b"a.py", b"keep/[x].py", b"keep/d.py"]
    assert names(b"x*.py\0") == [b"b.txt", b"keep/e.pyc"]
    assert names(b"i[ab].*\0") == [b"a.py", b"b.txt"]
    assert names(b"i[^ab].py\0") == [b"keep/d.py", b"skip/c.py"]
    assert names(b"i\\[x].py\0") == [b"keep/[x].py"]


def test_a_file_larger_than_the_buffer_is_left_to_the_guest(guest: Guest, root: Path) -> None:
    (root / "big").write_bytes(b"x" * 100_000)
    (root / "small").write_bytes(b"y")
    assert guest.walk(b"/workspace", capacity=PAGE) == [(2, b"big", b""), (1, b"small", b"y")]


def test_many_files_take_several_buffers(guest: Guest, root: Path) -> None:
    for i in range(50):
        (root / f"{i:02}").write_bytes(b"%d" % i * 1000)
    records = guest.walk(b"/workspace", capacity=10_000)
    assert [path for _, path, _ in records] == [b"%02d" % i for i in range(50)]
    assert {kind for kind, _, _ in records} == {1}


def test_a_deep_tree_is_walked_with_few_descriptors(guest: Guest, root: Path) -> None:
    path = root
    for i in range(60):
        (path / "file").write_bytes(b"%d" % i)
        path /= "d"
        path.mkdir()
    handle = guest.open(b"/workspace")
    before = len(os.listdir("/dev/fd"))
    records = guest.walk(b"/workspace")
    assert sorted(int(content) for _, _, content in records) == list(range(60))
    assert len(os.listdir("/dev/fd")) == before
    assert guest("walk_close", handle) == 0


def test_a_buffer_too_small_for_a_record_is_an_error(guest: Guest, root: Path) -> None:
    (root / "file").write_bytes(b"content")
    handle = guest.open(b"/workspace")
    assert guest("walk_next", handle, PAGE, 8) == -EINVAL
    assert guest("walk_next", handle, PAGE, 0) == -EINVAL


def test_a_walk_too_many_ends_the_oldest(guest: Guest, root: Path) -> None:
    (root / "file").write_bytes(b"x")
    before = len(os.listdir("/dev/fd"))
    handles = [guest.open(b"/workspace") for _ in range(40)]
    assert guest("walk_next", handles[0], PAGE, PAGE) == -EBADF
    assert guest("walk_next", handles[-1], PAGE, PAGE) > 0
    guest.calls.close()
    assert guest("walk_next", handles[-1], PAGE, PAGE) == -EBADF
    assert len(os.listdir("/dev/fd")) == before


def test_bad_handles_flags_and_filters_are_errors(guest: Guest, root: Path) -> None:
    (root / "file").write_bytes(b"")
    assert guest("walk_next", 99, PAGE, PAGE) == -EBADF
    assert guest("walk_close", 99) == EBADF
    assert guest("walk_open", *guest.place(b"/workspace"), 1, 0, 0) == -EINVAL
    assert guest.open(b"/workspace", b"q*\0") == -EINVAL
    assert guest.open(b"/workspace", b"i*") == -EINVAL
    assert guest.open(b"/workspace/file") == -ENOTDIR
    assert guest.open(b"/workspace/none") == -ENOENT


def test_a_pattern_of_many_stars_does_not_blow_up(guest: Guest, root: Path) -> None:
    (root / ("a" * 200)).write_bytes(b"")
    assert guest.walk(b"/workspace", b"i" + b"*a" * 500 + b"*b\0") == []
