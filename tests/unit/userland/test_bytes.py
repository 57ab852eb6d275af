"""The searches through memory that every module uses (common/bytes.c), seen through grep -o and wc -l."""

from __future__ import annotations

import random
from typing import TYPE_CHECKING

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

if TYPE_CHECKING:
    from tests.unit.userland.conftest import Runner

_SETTINGS = settings(
    max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow]
)


def _offsets(text: bytes, needle: bytes) -> list[int]:
    """Where ``needle`` is, from left to right, without overlaps and never over the end of a line."""
    found, at = [], text.find(needle)
    while at >= 0:
        found.append(at)
        at = text.find(needle, at + len(needle))
    return found


def _grep(run: Runner, text: bytes, needle: bytes) -> list[int]:
    result = run("grep", "-obaF", "-e", needle.decode(), "-", stdin=text)
    assert result.code == (0 if result.out else 1), result.err
    rows = result.out.splitlines()
    assert all(row.split(b":", 1)[1] == needle for row in rows)
    return [int(row.split(b":", 1)[0]) for row in rows]


@given(text=st.text("ab\n", max_size=300), needle=st.text("ab", min_size=1, max_size=40))
@_SETTINGS
def test_texts_are_found_wherever_they_lie(run: Runner, text: str, needle: str) -> None:
    data = text.encode() + b"\n"
    assert _grep(run, data, needle.encode()) == _offsets(data, needle.encode())


def test_a_text_that_often_nearly_matches_is_found(run: Runner) -> None:
    rng = random.Random(7)  # noqa: S311 - the same texts every time
    for size in (17, 64, 1023, 1024, 1025, 3000):
        needle = b"a" * (size // 2) + b"b" + b"a" * (size - size // 2 - 1)
        parts = [b"a" * rng.randint(0, 2 * size) + rng.choice([b"b", b"c", needle]) for _ in range(60)]
        data = b"".join(parts) + b"\n"
        assert _grep(run, data, needle) == _offsets(data, needle), size


def test_lines_are_counted_whatever_their_length(run: Runner) -> None:
    for length in range(40):
        data = (b"x" * length + b"\n") * 33 + b"x" * length
        assert run("wc", "-l", stdin=data).out.strip() == b"33"
        assert run("tail", "-n", "1", stdin=data).out == data[33 * (length + 1) :] or not length
