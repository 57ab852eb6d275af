"""Content: addressed by its BLAKE3, compressed, in pieces when large. No more than a piece is ever in memory."""

from __future__ import annotations

import io
import os
from contextlib import contextmanager
from typing import TYPE_CHECKING, BinaryIO, cast

from agentsh.core.errors import NotFoundError, SealedError
from agentsh.store.absent import EXCLUDED, KEPT, damaged, gone
from agentsh.store.packing import PIECE, PIECES, digest_of, packed, unpacked
from agentsh.store.reading import PieceReader, hash_file, pread_full, stable
from agentsh.store.seal import Packed, Seals, close, is_whole, key_of, name_in, open_sealed

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from agentsh.store.database import Database

_PUT = (
    "INSERT INTO blobs(digest, size, codec, data, seal) VALUES (?, ?, ?, ?, ?) ON CONFLICT (digest) DO UPDATE"
    " SET size = excluded.size, codec = excluded.codec, data = excluded.data, seal = excluded.seal"
    " WHERE (blobs.codec = 2 AND length(blobs.data) > 0) OR (excluded.seal IS NOT NULL AND blobs.seal IS NULL)"
)
_SEALED_ROWS = """
SELECT digest, size, codec, data, seal FROM blobs WHERE digest = ? AND seal IS NOT NULL
UNION ALL SELECT b.digest, b.size, b.codec, b.data, b.seal FROM blobs w JOIN pieces p ON p.blob = w.id
JOIN blobs b ON b.id = p.piece WHERE w.digest = ? AND b.seal IS NOT NULL
"""
_SEAL_OF = (
    "SELECT b.seal FROM blobs w JOIN pieces p ON p.blob = w.id JOIN blobs b ON b.id = p.piece"
    " WHERE w.digest = ? AND b.seal IS NOT NULL LIMIT 1"
)
_STANDING = f"SELECT {KEPT}, seal, codec = {PIECES} FROM blobs WHERE digest = ?"  # noqa: S608 - fixed text


class Blobs:
    """The content of a store."""

    _db: Database
    seals: Seals | None = None
    """How content is sealed, and opened; None: neither can be done."""
    _sealing_name = ""  # of the key, once it is known

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

    def put_bytes(self, data: bytes, *, path: bytes = b"") -> bytes:
        """Keep ``data`` and return its digest.

        It is on disk, at the latest, when something that refers to it is.

        Args:
            data: the content.
            path: whose it is, where it is a file's: it may be one of which content is sealed.

        Raises:
            SealedError: it is to be sealed, and there is no key.
        """
        return self._put(data, seal=self._sealing(path))

    def put_again(self, data: bytes, path: bytes, *, seal: bool) -> bytes:
        """As :meth:`put_bytes`, sealed also where it was before."""
        return self._put(data, seal=seal or self._sealing(path))

    def put_of(self, path: bytes) -> Callable[[int], tuple[bytes, int]]:
        """:meth:`put_fd` for the file at ``path``."""
        return lambda fd: self.put_fd(fd, path=path)

    def put_fd(self, fd: int, *, path: bytes = b"") -> tuple[bytes, int]:
        """Keep the content of a regular file, streaming; its offset is not moved.

        Returns:
            The digest and the size.

        Raises:
            ConflictError: the file kept changing while it was being read.
            SealedError: it is to be sealed, and there is no key.
            UsageError: ``fd`` is no regular file.
        """
        seal = self._sealing(path)
        return stable(fd, lambda size: self._put_file(fd, size, seal=seal))

    def _sealing(self, path: bytes) -> bool:
        return bool(path and self.seals is not None and self.seals.paths is not None and self.seals.paths(path))

    def _put(self, data: bytes, *, seal: bool) -> bytes:
        if len(data) > PIECE:
            return self._put_stream(lambda offset: data[offset : offset + PIECE], seal=seal)[0]
        digest = digest_of(data)
        # Nothing, and holes, are in many files and tell nothing.
        seal = seal and data.count(0) < len(data)
        there = self._row_of(digest)
        if there is None or (seal and there.seal is None):
            self._insert(digest, data, seal=seal, again=there is not None)
        return digest

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
        return stable(fd, lambda _: hash_file(fd))

    def _put_file(self, fd: int, size: int, *, seal: bool) -> tuple[bytes, int]:
        if size <= PIECE:
            data = os.pread(fd, PIECE + 1, 0)
            if len(data) <= PIECE:
                return self._put(data, seal=seal), len(data)
        return self._put_stream(lambda offset: pread_full(fd, offset), seal=seal)

    def _put_stream(self, piece_at: Callable[[int], bytes], *, seal: bool) -> tuple[bytes, int]:
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
                zero_digest = zero_digest or self._put(data, seal=False)
                pieces.append(zero_digest)
            else:
                pieces.append(self._put(data, seal=seal))
            size += len(data)
        digest = whole.digest()
        if not pieces:
            self._put(b"", seal=False)
        if len(pieces) > 1 and not self.has_blob(digest):
            with self._db.write(durable=False) as connection:
                if connection.execute(_PUT, (digest, size, PIECES, b"", None)).rowcount:
                    (id_,) = connection.execute("SELECT id FROM blobs WHERE digest = ?", (digest,)).fetchone()
                    connection.executemany(
                        "INSERT INTO pieces VALUES (?, ?, (SELECT id FROM blobs WHERE digest = ?))",
                        ((id_, n, piece) for n, piece in enumerate(pieces)),
                    )
        return digest, size

    def seal_blob(self, digest: bytes) -> None:
        """Seal a content that is kept, and is no list of pieces.

        Raises:
            SealedError: there is no key.
        """
        for data in self.blob_pieces(digest):
            self._put(data, seal=True)

    def _insert(self, digest: bytes, data: bytes, *, seal: bool, again: bool) -> None:
        codec, kept = packed(data)
        row = Packed(digest, len(data), codec, kept)
        if seal:
            row = self._closed(row)
        with self._db.write(durable=False) as connection:
            if again:  # so far it is there for all to read, and will be in what is overwritten
                from agentsh.store.reseal import mark  # noqa: PLC0415 - rare

                mark(self._db.path)
            connection.execute(_PUT, (row.digest, row.size, row.codec, row.data, row.seal))

    def _closed(self, row: Packed) -> Packed:
        return close(row, self.sealing_key(), self._sealing_name)

    def sealing_key(self) -> bytes:
        """The key for what is sealed from now on; made when nothing was sealed yet.

        Raises:
            SealedError: it cannot be had.
        """
        if not self._sealing_name:
            with self._db.read() as connection:
                used = connection.execute("SELECT seal FROM blobs WHERE seal IS NOT NULL LIMIT 1").fetchone()
            # A second key in place of one that is only out of reach would part what belongs together.
            name = (name_in(used[0]) if used else "") or (self.seals.name if self.seals is not None else "")
            key_of(self.seals, name, make=used is None)
            self._sealing_name = name
        return key_of(self.seals, self._sealing_name)

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
            SealedError: its key cannot be had.
            StoreDamaged: it was damaged, and given up.
        """
        with self._db.read() as connection:
            row = connection.execute(_STANDING, (digest,)).fetchone()
            if row is None or not row[0]:
                next(self.blob_pieces(digest))
            seal = row[1]
            if row[2]:
                (seal,) = connection.execute(_SEAL_OF, (digest,)).fetchone() or (None,)
        if seal is not None:
            try:
                key_of(self.seals, name_in(seal))
            except ValueError as e:
                raise damaged(digest) from e

    def prove_blob(self, digest: bytes) -> bool:
        """Prove a content to be what was put there, as far as that can be.

        Returns:
            False when its key cannot be had: it is as it was written, and nobody can read it.

        Raises:
            NotFoundError: it is not kept here, or not any more.
            StoreDamaged: it is damaged.
        """
        try:
            for _ in self.blob_pieces(digest):
                pass
        except SealedError:
            with self._db.read() as connection:
                for row in connection.execute(_SEALED_ROWS, (digest, digest)):
                    if not is_whole(Packed(*row)):
                        raise damaged(digest) from None
            return False
        return True

    def _row_of(self, digest: bytes) -> Packed | None:
        """What is known of a content that is kept, without its data."""
        with self._db.read() as connection:
            row = connection.execute(
                f"SELECT digest, size, codec, x'', seal FROM blobs WHERE digest = ? AND {KEPT}",  # noqa: S608
                (digest,),
            ).fetchone()
        return None if row is None else Packed(*row)

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
                "SELECT digest, size, codec, data, seal, id FROM blobs WHERE digest = ?", (digest,)
            ).fetchone()
            if row is None:
                raise NotFoundError(f"The store has no content {digest.hex()}.")
            found = Packed(*row[:5])
            if found.codec == PIECES and found.data:
                raise gone(digest, found.data)
            if found.codec == PIECES:
                query = "SELECT piece FROM pieces WHERE blob = ? ORDER BY n"
                pieces = connection.execute(query, (row[5],)).fetchall()
        if found.codec != PIECES:
            yield self._opened(found)
            return
        from blake3 import blake3  # noqa: PLC0415

        whole, total = blake3(), 0
        for (piece,) in pieces:
            data = self._piece(piece, digest)
            whole.update(data)
            total += len(data)
            yield data
        if whole.digest() != digest or total != found.size:
            raise damaged(digest)

    def _piece(self, id_: int, whole: bytes) -> bytes:
        """A piece of the content ``whole``."""
        with self._db.read() as connection:
            row = connection.execute(
                "SELECT digest, size, codec, data, seal FROM blobs WHERE id = ?", (id_,)
            ).fetchone()
        if row is None:
            raise damaged(whole)
        return self._opened(Packed(*row))

    def _opened(self, kept: Packed) -> bytes:
        """The content in a row that is no list of pieces, proved."""
        data = kept.data if kept.seal is None else open_sealed(kept, self.seals)
        content = None if data is None else unpacked(kept.codec, data)
        if content is None or len(content) != kept.size or digest_of(content) != kept.digest:
            raise damaged(kept.digest)
        return content

    def open_blob(self, digest: bytes) -> BinaryIO:
        """The content as a stream that never holds more than a piece.

        Raises:
            NotFoundError: it is not kept here.
            StoreDamaged: by a read, when what is kept is not what was put there.
        """
        self.blob_size(digest)
        return io.BufferedReader(PieceReader(self.blob_pieces(digest)))

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
