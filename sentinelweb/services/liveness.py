"""Whether SentinelWeb itself is alive: its parts record themselves, this tells who is silent."""

from __future__ import annotations

import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass, field

import sqlalchemy as sa
import structlog
from flask import Flask, current_app
from redis.exceptions import RedisError
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.exc import SQLAlchemyError

from sentinelweb import clock, jobs
from sentinelweb.db import db, writing
from sentinelweb.extensions import settings
from sentinelweb.models import Component
from sentinelweb.services import leases, outages
from sentinelweb.services.leases import Lag

log = structlog.get_logger(__name__)

SCHEDULER = "scheduler"
WORKER = "worker"
AUDIT = "audit"
CYCLE = "cycle"
PINGS = "pings"
CONNECTED = (SCHEDULER, WORKER)  # by these names, for as long as they live

BEAT_EVERY = 2.0  # seconds between two records of a part that is alive
STALE_AFTER = 7.0  # seconds after which a part counts as silent
AUDITS_MISSED = CYCLES_MISSED = 3  # intervals without one
RECENT = 2.0  # seconds that a page may go by what was looked up last
PATIENCE = 0.2  # seconds that a page waits for a new look


@dataclass(frozen=True, slots=True)
class Part:
    """`age` is in seconds, where the part records itself; None for one that never did."""

    ok: bool
    age: float | None = None


@dataclass(frozen=True, slots=True)
class Readiness:
    """All parts, and whether probing lags behind: that is no reason to start anything again."""

    parts: Mapping[str, Part] = field(default_factory=dict)
    lag: Lag | None = None

    @property
    def ready(self) -> bool:
        return all(part.ok for part in self.parts.values())

    def silent(self, *names: str) -> list[str]:
        """Those of `names` that are known to be stale or away."""
        return [name for name in names if name in self.parts and not self.parts[name].ok]


def beat(name: str) -> None:
    """Record that the part `name` is alive now."""
    with writing() as session:
        table = Component.__table__
        dialect = postgresql if session.get_bind().dialect.name == "postgresql" else sqlite
        insert = dialect.insert(table).values(name=name, seen_at=clock.now())
        session.execute(
            insert.on_conflict_do_update(
                index_elements=[table.c.name], set_={"seen_at": insert.excluded.seen_at}
            )
        )


class Pulse:
    """Records a part that is alive, again and again, and goes on when the database is away."""

    def __init__(self, name: str) -> None:
        self._name = name
        self._beat_at = 0.0
        self._fails = False

    def beat(self) -> None:
        """To be called often: records every BEAT_EVERY seconds."""
        now = time.monotonic()
        if now - self._beat_at < BEAT_EVERY:
            return
        self._beat_at = now
        try:
            beat(self._name)
            self._fails = False
        except (SQLAlchemyError, OSError) as error:  # OSError: SQLite's lock file, on a full disk
            if not self._fails:
                log.warning("database_away", part=self._name, error=str(error))
            self._fails = True


def ages() -> dict[str, float]:
    """Seconds since each part was last recorded.

    A record from the future, left by a clock that was set back, tells as little as an old one.
    """
    now = clock.now()
    rows = db.session.execute(sa.select(Component.name, Component.seen_at))
    return {name: abs((now - seen_at).total_seconds()) for name, seen_at in rows}


def readiness() -> Readiness:
    """All parts. Without the database, what only it knows is left out."""
    redis, connected = _look_at_redis()
    try:
        seen = ages()
        lag = leases.lag(clock.now())
    except SQLAlchemyError:
        db.session.rollback()
        return Readiness({"database": Part(ok=False), "redis": redis})
    parts = {"database": Part(ok=True), "redis": redis}
    # The front door's sign, which takes a write as pings do. Without a front door there is none.
    sign_age = seen.get(outages.WEB)
    if sign_age is not None:
        parts[PINGS] = Part(sign_age <= outages.SILENT_AFTER.total_seconds(), sign_age)
    limits = {
        SCHEDULER: STALE_AFTER,
        WORKER: STALE_AFTER,
        AUDIT: AUDITS_MISSED * settings().worker_interval_sec + STALE_AFTER,
        CYCLE: CYCLES_MISSED * settings().loop_interval_seconds + STALE_AFTER,
    }
    for name, limit in limits.items():
        age = seen.get(name)
        # One that was killed leaves a fresh record behind, but no connection.
        gone = connected is not None and name in CONNECTED and name not in connected
        parts[name] = Part(age is not None and age <= limit and not gone, age)
    return Readiness(parts, lag)


def _look_at_redis() -> tuple[Part, set[str] | None]:
    """Whether Redis answers within a second or so, and who is connected to it, if it tells."""
    try:
        with jobs.hasty_redis(settings().resolved_redis_url) as redis:
            redis.ping()
            return Part(ok=True), jobs.connected_names(redis)
    except RedisError:
        return Part(ok=False), None


class _Recent:
    """The readiness of the last seconds, looked up in a thread: a page does not wait for a Redis
    or a database that is slow to fail."""

    def __init__(self, app: Flask) -> None:
        self._app = app
        self._looking = threading.Lock()
        self._looked_at = float("-inf")
        self._latest = Readiness()

    def get(self) -> Readiness:
        if time.monotonic() - self._looked_at > RECENT and self._looking.acquire(blocking=False):
            look = threading.Thread(target=self._look, daemon=True)
            look.start()
            look.join(PATIENCE)
        return self._latest

    def _look(self) -> None:
        try:
            with self._app.app_context():
                self._latest = readiness()
        finally:
            self._looked_at = time.monotonic()
            self._looking.release()


def recent_readiness() -> Readiness:
    """The readiness as of a few seconds ago; nothing is known before the first look is done."""
    app: Flask = current_app._get_current_object()  # type: ignore[attr-defined] # noqa: SLF001
    recent: _Recent = app.extensions.setdefault("recent_readiness", _Recent(app))
    return recent.get()
