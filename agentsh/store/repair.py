"""Make a sound store of a damaged one: everything that can be read and proved, and a record of what could not.

Where nothing but the header or the end of the journal is wrong, that is put right in place (agentsh.store.settle).

The damaged file is kept aside, whole. The new one takes its place in one rename; a repair that was cut short is told by
a mark beside the store, and starts again from the copy.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from agentsh.core.errors import StoreDamaged
from agentsh.core.faults import fault_point
from agentsh.store import salvage
from agentsh.store.head import Head, tip_of
from agentsh.store.pages import mend_pages
from agentsh.store.rebuild import Rebuild
from agentsh.store.settle import settle

if TYPE_CHECKING:
    from pathlib import Path

    from agentsh.core.report import RepairReport
    from agentsh.store.rebuild import Find
    from agentsh.store.seal import Seals

_FILES = ("", "-wal", "-head")


def mark_of(path: Path) -> Path:
    """The file that says that a repair of the store at ``path`` was cut short."""
    return path.with_name(path.name + "-repair")


def repair(path: Path, find: Find, *, end: str = "", seals: Seals | None = None) -> RepairReport:
    """Repair the store at ``path``. Nobody else may use it meanwhile: the caller holds the workspace's lock.

    Args:
        path: the store.
        end: what was wrong with the end of the journal, which going on from here accepts; for the record.
        find: asked for content that is damaged here and may be in the workspace still.
        seals: opens what is sealed; where its key cannot be had, it is kept as its checksum proves it.

    Raises:
        StoreDamaged: nothing of it can be read.
        LimitExceeded: the disk is full; the damaged store is as it was.
    """
    from agentsh.store.store import Store  # noqa: PLC0415 - the store knows this module

    if not mark_of(path).exists() and (not path.exists() or not path.stat().st_size):
        raise StoreDamaged(
            f"The store's file {path.name} is gone or empty: there is nothing to repair.",
            next_step=f"Put a copy of it into {path.parent}, or remove {path.name}-head there to begin anew.",
        )
    if not mark_of(path).exists() and (settled := settle(path)) is not None:
        return settled
    aside = _set_aside(path)
    work, new = (path.with_name(f"{path.name}-repair.{part}") for part in ("old", "new"))
    try:
        _remove(work, new)
        with Store.open(new) as store, store._db.bare() as connection:  # noqa: SLF001 - its own package
            connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()
        for suffix in ("", "-wal"):
            source = aside.with_name(aside.name + suffix)
            if source.exists():
                salvage.copy_file(source, work.with_name(work.name + suffix))
        mended = mend_pages(work)
        old = salvage.open_damaged(work, new)
        if old is None:
            mark_of(path).unlink()  # it did not stop halfway: there is nothing that another try would find
            raise StoreDamaged(
                f"Nothing can be read of the store; the file is kept as {aside.name}.",
                next_step="Move the store away to begin a new one; your workspace is as it is.",
            )
        try:
            with Store.open(new) as store:
                store.seals = seals
                report = Rebuild(old, store, find, aside=aside.name, end=end, mended=mended).run()
                with store._db.bare() as connection:  # noqa: SLF001
                    connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()
                    tip = tip_of(connection)
        finally:
            old.close()
        fault_point("repair.built")
        _switch(path, new)
        Head(path).begin(tip)
        _remove(work, new)
        mark_of(path).unlink()
        fault_point("repair.done")
    finally:
        _remove(work, new)
    return report


def _set_aside(path: Path) -> Path:
    """Copy the damaged files; the copy's name. A copy that an earlier repair has made is the one that counts."""
    mark = mark_of(path)
    if mark.exists():
        return path.with_name(mark.read_text(encoding="ascii"))
    number = 1
    while path.with_name(f"{path.name}.damaged-{number}").exists():
        number += 1
    aside = path.with_name(f"{path.name}.damaged-{number}")
    for suffix in ("-wal", "-head", ""):  # the main file last: with it the copy is whole
        source, target = (p.with_name(p.name + suffix) for p in (path, aside))
        target.unlink(missing_ok=True)
        if source.exists():
            salvage.copy_file(source, target)
    fault_point("repair.copied")
    with mark.open("x", encoding="ascii") as file:
        file.write(aside.name)
        file.flush()
        os.fsync(file.fileno())
    _sync(path.parent)
    fault_point("repair.marked")
    return aside


def _switch(path: Path, new: Path) -> None:
    # A log that is left would be replayed into the new file.
    for suffix in ("-wal", "-shm"):
        path.with_name(path.name + suffix).unlink(missing_ok=True)
    fault_point("repair.before-switch")
    fd = os.open(new, os.O_RDONLY | os.O_CLOEXEC)
    try:
        os.fsync(fd)
    finally:
        os.close(fd)
    new.rename(path)
    _sync(path.parent)
    fault_point("repair.switched")


def _sync(directory: Path) -> None:
    fd = os.open(directory, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(fd)
    finally:
        os.close(fd)


def _remove(*paths: Path) -> None:
    for path in paths:
        for suffix in (*_FILES, "-shm"):
            path.with_name(path.name + suffix).unlink(missing_ok=True)
