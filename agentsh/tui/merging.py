"""A conflict on the screen: what the person has answered of it so far, and how its texts look beside each other."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, NamedTuple

from agentsh.core.history import Resolution
from agentsh.runtime.merge import Region
from agentsh.runtime.resolving import lines_of
from agentsh.tui import words
from agentsh.tui.text import Row, Safe, Span, fit, path, safe

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from agentsh.core.history import PathConflict, Side
    from agentsh.runtime.resolving import Apart, Pick

_CONTEXT = 3
"""Agreed lines that are shown before and after a place."""

SIDES: dict[str, str] = {
    "ours": "ours, what is there now",
    "theirs": "theirs, the undone state",
    "both": "both, ours first",
    "both-theirs-first": "both, theirs first",
}
_GUTTER = {"ours": "o", "theirs": "t", "both": "b", "both-theirs-first": "b"}
NOT_YET = "not answered"
_SIDES_SAID: dict[str, str] = {"ours": "keep what is there now", "theirs": "take the undone state"}


@dataclass(slots=True)
class Answer:
    """One conflict, and what the person has said to it.

    Attributes:
        conflict: as the runtime gave it.
        apart: its places; None where only a side can be taken.
        side: the side that is taken of all of it.
        picks: what its places become, by number from 0.
        edited: texts of the person's own as they are shown, by place.
        whole: the whole text of the person's own, and as it is shown.
    """

    conflict: PathConflict
    apart: Apart | None = None
    side: Side | None = None
    picks: dict[int, Pick] = field(default_factory=dict)
    edited: dict[int, bytes] = field(default_factory=dict)
    whole: tuple[bytes, bytes] | None = None

    @property
    def places(self) -> int:
        """How many places it has; none where only a side can be taken."""
        return len(self.apart.places) if self.apart is not None else 0

    @property
    def done(self) -> bool:
        """Whether all of it is answered."""
        return self.whole is not None or self.side is not None or (0 < self.places == len(self.picks))

    def take(self, pick: Pick, place: int | None, shown: bytes = b"") -> None:
        """Answer a place, or all of it.

        Args:
            pick: what it becomes.
            place: which one, from 0; None for all.
            shown: a text of the person's own, as it is shown.
        """
        self.whole = self.side = None
        if self.apart is None:
            self.side = "ours" if pick == "ours" else "theirs"
            return
        for n in range(self.places) if place is None else (place,):
            self.picks[n] = pick
            self.edited.pop(n, None)
            if isinstance(pick, bytes):
                self.edited[n] = shown

    def write(self, text: bytes, shown: bytes) -> None:
        """The whole text is one of the person's own."""
        self.side = None
        self.whole = (text, shown)

    @property
    def resolution(self) -> Resolution:
        """The answer, as the runtime takes it."""
        side = self.side
        if side is None and self.whole is None and set(self.picks.values()) <= {"ours", "theirs"}:
            sides = set(self.picks.values())
            side = "ours" if sides == {"ours"} else "theirs" if sides == {"theirs"} else None
        if side is not None:
            return Resolution(side, conflict=self.conflict, path=self.conflict.path)
        text = self.whole[0] if self.whole is not None else b""
        if self.whole is None and self.apart is not None:
            text = self.apart.picked(self.picks).text or b""
        return Resolution(text=text, conflict=self.conflict, path=self.conflict.path)

    def said_of(self, place: int) -> str:
        """In words, what is answered about a place."""
        pick = self.picks.get(place)
        if self.whole is not None:
            return "edited with all of it"
        if pick is None:
            return NOT_YET
        return "edited" if isinstance(pick, bytes) else SIDES[pick]

    def said(self) -> str:
        """In words, what is answered about all of it."""
        if self.whole is not None:
            return "edited as a whole"
        if not self.done:
            some = f"{len(self.picks)} of {self.places} answered"
            return some if self.picks else NOT_YET
        taken = {p if isinstance(p, str) else "" for p in self.picks.values()} or {self.side or ""}
        return _SIDES_SAID.get(taken.pop() if len(taken) == 1 else "", "answered hunk by hunk")


class Spot(NamedTuple):
    """A row of the list: a conflict, one of its places, or a path that is in none.

    Attributes:
        answer: the conflict's number, from 0; -1 for a path that is in none.
        place: the place's number, from 0; None for the whole.
        diff: of a path that is in none, its number, from 0.
    """

    answer: int
    place: int | None = None
    diff: int = -1


def list_rows(answers: Sequence[Answer]) -> Iterator[tuple[Row, Spot]]:
    """The rows of the conflicts and their places."""
    for k, answer in enumerate(answers):
        of = f" ({answer.conflict.action})" if answer.conflict.action else ""
        mark = Span(Safe("✓ "), "added") if answer.done else Span(Safe("? "), "changed")
        name = (Span(path(answer.conflict.path), "heading"), Span(safe(of), "dim"))
        yield (mark, *name, Span(safe(f"  {answer.said()}"), "dim")), Spot(k)
        if answer.places > 1:
            for n in range(answer.places):
                said = answer.said_of(n)
                mark = Span(Safe("? "), "changed") if said == NOT_YET else Span(Safe("✓ "), "added")
                yield (Span(Safe("  ")), mark, Span(safe(f"hunk {n + 1}")), Span(safe(f"  {said}"), "dim")), Spot(k, n)


class Page(NamedTuple):
    """Rows, and where each place begins among them."""

    rows: list[Row]
    starts: list[int]


def side_page(answer: Answer, width: int, *, wide: bool) -> Page:
    """Base, ours and theirs of each place: in columns where there is room, else one below the other."""
    rows: list[Row] = []
    starts: list[int] = []
    parts = answer.apart.shown if answer.apart is not None else ()
    for k, part in enumerate(parts):
        if isinstance(part, bytes):
            rows += _agreed(part, first=k == 0, last=k == len(parts) - 1)
            continue
        place = len(starts)
        starts.append(len(rows))
        rows.append((Span(safe(f"@@ hunk {place + 1} of {answer.places}: {answer.said_of(place)} @@"), "hunk"),))
        pick = answer.picks.get(place)
        taken = {"ours": pick in ("ours", "both", "both-theirs-first"), "base": False}
        taken["theirs"] = pick in ("theirs", "both", "both-theirs-first")
        columns = (
            ("ours", "ours, now", part.ours),
            ("base", "base", part.base),
            ("theirs", "theirs, undone", part.theirs),
        )
        rows += _beside(columns, taken, width) if wide else _below(columns, taken)
    return Page(rows, starts)


_Columns = tuple[tuple[str, str, tuple[bytes, ...]], ...]
_STYLES = {"ours": "added", "base": "dim", "theirs": "removed"}


def _head(name: str, title: str, taken: dict[str, bool]) -> Safe:
    return safe(f"{'●' if taken[name] else '○'} {title}" if name != "base" else f"  {title}")


def _beside(columns: _Columns, taken: dict[str, bool], width: int) -> Iterator[Row]:
    cells = max(10, (width - 2) // 3)
    bar = Span(Safe("│"), "dim")

    def across(texts: Sequence[Safe], styles: Sequence[str]) -> Row:
        spans = [Span(fit(text, cells), style) for text, style in zip(texts, styles, strict=True)]
        return (spans[0], bar, spans[1], bar, spans[2])

    yield across([_head(name, title, taken) for name, title, _ in columns], ["heading"] * 3)
    for n in range(max(len(lines) for _, _, lines in columns)):
        here = [_line(lines[n]) if n < len(lines) else Safe("") for _, _, lines in columns]
        yield across(here, [_STYLES[name] for name, _, _ in columns])


def _below(columns: _Columns, taken: dict[str, bool]) -> Iterator[Row]:
    for name, title, lines in columns:
        yield (Span(_head(name, title, taken), "heading"),)
        for line in lines or (b"(nothing)",):
            yield (Span(Safe("    ")), Span(_line(line), _STYLES[name] if lines else "dim"))


def _line(line: bytes) -> Safe:
    return safe(line.removesuffix(b"\n"))


def _agreed(part: bytes, *, first: bool, last: bool) -> Iterator[Row]:
    lines = part.removesuffix(b"\n").split(b"\n") if part else []
    head = [] if first else lines[:_CONTEXT]
    tail = [] if last else lines[len(head) :][-_CONTEXT:]
    left = len(lines) - len(head) - len(tail)
    for line in head:
        yield (Span(Safe("  ")), Span(_line(line), "dim"))
    if left:
        yield (Span(safe(f"  ⋯ {words.count(left, 'line')} that both sides agree on"), "dim"),)
    for line in tail:
        yield (Span(Safe("  ")), Span(_line(line), "dim"))


def result_page(answer: Answer) -> Page:
    """What the path becomes by what is answered."""
    if answer.whole is not None:
        lines = answer.whole[1].removesuffix(b"\n").split(b"\n")
        return Page([(Span(Safe("e "), "flag"), Span(_line(line))) for line in lines], [])
    rows: list[Row] = []
    starts: list[int] = []
    parts = answer.apart.shown if answer.apart is not None else ()
    for k, part in enumerate(parts):
        if isinstance(part, bytes):
            rows += _agreed(part, first=k == 0, last=k == len(parts) - 1)
        else:
            starts.append(len(rows))
            rows += _becomes(answer, len(starts) - 1, part)
    return Page(rows, starts)


def _becomes(answer: Answer, place: int, shown: Region) -> Iterator[Row]:
    pick = answer.picks.get(place)
    if pick is None:
        yield (Span(safe(f"? hunk {place + 1} is not answered"), "changed"),)
        return
    own = isinstance(pick, bytes)
    text = answer.edited[place] if isinstance(pick, bytes) else lines_of(shown, pick)
    mark = Span(safe("e " if isinstance(pick, bytes) else f"{_GUTTER[pick]} "), "flag" if own else "added")
    if not text:
        yield (mark, Span(Safe("(nothing)"), "dim"))
    for line in text.removesuffix(b"\n").split(b"\n") if text else ():
        yield (mark, Span(_line(line), "title"))
