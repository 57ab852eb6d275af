"""Content: addressed by its BLAKE3, compressed, in pieces when large. No more than a piece is ever in memory."""

from __future__ import annotations

import io
import os
import stat
from contextlib import contextmanager
from typing import TYPE_CHECKING, BinaryIO, cast

from agentsh.core.errors import ConflictError, NotFoundError, StoreDamaged, UsageError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from agentsh.store.database import Database

PIECE = 4 * 1024 * 1024
"""Bytes of content in a piece; smaller content is one blob."""

_PLAIN, _ZSTD, _PIECES = 0, 1, 2
LOST, LET_GO, EXCLUDED = b"\x01", b"\x02", b"\x03"
"""Why content is not kept, in place of a list of pieces: damaged and given up, too old for the budget, not to be kept.

The row stays, so that everything that names the content can still be read and proved.
"""

KEPT = "NOT (codec = 2 AND length(data) > 0)"
"""As SQL: the content of a blob is there."""

_PUT = (
    "INSERT INTO blobs(digest, size, codec, data) VALUES (?, ?, ?, ?) ON CONFLICT (digest) DO UPDATE"
    " SET size = excluded.size, codec = excluded.codec, data = excluded.data"
    " WHERE blobs.codec = 2 AND length(blobs.data) > 0"
)
_TRIES = 4
_WORTH_PACKING = 128  # bytes; a row's own overhead is about that


def digest_of(data: bytes) -> bytes:
    """BLAKE3 of ``data``, 32 bytes."""
    from blake3 import blake3  # noqa: PLC0415 - 9 ms, not needed to open a store

    return blake3(data).digest()


class Blobs:
    """The content of a store."""

    _db: Database

    @contextmanager
    def batch(self, *, durable: bool = False) -> Iterator[None]:
        """Everything put or recorded inside is one transaction: quicker for many small contents.

        Other writers wait, so keep it short.

        Args:
            durable: on disk when this ends; needed where something is recorded that must be.
        """
        with self._db.write(durable=durable):
            yield

    @contextmanager
    def view(self) -> Iterator[None]:
        """Many reads for the price of one; nothing may be written meanwhile."""
        with self._db.read():
            yield

    # -- writing ---------------------------------------------------------------------------------------------------

    def put_bytes(self, data: bytes) -> bytes:
        """Keep ``data`` and return its digest.

        It is on disk, at the latest, when something that refers to it is.
        """
        if len(data) > PIECE:
            return self._put_stream(lambda offset: data[offset : offset + PIECE])[0]
        digest = digest_of(data)
        if not self.has_blob(digest):
            self._insert(digest, data)
        return digest

    def put_fd(self, fd: int) -> tuple[bytes, int]:
        """Keep the content of a regular file, streaming; its offset is not moved.

        Returns:
            The digest and the size.

        Raises:
            ConflictError: the file kept changing while it was being read.
            UsageError: ``fd`` is no regular file.
        """
        return self._stable(fd, keep=True)

    def note_fd(self, fd: int) -> tuple[bytes, int]:
        """As :meth:`put_fd`, for content that is not to be kept: its digest and size are."""
        digest, size = self.hash_fd(fd)
        with self._db.write(durable=False) as connection:
            connection.execute(
                "INSERT INTO blobs(digest, size, codec, data) VALUES (?, ?, 2, ?) ON CONFLICT DO NOTHING",
                (digest, size, EXCLUDED),
            )
        return digest, size

    def hash_fd(self, fd: int) -> tuple[bytes, int]:
        """As :meth:`put_fd`, without keeping anything."""
        return self._stable(fd, keep=False)

    def _stable(self, fd: int, *, keep: bool) -> tuple[bytes, int]:
        for _ in range(_TRIES):
            before = os.fstat(fd)
            if not stat.S_ISREG(before.st_mode):
                raise UsageError("Only regular files have content that can be kept.")
            result = self._put_file(fd, before.st_size) if keep else _hash_file(fd)
            after = os.fstat(fd)
            if result[1] == after.st_size and _same(before, after):
                return result
        raise ConflictError(
            "A file keeps changing while it is being read.",
            next_step="Wait for whatever writes it, then try again.",
        )

    def _put_file(self, fd: int, size: int) -> tuple[bytes, int]:
        if size <= PIECE:
            data = os.pread(fd, PIECE + 1, 0)
            if len(data) <= PIECE:
                return self.put_bytes(data), len(data)
        return self._put_stream(lambda offset: _pread_full(fd, offset))

    def _put_stream(self, piece_at: _PieceAt) -> tuple[bytes, int]:
        from blake3 import blake3  # noqa: PLC0415

        whole = blake3()
        pieces: list[bytes] = []
        zeros = bytes(PIECE)
        zero_digest = b""
        size = 0
        while data := piece_at(size):
            whole.update(data)
            if data == zeros:
                # Holes of sparse files: found by comparing, hashed and compressed once.
                zero_digest = zero_digest or self.put_bytes(data)
                pieces.append(zero_digest)
            else:
                pieces.append(self.put_bytes(data))
            size += len(data)
        digest = whole.digest()
        if not pieces:
            self.put_bytes(b"")
        if len(pieces) > 1 and not self.has_blob(digest):
            with self._db.write(durable=False) as connection:
                if connection.execute(_PUT, (digest, size, _PIECES, b"")).rowcount:
                    (id_,) = connection.execute("SELECT id FROM blobs WHERE digest = ?", (digest,)).fetchone()
                    connection.executemany(
                        "INSERT INTO pieces VALUES (?, ?, (SELECT id FROM blobs WHERE digest = ?))",
                        ((id_, n, piece) for n, piece in enumerate(pieces)),
                    )
        return digest, size

    def _insert(self, digest: bytes, data: bytes) -> None:
        codec, kept = _packed(data)
        with self._db.write(durable=False) as connection:
            connection.execute(_PUT, (digest, len(data), codec, kept))

    # -- reading ---------------------------------------------------------------------------------------------------

    def has_blob(self, digest: bytes) -> bool:
        """True when the content is kept here."""
        with self._db.read() as connection:
            row = connection.execute(f"SELECT 1 FROM blobs WHERE digest = ? AND {KEPT}", (digest,)).fetchone()  # noqa: S608
        return row is not None

    def require_blob(self, digest: bytes) -> None:
        """Refuse in time what would need content that is not here.

        Raises:
            NotFoundError: it is not kept here, or not any more.
            StoreDamaged: it was damaged, and given up.
        """
        if not self.has_blob(digest):
            next(self.blob_pieces(digest))

    def blob_size(self, digest: bytes) -> int:
        """Bytes of content.

        Raises:
            NotFoundError: it is not kept here.
        """
        with self._db.read() as connection:
            row = connection.execute("SELECT size FROM blobs WHERE digest = ?", (digest,)).fetchone()
        if row is None:
            raise NotFoundError(f"The store has no content {digest.hex()}.")
        return cast("int", row[0])

    def blob_pieces(self, digest: bytes) -> Iterator[bytes]:
        """The content, piece by piece; each is verified before it is handed out, the whole after the last.

        Raises:
            NotFoundError: it is not kept here, or not any more.
            StoreDamaged: what is kept is not what was put there, or was given up for that.
        """
        with self._db.read() as connection:
            row = connection.execute(
                "SELECT id, size, codec, iif(codec = 2, data, x'') FROM blobs WHERE digest = ?", (digest,)
            ).fetchone()
            if row is None:
                raise NotFoundError(f"The store has no content {digest.hex()}.")
            id_, size, codec, gone = row
            if gone:
                raise _gone(digest, gone)
            pieces = connection.execute("SELECT piece FROM pieces WHERE blob = ? ORDER BY n", (id_,)).fetchall()
        if codec != _PIECES:
            yield self._plain(id_, digest)
            return
        from blake3 import blake3  # noqa: PLC0415

        whole, total = blake3(), 0
        for (piece,) in pieces:
            data = self._plain(piece, None)
            whole.update(data)
            total += len(data)
            yield data
        if whole.digest() != digest or total != size:
            raise _damaged(digest)

    def _plain(self, id_: int, digest: bytes | None) -> bytes:
        """The content of a blob that is no list of pieces."""
        with self._db.read() as connection:
            row = connection.execute("SELECT digest, size, codec, data FROM blobs WHERE id = ?", (id_,)).fetchone()
        if row is None:
            raise _damaged(digest or b"")
        stored, size, codec, data = row
        content = unpacked(codec, data)
        if content is None or len(content) != size or digest_of(content) != stored:
            raise _damaged(stored)
        return content

    def open_blob(self, digest: bytes) -> BinaryIO:
        """The content as a stream that never holds more than a piece.

        Raises:
            NotFoundError: it is not kept here.
            StoreDamaged: by a read, when what is kept is not what was put there.
        """
        self.blob_size(digest)
        return io.BufferedReader(_PieceReader(self.blob_pieces(digest)))

    def read_blob(self, digest: bytes, limit: int | None = None) -> bytes:
        """The content as bytes, at most ``limit`` of them.

        Raises:
            NotFoundError: it is not kept here.
            StoreDamaged: what is kept is not what was put there.
        """
        kept = bytearray()
        for piece in self.blob_pieces(digest):
            kept += piece
            if limit is not None and len(kept) >= limit:
                return bytes(kept[:limit])
        return bytes(kept)


class _PieceReader(io.RawIOBase):
    """A raw stream over an iterator of pieces."""

    def __init__(self, pieces: Iterator[bytes]) -> None:
        self._pieces = pieces
        self._rest = memoryview(b"")

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: object) -> int:
        target = memoryview(buffer).cast("B")  # type: ignore[arg-type]
        while not self._rest:
            piece = next(self._pieces, None)
            if piece is None:
                return 0
            self._rest = memoryview(piece)
        count = min(len(target), len(self._rest))
        target[:count] = self._rest[:count]
        self._rest = self._rest[count:]
        return count


if TYPE_CHECKING:
    from collections.abc import Callable

    _PieceAt = Callable[[int], bytes]


def _packed(data: bytes) -> tuple[int, bytes]:
    """The codec to keep ``data`` with, and what it makes of it."""
    if len(data) < _WORTH_PACKING:
        return _PLAIN, data
    from zstandard import ZstdCompressor  # noqa: PLC0415 - 12 ms, not needed to open a store

    packed = ZstdCompressor(level=1, write_checksum=False).compress(data)
    return (_ZSTD, packed) if len(packed) < len(data) else (_PLAIN, data)


def unpacked(codec: int, data: bytes) -> bytes | None:
    """What :func:`_packed` was given; None when it cannot be that."""
    if codec == _PLAIN:
        return data
    if codec != _ZSTD:
        return None
    from zstandard import ZstdDecompressor, ZstdError  # noqa: PLC0415

    try:
        return ZstdDecompressor().decompress(data, max_output_size=PIECE)
    except ZstdError:
        return None


def _hash_file(fd: int) -> tuple[bytes, int]:
    from blake3 import blake3  # noqa: PLC0415

    whole, size = blake3(), 0
    while data := _pread_full(fd, size):
        whole.update(data)
        size += len(data)
    return whole.digest(), size


def _pread_full(fd: int, offset: int) -> bytes:
    """A whole piece, or what is left of the file."""
    data = os.pread(fd, PIECE, offset)
    if data and len(data) < PIECE:
        parts = [data]
        have = len(data)
        while have < PIECE and (more := os.pread(fd, PIECE - have, offset + have)):
            parts.append(more)
            have += len(more)
        data = b"".join(parts)
    return data


def _same(a: os.stat_result, b: os.stat_result) -> bool:
    return (a.st_size, a.st_mtime_ns, a.st_ctime_ns) == (b.st_size, b.st_mtime_ns, b.st_ctime_ns)


def _damaged(digest: bytes) -> StoreDamaged:
    return StoreDamaged(f"The content {digest.hex()} in the store is damaged.")


def _gone(digest: bytes, why: bytes) -> NotFoundError | StoreDamaged:
    if why == LET_GO:
        return NotFoundError(
            f"The content {digest.hex()} is not kept any more: it was older than the configuration keeps.",
            next_step="'[store]' in the configuration says how much is kept; newer actions and snapshots are there.",
        )
    if why == EXCLUDED:
        return NotFoundError(
            f"The content {digest.hex()} is not kept: '[store]' in the configuration excludes its path.",
            next_step="What replaced it is there now; agentsh cannot bring the old content back.",
        )
    if why == LOST:
        return StoreDamaged(
            f"The content {digest.hex()} was damaged, and given up when the store was repaired.",
            next_step="Newer or older states of the path may be there: 'agentsh log'.",
        )
    return _damaged(digest)
