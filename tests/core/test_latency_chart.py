"""The curve of latencies."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from sentinelweb.core.latency_chart import latency_chart

BEGAN = datetime(2026, 1, 7, tzinfo=UTC)


@dataclass
class Point:
    at: datetime
    mean: float | None
    seconds: int = 60

    @property
    def lowest(self):
        return self.mean and self.mean / 2

    @property
    def highest(self):
        return self.mean and self.mean * 2


def point(minute, mean):
    return Point(BEGAN + timedelta(minutes=minute), mean)


def draw(*points, marked=()):
    return latency_chart(points, marked, BEGAN, BEGAN + timedelta(minutes=10), 100)


def test_it_goes_through_the_middle_of_each_span():
    chart = draw(point(0, 50.0), point(1, 100.0))
    assert chart.line == "M50.0 100.0L150.0 0.0"
    assert chart.band == "M50.0 0.0L150.0 -40.0L150.0 100.0L50.0 150.0z"


def test_it_is_interrupted_where_nothing_answered():
    chart = draw(*(point(n, None if 2 <= n < 6 else 50.0) for n in range(10)))
    assert chart.line.count("M") == chart.band.count("M") == 2


def test_a_single_point_can_be_seen():
    assert draw(point(5, 50.0)).line == "M550.0 100.0L551.0 100.0"


def test_what_is_marked_has_a_width_that_can_be_seen():
    failed = Point(BEGAN, None, seconds=0)
    assert draw(failed, marked=[failed]).marks == [(0.0, 4.0)]
    assert draw(failed).line == ""
