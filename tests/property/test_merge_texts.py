"""What holds for every merge and every line diff."""

from __future__ import annotations

import subprocess
from itertools import pairwise
from typing import TYPE_CHECKING

from hypothesis import given, settings
from hypothesis import strategies as st

from agentsh.runtime.diff import hunks_of
from agentsh.runtime.linediff import _Matcher, matching_blocks, split_lines
from agentsh.runtime.merge import Region, merge_texts

if TYPE_CHECKING:
    from collections.abc import Sequence

# Few different lines, so that repeats, moves and accidental matches are common.
lines = st.lists(st.sampled_from([b"a\n", b"b\n", b"c\n", b"\n", b"x\r\n", b"}\n"]), max_size=14)
texts = st.builds(lambda body, end: b"".join(body) + end, lines, st.sampled_from([b"", b"a", b"end"]))


def longest_common(a: Sequence[object], b: Sequence[object]) -> int:
    """By the textbook, quadratic."""
    row = [0] * (len(b) + 1)
    for x in a:
        previous = 0
        for j, y in enumerate(b, 1):
            previous, row[j] = row[j], previous + 1 if x == y else max(row[j], row[j - 1])
    return row[-1]


@given(texts)
def test_lines_join_again(text: bytes) -> None:
    assert b"".join(split_lines(text)) == text
    assert all(line.endswith(b"\n") for line in split_lines(text)[:-1])


@settings(max_examples=400)
@given(texts, texts)
def test_blocks_are_equal_lines_in_order(old: bytes, new: bytes) -> None:
    a, b = split_lines(old), split_lines(new)
    i = j = 0
    for block in matching_blocks(a, b):
        assert block.size > 0
        assert block.old >= i
        assert block.new >= j
        assert a[block.old : block.old + block.size] == b[block.new : block.new + block.size]
        i, j = block.old + block.size, block.new + block.size
    assert matching_blocks(a, b) == matching_blocks(list(a), list(b))


_repeating = st.lists(st.integers(0, 3), max_size=30)


@settings(max_examples=400)
@given(_repeating, _repeating)
def test_among_repeated_lines_the_search_finds_the_longest_match(old: list[int], new: list[int]) -> None:
    pairs = _Matcher(old, new)._edit(old, new)
    assert all(old[i] == new[j] for i, j in pairs)
    assert all(a < b and c < d for (a, c), (b, d) in pairwise(pairs))
    assert len(pairs) == longest_common(old, new)


@given(st.lists(st.integers(), unique=True, max_size=30), st.data())
def test_with_unique_lines_the_match_is_the_longest(values: list[int], data: st.DataObject) -> None:
    old = [b"%d\n" % v for v in values]
    new = data.draw(st.permutations(old))
    assert sum(block.size for block in matching_blocks(old, new)) == longest_common(old, new)


@settings(max_examples=400)
@given(texts, texts)
def test_hunks_rebuild_both_sides(old: bytes, new: bytes) -> None:
    a, b = split_lines(old), split_lines(new)
    rebuilt: list[bytes] = []
    at = 0
    for hunk in hunks_of(a, b):
        start = hunk.old_start - 1 if hunk.old_count else hunk.old_start
        rebuilt += a[at:start]
        was = [line.text for line in hunk.lines if line.tag != "+"]
        now = [line.text for line in hunk.lines if line.tag != "-"]
        assert was == a[start : start + hunk.old_count]
        assert len(now) == hunk.new_count
        assert len(rebuilt) == (hunk.new_start - 1 if hunk.new_count else hunk.new_start)
        rebuilt += now
        at = start + hunk.old_count
    assert rebuilt + a[at:] == b


@given(texts, texts)
def test_one_sided_changes_are_taken(base: bytes, other: bytes) -> None:
    assert merge_texts(base, base, other).text == other
    assert merge_texts(base, other, base).text == other
    assert merge_texts(base, other, other).text == other


@settings(max_examples=600)
@given(texts, texts, texts)
def test_merging_is_symmetric(base: bytes, ours: bytes, theirs: bytes) -> None:
    one, two = merge_texts(base, ours, theirs), merge_texts(base, theirs, ours)
    assert one.text == two.text
    assert one.conflicts == two.conflicts


@settings(max_examples=600)
@given(texts, texts, texts)
def test_each_side_can_be_read_off_a_merge_with_conflicts(base: bytes, ours: bytes, theirs: bytes) -> None:
    """Every region's sides are stretches of the sides, in order: nothing of a conflict is lost or made up."""
    merge = merge_texts(base, ours, theirs)
    regions = [p for p in merge.parts if isinstance(p, Region)]
    for whole, side in ((base, 0), (ours, 1), (theirs, 2)):
        at = 0
        for region in regions:
            stretch = b"".join(region[side])
            found = whole.find(stretch, at)
            assert found >= 0
            at = found + len(stretch)


@settings(max_examples=400)
@given(texts, texts, texts)
def test_no_line_of_a_clean_merge_is_lost_or_made_up(base: bytes, ours: bytes, theirs: bytes) -> None:
    text = merge_texts(base, ours, theirs).text
    if text is None:
        return
    merged, sides = split_lines(text), (split_lines(base), split_lines(ours), split_lines(theirs))
    for line in {*merged, *sides[0], *sides[1], *sides[2]}:
        counts = [side.count(line) for side in sides]
        if counts[0] == counts[1] == counts[2]:
            continue  # moved at most
        low, high = min(counts), max(counts)
        # One side's additions and the other's removals add up.
        assert min(low, sum(counts[1:]) - counts[0]) <= merged.count(line) <= max(high, sum(counts[1:]) - counts[0])


@settings(max_examples=100, deadline=None)
@given(st.lists(st.integers(0, 99), min_size=1, max_size=20), st.data())
def test_distant_edits_merge_as_git_merges_them(where: list[int], data: st.DataObject) -> None:
    base = [b"line %d\n" % n for n in range(100)]
    ours, theirs = list(base), list(base)
    for n in where:
        side = data.draw(st.sampled_from([ours, theirs]))
        side[n] = data.draw(st.sampled_from([b"changed %d\n" % n, b"", b"two\nlines %d\n" % n]))
    merge = merge_texts(b"".join(base), b"".join(ours), b"".join(theirs))
    touched = (
        sorted({n for n in range(100) if ours[n] != base[n]}),
        sorted({n for n in range(100) if theirs[n] != base[n]}),
    )
    apart = all(abs(a - b) > 1 for a in touched[0] for b in touched[1])
    if apart:
        assert merge.text == b"".join(o if o != b else t for o, b, t in zip(ours, base, theirs, strict=True))


def test_agrees_with_git_on_clean_merges(tmp_path: object) -> None:
    """Where git's merge is clean and ours is too, the texts are the same."""
    base = b"".join(b"line %d\n" % n for n in range(60))
    ours = base.replace(b"line 10\n", b"ten\n").replace(b"line 30\n", b"").replace(b"line 59\n", b"line 59\nend")
    theirs = base.replace(b"line 20\n", b"line 20\nnew\n").replace(b"line 45\n", b"45\n")
    names = {}
    for name, text in (("ours", ours), ("base", base), ("theirs", theirs)):
        names[name] = f"{tmp_path}/{name}"
        with open(names[name], "wb") as f:
            f.write(text)
    git = subprocess.run(
        ["git", "merge-file", "-p", names["ours"], names["base"], names["theirs"]], capture_output=True, check=True
    )
    assert merge_texts(base, ours, theirs).text == git.stdout


def test_past_the_bound_of_the_search_a_match_is_still_right() -> None:
    """Thousands of lines of which none is unique, every second one changed: bounded work, and most of it found."""
    old = [b"%d\n" % (n * n % 37) for n in range(6000)]
    new = [line if n % 2 else b"%d\n" % (n % 5) for n, line in enumerate(old)]
    blocks = matching_blocks(old, new)
    i = j = 0
    for block in blocks:
        assert (block.old >= i, block.new >= j) == (True, True)
        assert old[block.old : block.old + block.size] == new[block.new : block.new + block.size]
        i, j = block.old + block.size, block.new + block.size
    assert sum(block.size for block in blocks) > len(old) // 3
