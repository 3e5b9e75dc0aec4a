"""What strangers see of a status page: one immutable view of it, made seldom and shown often.

A crowd opens it when things break. Whether anything changed is asked once a second by each
process, however many ask it; the history is measured again when a status changed, and each minute.
While the database is away, what was seen last is shown as old.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

import sqlalchemy as sa
import structlog
from flask import Flask, current_app
from sqlalchemy.exc import SQLAlchemyError

from sentinelweb import clock
from sentinelweb.core.fingerprint import fingerprint
from sentinelweb.core.public_page import PublicMonitor, PublicPage, PublicSection
from sentinelweb.db import db, is_away
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
from sentinelweb.services import public_history
from sentinelweb.services.errors import NotFoundError, UnavailableError
from sentinelweb.services.public_history import PageHistory
from sentinelweb.services.status_pages import is_slug

log = structlog.get_logger(__name__)

FRESH_FOR = 1.0  # seconds that a look at the database counts
OLD_AFTER = 5.0  # seconds after the last one that succeeded
PATIENCE = 2.0  # seconds to wait for whoever is looking
# A page that nobody asked this process for since may have been taken down long ago.
KEPT_FOR = 86_400.0  # seconds
MAX_TEXTS = 200

_monitors, _items = Monitor.__table__, StatusPageItem.__table__
_heartbeats, _services = HeartbeatCheck.__table__, Service.__table__
_hosts, _processes = Host.__table__, Process.__table__


@dataclass(frozen=True, slots=True)
class Snapshot:
    """A page as it stands; `state` changes when anything on it does.

    `ids` finds its monitors by the aliases that they have, shown or not. One `is_old` that may be
    true no more.
    """

    page: PublicPage
    state: str
    ids: dict[str, int]
    is_old: bool = False
    _texts: dict[Hashable, bytes] = field(default_factory=dict, repr=False)
    _writing: threading.RLock = field(default_factory=threading.RLock, repr=False)

    def text(self, variant: Hashable, write: Callable[[], bytes]) -> bytes:
        """What `write` makes of it, once for everybody who asks, until something changes."""
        variant = self.state, variant
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

    def aged(self) -> Snapshot:
        return replace(self, state=fingerprint(self.state, "old"), is_old=True)


def find(slug: str | None) -> Snapshot:
    """The page of `slug`, or with None the first one; NotFoundError if strangers may not see it.

    At most FRESH_FOR seconds old, or marked as old: the database is away. UnavailableError if it is
    and nothing is remembered of the page.
    """
    known = slug is None or is_slug(slug)  # PostgreSQL takes no NUL
    snapshot = _cache().get(slug) if known else None
    if snapshot is None:
        raise NotFoundError
    return snapshot


class _Entry:
    """What is remembered of one page. One thread at a time looks whether it changed."""

    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.looked_at = self.seen_at = float("-inf")
        self.snapshot: Snapshot | None = None
        self._history_key: object = None
        self._history = PageHistory()

    def is_fresh(self) -> bool:
        return time.monotonic() - self.looked_at < FRESH_FOR

    def patience(self) -> float:
        """Whoever finds somebody looking takes what there was a moment ago, if there was."""
        is_old = time.monotonic() - self.seen_at > OLD_AFTER
        return PATIENCE if is_old or self.snapshot is None else 0

    def refresh(self, slug: str | None) -> None:
        """Look, unless somebody did meanwhile. Of a database that is away nothing is learnt."""
        if self.is_fresh():
            return
        try:
            self._look(slug)
            self.seen_at = time.monotonic()
        except SQLAlchemyError as error:
            if not is_away(error):
                raise
            log.warning("status_page_not_read", error=str(error))
        self.looked_at = time.monotonic()

    def remembered(self) -> Snapshot | None:
        age = time.monotonic() - self.seen_at
        if age <= OLD_AFTER:
            return self.snapshot
        if self.snapshot is None or age > KEPT_FOR:
            raise UnavailableError
        return self.snapshot.aged()

    def _look(self, slug: str | None) -> None:
        now = clock.now()
        page = _page_row(slug)
        if page is None:
            self.snapshot = None
            return
        rows = _rows(page.id)
        shown = [_shown(row) for row in rows]
        minute = now.replace(second=0, microsecond=0)
        ids = {row.alias: row.monitor_id for row in rows if row.alias}
        state = fingerprint(tuple(page), shown, sorted(ids), minute, settings().tz)
        if self.snapshot is None or self.snapshot.state != state:
            history = self._measured(rows, minute, now)
            self.snapshot = Snapshot(_view(page, rows, shown, history, now), state, ids)

    def _measured(
        self, rows: Sequence[sa.Row[Any]], minute: datetime, now: datetime
    ) -> PageHistory:
        """How the monitors did; measured anew only if it may be different."""
        key = (minute, [(row.monitor_id, row.status, row.status_since) for row in rows])
        if key != self._history_key:
            ids = [row.monitor_id for row in rows]
            self._history = public_history.measure(ids, now, settings().tz)
            self._history_key = key
        return self._history


class _Cache:
    def __init__(self) -> None:
        self._entries: dict[str | None, _Entry] = {}

    def get(self, slug: str | None) -> Snapshot | None:
        entry = self._entries.setdefault(slug, _Entry())
        if not entry.is_fresh():
            if entry.lock.acquire(timeout=entry.patience()):
                try:
                    entry.refresh(slug)
                finally:
                    entry.lock.release()
            else:
                entry.looked_at = time.monotonic()  # nobody else need wait as long
        if entry.snapshot is None:  # addresses that lead nowhere are endless
            self._entries.pop(slug, None)
        return entry.remembered()


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
    history: PageHistory,
    now: datetime,
) -> PublicPage:
    """Sections come in the order of their first monitors."""
    sections: dict[str, list[PublicMonitor]] = {}
    for row, values in zip(rows, shown, strict=True):
        did = history.of(row.monitor_id)
        monitor = PublicMonitor(**values, days=did.days, uptime=did.uptime, incidents=did.incidents)
        sections.setdefault(row.section, []).append(monitor)
    return PublicPage(
        slug=page.slug,
        title=page.title,
        description=page.description,
        is_listed=page.visibility == Visibility.PUBLIC,
        as_of=now,
        sections=tuple(PublicSection(name, tuple(found)) for name, found in sections.items()),
        has_all_incidents=history.has_all_incidents,
    )
