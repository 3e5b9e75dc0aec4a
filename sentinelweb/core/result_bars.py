"""The last results of a service as a bar: what to draw, and what it says."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

from sentinelweb.core.results import BY_LETTER, Result

WIDTH, GAP, HEIGHT = 4, 2, 24


@dataclass(frozen=True, slots=True)
class ResultBar:
    """`shapes` are pairs of a result and the path of all its blocks, in a box of `width`.

    One path for each result: a page with fifty bars would have two thousand rectangles.
    """

    width: int
    shapes: Sequence[tuple[Result, str]]
    empty: str
    counts: Sequence[tuple[Result, int]]

    @property
    def total(self) -> int:
        return sum(count for _result, count in self.counts)


@lru_cache(maxsize=4_096)  # most services look alike: all healthy
def result_bar(recent: str, slots: int) -> ResultBar:
    """The bar of `recent`, a letter for each result (see core/results.py), the newest on the right.

    Slots of results that are still to come are on the left.
    """
    results = [BY_LETTER[letter] for letter in recent[-slots:]]
    blocks: dict[Result | None, list[str]] = defaultdict(list)
    missing = slots - len(results)
    for number, result in enumerate((*[None] * missing, *results)):
        x = number * (WIDTH + GAP)
        blocks[result].append(f"M{x} 0h{WIDTH}v{HEIGHT}h-{WIDTH}z")
    counted = Counter(results)
    return ResultBar(
        slots * (WIDTH + GAP) - GAP,
        [(result, "".join(blocks[result])) for result in Result if blocks[result]],
        "".join(blocks[None]),
        [(result, counted[result]) for result in Result if counted[result]],
    )
