"""Redis and RQ as this program uses them: connections that survive an outage, two queues.

Tasks are named by their dotted path, so that services can ask for one without importing it.
"""

from __future__ import annotations

import contextlib

from redis import Redis
from redis.backoff import ExponentialWithJitterBackoff
from redis.exceptions import RedisError
from redis.retry import Retry
from rq import Queue
from rq.job import Job, JobStatus

AUDITS = "audits"
DELIVERIES = "deliveries"

CHECK_HEARTBEATS = "sentinelweb.tasks.heartbeats.check_heartbeats"
SEND_DELIVERIES = "sentinelweb.tasks.deliveries.send_deliveries"
PRUNE = "sentinelweb.tasks.retention.prune"


def patient_redis(url: str) -> Redis:
    """For workers and the scheduler: retries for about 10 s before an error surfaces.

    `Redis.from_url` has no retry of its own: a scheduler dies of an outage of 0.3 s.
    """
    retry = Retry(ExponentialWithJitterBackoff(cap=2, base=0.1), 10)
    return Redis.from_url(
        url,
        retry=retry,
        retry_on_error=[ConnectionError, TimeoutError, RedisError],
        socket_connect_timeout=5,
        health_check_interval=15,
    )


def hasty_redis(url: str) -> Redis:
    """For web requests, which must go on at once when Redis is away."""
    return Redis.from_url(url, socket_connect_timeout=0.5, socket_timeout=1)


def enqueue_once(connection: Redis, queue: str, task: str, *, timeout: int = 300) -> bool:
    """Enqueue `task` unless a copy of it waits already. Return whether one was added.

    A copy that runs now does not count: it may have looked before the new work was committed.
    """
    job_id = f"{task.rpartition('.')[2]}-wake"
    with contextlib.suppress(Exception):
        if Job.fetch(job_id, connection=connection).get_status() is JobStatus.QUEUED:
            return False
    Queue(queue, connection=connection).enqueue(
        task, job_id=job_id, job_timeout=timeout, result_ttl=60, failure_ttl=86_400
    )
    return True
