"""Probing: how many services two probing processes keep up with, and what disturbs them.

The whole program runs as `make run` starts it: front door, worker, scheduler, embedded Redis. Its
10,000 services, each with a host of its own, are looked at every ten seconds. Beside it stands the
ceiling: the same looks by as many processes that do nothing else. `make bench-probes` takes about
nine minutes.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import multiprocessing
import sys
import time
import urllib.request
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import psutil
import sqlalchemy as sa

from benchmarks import crowds, load
from benchmarks.common import Report, cpu_seconds, free_port, median, running
from benchmarks.load import Plan
from benchmarks.receiver import BLACK_HOLE, Receiver
from benchmarks.targets import SILENT
from sentinelweb import clock
from sentinelweb.core.results import Result
from sentinelweb.db import db, writing
from sentinelweb.models import (
    Delivery,
    Monitor,
    MonitoringCycle,
    Service,
    ServiceCheck,
    monitor_channels,
)
from sentinelweb.outbound import Reach
from sentinelweb.outbound.network import Network
from sentinelweb.probes.base import Target
from sentinelweb.probes.crowd import look_at

SERVICES = 10_000
INTERVAL = 10  # seconds
PROCESSES = 2
TIMEOUT = 2.0
PINGS_PER_SECOND = 500
SECONDS = {"SQLite": 60, "PostgreSQL": 30}

_checks = ServiceCheck.__table__
_services = Service.__table__


def address(number: int, port: int) -> str:
    """A URL with a host of its own."""
    return f"http://127.{1 + number // 65_025}.{number // 255 % 255}.{number % 255}:{port}/"


@dataclass(frozen=True)
class Site:
    """A SentinelWeb that runs. `worker` is its process that keeps the workers."""

    values: Mapping[str, Any]
    port: int
    supervisor: psutil.Process
    ids: range

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def worker(self) -> psutil.Process:
        """The process with all workers below it; raises LookupError while there is none."""
        for process in self.supervisor.children():
            with contextlib.suppress(psutil.Error):
                if process.cmdline()[-1:] == ["worker"]:
                    return process
        raise LookupError("there is no worker")


@contextlib.contextmanager
def site(values: Mapping[str, Any], directory: Path, target_port: int) -> Iterator[Site]:
    """All processes, once they are ready; and the services, which are due at once."""
    port = free_port()
    others = {
        "app_host": "127.0.0.1",
        "port": port,
        "admin_email": "admin@example.com",
        "admin_password": "the password of all benchmarks",
        "loop_interval_seconds": INTERVAL,
        "service_timeout_seconds": int(TIMEOUT),
        "probe_processes": PROCESSES,
        "ping_url": address(0, target_port),
    }
    environment = {name.upper(): str(value) for name, value in {**values, **others}.items()}
    command = [sys.executable, "-m", "sentinelweb.runtime.supervisor"]
    with running(command, environment, port=port, log=directory / "stack.log") as process:
        _wait_until_ready(port)
        with crowds.opened(values):
            ids = crowds.add_services(
                crowds.add_team(),
                [address(number, target_port) for number in range(SERVICES)],
                interval=INTERVAL,
            )
        yield Site(values, port, process, ids)


def _wait_until_ready(port: int) -> None:
    give_up = time.monotonic() + 60
    while True:
        try:
            urllib.request.urlopen(f"http://127.0.0.1:{port}/ready", timeout=5).close()
        except OSError:
            if time.monotonic() > give_up:
                raise
            time.sleep(0.2)
        else:
            return


def bare_looks(port: int, share: range, seconds: float) -> float:
    """Looks a second of one process that does nothing else."""

    async def look() -> float:
        items = [(number, "http", Target(address(number, port), {}, TIMEOUT)) for number in share]
        async with Network(Reach.ANYWHERE) as network:
            await _all_healthy(items, network)  # the connections are kept from here on
            began, count = time.perf_counter(), 0
            while time.perf_counter() - began < seconds:
                count += await _all_healthy(items, network)
            return count / (time.perf_counter() - began)

    return asyncio.run(look())


async def _all_healthy(items: list[tuple[int, str, Target]], network: Network) -> int:
    healthy = 0
    async for _key, found in look_at(items, network):
        healthy += found.result is Result.HEALTHY
    if healthy < len(items):
        raise RuntimeError(f"{len(items) - healthy} looks failed")
    return healthy


def ceiling(report: Report, port: int) -> float:
    shares = [range(n, SERVICES, PROCESSES) for n in range(PROCESSES)]
    with multiprocessing.get_context("spawn").Pool(PROCESSES) as pool:
        rates = pool.starmap(bare_looks, [(port, share, 8.0) for share in shares])
    report.figure(f"bare looks by {PROCESSES} processes", per_second=sum(rates))
    return sum(rates)


@dataclass(frozen=True)
class Found:
    """What a stretch of time brought. Times are in seconds, memory in MB."""

    per_second: float
    slowest: float
    unchecked: int
    late: int
    cycle_p50: float
    cycle_max: float
    cores: float
    memory: float


def observe(at: Site, seconds: float, *, chosen: sa.ColumnElement[bool] | None = None) -> Found:
    """Watch whole cycles for so many seconds. `chosen` are the services that count."""
    begin = _wait_for_slot()
    worker = at.worker
    cpu = cpu_seconds(worker)
    time.sleep(seconds)
    end = clock.now()
    cores = (cpu_seconds(worker) - cpu) / seconds
    memory = _memory(worker)
    time.sleep(INTERVAL)  # for what began in time
    with crowds.opened(at.values):
        return _found(begin, end, chosen, cores, memory)


def _wait_for_slot() -> datetime:
    """The beginning of the next cycle, which is now."""
    now = time.time()
    begin = now - now % INTERVAL + INTERVAL
    time.sleep(begin - now)
    return datetime.fromtimestamp(begin, UTC)


def _found(
    begin: datetime,
    end: datetime,
    chosen: sa.ColumnElement[bool] | None,
    cores: float,
    memory: float,
) -> Found:
    slots = round((end - begin).total_seconds() / INTERVAL)
    services = sa.select(_services.c.id).where(sa.true() if chosen is None else chosen)
    checks = db.session.execute(
        sa.select(_checks.c.service_id, _checks.c.created_at).where(
            _checks.c.created_at.between(begin, end), _checks.c.service_id.in_(services)
        )
    ).all()
    times: dict[int, set[int]] = {id_: set() for id_ in db.session.scalars(services)}
    after = []
    for service_id, created_at in checks:
        slot, seconds = divmod((created_at - begin).total_seconds(), INTERVAL)
        times[service_id].add(int(slot))
        after.append(seconds)
    cycles = db.session.execute(
        sa.select(MonitoringCycle.cycle_duration_ms, MonitoringCycle.services_late).where(
            MonitoringCycle.created_at.between(begin, end - timedelta(seconds=INTERVAL / 2))
        )
    ).all()
    durations = [(duration or 1_000_000) / 1_000 for duration, _late in cycles]
    return Found(
        per_second=len(checks) / (end - begin).total_seconds(),
        slowest=max(after, default=0.0),
        unchecked=sum(slots - len(found) for found in times.values()),
        late=sum(late for _duration, late in cycles),
        cycle_p50=median(durations),
        cycle_max=max(durations),
        cores=cores,
        memory=memory,
    )


def _memory(worker: psutil.Process) -> float:
    """Megabytes of the worker with all its processes; what they share counts once."""
    total = 0
    for process in (worker, *worker.children(recursive=True)):
        with contextlib.suppress(psutil.Error):
            total += process.memory_full_info().pss
    return total / 1_000_000


def tell(report: Report, label: str, found: Found) -> None:
    report.figure(
        label,
        per_second=found.per_second,
        cycle_p50_s=found.cycle_p50,
        cycle_max_s=found.cycle_max,
        slots_missed=found.unchecked,
        late=found.late,
        cores=found.cores,
        memory_mb=found.memory,
    )


def all_well(report: Report, database: str, at: Site, bare: float) -> None:
    found = observe(at, SECONDS[database])
    tell(report, f"{SERVICES:,} services every {INTERVAL} s", found)
    report.figure(
        "cores for 1,000 looks a second",
        bare=1_000 * PROCESSES / bare,
        with_all_else=1_000 * found.cores / found.per_second,
    )
    report.target(
        f"{database}: slots of services without a look",
        found.unchecked,
        "0",
        met=found.unchecked == 0,
    )
    report.target(
        f"{database}: the slowest cycle, s", found.cycle_max, f"< {INTERVAL}",
        met=found.cycle_max < INTERVAL,
    )  # fmt: skip


def pings_meanwhile(report: Report, at: Site) -> None:
    with crowds.opened(at.values):
        team = crowds.add_team()
        ids = crowds.add_heartbeats(team, 1_000, crowds.add_webhooks(team, 1, at.url))
        slugs = sa.select(Monitor.slug).where(Monitor.id.between(ids.start, ids.stop - 1))
        paths = [f"/ping/{slug}" for slug in db.session.scalars(slugs)]
    found = load.run(Plan(at.port, paths, 2.0 * INTERVAL, rate=PINGS_PER_SECOND))
    report.figure(
        f"pings meanwhile, {PINGS_PER_SECOND} a second wanted",
        per_second=found.rate,
        p99_ms=found.p99,
        failed=found.failed,
    )


def one_dead_in_ten(report: Report, database: str, at: Site, hole: str) -> None:
    dead = _services.c.id % 10 == 0
    with crowds.opened(at.values):
        _alert(at, hole)
        with writing() as session:
            session.execute(
                sa.update(_services)
                .where(dead)
                .values(target=_services.c.target.concat(SILENT.lstrip("/")))
            )
    _wait_for_slot()
    time.sleep(4 * INTERVAL)  # until their failures are confirmed, and told to the black hole
    found = observe(at, SECONDS[database], chosen=~dead)
    tell(report, "the nine in ten others, one is silent", found)
    with crowds.opened(at.values):
        promised = db.session.scalar(sa.select(sa.func.count()).select_from(Delivery)) or 0
        changes = db.session.scalar(
            sa.select(sa.func.count()).where(_services.c.last_result == Result.TIMEOUT)
        )
    report.figure("the silent ones", timed_out=changes or 0, alerts_promised=promised)
    report.target(
        f"{database}: with one dead in ten, the others' slots without a look",
        found.unchecked,
        "0",
        met=found.unchecked == 0,
    )


def _alert(at: Site, hole: str) -> None:
    """Let the services that are going to be dead alert a channel that never answers."""
    channels = crowds.add_webhooks(1, 20, hole)
    rows = [
        {"monitor_id": id_, "channel_id": channels[id_ // 10 % len(channels)]}
        for id_ in at.ids
        if id_ % 10 == 0
    ]
    with writing() as session:
        session.execute(sa.insert(monitor_channels), rows)


def restart(report: Report, database: str, at: Site) -> None:
    """Kill the worker in the middle of a cycle."""
    _wait_for_slot()
    time.sleep(1)
    killed_at = clock.now()
    worker = at.worker
    worker.kill()
    worker.wait()
    give_up = time.monotonic() + 60
    back_at = None
    while time.monotonic() < give_up:
        time.sleep(0.1)
        with contextlib.suppress(LookupError, psutil.Error):
            back_at = datetime.fromtimestamp(at.worker.create_time(), UTC)
            break
    unchecked = _services.c.last_check_at <= killed_at + timedelta(seconds=0.5)
    with crowds.opened(at.values):
        while time.monotonic() < give_up:
            left = db.session.scalar(sa.select(sa.func.count()).where(unchecked))
            db.session.commit()
            if not left:
                break
            time.sleep(0.2)
        seconds = (clock.now() - (back_at or killed_at)).total_seconds()
    report.figure("after a kill -9 of the worker, all are looked at", seconds=seconds)
    report.target(
        f"{database}: from the worker's return until all are looked at, s",
        seconds,
        f"< {INTERVAL} + its start",
        met=seconds < INTERVAL + 3,
    )


def measure(
    report: Report, database: str, values: Mapping[str, Any], directory: Path, port: int
) -> None:
    report.section(f"{database}, {PROCESSES} probing processes")
    bare = ceiling(report, port)
    with Receiver() as receiver, site(values, directory, port) as at:
        observe(at, INTERVAL)  # the first looks make the connections
        all_well(report, database, at, bare)
        pings_meanwhile(report, at)
        one_dead_in_ten(report, database, at, receiver.url + BLACK_HOLE)
        restart(report, database, at)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--only", choices=crowds.KINDS)
    parser.add_argument("--seconds", type=int, help="how long is measured, instead of the usual")
    arguments = parser.parse_args()
    if arguments.seconds:
        SECONDS.update(dict.fromkeys(SECONDS, arguments.seconds))
    report = Report("probes")
    port = free_port()
    command = [sys.executable, "-m", "benchmarks.targets", str(port)]
    with contextlib.ExitStack() as running_:
        for _ in range(2):
            running_.enter_context(running(command, {}, port=port))
        with crowds.databases(arguments.only) as found:
            for database, url, directory in found:
                values = crowds.migrated(directory / f"probes-{database}", url)
                measure(report, database, values, directory, port)
    return report.end()


if __name__ == "__main__":
    sys.exit(main())
