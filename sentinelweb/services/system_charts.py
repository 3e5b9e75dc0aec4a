"""The charts of the system dashboard."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import NamedTuple

from sentinelweb.core.charts import Chart, Line, max_of, path
from sentinelweb.core.measures import by_result, share
from sentinelweb.core.ranges import instant
from sentinelweb.core.results import Result
from sentinelweb.i18n import gettext as _
from sentinelweb.services.live import Panel
from sentinelweb.services.series import ByBucket


@dataclass(frozen=True, slots=True)
class ResultColumn:
    """The results of one bucket; `blocks` are (result, y, height) of a column 100 high."""

    at: datetime
    counts: dict[Result, int]
    blocks: Sequence[tuple[Result, float, float]]


class Spark(NamedTuple):
    """A line without scales, in its colour."""

    colour: int
    path: str


@dataclass(frozen=True, slots=True)
class SystemCharts:
    """`host` are those of CPU, RAM and disk. `services` has a line a service, `sparks` one each."""

    host: Sequence[Chart]
    cycles: Chart
    internet: Chart
    results: Sequence[ResultColumn]
    latency: Chart
    services: Chart
    sparks: Sequence[Spark]


def charts(panel: Panel) -> SystemCharts:
    host, names = panel.host_points, (("cpu", _("CPU")), ("ram", _("RAM")), ("disk", _("Disk")))
    lines = [
        Line(item.row.name, panel.series(item.points, "latency"), number)
        for number, item in enumerate(panel.services)
    ]
    return SystemCharts(
        [
            Chart(
                name,
                label,
                "%",
                panel.buckets,
                [Line(label, panel.series(host, name), number)],
                ceiling=100,
            )
            for number, (name, label) in enumerate(names)
        ],
        _spread_chart(panel, host, "duration", "cycles", _("Duration of a cycle"), 0),
        _spread_chart(panel, host, "ping", "internet", _("Ping"), 4),
        _result_columns(panel),
        _spread_chart(
            panel, panel.result_points, "latency", "latency", _("Latency of all services"), 1
        ),
        Chart("services", _("Latency of each service"), "ms", panel.buckets, lines),
        [Spark(line.colour, path(line.values, max_of(line.values) or 1)) for line in lines],
    )


def _spread_chart(
    panel: Panel, points: ByBucket, figure: str, key: str, title: str, colour: int
) -> Chart:
    """The mean of a figure, within what was its least and its most."""
    spreads = panel.spreads(points, figure)
    return Chart(
        key,
        title,
        "ms",
        panel.buckets,
        [Line(_("Average"), [each.avg if each else None for each in spreads], colour)],
        low=[each.min if each else None for each in spreads],
        high=[each.max if each else None for each in spreads],
    )


def _result_columns(panel: Panel) -> list[ResultColumn]:
    """Each as high as its share of results, the healthy ones at the bottom."""
    columns = []
    for bucket in panel.buckets:
        points = panel.result_points
        counts = by_result([points[bucket]] if bucket in points else [])
        blocks, bottom = [], 100.0
        for result in Result:
            part = share(counts[result], sum(counts.values()))
            if part:
                blocks.append((result, round(bottom - part * 100, 2), round(part * 100, 2)))
                bottom -= part * 100
        columns.append(ResultColumn(instant(bucket), counts, blocks))
    return columns
