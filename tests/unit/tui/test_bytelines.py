"""Lines by number are those of a split, wherever blocks end."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agentsh.tui import bytelines
from agentsh.tui.bytelines import ByteLines


@given(
    st.lists(st.binary(max_size=9).map(lambda b: b.replace(b"\n", b"")), min_size=1, max_size=40), st.integers(1, 20)
)
def test_lines_are_those_of_a_split(wanted: list[bytes], block: int) -> None:
    data = b"\n".join(wanted)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(bytelines, "_BLOCK", block)
        lines = ByteLines(data)
        assert len(lines) == len(wanted)
        assert [lines[y] for y in range(len(lines))] == wanted
        assert [lines[y] for y in reversed(range(len(lines)))] == wanted[::-1]
        with pytest.raises(IndexError):
            lines[len(wanted)]
    assert lines.cells == max(len(w) + 3 * sum(not 0x20 <= b < 0x7F for b in w) for w in wanted)


def test_the_width_of_much_is_not_looked_for() -> None:
    assert ByteLines(b"x" * (1 << 20) + b"\n").cells is None
