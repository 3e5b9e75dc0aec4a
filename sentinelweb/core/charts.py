"""Charts as data: for a script to draw, and as paths of an SVG image where none runs."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

WIDTH, HEIGHT = 300, 80

Values = Sequence[float | None]


@dataclass(frozen=True, slots=True)
class Line:
    """A figure by bucket, None where there is none. `colour` is the number of a colour."""

    label: str
    values: Values
    colour: int = 0


@dataclass(frozen=True)
class Chart:
    """Lines over the same buckets (their starts in seconds since 1970), in `unit`.

    `low` and `high` bound a band behind the lines. `ceiling` is the top of the scale if it is given
    by what is measured, such as 100 %.
    """

    key: str
    title: str
    unit: str
    buckets: Sequence[int]
    lines: Sequence[Line]
    low: Values | None = None
    high: Values | None = None
    ceiling: float | None = None

    @cached_property
    def top(self) -> float:
        """The top of the scale."""
        every = [value for line in self.lines for value in line.values]
        return self.ceiling or round_up(max_of([*every, *(self.high or ())]) or 1)

    @property
    def is_empty(self) -> bool:
        return all(value is None for line in self.lines for value in line.values)

    @cached_property
    def paths(self) -> list[tuple[int, str]]:
        """The number of the colour and the path of each line."""
        return [(line.colour, path(line.values, self.top)) for line in self.lines]

    @cached_property
    def band(self) -> str:
        """The path around the band."""
        if self.low is None or self.high is None:
            return ""
        return area(self.low, self.high, self.top)

    @cached_property
    def data(self) -> dict[str, Any]:
        """What static/js/system.js draws."""
        return {
            "unit": self.unit,
            "ceiling": self.ceiling,
            "x": list(self.buckets),
            "lines": [
                {"label": line.label, "colour": line.colour, "values": _rounded(line.values)}
                for line in self.lines
            ],
            "band": [_rounded(self.low), _rounded(self.high)] if self.low and self.high else None,
        }


def max_of(values: Iterable[float | None]) -> float | None:
    return max((value for value in values if value is not None), default=None)


def round_up(value: float) -> float:
    """The next number that a scale may end with: 1, 2 or 5 times a power of ten."""
    power = 1.0
    while power >= value:
        power /= 10
    while power * 10 < value:
        power *= 10
    return next(step * power for step in (1, 2, 5, 10) if step * power >= value)


def path(values: Values, top: float, width: float = WIDTH, height: float = HEIGHT) -> str:
    """A line through the values, interrupted where there are none; a lone one is a dash."""
    at = _places(len(values), width)
    parts = []
    for stretch in _stretches(values):
        points = [f"{at[number]} {_level(values[number], top, height)}" for number in stretch]
        if len(points) == 1:
            points.append(f"{at[stretch[0]] + 1.5:g} {points[0].split()[1]}")
        parts.append("M" + "L".join(points))
    return "".join(parts)


def area(
    low: Values, high: Values, top: float, width: float = WIDTH, height: float = HEIGHT
) -> str:
    """The area between two lines that have values in the same places."""
    at = _places(len(high), width)
    parts = []
    for stretch in _stretches(high):
        above = [f"{at[number]} {_level(high[number], top, height)}" for number in stretch]
        below = [f"{at[number]} {_level(low[number], top, height)}" for number in stretch]
        parts.append("M" + "L".join(above + below[::-1]) + "z")
    return "".join(parts)


def _places(count: int, width: float) -> list[float]:
    return [round(number * width / max(1, count - 1), 1) for number in range(count)]


def _level(value: float | None, top: float, height: float) -> float:
    return round(height - min((value or 0) / top, 1) * height, 1)


def _stretches(values: Values) -> Iterable[list[int]]:
    """The places of the values, in parts without a gap."""
    stretch: list[int] = []
    for number, value in enumerate(values):
        if value is not None:
            stretch.append(number)
        elif stretch:
            yield stretch
            stretch = []
    if stretch:
        yield stretch


def _rounded(values: Values | None) -> list[float | None]:
    return [None if value is None else round(value, 2) for value in values or ()]
