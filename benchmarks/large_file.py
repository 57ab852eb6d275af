"""Memory and time of a large file through the store: snapshot, deletion, restore.

python -m benchmarks.large_file sparse 4
python -m benchmarks.large_file real 2
"""

from __future__ import annotations

import os
import resource
import sys
import tempfile
import time
from pathlib import Path

from agentsh.core.tree import Tree
from agentsh.runtime.commit import commit_effects
from agentsh.runtime.restore import plan_restore
from agentsh.runtime.snapshot import take_snapshot
from agentsh.store import Store

MIB = 1 << 20


def make(path: Path, size: int, *, sparse: bool) -> None:
    with path.open("wb") as file:
        if sparse:
            file.truncate(size)
            file.seek(size // 2)
            file.write(b"in the middle")
            return
        block = os.urandom(MIB)
        for n in range(size // MIB):
            file.write(n.to_bytes(8, "big") + block[8:])


def peak() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def main(kind: str, gib: float) -> None:
    with tempfile.TemporaryDirectory(prefix="agentsh-large-") as base:
        root = Path(base) / "workspace"
        root.mkdir()
        make(root / "big", int(gib * 1024) * MIB, sparse=kind == "sparse")
        before = peak()
        with Store.open(Path(base) / "data" / "store.db") as store, Tree(root) as tree:
            started = time.monotonic()
            snapshot = take_snapshot(store, tree).snapshot
            kept = time.monotonic()
            (root / "big").unlink()
            commit_effects(store, tree, kind="restore", actions=[], effects=plan_restore(store, tree, snapshot))
            done = time.monotonic()
        st = (root / "big").stat()
        print(
            f"{kind}, {gib:g} GiB: snapshot {kept - started:.1f} s, restore {done - kept:.1f} s, peak {peak():.0f} MiB"
            f" (before {before:.0f}), {st.st_blocks * 512 / MIB:.0f} MiB of {st.st_size / MIB:.0f} on disk"
        )


if __name__ == "__main__":
    main(sys.argv[1], float(sys.argv[2]))
