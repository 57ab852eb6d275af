"""Every line is run by the sandbox's git and by the machine's, on one repository: output and exit code must agree."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest

from .lines import LINES

if TYPE_CHECKING:
    from collections.abc import Callable

    from .conftest import Twin

pytestmark = [pytest.mark.python, pytest.mark.slow]


@pytest.mark.parametrize("world", LINES)
def test_it_prints_what_git_prints(worlds: Callable[[str], Twin], world: str):
    twin = worlds(world)
    wrong, fixed = [], []
    for text in filter(None, LINES[world].split("\n")):
        line, _, reason = text.partition(" ## ")
        status, output, _ = twin.repo.line(line)
        mine = twin.run(line)
        same = (mine.exit_code, _timeless(mine.stdout)) == (
            status,
            _timeless(output.replace(bytes(twin.root), b"/workspace")),
        )
        if not same and not reason:
            wrong.append(
                f"{line}\n--- git: {status}\n{_shown(output)}\n--- here: {mine.exit_code}\n{_shown(mine.stdout)}"
            )
            wrong[-1] += f"\n{_shown(mine.stderr[-400:])}"
        if same and reason:
            fixed.append(line)
    assert not wrong, f"{len(wrong)} lines differ:\n\n" + "\n\n".join(wrong)
    assert not fixed, "no longer different: " + "; ".join(fixed)


def _timeless(output: bytes) -> bytes:
    """Without the present time, which lines that are not committed have."""
    return (
        re.sub(rb"(Not Committed Yet|-time) +[0-9: -]+", rb"\1", output) if b"Not Committed Yet" in output else output
    )


def _shown(output: bytes) -> str:
    return re.sub(r"[^\x20-\x7e\n\t]", lambda m: f"<{ord(m[0]):x}>", output.decode("utf-8", "replace"))
