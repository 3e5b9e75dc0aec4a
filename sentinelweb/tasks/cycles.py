"""Cycles and probing as RQ runs them."""

from __future__ import annotations

import structlog

from sentinelweb import clock, jobs
from sentinelweb.extensions import settings
from sentinelweb.services import cycles, liveness, prober, relay

log = structlog.get_logger(__name__)


def run_cycle() -> dict[str, int]:
    """Sample this host and have what is due probed; return how much that is."""
    with jobs.hasty_redis(settings().resolved_redis_url) as redis:
        statistics = cycles.run(clock.now(), redis)
    liveness.beat(liveness.CYCLE)
    if statistics is None:
        return {}
    if statistics.services_late:
        log.warning("services_late", **statistics.as_dict())
    return statistics.as_dict()


def check_services(ids: list[int], cycle_id: str | None) -> None:
    """Have these services probed: a cycle's batch, or what a person asked for (no cycle)."""
    prober.take(ids, cycle_id)


def relay_cycle() -> int | None:
    """Report the latest cycle to HEARTBEAT_URL; return the code of its answer."""
    return relay.run(settings())
