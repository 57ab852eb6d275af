"""``path_rename`` of our own, for what the runtime's does not do.

An overlay refuses to rename a directory that the workspace has (EXDEV), which WASI's own call reports as an I/O error,
and programs take a rename within a directory tree for granted. So it is done here: a plain rename where the kernel
takes it, else a copy beside the target that is then renamed into place.

Doing it by descriptors, one name at a time, also leaves no trailing slash for a kernel to follow a symlink by
(GHSA-m9f7-9w4p-gv38).
"""

from __future__ import annotations

import ctypes
import errno
import os
import stat
from typing import TYPE_CHECKING

import wasmtime as wt

from agentsh.core.tree import OutsideTreeError
from agentsh.sandbox.staging.files import copy_path, opened_directory, remove
from agentsh.sandbox.wasi import wasi_errno

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from agentsh.core.tree import Tree

ROOT_FD = 3
"""A module's first directory: the view's root, or where it is in it."""

_XDEV, _EFAULT, _EPERM = 75, 21, 63
_MASK32 = 0xFFFFFFFF
_MAX_PATH = 64 * 1024


def define_rename(linker: wt.Linker, wasi: str, tree: Tree, roots: Callable[[], Mapping[int, bytes]]) -> None:
    """Put our ``path_rename`` in the place of WASI's.

    Args:
        linker: where.
        wasi: the import module.
        tree: the staging view.
        roots: gives the directories in it that the running module began with, by their descriptors.
    """

    def path_rename(caller: wt.Caller, *given: int) -> int:
        old_fd, old, old_len, new_fd, new, new_len = given
        begun_with = roots()
        if old_fd not in begun_with or new_fd not in begun_with:
            return _XDEV  # from a directory the module opened: programs then copy, as between file systems
        source, target = _path(caller, old, old_len), _path(caller, new, new_len)
        if source is None or target is None:
            return _EFAULT
        source, target = _below(begun_with[old_fd], source), _below(begun_with[new_fd], target)
        try:
            rename(tree, source, target)
        except OutsideTreeError:
            return _EPERM
        except OSError as e:
            return wasi_errno(e)
        return 0

    linker.allow_shadowing = True
    i32 = wt.ValType.i32()
    linker.define_func(wasi, "path_rename", wt.FuncType([i32] * 6, [i32]), path_rename, access_caller=True)


def _below(root: bytes, path: bytes) -> bytes:
    return root + b"/" + path if root else path


def _path(caller: wt.Caller, at: int, length: int) -> bytes | None:
    memory = caller.get("memory")
    at, length = at & _MASK32, length & _MASK32
    if not isinstance(memory, wt.Memory) or length > _MAX_PATH or at + length > memory.data_len(caller):
        return None
    return ctypes.string_at(ctypes.addressof(memory.data_ptr(caller).contents) + at, length)


def rename(tree: Tree, source: bytes, target: bytes) -> None:
    """Rename inside a tree as POSIX ``rename`` does, also where the file system would have to copy.

    Args:
        tree: the tree.
        source: relative to its root; symlinks on the way, not at the end, are followed inside the tree.
        target: likewise.

    Raises:
        OutsideTreeError: one of them leads out of the tree.
        OSError: what ``rename`` raises.
    """
    only_directory = source.endswith(b"/") or target.endswith(b"/")
    source_parent, source_name = _locate(tree, source)
    target_parent, target_name = _locate(tree, target)
    with tree.directory(source_parent) as a, tree.directory(target_parent) as b:
        is_directory = stat.S_ISDIR(os.stat(source_name, dir_fd=a, follow_symlinks=False).st_mode)
        if only_directory and not is_directory:
            raise NotADirectoryError(errno.ENOTDIR, os.strerror(errno.ENOTDIR), source)
        try:
            os.rename(source_name, target_name, src_dir_fd=a, dst_dir_fd=b)
        except OSError as e:
            if e.errno != errno.EXDEV or not is_directory:
                raise
            if _inside(tree, a, source_name, target_parent):
                raise OSError(errno.EINVAL, os.strerror(errno.EINVAL), target) from None
            _move_by_copy(a, source_name, b, target_name)


def _locate(tree: Tree, path: bytes) -> tuple[bytes, bytes]:
    parent, _, name = path.rstrip(b"/").rpartition(b"/")
    if name in (b"", b".", b".."):
        raise OSError(errno.EBUSY, os.strerror(errno.EBUSY), path)
    return tree.resolve(parent), name


def _inside(tree: Tree, source_dir: int, name: bytes, target_parent: bytes) -> bool:
    """Whether a directory would be moved into itself."""
    st = os.stat(name, dir_fd=source_dir, follow_symlinks=False)
    names = target_parent.split(b"/") if target_parent else []
    for i in range(1, len(names) + 1):
        above = tree.lstat(b"/".join(names[:i]))
        if above is not None and (above.st_dev, above.st_ino) == (st.st_dev, st.st_ino):
            return True
    return False


def _move_by_copy(source_dir: int, source_name: bytes, target_dir: int, target_name: bytes) -> None:
    part = b".agentsh-move-" + os.urandom(8).hex().encode()
    try:
        copy_path(source_dir, target_dir, source_name, new_name=part)
        with opened_directory(source_dir, source_name) as old, opened_directory(target_dir, part, force=True) as new:
            _copy_below(old, new)
        os.rename(part, target_name, src_dir_fd=target_dir, dst_dir_fd=target_dir)
    except OSError:
        remove(target_dir, part)
        raise
    remove(source_dir, source_name)


def _copy_below(source: int, target: int) -> None:
    todo = [b""]
    while todo:
        path = todo.pop()
        with opened_directory(source, path) as old, opened_directory(target, path, force=True) as new:
            for name in map(os.fsencode, os.listdir(old)):  # noqa: PTH208 - by descriptor
                copy_path(old, new, name)
                if stat.S_ISDIR(os.stat(name, dir_fd=old, follow_symlinks=False).st_mode):
                    todo.append(path + b"/" + name if path else name)
