"""The curve of latencies over time, as paths of an SVG image."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import pairwise
from typing import Protocol

WIDTH, HEIGHT = 1_000, 200
GAP = 2.5  # steps without a latency after which the line is interrupted


class Point(Protocol):
    """Latencies in milliseconds, None where there was no answer."""

    @property
    def at(self) -> datetime: ...
    @property
    def seconds(self) -> int: ...
    @property
    def mean(self) -> float | None: ...
    @property
    def lowest(self) -> float | None: ...
    @property
    def highest(self) -> float | None: ...


@dataclass(frozen=True, slots=True)
class LatencyChart:
    """`line` is the mean, `band` reaches from the lowest to the highest.

    `marks` are the x and width of each point that the caller marks.
    """

    line: str
    band: str
    marks: Sequence[tuple[float, float]]


def latency_chart(
    points: Sequence[Point], marked: Sequence[Point], began: datetime, ended: datetime, scale: float
) -> LatencyChart:
    """Draw `points` from `began` to `ended`, where `scale` milliseconds are the whole height."""
    span = max((ended - began).total_seconds(), 1.0)

    def x(at: datetime) -> float:
        return round((at - began).total_seconds() / span * WIDTH, 1)

    def middle(point: Point) -> float:
        return x(point.at + timedelta(seconds=point.seconds / 2))

    def y(value: float | None) -> float:
        return round(HEIGHT - min((value or 0) / scale, 1.2) * HEIGHT, 1)

    lines, bands = [], []
    for stretch in _stretches(points):
        xs = [middle(point) for point in stretch]
        means = [f"{at} {y(point.mean)}" for at, point in zip(xs, stretch, strict=True)]
        if len(means) == 1:
            means.append(f"{xs[0] + 1} {y(stretch[0].mean)}")
        lines.append("M" + "L".join(means))
        above = [f"{at} {y(point.highest)}" for at, point in zip(xs, stretch, strict=True)]
        below = [f"{at} {y(point.lowest)}" for at, point in zip(xs, stretch, strict=True)]
        bands.append("M" + "L".join(above + below[::-1]) + "z")
    marks = [(x(point.at), max(round(point.seconds / span * WIDTH, 1), 4.0)) for point in marked]
    return LatencyChart("".join(lines), "".join(bands), marks)


def _stretches(points: Sequence[Point]) -> Iterator[list[Point]]:
    """The points with a latency, in parts without a gap."""
    step = min((after.at - before.at for before, after in pairwise(points)), default=timedelta())
    stretch: list[Point] = []
    for point in points:
        if point.mean is None:
            continue
        if stretch and point.at - stretch[-1].at > max(step * GAP, timedelta(seconds=15)):
            yield stretch
            stretch = []
        stretch.append(point)
    if stretch:
        yield stretch
