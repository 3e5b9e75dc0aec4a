"""`flask worker`: RQ workers, and the process that keeps them alive.

The first worker serves audits alone, so that a slow delivery never delays an audit; one more does
the housekeeping, and one the imports, which may take their time; where there is a relay one waits
for its answers. The others serve deliveries, and audits meanwhile. All of these fork for each job.

Cycles and probing come too often for that: a worker for cycles and those that probe carry out their
jobs themselves, and are replaced now and then, which gives back what memory they have gathered.
"""

from __future__ import annotations

import contextlib
import gc
import logging
import multiprocessing
import os
import random
import signal
import sys
import time
from collections.abc import Callable, Iterator
from multiprocessing.connection import wait
from multiprocessing.context import ForkProcess
from types import FrameType

import structlog
from flask import Flask
from redis import Redis
from redis.client import Pipeline
from redis.exceptions import RedisError
from rq import Queue, Worker
from rq.executions import Execution
from rq.job import Job
from rq.worker import WorkerStatus
from sqlalchemy.exc import SQLAlchemyError

from sentinelweb import clock, lifeline
from sentinelweb.db import db
from sentinelweb.extensions import settings
from sentinelweb.jobs import (
    AUDITS,
    CYCLES,
    DELIVERIES,
    HOUSEKEEPING,
    IMPORTS,
    PROBES,
    RELAY,
    RUN_CYCLE,
    enqueue_once,
    hasty_redis,
    patient_redis,
)
from sentinelweb.runtime.redis_outage import RedisOutage
from sentinelweb.services import environment, import_runs, leases, liveness
from sentinelweb.services.prober import Prober

log = structlog.get_logger(__name__)

DEQUEUE_SECONDS = 2  # how long a worker waits for a job before it shows that it is alive
HANGS_AFTER = 30.0  # seconds without a sign; longer than any wait for a Redis that is away
RESTART_DELAYS = (0.2, 3.0)  # first and last, doubling
STOP_GRACE = 10.0
DRAIN_SECONDS = 8.0  # what a worker that probes has in hand when it is to stop may take as long
SWITCH_SECONDS = 0.0005  # between the threads of a worker that probes
RETIRE_AFTER = 3_600.0  # seconds; the workers that carry out their jobs themselves


class AppWorker(Worker):
    """An RQ worker for this application, which calls `show_life` every few seconds."""

    dequeue_timeout = DEQUEUE_SECONDS
    connection_timeout = DEQUEUE_SECONDS + 3
    max_connection_wait_time = 2.0
    stopping = False

    def __init__(
        self, app: Flask, queues: list[str], show_life: Callable[[], None], outage: RedisOutage
    ) -> None:
        self._app = app
        self._show_life = show_life
        self._outage = outage
        super().__init__(
            queues,
            connection=patient_redis(app.config["SETTINGS"].resolved_redis_url, liveness.WORKER),
            worker_ttl=60,
            job_monitoring_interval=DEQUEUE_SECONDS,
            maintenance_interval=60,
        )

    def _set_ip_address(self, _connection: Redis) -> None:
        """Not asked for: redis-py stumbles over the answer if the socket's path has a space."""
        self.ip_address = "unknown"

    def heartbeat(self, timeout: int | None = None, pipeline: Pipeline | None = None) -> None:
        self._show_life()
        super().heartbeat(timeout, pipeline)
        if pipeline is None:  # else nothing is sent yet
            self._outage.is_over()

    def request_stop(self, signum: int, frame: FrameType | None) -> None:
        self.stopping = True
        super().request_stop(signum, frame)  # type: ignore[no-untyped-call] # rq

    def subscribe(self) -> None:
        """No thread that listens for commands: nobody sends any, and forks want no threads."""

    def unsubscribe(self) -> None:
        """See subscribe()."""

    def main_work_horse(self, job: Job, queue: Queue) -> None:
        lifeline.tie_to(self.pid or 0)
        super().main_work_horse(job, queue)

    def perform_job(self, job: Job, queue: Queue, execution: Execution) -> bool:
        with self._app.app_context(), structlog.contextvars.bound_contextvars(job_id=job.id):
            return bool(super().perform_job(job, queue, execution))


class LastingWorker(AppWorker):
    """One that carries out its jobs itself, without a fork, until RETIRE_AFTER."""

    def __init__(
        self, app: Flask, queues: list[str], show_life: Callable[[], None], outage: RedisOutage
    ) -> None:
        super().__init__(app, queues, show_life, outage)
        self._retires_at = time.monotonic() + RETIRE_AFTER * random.uniform(0.8, 1.0)  # noqa: S311 - not all at once

    def execute_job(self, job: Job, queue: Queue) -> None:
        self.perform_job(job, queue, self.prepare_execution(job))
        self.set_state(WorkerStatus.IDLE)
        if time.monotonic() > self._retires_at:
            self._stop_requested = self.stopping = True


class Slot:
    """The place of one worker in the pool: its process, and when that showed life.

    A `lasting` one forks for no job; `probes` says that it looks at services.
    """

    def __init__(
        self,
        app: Flask,
        name: str,
        queues: list[str],
        *,
        tells_of_redis: bool = False,
        lasting: bool = False,
        probes: bool = False,
    ) -> None:
        self.name = name
        self._class = LastingWorker if lasting or probes else AppWorker
        self._probes = probes
        self._tells_of_redis = tells_of_redis
        self._app = app
        self._queues = queues
        self._shown_at = multiprocessing.RawValue("d", 0.0)  # shared with the worker
        self._process: ForkProcess | None = None
        self._started_at = 0.0
        self._delay = RESTART_DELAYS[0]

    @property
    def shows_life(self) -> bool:
        return bool(time.monotonic() - self._shown_at.value < HANGS_AFTER)

    @property
    def sentinel(self) -> int | None:
        """What becomes readable when the worker ends."""
        return self._process.sentinel if self._process else None

    def keep_running(self) -> None:
        """Start the worker if there is none, kill it if it hangs; to be called often."""
        now = time.monotonic()
        if self._process is None:
            if now - self._started_at >= self._delay:
                self._start()
        elif not self._process.is_alive():
            retired = self._process.exitcode == 0
            if not retired:
                log.warning("worker_ended", worker=self.name, status=self._process.exitcode)
            first, last = RESTART_DELAYS
            lasted = now - self._started_at > 10 * last
            self._delay = first if lasted or retired else min(last, self._delay * 2)
            self._started_at, self._process = now, None
        elif not self.shows_life:
            log.warning("worker_hangs", worker=self.name, silent_for=HANGS_AFTER)
            self._process.kill()

    def terminate(self) -> None:
        if self._process:
            self._process.terminate()

    def join(self, until: float) -> None:
        """Wait until the instant `until` of the monotonic clock, then kill."""
        if self._process:
            self._process.join(max(0.0, until - time.monotonic()))
            if self._process.is_alive():
                self._process.kill()

    def _start(self) -> None:
        self._started_at = self._shown_at.value = time.monotonic()
        self._process = multiprocessing.get_context("fork").Process(
            target=self._work, args=(os.getpid(),), name=self.name
        )
        self._process.start()

    def _work(self, parent: int) -> None:
        """The worker's process: goes on for ever, through any outage of Redis."""
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, signal.SIG_DFL)
        lifeline.tie_to(parent)
        outage = RedisOutage(silent=not self._tells_of_redis)
        logging.getLogger("rq.worker").addFilter(outage)
        with self._prober() as show_life:
            worker: AppWorker | None = None
            while worker is None or not worker.stopping:
                show_life()
                try:
                    worker = self._class(self._app, self._queues, show_life, outage)
                    worker.work(logging_level=None)
                except RedisError as error:
                    outage.goes_on(error)
                    time.sleep(1)

    @contextlib.contextmanager
    def _prober(self) -> Iterator[Callable[[], None]]:
        """What looks at services in the worker's process; yields how that shows life."""
        if not self._probes:
            yield self._show_life
            return
        prober = Prober(self._app)

        def show_life() -> None:
            if prober.shows_life:
                self._show_life()

        # The thread that records must not wait for the other while it holds the database.
        sys.setswitchinterval(SWITCH_SECONDS)
        prober.start(waits=show_life)
        prober.install()
        yield show_life
        prober.drain(DRAIN_SECONDS)
        prober.close()

    def _show_life(self) -> None:
        self._shown_at.value = time.monotonic()


class Pool:
    def __init__(self, app: Flask) -> None:
        self._app = app
        with app.app_context():
            chosen = settings()
        self._slots = [
            Slot(app, "audits", [AUDITS], tells_of_redis=True),
            *(
                Slot(app, f"deliveries-{number}", [DELIVERIES, AUDITS])
                for number in range(1, chosen.worker_processes)
            ),
            Slot(app, "housekeeping", [HOUSEKEEPING]),
            Slot(app, "imports", [IMPORTS]),
            *([Slot(app, "relay", [RELAY])] if chosen.heartbeat_url else []),
            Slot(app, "cycles", [CYCLES], lasting=True),
            *(
                Slot(app, f"probes-{number}", [PROBES], probes=True)
                for number in range(1, chosen.probe_processes + 1)
            ),
        ]

    def run(self) -> None:
        """Keep the workers running until SIGTERM or SIGINT."""
        asked_to_stop = _wakes_on_stop()
        pulse = liveness.Pulse(liveness.WORKER)
        has_begun_anew = False
        try:
            while not wait([asked_to_stop], timeout=0):
                for slot in self._slots:
                    slot.keep_running()
                with self._app.app_context():
                    has_begun_anew = has_begun_anew or _begin_anew()
                    if self._slots[0].shows_life:
                        pulse.beat()
                sentinels = [slot.sentinel for slot in self._slots if slot.sentinel]
                wait([asked_to_stop, *sentinels], timeout=0.5)
        finally:
            self._stop()

    def _stop(self) -> None:
        for slot in self._slots:
            slot.terminate()
        until = time.monotonic() + STOP_GRACE
        for slot in self._slots:
            slot.join(until)


def _wakes_on_stop() -> int:
    """A file that can be read once SIGTERM or SIGINT has come.

    An exception out of the handler could be lost: a signal that comes during a fork is handled by
    the hooks that run after it, and Python ignores what these raise.
    """
    read_end, write_end = os.pipe()
    keeper = os.getpid()

    def stop(*_: object) -> None:
        if os.getpid() != keeper:  # a worker that has only just begun
            os._exit(0)
        os.write(write_end, b"\0")

    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, stop)
    return read_end


def _begin_anew() -> bool:
    """Begin anew; return whether that worked.

    The environment may be another one, and what the workers before us had in hand is due at once.
    """
    try:
        environment.apply(settings())
        released = leases.release_leases(clock.now())
        import_runs.release(clock.now())
    except (SQLAlchemyError, OSError):
        return False
    # Without Redis the scheduler begins the next cycle, when it can.
    with contextlib.suppress(RedisError), hasty_redis(settings().resolved_redis_url) as redis:
        if not Queue(CYCLES, connection=redis).count:
            enqueue_once(redis, CYCLES, RUN_CYCLE)
    if released:
        log.info("leases_released", services=released)
    return True


def run(app: Flask) -> None:
    """Import what the jobs need once, before all forks, and run the pool."""
    import_tasks()
    with app.app_context():
        engine = db.engine
    # A connection shared with the parent would be two processes talking on one line.
    os.register_at_fork(after_in_child=lambda: engine.dispose(close=False))
    # What is there by now stays: a collection in each worker would make a copy of all of it.
    gc.collect()
    gc.freeze()
    Pool(app).run()


def import_tasks() -> None:
    import importlib
    import pkgutil

    from sentinelweb import notifiers, probes, tasks

    for package in (tasks, notifiers, probes):
        for module in pkgutil.iter_modules(package.__path__):
            importlib.import_module(f"{package.__name__}.{module.name}")
