"""The step of the schema by which states have extended attributes."""

from __future__ import annotations

XATTRS = (
    "ALTER TABLE states ADD COLUMN xattrs BLOB",
    "ALTER TABLE effects ADD COLUMN before_xattrs BLOB",
    "ALTER TABLE effects ADD COLUMN after_xattrs BLOB",
    "ALTER TABLE commit_effects ADD COLUMN before_xattrs BLOB",
    "ALTER TABLE commit_effects ADD COLUMN after_xattrs BLOB",
    # Files whose content is known have attributes that are not: all are looked at once more.
    "DELETE FROM signatures",
)
"""Of each state: what :func:`agentsh.core.attributes.encode_attributes` gives, or NULL for none."""
