"""Measure what injections come to, with and without the rules about destinations; print docs/security.md's table."""

from __future__ import annotations

import os
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from tests.unit.egress.servers import site  # noqa: E402 - the scenes are the tests' own
from tests.worlds.injections import measure, table  # noqa: E402


def main() -> None:
    """Play every scene twice."""
    with tempfile.TemporaryDirectory() as base, site() as pages:
        found = []
        for defended in (False, True):
            place = Path(base, str(defended))
            os.environ["AGENTSH_CONFIG_DIR"] = str(place / "config")
            found.append(measure(place, pages, defended=defended))
    print(table(*found))


if __name__ == "__main__":
    main()
