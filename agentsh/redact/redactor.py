"""Take known values, and what looks like credentials, out of text and bytes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from agentsh.redact.detect import find_credentials
from agentsh.redact.encodings import SHORTEST, spellings
from agentsh.redact.packed import TRIGGERS, unpacked
from agentsh.redact.views import NOISE, VIEWS

if TYPE_CHECKING:
    from collections.abc import Iterable

    from ahocorasick_rs import BytesAhoCorasick

    from agentsh.core.secret import Secret

_SQUEEZED_SHORTEST = 8  # without the white space, shorter ones would be found across ordinary words
_DEEPEST = 3  # archives in archives
_GROUP_CHARACTERS = frozenset(b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/-_=")

Spans = list[tuple[int, int]]


@dataclass(frozen=True, slots=True)
class Redacted:
    """What may be shown.

    Attributes:
        data: without values.
        names: the symbolic names of what was taken out, sorted; empty when nothing was.
    """

    data: bytes
    names: tuple[str, ...] = ()

    @property
    def text(self) -> str:
        """``data`` as text, bytes that are no UTF-8 as surrogates."""
        return self.data.decode("utf-8", "surrogateescape")


class Redactor:
    """Replaces values by their names.

    It finds a value as it is and reversed; in hex, base64 (also twice), base32, base85, UTF-16, ROT13; escaped for
    URLs, JSON, Python, HTML and shells, wholly or in part; split over lines, numbered lines, or string literals; and in
    gzip and zlib streams, bare or as base64 or hex. What has been transformed in another way is not found: that a value
    stays in rests on its never being handed out, this is the second wall.

    Args:
        secrets: the known values. One of fewer than six bytes cannot be told from ordinary text and is not looked for.
    """

    def __init__(self, secrets: Iterable[Secret] = ()) -> None:
        self.unprotected: tuple[str, ...] = ()
        """Names of secrets that are too short to be looked for."""
        names: dict[bytes, tuple[bytes, bool]] = {}
        short = []
        for secret in secrets:
            value = secret.reveal().encode("utf-8", "surrogateescape")
            if len(value) < SHORTEST:
                short.append(secret.name)
                continue
            mark = str(secret).encode()
            for spelling, shared in spellings(value).items():
                names.setdefault(spelling, (mark, shared))
        self.unprotected = tuple(sorted(short))
        self._exact = _Automaton(names, TRIGGERS)
        squeezed: dict[bytes, tuple[bytes, bool]] = {}
        for spelling, meaning in names.items():
            if len(bare := spelling.translate(None, NOISE)) >= _SQUEEZED_SHORTEST:
                squeezed.setdefault(bare, meaning)
        self._squeezed = _Automaton(squeezed)

    @property
    def idle(self) -> bool:
        """Whether it knows no values."""
        return not self._exact

    @property
    def spellings(self) -> tuple[bytes, ...]:
        """All that is looked for, sorted. Secret."""
        return self._exact.patterns

    def redact(self, data: bytes, *, detect: bool = False) -> Redacted:
        """``data`` without values.

        Time is linear in the size; about 100 MB a second for a hundred secrets on text that holds none.

        Args:
            data: anything.
            detect: look for credentials that are not known, too.
        """
        names: set[bytes] = set()
        if self._exact:
            data = self._known(data, names, 0)
        if detect:
            edits = [(start, end, f"secret:{kind}".encode()) for start, end, kind in find_credentials(data)]
            names.update(mark for _, _, mark in edits)
            data = _cut(data, [([(start, end)], mark) for start, end, mark in edits])
        return Redacted(data, tuple(sorted(n.decode().removeprefix("secret:") for n in names)))

    def text(self, text: str, *, detect: bool = False, found: set[str] | None = None) -> str:
        """``text`` without values; lone surrogates stay as they are.

        Args:
            text: anything.
            detect: look for credentials that are not known, too.
            found: gets the names of what was taken out.
        """
        if self.idle and not detect:
            return text
        redacted = self.redact(text.encode("utf-8", "surrogatepass"), detect=detect)
        if not redacted.names:
            return text
        if found is not None:
            found.update(redacted.names)
        return redacted.data.decode("utf-8", "surrogatepass")

    def value(self, value: Any, *, detect: bool = False, found: set[str] | None = None) -> Any:
        """A decoded JSON value with every string in it, keys included, as :meth:`text` makes it."""
        if self.idle and not detect:
            return value
        if isinstance(value, str):
            return self.text(value, detect=detect, found=found)
        if isinstance(value, dict):
            return {
                self.text(k, detect=detect, found=found) if isinstance(k, str) else k: self.value(
                    v, detect=detect, found=found
                )
                for k, v in value.items()
            }
        if isinstance(value, list | tuple):
            return [self.value(v, detect=detect, found=found) for v in value]
        return value

    def _known(self, data: bytes, names: set[bytes], depth: int) -> bytes:
        hits, triggers = self._exact.find(data)
        if depth < _DEEPEST and triggers:
            data, changed = self._unpack(data, triggers, names, depth)
            if changed:
                hits, _ = self._exact.find(data)
        data = _cut(data, [([(a, b)], self._note(mark, names)) for a, b, mark in hits])
        for look in VIEWS:  # each at what the one before left, so that nothing is replaced twice
            if (view := look(data)) is not None:
                hits, _ = (self._squeezed if view.squeezed else self._exact).find(view.data)
                data = _cut(data, [(view.sources(a, b), self._note(mark, names)) for a, b, mark in hits])
        return data

    def _unpack(self, data: bytes, triggers: list[int], names: set[bytes], depth: int) -> tuple[bytes, bool]:
        """``data`` without the archives that hold values."""
        edits: list[tuple[Spans, bytes]] = []
        for start, end, inner in unpacked(data, triggers):
            inside: set[bytes] = set()
            self._known(inner, inside, depth + 1)
            if inside:
                names |= inside
                edits.append(([(start, end)], b" ".join(sorted(inside))))
        return _cut(data, edits), bool(edits)

    @staticmethod
    def _note(mark: bytes, names: set[bytes]) -> bytes:
        names.add(mark)
        return mark


_HEAD = 8  # bytes of a spelling by which its places are found; an automaton of whole spellings is slow and large


class _Automaton:
    """All spellings at once (Aho and Corasick, 1975): their first bytes lead to places, where each is then compared.

    Args:
        meanings: for each spelling the mark that replaces it, and whether its neighbours may hold bits of it.
        triggers: short texts whose places are told too.
    """

    def __init__(self, meanings: dict[bytes, tuple[bytes, bool]], triggers: tuple[bytes, ...] = ()) -> None:
        self.patterns = tuple(sorted(meanings))
        self._meanings = meanings
        self._matcher: BytesAhoCorasick | None = None
        self._with_head: dict[bytes, list[bytes]] = {}
        for pattern in sorted(self.patterns, key=len, reverse=True):
            self._with_head.setdefault(pattern[:_HEAD], []).append(pattern)
        self._heads = (*self._with_head, *triggers)
        if self.patterns:
            from ahocorasick_rs import BytesAhoCorasick, Implementation, MatchKind  # noqa: PLC0415 - only with secrets

            self._matcher = BytesAhoCorasick(
                self._heads, matchkind=MatchKind.Standard, implementation=Implementation.DFA
            )

    def __bool__(self) -> bool:
        return self._matcher is not None

    def find(self, data: bytes) -> tuple[list[tuple[int, int, bytes]], list[int]]:
        """Where spellings stand (start, end, mark; in order, none within another), and where triggers do."""
        if self._matcher is None:
            return [], []
        found: list[tuple[int, int, bytes]] = []
        triggers: list[int] = []
        heads = len(self._with_head)
        places = sorted((s, which) for which, s, _ in self._matcher.find_matches_as_indexes(data, overlapping=True))
        for start, which in places:
            if which >= heads:
                triggers.append(start)
                continue
            pattern = next((p for p in self._with_head[self._heads[which]] if data.startswith(p, start)), None)
            if pattern is None:
                continue
            mark, shared = self._meanings[pattern]
            end = start + len(pattern)
            if shared:  # a character at either end may hold bits of the value
                start -= start > 0 and data[start - 1] in _GROUP_CHARACTERS  # noqa: PLW2901 - the wider span
                end += end < len(data) and data[end] in _GROUP_CHARACTERS
            if found and start < found[-1][1]:
                start = found[-1][1]  # noqa: PLW2901 - what the one before left of it
            if start < end:
                found.append((start, end, mark))
        return found, triggers


def _cut(data: bytes, edits: list[tuple[Spans, bytes]]) -> bytes:
    """``data`` with a mark in place of each first span, and without the others."""
    if not edits:
        return data
    out: list[bytes] = []
    at = 0
    flat = sorted(
        (start, end, mark if i == 0 else b"") for spans, mark in edits for i, (start, end) in enumerate(spans)
    )
    for start, end, mark in flat:
        if start < at:  # two edits meet: what the first took is gone already
            at = max(at, end)
            continue
        out += (data[at:start], mark)
        at = end
    out.append(data[at:])
    return b"".join(out)
