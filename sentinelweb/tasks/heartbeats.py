"""The audit as RQ runs it."""

from __future__ import annotations

from contextlib import suppress

import structlog
from redis.exceptions import RedisError

from sentinelweb import clock, jobs
from sentinelweb.extensions import settings
from sentinelweb.services import audit, liveness

log = structlog.get_logger(__name__)


def check_heartbeats() -> dict[str, int]:
    """Judge what is overdue; return and log seed 000's statistics."""
    statistics = audit.run(clock.now())
    liveness.beat(liveness.AUDIT)
    log.info("heartbeats_checked", **statistics.as_dict())
    if statistics.alerts_sent:
        # Quicker than the scheduler, which finds what is due if Redis is away just now.
        with suppress(RedisError), jobs.hasty_redis(settings().resolved_redis_url) as redis:
            jobs.enqueue_once(redis, jobs.DELIVERIES, jobs.SEND_DELIVERIES)
    return statistics.as_dict()
