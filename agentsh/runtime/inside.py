"""What changed inside files that are no text, as text: SQLite files as the SQL that makes them.

Such a file may have been made by an agent to attack whoever reads it. So nothing here parses it: the sandbox's own
``sqlite3`` reads it, on a view that holds that file alone and goes afterwards. What it says is shown and is never taken
apart: an effect on such a file is approved whole.
"""

from __future__ import annotations

import tempfile
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from agentsh.config import cache_dir
from agentsh.core.entry import EntryType
from agentsh.core.limits import Limits
from agentsh.runtime.diff import MOST_BYTES, hunks_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from agentsh.core.diff import FileDiff, Hunk
    from agentsh.core.entry import Entry
    from agentsh.runtime.diff import Read

SQLITE = b"SQLite format 3\0"
"""What every SQLite file begins with (https://www.sqlite.org/fileformat.html, section 1.3)."""

_MIB = 1 << 20
_LIMITS = Limits(wall_s=10, cpu_s=5, memory_bytes=256 * _MIB, output_bytes=4 * _MIB, staged_bytes=_MIB, staged_files=4)
_FRAME = frozenset([b"PRAGMA foreign_keys=OFF;", b"BEGIN TRANSACTION;", b"COMMIT;"])
"""Lines around every dump, which say nothing about the file."""
_CORRUPT = b"/****** CORRUPTION ERROR *******/"
_REMEMBERED = 32


class Insides:
    """Looks inside files, and remembers what it saw of the last ones.

    Args:
        read: gives the content of a file's digest.
    """

    def __init__(self, read: Read) -> None:
        self._read = read
        self._seen: dict[tuple[bytes | None, bytes | None], _Seen] = {}

    def look(self, diffs: Iterable[FileDiff]) -> list[FileDiff]:
        """``diffs`` with :attr:`FileDiff.inside` where a file is an SQLite one.

        Raises:
            SandboxError: the sandbox could not start.
        """
        return [self._look(diff) if diff.binary else diff for diff in diffs]

    def _look(self, diff: FileDiff) -> FileDiff:
        key = _digest(diff.before), _digest(diff.after)
        seen = self._seen.get(key)
        if seen is None:
            seen = _compare(*(b"" if digest is None else self._read(digest) for digest in key))
            if len(self._seen) >= _REMEMBERED:
                del self._seen[next(iter(self._seen))]
            self._seen[key] = seen
        return replace(diff, inside=seen.hunks, note=f"{diff.note}; {seen.note}") if seen.note else diff


class _Seen(NamedTuple):
    """What there is to show of a pair of files; no note for what is no SQLite file."""

    hunks: tuple[Hunk, ...] = ()
    note: str = ""


def _digest(entry: Entry | None) -> bytes | None:
    is_file = entry is not None and entry.type is EntryType.FILE and entry.size <= MOST_BYTES
    return entry.digest if entry is not None and is_file else None


def _compare(before: bytes, after: bytes) -> _Seen:
    sides = [side if side.startswith(SQLITE) else b"" for side in (before, after)]
    if not any(sides):
        return _Seen()
    dumps = _dumps(sides)
    if isinstance(dumps, str):
        return _Seen(note=dumps)
    hunks = tuple(hunks_of(*dumps))
    tags = [line.tag for hunk in hunks for line in hunk.lines]
    if not hunks:
        return _Seen(note="SQLite, with the same tables and rows")
    return _Seen(hunks, f"SQLite, as SQL +{tags.count('+')} -{tags.count('-')}")


def _dumps(sides: Sequence[bytes]) -> list[list[bytes]] | str:
    """The statements that make each file, a line each where it has no newline within; or why there are none."""
    from agentsh.sandbox import Job, Sandbox, open_staging  # noqa: PLC0415 - few diffs need it

    found: list[list[bytes]] = []
    with tempfile.TemporaryDirectory(prefix="agentsh-") as scratch:
        workspace = Path(scratch) / "workspace"
        workspace.mkdir()
        for number, side in enumerate(sides):
            (workspace / f"{number}").write_bytes(side)
        view = open_staging(Path(scratch) / "staging", workspace, kind="copy")
        view.prepare()
        with Sandbox(view, cache_dir=cache_dir()) as sandbox:
            for number, side in enumerate(sides):
                if not side:
                    found.append([])
                    continue
                # Immutable: a log beside it is not there, and no lock is needed.
                done = sandbox.run(Job(argv=("sqlite3", f"file:{number}?immutable=1", ".dump"), limits=_LIMITS))
                if done.stopped or done.stdout_truncated:
                    return "an SQLite file with more in it than can be shown"
                if done.exit_code or _CORRUPT in done.stdout:
                    return "an SQLite file that cannot be read"
                lines = done.stdout.split(b"\n")[:-1]
                found.append([line + b"\n" for line in lines if line not in _FRAME])
    return found
