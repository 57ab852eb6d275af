"""The rows of a diff, made one by one, are those that a walk over all of it gives."""

from hypothesis import given
from hypothesis import strategies as st

from agentsh.core.diff import DiffLine, FileDiff, Hunk
from agentsh.core.effect import EffectKind
from agentsh.runtime.diff import hunks_of
from agentsh.tui.diffrows import DiffRow, Half, rows_of
from agentsh.tui.picking import Run, runs_of

LINES = st.lists(st.sampled_from([b"a\n", b"b\n", b"\tc\n", "\u00e9\n".encode()]), max_size=30)


def walked(hunk: Hunk, *, split: bool) -> list[DiffRow]:
    """The plain way: line by line, with what was removed and added since the last kept one."""
    rows: list[DiffRow] = []
    old, new = hunk.old_start, hunk.new_start
    removed: list[bytes] = []
    added: list[bytes] = []
    for line in (*hunk.lines, None):
        if line is not None and line.tag != " ":
            (removed if line.tag == "-" else added).append(line.text)
            continue
        if split:
            for k in range(max(len(removed), len(added))):
                was = removed[k] if k < len(removed) else None
                now = added[k] if k < len(added) else None
                left = None if was is None else Half(old + k, "-", was, now)
                rows.append(DiffRow("line", 0, 0, left, None if now is None else Half(new + k, "+", now, was)))
        else:
            same = len(removed) == len(added)
            for k, text in enumerate(removed):
                rows.append(DiffRow("line", 0, 0, Half(0, "-", text, added[k] if same else None), old=old + k))
            for k, text in enumerate(added):
                rows.append(DiffRow("line", 0, 0, Half(new + k, "+", text, removed[k] if same else None)))
        old, new, removed, added = old + len(removed), new + len(added), [], []
        if line is not None:
            kept = Half(new, " ", line.text)
            rows.append(
                DiffRow("line", 0, 0, Half(old, " ", line.text), kept)
                if split
                else DiffRow("line", 0, 0, kept, old=old)
            )
            old, new = old + 1, new + 1
    return rows


def chosen(rows: list[DiffRow], hunks: tuple[Hunk, ...]) -> list[Run]:
    """The runs, from the rows themselves."""
    found: list[Run] = []
    after = 0
    group: list[tuple[int, DiffRow]] = []
    before = 0
    for y, row in [*enumerate(rows), (len(rows), None)]:
        halves = [] if row is None else [h for h in (row.left, row.right) if h is not None]
        if row is not None and row.kind == "line" and any(h.tag != " " for h in halves):
            before = before if group else after
            group.append((y, row))
            after = max([after, *(h.number for h in halves if h.tag == "+")])
            continue
        if group:
            changed = sum(h is not None and h.tag != " " for _, r in group for h in (r.left, r.right))
            found.append(Run((group[0][0], y), before, after, changed))
            group = []
        if row is not None and row.kind == "hunk":
            hunk = hunks[row.hunk]
            after = hunk.new_start - 1 if hunk.new_count else hunk.new_start
        elif halves:
            after = halves[-1].number
    return found


def diff_of(hunks: tuple[Hunk, ...]) -> FileDiff:
    count = [sum(line.tag == tag for h in hunks for line in h.lines) for tag in "+-"]
    return FileDiff(
        path=b"x.txt", kind=EffectKind.MODIFY, before=None, after=None, hunks=hunks, added=count[0], removed=count[1]
    )


@given(LINES, LINES, st.booleans())
def test_rows_are_those_of_a_walk(before: list[bytes], after: list[bytes], split: bool) -> None:
    hunks = tuple(hunks_of(before, after))
    made = rows_of([diff_of(hunks)], split=split).rows
    wanted = [row for h in hunks for row in walked(h, split=split)]
    lines = [row._replace(hunk=0) for row in made if row.kind == "line"]
    assert lines == wanted
    assert len(made) == 1 + len(hunks) + len(wanted)
    assert runs_of(rows_of([diff_of(hunks)], split=split), 0) == chosen(list(made), hunks)


def test_lines_that_come_and_go_in_turns_are_paired_in_order() -> None:
    tags = (("+", b"1\n"), ("-", b"2\n"), ("+", b"3\n"), (" ", b"4\n"))
    hunk = Hunk(1, 2, 1, 3, tuple(DiffLine(t, x) for t, x in tags))  # type: ignore[arg-type]
    for split in (False, True):
        rows = rows_of([diff_of((hunk,))], split=split).rows
        assert [r for r in rows if r.kind == "line"] == walked(hunk, split=split)


def test_the_way_from_hunk_to_hunk() -> None:
    before = [b"%d\n" % n for n in range(60)]
    after = [line for n, line in enumerate(before) if n not in {10, 40}]
    hunks = tuple(hunks_of(before, after))
    rows = rows_of([diff_of(hunks), diff_of(hunks)], split=False).rows
    at = [y for y, row in enumerate(rows) if row.kind == "hunk"]
    assert len(at) == 4
    assert [rows.next_hunk(y, 1) for y in (0, *at)] == [*at, None]
    assert [rows.next_hunk(y, -1) for y in at] == [None, *at[:-1]]
    assert rows[rows.first_of(1, 0)].text == rows[at[2]].text
    assert rows.first_of(1, 0) == at[2]
    assert list(rows[at[0] : at[0] + 3]) == [rows[at[0] + k] for k in range(3)]
    assert rows[-1] == rows[len(rows) - 1]
