"""How a measurement is taken and told: interleaved rounds, medians, ratios within one run."""

from __future__ import annotations

import gc
import statistics
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping


@dataclass(frozen=True)
class Row:
    """One line of the table.

    Attributes:
        benchmark: which one it belongs to.
        name: what was measured.
        seconds: the median; None when it could not be measured.
        spread: half of the distance between the quartiles, seconds.
        ratio: to the benchmark's reference, which was measured in the same rounds.
        goal: the goal in words; empty where there is none.
        met: whether it is met; None where there is no goal or no measurement.
        note: why there is no measurement, or what the number holds.
    """

    benchmark: str
    name: str
    seconds: float | None = None
    spread: float = 0.0
    ratio: float | None = None
    goal: str = ""
    met: bool | None = None
    note: str = ""


@dataclass
class Samples:
    """The times of one subject, seconds."""

    times: list[float] = field(default_factory=list)

    @property
    def median(self) -> float:
        """The middle one."""
        return statistics.median(self.times)

    @property
    def spread(self) -> float:
        """Half of the distance between the quartiles."""
        if len(self.times) < 4:
            return (max(self.times) - min(self.times)) / 2
        low, _, high = statistics.quantiles(self.times, n=4)
        return (high - low) / 2


def interleaved(subjects: Mapping[str, Callable[[], Any]], *, rounds: int, warm: int = 1) -> dict[str, Samples]:
    """Time every subject once a round, so that a slow moment of the machine hits all of them.

    Args:
        subjects: what to call, by name.
        rounds: how often.
        warm: rounds before, not counted.
    """
    samples = {name: Samples() for name in subjects}
    for round_ in range(-warm, rounds):
        for name, call in subjects.items():
            gc.collect()
            start = time.perf_counter()
            call()
            took = time.perf_counter() - start
            if round_ >= 0:
                samples[name].times.append(took)
    return samples


def time_text(seconds: float | None) -> str:
    """A time with a unit that suits it."""
    if seconds is None:
        return "-"
    for unit, factor in (("s", 1.0), ("ms", 1e3)):
        if seconds * factor >= 1:
            return f"{seconds * factor:.3g} {unit}"
    return f"{seconds * 1e6:.3g} us"


def table(rows: list[Row]) -> str:
    """The rows as aligned text."""
    head = ("benchmark", "subject", "median", "+-", "ratio", "goal", "verdict", "")
    lines = [head]
    for r in rows:
        verdict = "" if not r.goal else "not measured" if r.met is None else "met" if r.met else "MISSED"
        lines.append(
            (
                r.benchmark,
                r.name,
                time_text(r.seconds),
                time_text(r.spread) if r.seconds is not None else "",
                f"{r.ratio:.2f}" if r.ratio is not None else "",
                r.goal,
                verdict,
                r.note,
            )
        )
    widths = [max(len(line[i]) for line in lines) for i in range(len(head))]
    return "\n".join("  ".join(cell.ljust(w) for cell, w in zip(line, widths, strict=True)).rstrip() for line in lines)
