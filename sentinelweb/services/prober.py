"""The probing itself: an event loop in a thread looks at services, another records what it finds.

Batches overlap, so that those of a batch that time out hold up nobody, and connections outlive
them. What is in hand when the process dies is not lost: nobody renews its leases any more.
"""

from __future__ import annotations

import asyncio
import contextlib
import threading
import time
from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from queue import Empty, SimpleQueue
from typing import cast

import structlog
from flask import Flask, current_app
from redis.exceptions import RedisError

from config import Settings
from sentinelweb import clock, jobs
from sentinelweb.db import is_away, writing
from sentinelweb.outbound import Reach
from sentinelweb.outbound.network import Network
from sentinelweb.probes.crowd import look_at
from sentinelweb.services import cycles, leases, probing
from sentinelweb.services.leases import Due
from sentinelweb.services.probing import Found, Recorded

ROOM = 2_000  # services in hand from which on no further batch is taken
GATHER_SECONDS = 0.5  # results that come within it share a commit
RENEW_SECONDS = 3.0
RETRY_SECONDS = 1.0
TICK_SECONDS = 1.0
CLOSE_SECONDS = 2.0
HANGS_AFTER = 20.0  # seconds without a turn of one of the threads

log = structlog.get_logger(__name__)


@dataclass(eq=False, slots=True)
class Batch:
    """Services that are looked at together. `waiting` are those without a recorded result.

    A batch of a cycle has its `token`; one that a person asked for has neither.
    """

    cycle_id: str | None
    token: datetime | None
    waiting: set[int]
    renewed_at: float = field(default_factory=time.monotonic)


@dataclass(frozen=True, slots=True)
class _Ended:
    """Comes after the last result of a batch."""

    batch: Batch


_Report = tuple[Batch, Found] | _Ended


class Prober:
    """One for a process, for as long as that lives."""

    def __init__(self, app: Flask) -> None:
        self._app = app
        self._settings: Settings = app.config["SETTINGS"]
        self._loop = asyncio.new_event_loop()
        self._reports: SimpleQueue[_Report] = SimpleQueue()
        self._batches: set[Batch] = set()
        self._looks = 0  # batches that are looked at just now
        self._changed = threading.Condition()
        self._closing = threading.Event()
        self._stopped = asyncio.Event()
        self._looked_at = self._recorded_at = time.monotonic()
        self._ready = threading.Event()
        self._threads = [
            threading.Thread(target=target, name=name, daemon=True)
            for name, target in (("looking", self._look_for_ever), ("recording", self._record_all))
        ]

    def start(self, waits: Callable[[], None] = lambda: None) -> None:
        """Begin, in two threads; `waits` is called every second while `take()` waits for room."""
        self._waits = waits
        for thread in self._threads:
            thread.start()
        self._ready.wait()

    def install(self) -> None:
        """Be the one that `take()` of this module hands batches to."""
        self._app.extensions["prober"] = self

    @property
    def shows_life(self) -> bool:
        """Whether both threads have had a turn of late."""
        oldest = min(self._looked_at, self._recorded_at)
        return time.monotonic() - oldest < HANGS_AFTER

    def take(self, ids: Sequence[int], cycle_id: str | None) -> None:
        """Have a batch probed once there is room for it; returns long before its results."""
        token = cycles.token_of(cycle_id) if cycle_id else None
        if cycle_id is None:
            due = leases.load(ids)
        else:
            due = leases.begin(ids, token, clock.now()) if token else []
        batch = Batch(cycle_id, token, {item.id for item in due})
        with self._changed:
            # From here on its leases are renewed.
            self._batches.add(batch)
            while cycle_id is not None and self._in_hand() - len(batch.waiting) >= ROOM:
                self._changed.wait(1.0)
                self._waits()
        asyncio.run_coroutine_threadsafe(self._look(batch, due), self._loop)

    def drain(self, seconds: float) -> bool:
        """Wait until nothing is in hand; return whether that came true in time."""
        until = time.monotonic() + seconds
        with self._changed:
            while self._batches:
                if time.monotonic() > until:
                    return False
                self._changed.wait(0.1)
        return True

    def close(self) -> None:
        """Stop looking. What is in hand comes due again when its leases end."""
        looking, recording = self._threads
        # First: looks that are broken off find nothing out about their services.
        self._closing.set()
        recording.join(CLOSE_SECONDS)
        self._loop.call_soon_threadsafe(self._stopped.set)
        looking.join(CLOSE_SECONDS)

    def _in_hand(self) -> int:
        return sum(len(batch.waiting) for batch in self._batches)

    def _look_for_ever(self) -> None:
        with contextlib.closing(self._loop) as loop:
            loop.run_until_complete(self._look_until_stopped())

    async def _look_until_stopped(self) -> None:
        chosen = self._settings
        async with Network(
            Reach.PRIVATE if chosen.private_targets_allowed else Reach.PUBLIC,
            ipv4_only=chosen.force_ipv4,
            override_ip=chosen.internal_dns_override_ip,
            docker_host=chosen.docker_host,
        ) as network:
            self._network = network
            self._ready.set()
            while not self._stopped.is_set():
                self._looked_at = time.monotonic()
                with contextlib.suppress(TimeoutError):
                    await asyncio.wait_for(self._stopped.wait(), TICK_SECONDS)
            looks = [look for look in asyncio.all_tasks() if look is not asyncio.current_task()]
            for look in looks:
                look.cancel()
            await asyncio.gather(*looks, return_exceptions=True)

    async def _look(self, batch: Batch, due: Sequence[Due]) -> None:
        self._looks += 1
        try:
            items = ((item.id, item.probe, item.target) for item in due)
            async for service_id, result in look_at(items, self._network):
                self._reports.put((batch, Found(cast("int", service_id), result, clock.now())))
        except Exception:  # whatever it is, the batch has ended
            log.exception("batch_failed", cycle_id=batch.cycle_id)
        finally:
            self._looks -= 1
            self._reports.put(_Ended(batch))

    def _record_all(self) -> None:
        unrecorded: list[_Report] = []
        fails = False
        while not self._closing.is_set():
            self._recorded_at = time.monotonic()
            unrecorded += self._gather(probing.BATCH - len(unrecorded))
            try:
                with self._app.app_context():
                    if unrecorded:
                        self._record(unrecorded)
                    self._renew()
                unrecorded, fails = [], False
            except Exception as error:  # whatever it is, the next ones are recorded
                if not (is_away(error) or isinstance(error, OSError)):
                    log.exception("results_refused")
                    # They would be refused again; that their batches have ended must be told.
                    unrecorded = [item for item in unrecorded if isinstance(item, _Ended)]
                # The others are not lost: the database may be away for no more than a moment.
                elif not fails:
                    log.warning("results_wait_for_database", error=type(error).__name__)
                fails = True
                self._closing.wait(RETRY_SECONDS)

    def _gather(self, room: int) -> list[_Report]:
        """What is found within GATHER_SECONDS of the first, unless there is nothing to wait for."""
        reports: list[_Report] = []
        until = time.monotonic() + TICK_SECONDS
        with contextlib.suppress(Empty):
            while len(reports) < room:
                report = self._reports.get(timeout=max(0.0, until - time.monotonic()))
                if not reports:
                    until = time.monotonic() + GATHER_SECONDS
                reports.append(report)
                batch = report.batch if isinstance(report, _Ended) else report[0]
                if batch.cycle_id is None or not self._looks:  # a person waits, or all is found
                    until = 0
        return reports

    def _record(self, reports: Sequence[_Report]) -> None:
        """Store what was found, in one commit."""
        found: dict[tuple[str | None, datetime | None], list[Found]] = defaultdict(list)
        for report in reports:
            if not isinstance(report, _Ended):
                found[report[0].cycle_id, report[0].token].append(report[1])
        ended = [report.batch for report in reports if isinstance(report, _Ended)]
        recorded, relay = Recorded(), False
        with writing() as session:
            for (cycle_id, token), items in found.items():
                recorded += probing.record(items, cycle_id=cycle_id, token=token)
            for batch in ended:
                if batch.cycle_id is not None:
                    relay |= cycles.batch_ended(session, batch.cycle_id)
        with self._changed:
            for report in reports:
                if not isinstance(report, _Ended):
                    report[0].waiting.discard(report[1].service_id)
            self._batches.difference_update(ended)
            self._changed.notify_all()
        if relay or recorded.alerts:
            self._tell(alerts=recorded.alerts, relay=relay)

    def _tell(self, *, alerts: int, relay: bool) -> None:
        """Wake those who go on with it. The scheduler finds alerts if Redis is away just now."""
        with (
            contextlib.suppress(RedisError),
            jobs.hasty_redis(self._settings.resolved_redis_url) as redis,
        ):
            if alerts:
                jobs.enqueue_once(redis, jobs.DELIVERIES, jobs.SEND_DELIVERIES)
            if relay:
                cycles.ask_for_relay(self._settings, redis)

    def _renew(self) -> None:
        """Keep the leases of what takes longer: a slow service, or a batch that waits for room."""
        now = time.monotonic()
        with self._changed:
            slow = [
                (batch, list(batch.waiting))
                for batch in self._batches
                if batch.token is not None and now - batch.renewed_at > RENEW_SECONDS
            ]
        for batch, ids in slow:
            if ids and batch.token is not None:
                leases.renew(ids, batch.token, clock.now())
            batch.renewed_at = now


def take(ids: Sequence[int], cycle_id: str | None) -> None:
    """Hand a batch to this process's prober; without one, probe it here and now."""
    app: Flask = current_app._get_current_object()  # type: ignore[attr-defined] # noqa: SLF001
    installed: Prober | None = app.extensions.get("prober")
    if installed is not None:
        installed.take(ids, cycle_id)
        return
    prober = Prober(app)
    prober.start()
    try:
        prober.take(ids, cycle_id)
        prober.drain(float("inf"))
    finally:
        prober.close()
