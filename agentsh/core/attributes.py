"""Extended attributes: which of a path's are part of its state, read and set by descriptor or below one.

Those in the ``user`` namespace are the person's own and are kept exactly. Those of other namespaces (``security``,
``trusted``, ``system``) belong to the machine's administration: they are named, and not kept. Names are text as
:mod:`os` gives it (undecodable bytes surrogate-escaped); a symlink has none of the person's own.
"""

from __future__ import annotations

import errno
import os
from typing import NamedTuple

KEPT = "user."
"""The namespace of what is kept."""

_STAGING = "user.overlay."
"""What an overlay writes for itself on the layers; it shows none of it, and nobody else uses these names."""

_GIVEN = frozenset({"security.selinux", "security.SMACK64", "security.ima", "security.evm"})
"""Labels that the machine's policy gives to every file by itself: none of them is anybody's work."""

_NONE = {errno.ENOTSUP, errno.EOPNOTSUPP, errno.ENODATA, errno.ENOSYS}
SUPPORTED = hasattr(os, "listxattr")
"""Whether Python can reach them here (Linux)."""


class Attributes(NamedTuple):
    """A path's extended attributes.

    Attributes:
        kept: names with values, sorted by name.
        unkept: names of those that are there and are not kept, sorted.
    """

    kept: tuple[tuple[str, bytes], ...] = ()
    unkept: tuple[str, ...] = ()


NO_ATTRIBUTES = Attributes()


def below(fd: int, name: bytes) -> bytes:
    """A path by which the attributes of a name in an open directory are reached: they have no calls of their own."""
    return b"/proc/self/fd/%d/%s" % (fd, name)


def read_attributes(where: int | bytes) -> Attributes:
    """The attributes of an open file, or of what :func:`below` gives; never those of a symlink's target.

    Raises:
        PermissionError: the owner has taken the right to read from themselves.
        OSError: they cannot be read.
    """
    if not SUPPORTED:
        return NO_ATTRIBUTES
    follow = isinstance(where, int)
    try:
        names = os.listxattr(where, follow_symlinks=follow)
    except OSError as e:
        if e.errno in _NONE:
            return NO_ATTRIBUTES
        raise
    if not names:
        return NO_ATTRIBUTES
    kept: list[tuple[str, bytes]] = []
    for name in sorted(names):
        if name.startswith(KEPT) and not name.startswith(_STAGING):
            try:
                kept.append((name, os.getxattr(where, name, follow_symlinks=follow)))
            except OSError as e:
                if e.errno not in _NONE:  # else it went between the two calls
                    raise
    unkept = sorted(n for n in names if not n.startswith(KEPT) and n not in _GIVEN)
    return Attributes(tuple(kept), tuple(unkept))


def write_attributes(where: int | bytes, wanted: tuple[tuple[str, bytes], ...]) -> None:
    """Give an open file, or what :func:`below` gives, exactly these attributes of the person's own.

    Raises:
        OSError: the filesystem keeps none (ENOTSUP), or has no room for them (ENOSPC, E2BIG).
    """
    if not SUPPORTED:
        if wanted:
            raise OSError(errno.ENOTSUP, "extended attributes cannot be set here", wanted[0][0])
        return
    follow = isinstance(where, int)
    have = dict(read_attributes(where).kept)
    for name in have.keys() - dict(wanted).keys():
        os.removexattr(where, name, follow_symlinks=follow)
    for name, value in wanted:
        if have.get(name) != value:
            os.setxattr(where, name, value, follow_symlinks=follow)


def encode_attributes(kept: tuple[tuple[str, bytes], ...], unkept: tuple[str, ...] = ()) -> bytes:
    """One unambiguous value: of each, its name, NUL, the length of its value (``-``: not kept), ``:``, the value."""
    parts = [b"%s\0%d:%s" % (os.fsencode(n), len(v), v) for n, v in kept]
    return b"".join(parts + [os.fsencode(n) + b"\0-:" for n in unkept])


def decode_attributes(data: bytes) -> Attributes:
    """What :func:`encode_attributes` was given.

    Raises:
        ValueError: it is no such value.
    """
    kept: list[tuple[str, bytes]] = []
    unkept: list[str] = []
    at = 0
    while at < len(data):
        end, colon = data.index(b"\0", at), data.index(b":", data.index(b"\0", at))
        name, length = os.fsdecode(data[at:end]), data[end + 1 : colon]
        at = colon + 1
        if length == b"-":
            unkept.append(name)
            continue
        size = int(length)
        if size < 0 or at + size > len(data):
            raise ValueError("an attribute is cut short")
        kept.append((name, data[at : at + size]))
        at += size
    return Attributes(tuple(kept), tuple(unkept))
