"""Lines that did similar things, for the prompt of a small model: looked up by BM25, without a network.

The pairs that ship were made by running them (``scripts/make_tasks.py``); ``agentsh model index add`` adds a person's
own.
"""

from __future__ import annotations

import json
import math
import re
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from agentsh.config import data_dir
from agentsh.core.errors import UsageError
from agentsh.core.sanitise import visible_path

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

SHIPPED = Path(__file__).parent / "pairs.jsonl"
HELP = Path(__file__).parent / "command_help.json"
_OF_A_SHAPE = 2
_K1, _B = 1.2, 0.75  # Robertson and Zaragoza 2009
_LONGEST = 4000  # characters of a wish or a line
_MOST = 100_000  # pairs of a person's own


class Pair(NamedTuple):
    """A wish and a line that fulfilled it."""

    instruction: str
    command: str


class Index:
    """Pairs by what their wishes say (BM25).

    Args:
        pairs: they; of equal lines with equal wishes one is kept.
    """

    def __init__(self, pairs: Iterable[Pair]) -> None:
        self.pairs = list(dict.fromkeys(pairs))
        self._of: dict[str, list[tuple[int, int]]] = {}
        self._lengths = []
        for number, pair in enumerate(self.pairs):
            words = _words(pair.instruction)
            self._lengths.append(len(words))
            for word, times in Counter(words).items():
                self._of.setdefault(word, []).append((number, times))
        self._mean = sum(self._lengths) / len(self._lengths) if self._lengths else 1.0

    def best(self, wish: str, many: int) -> list[Pair]:
        """The nearest pairs, the nearest first, no line twice and no more than two lines of a shape: what is near by
        words alone should leave room for another way.
        """  # noqa: D205
        scores: dict[int, float] = {}
        for word in set(_words(wish)):
            found = self._of.get(word, [])
            rarity = math.log(1 + (len(self.pairs) - len(found) + 0.5) / (len(found) + 0.5))
            for number, times in found:
                long = 1 - _B + _B * self._lengths[number] / self._mean
                scores[number] = scores.get(number, 0.0) + rarity * times * (_K1 + 1) / (times + _K1 * long)
        out: dict[str, Pair] = {}
        shapes: Counter[str] = Counter()
        for number in sorted(scores, key=lambda n: (-scores[n], n)):
            pair = self.pairs[number]
            shape = _shape(pair.command)
            if pair.command not in out and shapes[shape] < _OF_A_SHAPE:
                out[pair.command] = pair
                shapes[shape] += 1
            if len(out) == many:
                break
        return list(out.values())


def _words(text: str) -> list[str]:
    """Words and extensions: of the path ``data/x.csv`` ``csv`` counts alone, names say nothing of what is wished."""
    plain = re.sub(r"[\w./-]*[\w/]\.([A-Za-z]\w*)", r" \1 ", text)
    plain = re.sub(r"\w+(?:/\w+)+", " / ", plain)
    return re.findall(r"[a-z]+|/", plain.lower())


def _shape(line: str) -> str:
    """The commands of a line with their options."""
    return " ".join(re.findall(r"(?:^|[|;&]\s*)(\w+(?:\s+-\w+)*)", line))


def own_pairs_file() -> Path:
    """Where a person's own pairs are kept."""
    return data_dir() / "model-pairs.jsonl"


def load_index() -> Index:
    """The pairs that ship, and the person's own before them.

    Raises:
        UsageError: the file of the person's own is damaged.
    """
    own = own_pairs_file()
    return Index([*(read_pairs(own) if own.exists() else ()), *read_pairs(SHIPPED)])


def read_pairs(path: Path) -> list[Pair]:
    """Pairs of a JSON-lines file with ``instruction`` and ``command``.

    Raises:
        UsageError: it cannot be read, or a line is no pair.
    """
    shown = visible_path(str(path).encode("utf-8", "surrogateescape"))
    try:
        lines = path.read_text("utf-8").splitlines()
    except (OSError, UnicodeError) as e:
        raise UsageError(f"The pairs {shown} cannot be read: {type(e).__name__}.") from e
    pairs = []
    for number, line in enumerate(lines, 1):
        try:
            data = json.loads(line)
            pair = Pair(data["instruction"], data["command"])
        except (ValueError, KeyError, TypeError, RecursionError):
            pair = Pair("", "")
        if not all(isinstance(t, str) and t.strip() and len(t) <= _LONGEST for t in pair):
            raise UsageError(
                f"Line {number} of {shown} is no pair.",
                next_step='Each line is an object: {"instruction": "...", "command": "..."}.',
            )
        pairs.append(pair)
    return pairs


def add_pairs(path: Path) -> int:
    """Add the pairs of a file to the person's own; how many are new.

    Raises:
        UsageError: the file cannot be used, or there would be too many.
    """
    own = own_pairs_file()
    before = dict.fromkeys(read_pairs(own) if own.exists() else ())
    after = before | dict.fromkeys(read_pairs(path))
    if len(after) > _MOST:
        raise UsageError(f"There would be {len(after)} pairs of your own, more than {_MOST}.")
    own.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    beside = own.with_suffix(".part")
    beside.write_text("".join(json.dumps(p._asdict(), ensure_ascii=False) + "\n" for p in after), encoding="utf-8")
    beside.replace(own)
    return len(after) - len(before)


def examples_text(pairs: Sequence[Pair]) -> str:
    """What the prompt says of pairs: wishes and lines, and how the commands in them are used."""
    if not pairs:
        return ""
    said = ["Lines that did similar things:"]
    for pair in pairs:
        said += [f"# {' '.join(pair.instruction.split())}", pair.command]
    usage = _usage(pairs)
    return "\n".join([*said, *(["Usage:", *usage] if usage else [])])


def _usage(pairs: Sequence[Pair]) -> list[str]:
    """The usage lines of the commands that the pairs begin with or pipe into, from the userland's own ``--help``."""
    if not HELP.exists():
        return []
    known: dict[str, str] = json.loads(HELP.read_text("utf-8"))
    words = dict.fromkeys(w for p in pairs for w in re.findall(r"(?:^|[|;&]\s*)([a-z0-9]+)", p.command))
    return [known[w] for w in words if w in known]
