"""Trees as plain dictionaries: path -> ('file', content, mode) | ('dir', mode) | ('link', target)."""

from __future__ import annotations

import os
import shutil
import stat
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

Node = tuple[str, bytes, int]
World = dict[bytes, Node]


def file(content: bytes, mode: int = 0o644) -> Node:
    return ("file", content, mode)


def directory(mode: int = 0o755) -> Node:
    return ("dir", b"", mode)


def link(target: bytes) -> Node:
    return ("link", target, 0)


def put(world: World, path: bytes, node: Node) -> None:
    """Put a node, its parents becoming directories, and what was below it going."""
    remove(world, path)
    names = path.split(b"/")
    for n in range(1, len(names)):
        above = b"/".join(names[:n])
        if world.get(above, ("", b"", 0))[0] != "dir":
            world[above] = directory()
    world[path] = node


def remove(world: World, path: bytes) -> None:
    for known in [p for p in world if p == path or p.startswith(path + b"/")]:
        del world[known]


def build(world: World, root: Path) -> None:
    base = os.fsencode(root)
    for path, (kind, body, mode) in sorted(world.items()):
        full = base + b"/" + path
        if kind == "dir":
            os.mkdir(full)
        elif kind == "link":
            os.symlink(body, full)
        else:
            with open(full, "wb") as f:
                f.write(body)
            os.chmod(full, mode)
    for path, (kind, _, mode) in sorted(world.items(), reverse=True):
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
                world[path] = directory(mode)
                todo.append(path)
            elif stat.S_ISLNK(st.st_mode):
                world[path] = link(os.readlink(full))
            elif stat.S_ISREG(st.st_mode):
                with open(full, "rb") as f:
                    world[path] = file(f.read(), mode)
            else:
                world[path] = ("special", b"", mode)
    return world


def clear(root: Path) -> None:
    for name in os.listdir(root):
        full = root / name
        if full.is_dir() and not full.is_symlink():
            shutil.rmtree(full)
        else:
            full.unlink()
