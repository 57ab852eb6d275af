"""How an effect can be taken back."""

from __future__ import annotations

from enum import StrEnum


class EffectClass(StrEnum):
    """How an effect can be taken back (GoEX, arXiv 2404.06921)."""

    REVERSIBLE = "reversible"
    COMPENSABLE = "compensable"
    IRREVERSIBLE = "irreversible"
