"""The store as the runtime sees it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Self

from agentsh.core.request import RequestState
from agentsh.store.actions import Actions
from agentsh.store.approvals import Approvals
from agentsh.store.blobs import Blobs
from agentsh.store.commits import Commits
from agentsh.store.database import Database
from agentsh.store.grants import Grants
from agentsh.store.log import Log
from agentsh.store.outbox import Outbox
from agentsh.store.rejections import Rejections
from agentsh.store.sessions import Sessions
from agentsh.store.snapshots import Snapshots

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from agentsh.core.limits import Keep
    from agentsh.core.report import CheckReport, GcReport


_BEGUN = """
SELECT EXISTS (SELECT 1 FROM actions WHERE status = 'running') OR EXISTS (SELECT 1 FROM commits WHERE outcome IS NULL)
  OR EXISTS (SELECT 1 FROM requests WHERE state = 'sending')
"""


class Store(Actions, Approvals, Blobs, Commits, Grants, Log, Outbox, Rejections, Sessions, Snapshots):
    """One workspace's store; each base class is one group of tables.

    Safe to use from several threads and processes: writers take turns, readers never wait.

    Args:
        database: an open connection; use :meth:`open`.
    """

    def __init__(self, database: Database) -> None:
        self._db = database
        self._ready = False
        self.excluded: Callable[[bytes], bool] | None = None
        """Which paths' content is not kept but while an action on it waits; None: of all paths it is kept."""

    @classmethod
    def open(cls, path: Path) -> Self:
        """Open the store at ``path``; a missing one is created, an older one brought up to date.

        Raises:
            StoreDamaged: the file is no store, or is damaged.
            UsageError: a newer agentsh wrote it, or it cannot be opened.
        """
        return cls(Database(path))

    def close(self) -> None:
        """Close it; a second call does nothing."""
        self._db.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    @property
    def path(self) -> Path:
        """The file."""
        return self._db.path

    def unfinished(self) -> bool:
        """Whether a process that died has left an action, a commit or a request without its end."""
        with self._db.bare() as connection:  # asked before every action: one statement, mostly answered with no
            (begun,) = connection.execute(_BEGUN).fetchone()
        return bool(begun) and bool(self.running() or self.open_commits() or self.requests([RequestState.SENDING]))

    def size(self) -> int:
        """Bytes on disk, the write-ahead log included."""
        return self._db.size_bytes()

    def end_problem(self) -> str | None:
        """What is wrong with the end of the journal: rows that are missing, an older copy; None when nothing is."""
        return self._db.end_problem()

    def check(self) -> CheckReport:
        """Look at everything that is kept, and say what is damaged."""
        from agentsh.store.check import Checker  # noqa: PLC0415 - only this needs it

        return Checker(self._db, self).run()

    def gc(self, keep: Keep | None = None, *, dry_run: bool = False, pages: int | None = None) -> GcReport:
        """Free content that nothing needs; see :func:`agentsh.store.gc.collect`."""
        from agentsh.store.gc import collect  # noqa: PLC0415 - only this needs it

        return collect(self._db, keep, dry_run=dry_run, pages=pages)

    def forget_excluded(self) -> int:
        """Let go of the content of excluded paths that no waiting action needs; how many contents went."""
        from agentsh.store.exclusion import forget  # noqa: PLC0415 - only with exclusions

        return 0 if self.excluded is None else forget(self._db, self.excluded)

    def ready_to_seal(self) -> None:
        """Have the key for what is to be sealed, and seal what was kept before it was to be; once, when anything is.

        Raises:
            SealedError: the key cannot be had.
        """
        if self._ready or self.seals is None or self.seals.paths is None:
            return
        from agentsh.store.reseal import open_contents  # noqa: PLC0415 - only with seals

        self.sealing_key()
        for digest in open_contents(self._db, self.seals.paths):
            self.seal_blob(digest)
        self._ready = True

    def finish_sealing(self) -> None:
        """Write the file anew where it may still have, unsealed, what is sealed by now."""
        if self.seals is None:
            return
        from agentsh.store.reseal import make_anew, mark_of  # noqa: PLC0415 - the same

        if mark_of(self._db.path).exists():
            make_anew(self._db)

    def growth(self) -> float | None:
        """Bytes of content that are added in a day, on average; None before the first snapshot."""
        from agentsh.store.gc import growth  # noqa: PLC0415 - only this needs it

        return growth(self._db)
