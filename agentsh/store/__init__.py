"""One SQLite file per workspace: content, actions, approvals, commits, snapshots, sessions, and the journal.

The only package that knows SQLite, zstd or BLAKE3.
"""

from agentsh.store.seal import Seals
from agentsh.store.store import Store

__all__ = ["Seals", "Store"]
