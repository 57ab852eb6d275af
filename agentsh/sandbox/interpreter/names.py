"""Names of variables."""

from __future__ import annotations

import re

_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*", re.ASCII)


def is_name(text: str) -> bool:
    """Whether ``text`` can name a variable."""
    return _NAME.fullmatch(text) is not None
