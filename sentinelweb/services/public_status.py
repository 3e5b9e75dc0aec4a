"""What strangers see of a status page: one immutable view of it, made seldom and shown often.

A crowd opens it when things break. Whether anything changed is asked once a second by each
process, however many ask it; the history is measured again when a status changed, and each minute.
What a page may show is what stands in these classes, and nothing else.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any

import sqlalchemy as sa
from flask import Flask, current_app

from sentinelweb import clock
from sentinelweb.core.fingerprint import fingerprint
from sentinelweb.core.status import Status
from sentinelweb.core.uptime import SEVERITY, Bucket
from sentinelweb.db import among, db
from sentinelweb.extensions import settings
from sentinelweb.models import (
    HeartbeatCheck,
    Host,
    Monitor,
    Process,
    Service,
    StatusPage,
    StatusPageItem,
    Visibility,
)
from sentinelweb.services import uptime
from sentinelweb.services.errors import NotFoundError
from sentinelweb.services.status_pages import is_slug

FRESH_FOR = 1.0  # seconds that a look at the database counts
DAYS = 90
SPANS = {
    "24h": timedelta(days=1),
    "7d": timedelta(days=7),
    "30d": timedelta(days=30),
    "90d": timedelta(days=DAYS),
}
MAX_TEXTS = 200

_monitors, _items = Monitor.__table__, StatusPageItem.__table__
_heartbeats, _services = HeartbeatCheck.__table__, Service.__table__
_hosts, _processes = Host.__table__, Process.__table__


@dataclass(frozen=True, slots=True)
class PublicDay:
    """A day from `start` on, its worst status (None: there was no monitor), and time spent down."""

    start: datetime
    worst: str | None
    down: timedelta


@dataclass(frozen=True, slots=True)
class PublicMonitor:
    """`uptime` has the shares of SPANS, 0 to 1. What was not chosen to be shown is None or empty.

    `interval` is in seconds, or a cron expression.
    """

    id: int
    name: str
    status: str
    since: datetime
    days: tuple[PublicDay, ...]
    uptime: tuple[float | None, ...]
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
    slug: str
    title: str
    description: str
    is_listed: bool
    as_of: datetime
    sections: tuple[PublicSection, ...]

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
    def worst(self) -> str:
        """The worst status that any monitor has."""
        return next((status for status in SEVERITY if self.count(status)), Status.NEW)

    def count(self, *statuses: str) -> int:
        return sum(monitor.status in statuses for monitor in self.monitors)

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


@dataclass(frozen=True, slots=True)
class Snapshot:
    """A page as it stands; `state` changes when anything on it does.

    `ids` finds its monitors by the aliases that they have, shown or not.
    """

    page: PublicPage
    state: str
    ids: dict[str, int]
    _texts: dict[Hashable, bytes] = field(default_factory=dict, repr=False)
    _writing: threading.RLock = field(default_factory=threading.RLock, repr=False)

    def text(self, variant: Hashable, write: Callable[[], bytes]) -> bytes:
        """What `write` makes of it, once for everybody who asks, until something changes."""
        text = self._texts.get(variant)
        if text is not None:
            return text
        with self._writing:
            text = self._texts.get(variant)
            if text is None:
                text = write()
                if len(self._texts) < MAX_TEXTS:
                    self._texts[variant] = text
        return text


def find(slug: str | None) -> Snapshot:
    """The page of `slug`, or with None the first one; NotFoundError if strangers may not see it.

    At most FRESH_FOR seconds old.
    """
    known = slug is None or is_slug(slug)  # PostgreSQL takes no NUL
    snapshot = _cache().get(slug) if known else None
    if snapshot is None:
        raise NotFoundError
    return snapshot


_Measured = tuple[tuple[PublicDay, ...], tuple[float | None, ...]]


class _Entry:
    """What is remembered of one page. One thread at a time looks whether it changed."""

    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.looked_at = float("-inf")
        self.snapshot: Snapshot | None = None
        self._history_key: object = None
        self._history: dict[int, _Measured] = {}

    def is_fresh(self) -> bool:
        return time.monotonic() - self.looked_at < FRESH_FOR

    def look(self, slug: str | None) -> None:
        now = clock.now()
        page = _page_row(slug)
        if page is None:
            self.snapshot = None
        else:
            rows = _rows(page.id)
            shown = [_shown(row) for row in rows]
            minute = now.replace(second=0, microsecond=0)
            ids = {row.alias: row.monitor_id for row in rows if row.alias}
            state = fingerprint(tuple(page), shown, sorted(ids), minute, settings().tz)
            if self.snapshot is None or self.snapshot.state != state:
                history = self._measured(rows, minute, now)
                self.snapshot = Snapshot(_view(page, rows, shown, history, now), state, ids)
        self.looked_at = time.monotonic()

    def _measured(
        self, rows: Sequence[sa.Row[Any]], minute: datetime, now: datetime
    ) -> dict[int, _Measured]:
        """How the monitors did; measured anew only if it may be different."""
        key = (minute, [(row.monitor_id, row.status, row.status_since) for row in rows])
        if key != self._history_key:
            self._history = _measure([row.monitor_id for row in rows], now)
            self._history_key = key
        return self._history


class _Cache:
    def __init__(self) -> None:
        self._entries: dict[str | None, _Entry] = {}

    def get(self, slug: str | None) -> Snapshot | None:
        entry = self._entries.setdefault(slug, _Entry())
        if not entry.is_fresh():
            # Whoever finds somebody looking takes what there was a moment ago, if there was.
            if entry.lock.acquire(blocking=entry.snapshot is None):
                try:
                    if not entry.is_fresh():
                        entry.look(slug)
                finally:
                    entry.lock.release()
            if entry.snapshot is None:  # addresses that lead nowhere are endless
                self._entries.pop(slug, None)
        return entry.snapshot


def _cache() -> _Cache:
    app: Flask = current_app._get_current_object()  # type: ignore[attr-defined] # noqa: SLF001
    cache: _Cache = app.extensions.setdefault("public_status", _Cache())
    return cache


def _page_row(slug: str | None) -> sa.Row[Any] | None:
    page = StatusPage.__table__.c
    query: sa.Select[Any] = sa.select(
        page.id, page.slug, page.title, page.description, page.visibility
    )
    if slug is None:
        query = query.where(page.is_first, page.visibility == Visibility.PUBLIC).order_by(page.id)
    else:
        query = query.where(page.slug == slug, page.visibility != Visibility.OFF)
    return db.session.execute(query.limit(1)).one_or_none()


def _rows(page_id: int) -> Sequence[sa.Row[Any]]:
    """What the items of a page show, or might: one query, once a second at most."""
    query: sa.Select[Any] = (
        sa.select(
            *_items.c,
            _monitors.c.kind,
            _monitors.c.name,
            _monitors.c.alias,
            _monitors.c.status,
            _monitors.c.status_since,
            _monitors.c.tags,
            _monitors.c.environment,
            sa.func.coalesce(
                _heartbeats.c.last_ping,
                _services.c.last_check_at,
                _hosts.c.last_report_at,
                _processes.c.last_heartbeat,
            ).label("last_ping"),
            sa.func.coalesce(
                _heartbeats.c.expected_period,
                _services.c.interval,
                _hosts.c.silent_after,
                _processes.c.expiry,
            ).label("interval"),
            _heartbeats.c.cron_expression,
            _services.c.last_latency_ms,
        )
        .select_from(_items.join(_monitors, _monitors.c.id == _items.c.monitor_id))
        .where(_items.c.page_id == page_id)
        .order_by(_items.c.position, _items.c.monitor_id)
    )
    for table in (_heartbeats, _services, _hosts, _processes):
        query = query.outerjoin(table, table.c.id == _monitors.c.id)
    return db.session.execute(query).all()


def _shown(row: sa.Row[Any]) -> dict[str, Any]:
    """What of a row strangers may see, by the fields of PublicMonitor."""
    return {
        "id": row.monitor_id,
        "name": row.label or row.name,
        "status": row.status,
        "since": row.status_since,
        "alias": row.alias if row.shows_alias else None,
        "last_ping": row.last_ping if row.shows_last_ping else None,
        "interval": (row.cron_expression or row.interval) if row.shows_interval else None,
        "latency_ms": row.last_latency_ms if row.shows_latency else None,
        "tags": tuple(row.tags) if row.shows_tags else (),
        "environment": row.environment if row.shows_tags else "",
    }


def _view(
    page: sa.Row[Any],
    rows: Sequence[sa.Row[Any]],
    shown: Sequence[dict[str, Any]],
    history: dict[int, _Measured],
    now: datetime,
) -> PublicPage:
    """Sections come in the order of their first monitors."""
    sections: dict[str, list[PublicMonitor]] = {}
    for row, values in zip(rows, shown, strict=True):
        days, shares = history.get(row.monitor_id, ((), (None,) * len(SPANS)))
        monitor = PublicMonitor(**values, days=days, uptime=shares)
        sections.setdefault(row.section, []).append(monitor)
    return PublicPage(
        slug=page.slug,
        title=page.title,
        description=page.description,
        is_listed=page.visibility == Visibility.PUBLIC,
        as_of=now,
        sections=tuple(PublicSection(name, tuple(found)) for name, found in sections.items()),
    )


def _measure(ids: Sequence[int], now: datetime) -> dict[int, _Measured]:
    monitors = db.session.scalars(sa.select(Monitor).where(among(_monitors.c.id, ids))).all()
    if not monitors:
        return {}
    daily = uptime.daily_of_all(monitors, now, days=DAYS, timezone=settings().tz)
    shares = uptime.shares(monitors, now, list(SPANS.values()))
    return {
        monitor.id: (tuple(map(_public_day, daily[monitor.id])), tuple(shares[monitor.id]))
        for monitor in monitors
    }


def _public_day(bucket: Bucket) -> PublicDay:
    return PublicDay(bucket.start, bucket.worst, bucket.time_in(Status.DOWN))
