"""Redis and RQ as this program uses them: connections that survive an outage, and queues.

Tasks are named by their dotted path, so that services can ask for one without importing it.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from redis import Redis
from redis.backoff import ExponentialWithJitterBackoff
from redis.driver_info import DriverInfo
from redis.exceptions import ConnectionError as RedisConnectionError
from redis.exceptions import ResponseError
from redis.retry import Retry
from rq import Queue

AUDITS = "audits"
DELIVERIES = "deliveries"
HOUSEKEEPING = "housekeeping"
CYCLES = "cycles"
PROBES = "probes"
RELAY = "relay"
IMPORTS = "imports"

CHECK_HEARTBEATS = "sentinelweb.tasks.heartbeats.check_heartbeats"
CHECK_HOSTS = "sentinelweb.tasks.hosts.check_hosts"
WATCH_PROCESSES = "sentinelweb.tasks.processes.watch_processes"
SEND_DELIVERIES = "sentinelweb.tasks.deliveries.send_deliveries"
PRUNE = "sentinelweb.tasks.retention.prune"
SUM_UP = "sentinelweb.tasks.rollups.sum_up"
RUN_CYCLE = "sentinelweb.tasks.cycles.run_cycle"
CHECK_SERVICES = "sentinelweb.tasks.cycles.check_services"
RELAY_CYCLE = "sentinelweb.tasks.cycles.relay_cycle"
RUN_IMPORTS = "sentinelweb.tasks.imports.run_imports"

# Seconds after which a job is killed, where it may take longer than TIMEOUT.
TIMEOUT = 300
TIMEOUTS = {IMPORTS: 3_600}

_HASTY = "hasty"
_LIB_NAME = re.compile(rb" lib-name=sentinelweb-(\w+)")


def patient_redis(url: str, name: str) -> Redis:
    """For workers and the scheduler: rides out a restart of Redis of about 2 s.

    `Redis.from_url` has no retry of its own: a scheduler dies of an outage of 0.3 s. Longer outages
    surface, because whoever waits must still show that it is alive. A timeout is not retried: each
    would take as long as the first. `name` is what connected_names() calls it.
    """
    retry = Retry(ExponentialWithJitterBackoff(cap=1, base=0.05), 6, (RedisConnectionError,))
    return Redis.from_url(
        url,
        retry=retry,
        socket_connect_timeout=2,
        socket_timeout=3,
        health_check_interval=15,
        driver_info=_driver_info(name),
    )


def hasty_redis(url: str) -> Redis:
    """For web requests, which must go on at once when Redis is away."""
    return Redis.from_url(
        url, socket_connect_timeout=0.5, socket_timeout=1, driver_info=_driver_info(_HASTY)
    )


def _driver_info(name: str) -> DriverInfo:
    """A name that a server may ignore. One that refuses CLIENT SETNAME would refuse us."""
    return DriverInfo(f"sentinelweb-{name}")


def connected_names(hasty: Redis) -> set[str] | None:
    """Who has a connection to Redis just now; None where that cannot be known.

    Some servers refuse to tell, and a proxy in between loses the names: then our own is missing.
    """
    try:
        # In the raw: redis-py stumbles over a socket's path with a space in it.
        answer = hasty.execute_command("CLIENT", "LIST")  # type: ignore[no-untyped-call] # redis-py
    except ResponseError:
        return None
    names = {name.decode() for name in _LIB_NAME.findall(answer)}
    return names if _HASTY in names else None


def enqueue_once(connection: Redis, queue: str, task: str, *, timeout: int | None = None) -> bool:
    """Enqueue `task` unless a copy of it waits already. Return whether one was added.

    A copy that runs now does not count: it may have looked before the new work was committed.
    """
    job_id = f"{task.rpartition('.')[2]}-wake"
    waiting = Queue(queue, connection=connection)
    # The list alone knows: a job's own status says "queued" for ever if its worker died at once.
    if waiting.get_job_position(job_id) is not None:
        return False
    waiting.enqueue(
        task,
        job_id=job_id,
        job_timeout=timeout or TIMEOUTS.get(queue, TIMEOUT),
        result_ttl=60,
        failure_ttl=86_400,
    )
    return True


def enqueue_checks(
    connection: Redis, service_ids: Sequence[int], cycle_id: str | None = None
) -> None:
    """Have these services probed: for a cycle in its turn, for a person (None) before all others.

    The job is only a messenger, and leaves nothing behind: what it stands for is the lease of the
    services, which ends if the job is lost.
    """
    Queue(PROBES, connection=connection).enqueue(
        CHECK_SERVICES,
        list(service_ids),
        cycle_id,
        job_timeout=300,
        result_ttl=0,
        failure_ttl=3_600,
        at_front=cycle_id is None,
    )
