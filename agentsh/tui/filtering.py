"""Which entries of the timeline are shown: by words, by kind, by path."""

from __future__ import annotations

import shlex
from dataclasses import dataclass
from typing import TYPE_CHECKING

from agentsh.core.errors import UsageError
from agentsh.core.report import LogKind
from agentsh.tui.text import title

if TYPE_CHECKING:
    from agentsh.core.report import LogEntry

KINDS = ("action", "commit", "revert", "yours", "repair")
"""What entries are: an agent's or a person's action, a commit, an undo, a person's own edit, something put right."""

_UNDOING = ("revert", "restore")


def kind_of(entry: LogEntry) -> str:
    """One of :data:`KINDS`."""
    match entry.kind:
        case LogKind.ACTION:
            return "revert" if entry.details.get("kind") in _UNDOING else "action"
        case LogKind.COMMIT:
            return "commit"
        case LogKind.SNAPSHOT:
            return "yours"
        case _:
            return "repair"


@dataclass(frozen=True, slots=True)
class Filter:
    """Takes entries of which all is true that it asks for.

    Attributes:
        words: each is in the entry's id, title or status; in small letters.
        kinds: of these, if any; see :data:`KINDS`.
        paths: each was touched, or something below it.
    """

    words: tuple[str, ...] = ()
    kinds: tuple[str, ...] = ()
    paths: tuple[str, ...] = ()

    @classmethod
    def parse(cls, text: str) -> Filter:
        """What a person wrote: words, ``kind:commit``, ``path:src/app.py``; quotes hold blanks together.

        Raises:
            UsageError: there is no such kind.
        """
        try:
            parts = shlex.split(text)
        except ValueError:  # a quote that nothing closes: it is meant
            parts = text.split()
        found: dict[str, list[str]] = {"": [], "kind": [], "path": []}
        for part in parts:
            name, colon, value = part.partition(":")
            key = name if colon and value and name in found else ""
            found[key].append(value if key else part.lower())
        for kind in found["kind"]:
            if kind not in KINDS:
                raise UsageError(f"There is no kind {kind!r} of entry.", next_step=f"Kinds are {', '.join(KINDS)}.")
        paths = tuple(p.rstrip("/") or "." for p in found["path"])
        return cls(tuple(found[""]), tuple(found["kind"]), paths)

    @property
    def text(self) -> str:
        """As a person writes it."""
        parts = [*self.words, *(f"kind:{k}" for k in self.kinds), *(f"path:{p}" for p in self.paths)]
        return " ".join(shlex.quote(p) if set(p) & set(" '\"\\") else p for p in parts)

    @property
    def name(self) -> str:
        """As the heading has it; empty when it takes all."""
        return str(title(self.text, most=40))

    def __bool__(self) -> bool:
        return bool(self.words or self.kinds or self.paths)

    def next_kind(self) -> Filter:
        """The one after it, of those that differ in their kind: all, then each."""
        at = KINDS.index(self.kinds[0]) + 1 if self.kinds else 0
        return Filter(self.words, KINDS[at : at + 1], self.paths)

    def takes(self, entry: LogEntry, text: str, touched: frozenset[str]) -> bool:
        """Whether ``entry`` is shown.

        Args:
            entry: the entry.
            text: what of it words are looked for in; in small letters.
            touched: the ids of the entries that touched :attr:`paths`.
        """
        if self.paths and entry.id not in touched:
            return False
        if self.kinds and kind_of(entry) not in self.kinds:
            return False
        return all(word in text for word in self.words)
