"""What was compared a moment ago is not compared again, and not kept for ever."""

from agentsh.core.diff import DiffLine, Hunk
from agentsh.runtime.remembered import Remembered


def hunks(lines: int) -> tuple[Hunk, ...]:
    return (Hunk(1, 0, 1, lines, tuple(DiffLine("+", b"%d\n" % n) for n in range(lines))),)


def test_the_same_is_made_once() -> None:
    kept, made = Remembered(), []

    def make() -> tuple[Hunk, ...]:
        made.append(1)
        return hunks(3)

    assert kept.hunks("a", make) is kept.hunks("a", make)
    assert kept.hunks("b", make) is not kept.hunks("a", make)
    assert len(made) == 2


def test_the_longest_unused_go_and_too_much_is_never_kept() -> None:
    kept = Remembered(most=25)
    first, second = kept.hunks("a", lambda: hunks(10)), kept.hunks("b", lambda: hunks(10))
    assert kept.hunks("a", lambda: hunks(10)) is first
    kept.hunks("c", lambda: hunks(10))
    assert kept.hunks("a", lambda: hunks(10)) is first
    assert kept.hunks("b", lambda: hunks(10)) is not second
    huge = kept.hunks("d", lambda: hunks(100))
    assert kept.hunks("d", lambda: hunks(100)) is not huge
