"""The state of one path: what a snapshot keeps of it and a commit restores."""

from __future__ import annotations

from dataclasses import field
from enum import StrEnum

from agentsh.core.attributes import encode_attributes
from agentsh.core.record import record


class EntryType(StrEnum):
    """What a path is. Sockets, devices and FIFOs are ``OTHER``: named, never stored."""

    FILE = "file"
    DIRECTORY = "directory"
    SYMLINK = "symlink"
    OTHER = "other"


@record(frozen=True, slots=True)
class Entry:
    """One path's state.

    Two entries are equal when a person could not tell the paths apart by content: the time is kept, not compared.

    Attributes:
        type: what it is.
        mode: permission bits, ``st_mode & 0o7777``; 0 for a symlink, whose bits mean nothing.
        size: bytes of content; 0 for anything but a file.
        digest: BLAKE3 of the content (32 bytes), for files alone.
        target: the link's text, for symlinks alone.
        mtime_ns: modification time, nanoseconds since the epoch.
        xattrs: extended attributes of the person's own (``user.``) with their values, sorted by name; of files and
            directories.
        unkept: names of the extended attributes that are there and not kept; not compared either.
    """

    type: EntryType
    mode: int = 0
    size: int = 0
    digest: bytes | None = None
    target: bytes | None = None
    mtime_ns: int = field(default=0, compare=False)
    xattrs: tuple[tuple[str, bytes], ...] = ()
    unkept: tuple[str, ...] = field(default=(), compare=False)

    def encode(self) -> bytes:
        """A canonical, unambiguous encoding of what is compared, for hashing."""
        body = self.digest if self.type is EntryType.FILE else self.target
        plain = b"%s\0%o\0%d\0%s" % (
            self.type.value.encode(),
            self.mode,
            self.size,
            (body or b"").hex().encode(),
        )
        # Without any it is what it was before there were any: hashes in old journals stay right.
        return plain + b"\0" + encode_attributes(self.xattrs).hex().encode() if self.xattrs else plain
