"""Sums of figures, read: means, spreads and shares of one bucket or of many."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from operator import attrgetter
from typing import Any

from sentinelweb.core.results import Result


@dataclass(frozen=True, slots=True)
class Spread:
    """The largest, mean and smallest of some figures."""

    max: float
    avg: float
    min: float

    @property
    def jitter(self) -> float:
        """Seed 004: the largest less the smallest."""
        return self.max - self.min


def mean(rows: Iterable[Any], name: str) -> float | None:
    """The mean of the figure `name`, whose rows have `<name>_count` and `<name>_sum`."""
    count, total = 0, 0.0
    for counted, summed in map(attrgetter(f"{name}_count", f"{name}_sum"), rows):
        if counted:
            count += counted
            total += summed
    return total / count if count else None


def spread(rows: Iterable[Any], name: str) -> Spread | None:
    """The same with the extremes, for rows that have `<name>_min` and `<name>_max` too."""
    figures = attrgetter(*(f"{name}_{part}" for part in ("count", "sum", "min", "max")))
    found = [figure for figure in map(figures, rows) if figure[0]]
    if not found:
        return None
    counts, sums, lows, highs = zip(*found, strict=True)
    return Spread(max(highs), sum(sums) / sum(counts), min(lows))


def total(rows: Iterable[Any], name: str) -> int:
    return sum(int(getattr(row, name)) for row in rows)


def share(part: int, whole: int) -> float | None:
    """0 to 1; None of nothing."""
    return part / whole if whole else None


def by_result(rows: Iterable[Any]) -> dict[Result, int]:
    """How often each result was found, of rows with a column for each."""
    kept = list(rows)
    return {result: total(kept, result.value) for result in Result}


def share_healthy(counts: Mapping[Result, int]) -> float | None:
    """The share of healthy results. Our own failures say nothing about the service."""
    known = sum(count for result, count in counts.items() if result is not Result.UNKNOWN)
    return share(counts.get(Result.HEALTHY, 0), known)
