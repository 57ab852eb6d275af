"""Seals: whether files that were made once are still what they were, without reading all of them at each start.

A seal holds the hash of each file and its status at the time. While size, times and inode are the same the file is (its
change time cannot be set by whoever writes it); where they differ it is read, and its hash decides.
"""

from __future__ import annotations

import json
import os
from typing import TYPE_CHECKING, Final

from blake3 import blake3

from agentsh.sandbox.staging.files import write_atomic

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

_NAME: Final = "ready"


def seal(home: Path, names: Sequence[str]) -> None:
    """Seal files below ``home``, the last step of making them."""
    found = {name: [_hash(home / name), *_status(home / name)] for name in names}
    write_atomic(home / _NAME, json.dumps(found).encode(), sync=True)


def is_sealed(home: Path) -> bool:
    """Whether files were sealed and are what they were; a broken seal is removed."""
    try:
        found = json.loads((home / _NAME).read_bytes())
        if not isinstance(found, dict) or not found:
            return False
        moved = [name for name, (_, *status) in found.items() if _status(home / name) != status]
        if any(_hash(home / name) != found[name][0] for name in moved):
            break_seal(home)
            return False
    except (OSError, ValueError, TypeError):
        return False
    if moved:
        seal(home, list(found))
    return True


def break_seal(home: Path) -> None:
    """What was made is no longer to be used."""
    (home / _NAME).unlink(missing_ok=True)


def _hash(path: Path) -> str:
    hasher = blake3(max_threads=blake3.AUTO)
    hasher.update_mmap(path)
    return hasher.hexdigest()


def _status(path: Path) -> list[int]:
    st = os.lstat(path)
    return [st.st_size, st.st_mtime_ns, st.st_ctime_ns, st.st_ino, st.st_mode]
