"""Trees as plain dictionaries: path -> (kind, content or target, mode, extended attributes)."""

from __future__ import annotations

import os
import shutil
import stat
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

Attributes = tuple[tuple[str, bytes], ...]
Node = tuple[str, bytes, int, Attributes]
World = dict[bytes, Node]


def file(content: bytes, mode: int = 0o644, attributes: Attributes = ()) -> Node:
    return ("file", content, mode, attributes)


def directory(mode: int = 0o755, attributes: Attributes = ()) -> Node:
    return ("dir", b"", mode, attributes)


def link(target: bytes) -> Node:
    return ("link", target, 0, ())


def put(world: World, path: bytes, node: Node) -> None:
    """Put a node, its parents becoming directories, and what was below it going."""
    remove(world, path)
    names = path.split(b"/")
    for n in range(1, len(names)):
        above = b"/".join(names[:n])
        if world.get(above, ("",))[0] != "dir":
            world[above] = directory()
    world[path] = node


def remove(world: World, path: bytes) -> None:
    for known in [p for p in world if p == path or p.startswith(path + b"/")]:
        del world[known]


def build(world: World, root: Path) -> None:
    base = os.fsencode(root)
    for path, (kind, body, mode, attributes) in sorted(world.items()):
        full = base + b"/" + path
        if kind == "dir":
            os.mkdir(full)
        elif kind == "link":
            os.symlink(body, full)
        else:
            with open(full, "wb") as f:
                f.write(body)
        for name, value in attributes:
            os.setxattr(full, name, value)
        if kind == "file":
            os.chmod(full, mode)
    for path, (kind, _, mode, _) in sorted(world.items(), reverse=True):
        if kind == "dir":
            os.chmod(base + b"/" + path, mode)


def read(root: Path) -> World:
    base = os.fsencode(root)
    world: World = {}
    todo = [b""]
    while todo:
        below = todo.pop()
        for name in os.listdir(base + b"/" + below):
            path = below + b"/" + name if below else name
            full = base + b"/" + path
            st = os.lstat(full)
            mode = stat.S_IMODE(st.st_mode)
            if stat.S_ISDIR(st.st_mode):
                world[path] = directory(mode, _attributes(full))
                todo.append(path)
            elif stat.S_ISLNK(st.st_mode):
                world[path] = link(os.readlink(full))
            elif stat.S_ISREG(st.st_mode):
                with open(full, "rb") as f:
                    world[path] = file(f.read(), mode, _attributes(full))
            else:
                world[path] = ("special", b"", mode, ())
    return world


def _attributes(full: bytes) -> Attributes:
    if not hasattr(os, "listxattr"):
        return ()
    names = sorted(n for n in os.listxattr(full) if n.startswith("user."))
    return tuple((n, os.getxattr(full, n)) for n in names)


def clear(root: Path) -> None:
    for name in os.listdir(root):
        full = root / name
        if full.is_dir() and not full.is_symlink():
            shutil.rmtree(full)
        else:
            full.unlink()
