"""`flask scheduler`: rq-scheduler's periodic jobs, and wakes at the very next deadline.

An entry in rq-scheduler for each monitor would be moved by every ping; an index finds the earliest
deadline of all instead, twice a second.
"""

from __future__ import annotations

import signal
import sys
import time
from datetime import datetime

import rq_scheduler
import structlog
from flask import Flask
from redis import Redis
from redis.exceptions import RedisError
from rq.job import Job
from sqlalchemy.exc import SQLAlchemyError

from config import Settings
from sentinelweb import clock, jobs
from sentinelweb.extensions import settings
from sentinelweb.jobs import patient_redis
from sentinelweb.services import (
    audit,
    delivery,
    host_silence,
    import_runs,
    liveness,
    process_watch,
)
from sentinelweb.services.clock_steps import ClockWatch
from sentinelweb.tasks import PERIODIC, Periodic

log = structlog.get_logger(__name__)

TICK_SECONDS = 0.5
A_MOMENT = 0.01  # seconds; rq-scheduler finds a job when its second has begun
LOCK_SECONDS = 3  # how long a scheduler that died holds the others up


def _deliveries_are_due(now: datetime) -> bool:
    due = delivery.next_due()
    return due is not None and due <= now


WAKES = (
    (jobs.AUDITS, jobs.CHECK_HEARTBEATS, audit.is_due),
    (jobs.AUDITS, jobs.CHECK_HOSTS, host_silence.is_due),
    (jobs.AUDITS, jobs.WATCH_PROCESSES, process_watch.is_due),
    (jobs.DELIVERIES, jobs.SEND_DELIVERIES, _deliveries_are_due),
    (jobs.IMPORTS, jobs.RUN_IMPORTS, import_runs.is_due),
)


ALIGNED = frozenset(periodic.name for periodic in PERIODIC if periodic.aligned)


def next_due(now: float, interval: int, *, aligned: bool) -> float:
    """When a job that is enqueued at the Unix time `now` is due again."""
    return now - now % interval + interval if aligned else now + interval


class PeriodicScheduler(rq_scheduler.Scheduler):
    """rq-scheduler for our PERIODIC jobs, driven by `tick()`."""

    def __init__(self, connection: Redis, chosen: Settings) -> None:
        super().__init__(connection=connection)
        self._chosen = chosen
        self._renewed = False

    def tick(self) -> None:
        """Enqueue what is due, unless another scheduler is at it."""
        if not self.acquire_lock():
            return
        try:
            for periodic in PERIODIC:
                self._register(periodic)
            self._renewed = True
            self.enqueue_jobs()
            for queue, task, is_due in WAKES:
                if is_due(clock.now()):
                    jobs.enqueue_once(self.connection, queue, task)
        finally:
            self.remove_lock()

    def acquire_lock(self) -> bool:
        """rq-scheduler's own lock outlives a dead scheduler by 10 s more than the interval."""
        self._lock_acquired = bool(
            self.connection.set(self.scheduler_lock_key, self.name, ex=LOCK_SECONDS, nx=True)
        )
        return self._lock_acquired

    def enqueue_job(self, job: Job) -> None:
        """Without workers for an hour, the same job must not wait sixty times."""
        if self.get_queue_for_job(job).get_job_position(job.id) is None:
            super().enqueue_job(job)
        due = next_due(clock.now().timestamp(), job.meta["interval"], aligned=job.id in ALIGNED)
        self.connection.zadd(self.scheduled_jobs_key, {job.id: due})

    def _register(self, periodic: Periodic) -> None:
        """Let rq-scheduler know the job, after Redis came back empty too.

        Once a run in any case, because the interval may have changed; and when its time lies
        further ahead than its interval, because the clock was set back. Redis may lose all in the
        middle of a tick, and then hold the time without the job.
        """
        interval = periodic.interval(self._chosen)
        due = self.connection.zscore(self.scheduled_jobs_key, periodic.name)
        latest = clock.now().timestamp() + interval + 1
        if (
            self._renewed
            and due is not None
            and due <= latest
            and Job.exists(periodic.name, connection=self.connection)
        ):
            return
        self.schedule(
            clock.now(),
            periodic.task,
            id=periodic.name,
            queue_name=periodic.queue,
            interval=interval,
            timeout=periodic.timeout,
        )


def run(app: Flask) -> None:
    """Tick until SIGTERM or SIGINT, through any outage of Redis or the database."""
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: sys.exit(0))
    with app.app_context():
        chosen = settings()
        redis = patient_redis(chosen.resolved_redis_url, liveness.SCHEDULER)
        scheduler = PeriodicScheduler(redis, chosen)
    pulse = liveness.Pulse(liveness.SCHEDULER)
    watch = ClockWatch()
    fails = False
    while True:
        began_at = time.monotonic()
        with app.app_context():
            try:
                watch.look(clock.now(), time.monotonic())
                scheduler.tick()
                fails = False
            except (RedisError, SQLAlchemyError, OSError) as error:
                if not fails:
                    log.warning("scheduler_waits", error=str(error))
                fails = True
            pulse.beat()
        time.sleep(_pause(began_at + TICK_SECONDS - time.monotonic(), chosen))


def _pause(left: float, chosen: Settings) -> float:
    """How long to sleep: until the next tick, or the next aligned instant if that is sooner."""
    now = clock.now().timestamp()
    intervals = [periodic.interval(chosen) for periodic in PERIODIC if periodic.aligned]
    aligned = [next_due(now, interval, aligned=True) - now + A_MOMENT for interval in intervals]
    return max(0.0, min(left, *aligned))
