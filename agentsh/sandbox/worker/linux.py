"""Linux namespaces and mounts by their system calls: the worker's own view of files, and no network."""

from __future__ import annotations

import ctypes
import os
import sys
from contextlib import suppress
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

_CLONE_NEWNS = 0x00020000
_CLONE_NEWIPC = 0x08000000
_CLONE_NEWUSER = 0x10000000
_CLONE_NEWNET = 0x40000000
_MS_NOSUID, _MS_NODEV, _MS_NOEXEC = 2, 4, 8
_MS_RDONLY, _MS_REMOUNT, _MS_BIND = 1, 32, 4096
_MS_REC, _MS_PRIVATE = 0x4000, 1 << 18
_MNT_DETACH = 2
_PR_SET_DUMPABLE, _PR_SET_NO_NEW_PRIVS = 4, 38

_DEVICES = b"/sys/devices"

_libc = ctypes.CDLL(None, use_errno=True)


def _check(result: int, what: str) -> None:
    if result < 0:
        code = ctypes.get_errno()
        raise OSError(code, f"{what}: {os.strerror(code)}")


def prctl(option: int, value: int) -> None:
    """Set a property of this process.

    Raises:
        OSError: the kernel refuses.
    """
    _check(_libc.prctl(option, ctypes.c_ulong(value), 0, 0, 0), f"prctl {option}")


def no_new_privileges() -> None:
    """No set-user-id program can raise this process or its children from here on."""
    prctl(_PR_SET_NO_NEW_PRIVS, 1)


def not_dumpable() -> None:
    """No other process of the same user can read our memory or descriptors through /proc or ptrace."""
    prctl(_PR_SET_DUMPABLE, 0)


def _same_ids(kind: str) -> str:
    """A map that keeps every id as it is."""
    with open(f"/proc/self/{kind}_map", encoding="ascii") as f:  # noqa: PTH123 - pathlib is not loaded here
        return "".join("{0} {0} {2}\n".format(*line.split()) for line in f)


def enter_namespaces() -> None:
    """Leave for own user, mount, IPC and network namespaces; every id stays what it is.

    As root all ids are mapped. Without root the kernel maps only our own, and files of others show as nobody's.

    Raises:
        OSError: the kernel or its policy does not allow it.
    """
    uid, gid = os.geteuid(), os.getegid()
    mapper = _fork_mapper() if uid == 0 else None
    _check(_libc.unshare(_CLONE_NEWUSER | _CLONE_NEWNS | _CLONE_NEWIPC | _CLONE_NEWNET), "unshare")
    if mapper is None or not mapper():
        _write("/proc/self/setgroups", "deny")
        _write("/proc/self/uid_map", f"{uid} {uid} 1")
        _write("/proc/self/gid_map", f"{gid} {gid} 1")
    _mount(b"none", b"/", b"", _MS_REC | _MS_PRIVATE, b"")


def _fork_mapper() -> Callable[[], bool]:
    """Fork a child that stays outside; calling the result has it write our id maps, and says whether it could.

    Once in a namespace of our own we lack the right to map more than ourselves.
    """
    maps = {kind: _same_ids(kind) for kind in ("uid", "gid")}
    pid = os.getpid()
    start_read, start_write = os.pipe()
    child = os.fork()
    if child == 0:
        status = 1
        try:
            os.close(start_write)
            if os.read(start_read, 1):
                for kind, text in maps.items():
                    _write(f"/proc/{pid}/{kind}_map", text)
                status = 0
        except OSError:
            status = 1  # the caller falls back to mapping itself alone
        finally:
            os._exit(status)
    os.close(start_read)

    def write_maps() -> bool:
        os.write(start_write, b"x")
        os.close(start_write)
        return os.waitpid(child, 0)[1] == 0

    return write_maps


def _write(path: str, text: str) -> None:
    fd = os.open(path, os.O_WRONLY | os.O_CLOEXEC)
    try:
        os.write(fd, text.encode())
    finally:
        os.close(fd)


def _mount(source: bytes, target: bytes, kind: bytes, flags: int, data: bytes) -> None:
    _check(_libc.mount(source, target, kind, ctypes.c_ulong(flags), data), "mount")


def mount_devices() -> str:
    """Make a directory of the harmless devices, and beside it a place in memory for files that belong to no view.

    They are in the place of ``/sys``, which is everywhere and which nothing here reads. Only in an own mount namespace.

    Returns:
        The directory of ``null``, ``zero``, ``full``, ``random`` and ``urandom``, where nothing else can be made. The
        empty directory with ``-files`` at the end of its name can be written.

    Raises:
        OSError: the kernel refuses.
    """
    flags = _MS_NOSUID | _MS_NOEXEC
    _mount(b"agentsh", b"/sys", b"tmpfs", flags, b"mode=0755,size=64k,nr_inodes=32")
    for name in (_DEVICES, _DEVICES + b"-files"):
        os.mkdir(name, 0o700)  # noqa: PTH102 - pathlib is not loaded here
    _mount(b"agentsh", _DEVICES + b"-files", b"tmpfs", flags | _MS_NODEV, b"mode=0700,size=1g,nr_inodes=4096")
    for name in (b"null", b"zero", b"full", b"random", b"urandom"):
        place = _DEVICES + b"/" + name
        os.close(os.open(place, os.O_CREAT | os.O_EXCL | os.O_WRONLY | os.O_CLOEXEC, 0o666))
        _mount(b"/dev/urandom" if name == b"random" else b"/dev/" + name, place, b"", _MS_BIND, b"")
    _mount(b"none", b"/sys", b"", _MS_REMOUNT | _MS_RDONLY | flags, b"")
    return os.fsdecode(_DEVICES)


def mount_overlay(plan: Mapping[str, str]) -> None:
    """Mount the overlay of a staging view's plan.

    Raises:
        OSError: the kernel refuses.
    """
    work = os.fsencode(plan["work"])
    # 'volatile' spares syncing a whole disk at each unmount; staged content that matters is in the store. The mark
    # it leaves, so that nobody trusts the layer after a crash, is ours to clear: the store's digests are trusted.
    with suppress(FileNotFoundError):
        os.unlink(work + b"/work/incompat/volatile/dirty")  # noqa: PTH108 - pathlib is not loaded here
    for name in (b"/work/incompat/volatile", b"/work/incompat"):
        with suppress(FileNotFoundError):
            os.rmdir(work + name)  # noqa: PTH106
    opened: list[int] = []
    try:
        # By descriptor: a path in the options would need ':', ',' and '\\' escaped.
        options = [b"userxattr", b"volatile"]
        for option, layer in ((b"lowerdir", "lower"), (b"upperdir", "upper"), (b"workdir", "work")):
            opened.append(os.open(plan[layer], os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC))
            options.append(b"%s=/proc/self/fd/%d" % (option, opened[-1]))
        _mount(
            b"overlay", os.fsencode(plan["merged"]), b"overlay", _MS_NOSUID | _MS_NODEV | _MS_NOEXEC, b",".join(options)
        )
    finally:
        for fd in opened:
            os.close(fd)


def refresh_overlay(path: str) -> None:
    """Have the kernel forget every name that it remembers of an overlay, without mounting it anew.

    An overlay remembers what it found in the layers, and a change of a layer behind its back would not be seen. A
    remount that changes nothing drops all of that which nobody holds open.

    Raises:
        OSError: the kernel refuses.
    """
    _mount(b"none", os.fsencode(path), b"", _MS_REMOUNT | _MS_NOSUID | _MS_NODEV | _MS_NOEXEC, b"")


def unmount(path: str) -> None:
    """Detach a mount; what still uses it keeps it until it ends.

    Raises:
        OSError: nothing is mounted there.
    """
    _check(_libc.umount2(os.fsencode(path), _MNT_DETACH), "umount")


def try_overlay(plan: str) -> None:
    """Mount, write, delete and unmount; the child process of a probe. Ends with status 1 and the reason on stderr."""
    import json  # noqa: PLC0415 - only in the probe

    layers: dict[str, str] = json.loads(plan)
    try:
        enter_namespaces()
        mount_overlay(layers)
        name = os.path.join(layers["merged"], ".agentsh-trial")  # noqa: PTH118 - pathlib is not loaded here
        os.mkdir(name)  # noqa: PTH102
        os.rmdir(name)  # noqa: PTH106
        unmount(layers["merged"])
        # Whether the layer understands what actions do: deletions are devices, replaced directories carry a mark.
        os.setxattr(layers["upper"], "user.overlay.opaque", b"y")
        os.mknod(os.path.join(layers["upper"], ".whiteout"), 0o020000, 0)  # noqa: PTH118
    except OSError as e:
        sys.stderr.write(f"{e.strerror}\n")
        sys.exit(1)
