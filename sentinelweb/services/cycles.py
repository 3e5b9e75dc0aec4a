"""Cycles: every LOOP_INTERVAL_SECONDS this host is sampled and whatever is due is looked at.

A cycle claims what is due and hands it to the probing workers in batches; the last batch to come
back ends it. One that overruns is never begun twice: its services are leased, so that the next
cycle finds only what came due since. One whose batches were lost stays unfinished, and holds
nobody up.
"""

from __future__ import annotations

import math
import secrets
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta

import sqlalchemy as sa
import structlog
from redis import Redis
from redis.exceptions import RedisError
from rq import Queue
from sqlalchemy.orm import Session

from config import Settings
from sentinelweb import clock, jobs
from sentinelweb.core.uids import CHANCE_BITS, time_ordered_uuid
from sentinelweb.db import db, writing
from sentinelweb.extensions import settings
from sentinelweb.hosts import containers, internet, sampling
from sentinelweb.models import MonitoringCycle, Service
from sentinelweb.services import leases, local_host

# Many batches are handed out over this share of the interval, rather than all at once: pings and
# pages find the database free in between, and the services' own machines are spared a rush.
SPREAD = 0.5
MOST_SPREAD = 10.0  # seconds, of an interval that is long
MOST_PAUSE = 0.2  # seconds between two batches; few of them are not to wait for nothing
MISSED = 3  # intervals without a cycle
LOST_AFTER = timedelta(seconds=30)  # a batch that waits nowhere, and that nobody has begun

log = structlog.get_logger(__name__)

_cycles = MonitoringCycle.__table__
_services = Service.__table__


@dataclass(slots=True)
class Statistics:
    """What a cycle found due, and how much of it late."""

    services_due: int = 0
    services_late: int = 0
    batches: int = 0

    def as_dict(self) -> dict[str, int]:
        return asdict(self)


def run(now: datetime, redis: Redis) -> Statistics | None:
    """Begin the cycle of `now`; None while there is no administrator, whose host this would be."""
    chosen = settings()
    figures = sampling.sample()
    cycle_id = str(time_ordered_uuid(now, secrets.randbits(CHANCE_BITS)))
    statistics = Statistics()
    with writing() as session:
        host_id = local_host.ensure(session)
        if host_id is None:
            return None
        local_host.reports(session, host_id, now)
        statistics.services_late = _late(session, host_id, now, chosen)
        session.add(
            MonitoringCycle(
                id=cycle_id,
                host_id=host_id,
                created_at=now,
                services_late=statistics.services_late,
                batches_left=1,  # this function itself, until it has claimed all
                **asdict(figures),
            )
        )
    with ThreadPoolExecutor(2, thread_name_prefix="sampling") as pool:
        containers_ = pool.submit(containers.running_containers, chosen.docker_host)
        internet_ = pool.submit(
            internet.look,
            chosen.ping_url,
            seconds=chosen.service_timeout_seconds,
            ipv4_only=chosen.force_ipv4,
        )
        _release_lost(now, redis)
        _claim_all(now, redis, cycle_id, statistics)
        found = internet_.result()
        values = {
            "container_count": containers_.result(),
            "internet_status": found.ok,
            "ping_ms": found.ping_ms,
        }
    with writing() as session:
        session.execute(sa.update(_cycles).where(_cycles.c.id == cycle_id).values(values))
        ended = batch_ended(session, cycle_id)
    if ended:
        ask_for_relay(chosen, redis)
    return statistics


def batch_ended(session: Session, cycle_id: str) -> bool:
    """Record that a batch of the cycle is in. Return whether that was the last one."""
    row = session.execute(
        sa.update(_cycles)
        .where(_cycles.c.id == cycle_id)
        .values(batches_left=_cycles.c.batches_left - 1)
        .returning(_cycles.c.batches_left, _cycles.c.created_at)
    ).one_or_none()
    if row is None or row.batches_left > 0:
        return False
    took = int((clock.now() - row.created_at).total_seconds() * 1_000)
    session.execute(
        sa.update(_cycles).where(_cycles.c.id == cycle_id).values(cycle_duration_ms=max(0, took))
    )
    return True


def ask_for_relay(chosen: Settings, redis: Redis) -> None:
    """Have a cycle that has ended reported to HEARTBEAT_URL, where there is one."""
    if chosen.heartbeat_url:
        jobs.enqueue_once(redis, jobs.RELAY, jobs.RELAY_CYCLE, timeout=60)


def token_of(cycle_id: str) -> datetime | None:
    """What the cycle's leases are known by; None if there is no such cycle."""
    found = db.session.scalar(sa.select(_cycles.c.created_at).where(_cycles.c.id == cycle_id))
    db.session.commit()
    return found


def _late(session: Session, host_id: int, now: datetime, chosen: Settings) -> int:
    """How many services were due before the previous cycle and have not been looked at yet."""
    interval = timedelta(seconds=chosen.loop_interval_seconds)
    this = leases.next_slot(now, chosen.loop_interval_seconds) - interval
    # A cycle claims a moment after its time, or before the next in any case.
    waiting = sa.select(sa.func.count()).where(_services.c.claimed_at < this)
    late = session.scalar(waiting) or 0
    latest = sa.select(sa.func.max(_cycles.c.created_at)).where(_cycles.c.host_id == host_id)
    previous = session.scalar(latest)
    if previous is not None and now - previous > MISSED * interval:
        return late  # the rest nobody could claim: we were away, and probing did not lag behind
    unclaimed = sa.select(sa.func.count()).where(
        _services.c.next_check_at < this - interval, _services.c.claimed_at.is_(None)
    )
    return late + (session.scalar(unclaimed) or 0)


def _claim_all(now: datetime, redis: Redis, cycle_id: str, statistics: Statistics) -> None:
    """Claim what is due and enqueue it, batch by batch, so that probing begins with the first."""
    began_at = time.monotonic()
    pause = _pause(leases.count_due(now))
    while True:
        time.sleep(max(0.0, began_at + statistics.batches * pause - time.monotonic()))
        with writing() as session:
            ids = leases.claim(session, now, limit=leases.BATCH)
            if ids:
                session.execute(
                    sa.update(_cycles)
                    .where(_cycles.c.id == cycle_id)
                    .values(
                        batches_left=_cycles.c.batches_left + 1,
                        services_due=_cycles.c.services_due + len(ids),
                    )
                )
        if ids:
            _enqueue(redis, ids, cycle_id)
            statistics.services_due += len(ids)
            statistics.batches += 1
        if len(ids) < leases.BATCH:
            return


def _pause(due: int) -> float:
    """Seconds between two batches, of which so many services make some."""
    batches = math.ceil(due / leases.BATCH) or 1
    return min(MOST_PAUSE, min(MOST_SPREAD, SPREAD * settings().loop_interval_seconds) / batches)


def _enqueue(redis: Redis, ids: Sequence[int], cycle_id: str) -> None:
    try:
        jobs.enqueue_checks(redis, ids, cycle_id)
    except RedisError:
        # If it was enqueued after all, it finds that it has lost its lease.
        with writing() as session:
            leases.give_back(session, ids, clock.now())
            batch_ended(session, cycle_id)
        raise


def _release_lost(now: datetime, redis: Redis) -> None:
    """Let services be due again whose jobs are gone: Redis may have come back empty."""
    if Queue(jobs.PROBES, connection=redis).count:
        return
    lost = leases.release_waiting(now, claimed_before=now - LOST_AFTER)
    if lost:
        log.warning("batches_lost", services=lost)
