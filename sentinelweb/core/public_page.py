"""What strangers may see of a status page: what stands in these classes, and nothing else."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from itertools import groupby
from zoneinfo import ZoneInfo

from sentinelweb.core.reliability import Incident
from sentinelweb.core.status import Status
from sentinelweb.core.uptime import SEVERITY


@dataclass(frozen=True, slots=True)
class PublicDay:
    """A day from `start` on, its worst status (None: there was no monitor), and time spent down."""

    start: datetime
    worst: str | None
    down: timedelta


@dataclass(frozen=True, slots=True)
class PublicMonitor:
    """`uptime` has its shares of several spans, 0 to 1; `incidents` are the last ones.

    What was not chosen to be shown is None or empty. `interval` is in seconds, or a cron
    expression.
    """

    id: int
    name: str
    status: str
    since: datetime
    days: tuple[PublicDay, ...]
    uptime: tuple[float | None, ...]
    incidents: tuple[Incident, ...]
    alias: str | None
    last_ping: datetime | None
    interval: int | str | None
    latency_ms: float | None
    tags: tuple[str, ...]
    environment: str


@dataclass(frozen=True, slots=True)
class PublicSection:
    name: str
    monitors: tuple[PublicMonitor, ...]


@dataclass(frozen=True, slots=True)
class PublicPage:
    """`has_all_incidents` is false if there were too many of late to be listed."""

    slug: str
    title: str
    description: str
    is_listed: bool
    as_of: datetime
    sections: tuple[PublicSection, ...]
    has_all_incidents: bool

    @property
    def monitors(self) -> list[PublicMonitor]:
        return [monitor for section in self.sections for monitor in section.monitors]

    @property
    def tags(self) -> list[str]:
        return sorted({tag for monitor in self.monitors for tag in monitor.tags})

    @property
    def environments(self) -> list[str]:
        return sorted({monitor.environment for monitor in self.monitors} - {""})

    @property
    def day_statuses(self) -> set[str]:
        """Those that the bars of its monitors have."""
        return {day.worst for monitor in self.monitors for day in monitor.days if day.worst}

    @property
    def worst(self) -> str:
        """The worst status that any monitor has."""
        return next((status for status in SEVERITY if self.count(status)), Status.NEW)

    def count(self, *statuses: str) -> int:
        return sum(monitor.status in statuses for monitor in self.monitors)

    def incident_days(self, timezone: str) -> list[Sequence[tuple[PublicMonitor, Incident]]]:
        """The incidents of each day that had any by the clocks of `timezone`, the newest first.

        One that lasted for days is told on the day that it began.
        """
        zone = ZoneInfo(timezone)
        found = [(monitor, each) for monitor in self.monitors for each in monitor.incidents]
        found.sort(key=lambda pair: pair[1].began_at, reverse=True)
        days = groupby(found, key=lambda pair: pair[1].began_at.astimezone(zone).date())
        return [list(pairs) for _day, pairs in days]

    def narrowed(self, tag: str, environment: str) -> PublicPage:
        """With those monitors alone that have both; an empty text means any."""
        sections = (
            replace(
                section,
                monitors=tuple(
                    monitor
                    for monitor in section.monitors
                    if (not tag or tag in monitor.tags)
                    and (not environment or environment == monitor.environment)
                ),
            )
            for section in self.sections
        )
        return replace(self, sections=tuple(each for each in sections if each.monitors))
