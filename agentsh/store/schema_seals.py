"""The step of the schema by which content can be sealed."""

from __future__ import annotations

SEALS = ("ALTER TABLE blobs ADD COLUMN seal BLOB",)
"""Of a content that is encrypted: what :mod:`agentsh.store.seal` made beside it; NULL for any other."""
