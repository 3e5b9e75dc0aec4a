"""The audit: how long it takes to judge a million heartbeats, beside a loop over ORM objects.

`make bench-audit` takes about three minutes; `SIZE=100000` less. Each run has a process of its own,
so that its memory is its own too; machines are shared, so the best of several runs counts.
"""

from __future__ import annotations

import argparse
import contextlib
import multiprocessing
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

import psutil
import sqlalchemy as sa
from sqlalchemy.orm import Session

from benchmarks import crowds
from benchmarks.common import Report, median
from sentinelweb import clock
from sentinelweb.core.status import Event, Status, decide
from sentinelweb.db import db, writing
from sentinelweb.models import Delivery, HeartbeatCheck, Monitor, StatusChange
from sentinelweb.services import audit
from sentinelweb.services.facts import heartbeat_facts
from sentinelweb.services.transitions import delivery_row

CHANNELS = 100
ROUNDS = 3
AT_ONCE = 4

_monitors = Monitor.__table__
_heartbeats = HeartbeatCheck.__table__


@dataclass(frozen=True)
class Task:
    """What a process is to do: `work` on the database of `values`, `times` over."""

    values: Mapping[str, Any]
    work: Callable[[], None]
    times: int
    begin_at: float


@dataclass(frozen=True)
class Run:
    """`seconds` is the median of all times, `longest` the longest transaction of all.

    `megabytes` is by how much the run raised its process's peak of memory.
    """

    seconds: float
    longest: float
    megabytes: float

    def values(self) -> dict[str, float]:
        return {
            "ms": self.seconds * 1_000,
            "longest_transaction_ms": self.longest * 1_000,
            "memory_mb": self.megabytes,
        }


class Crowd:
    """A database full of heartbeats, of which more and more are made due and judged."""

    def __init__(self, values: Mapping[str, Any], size: int) -> None:
        self.size = size
        self._values = values
        with crowds.opened(values):
            team = crowds.add_team()
            channels = crowds.add_webhooks(team, CHANNELS, "http://127.0.0.1:9/")
            crowds.add_heartbeats(team, size, channels)

    def make_due(self, count: int, *, among: int) -> None:
        """Make `count` heartbeats due, scattered over the first `among` of the tables."""
        scattered = sa.cast(_heartbeats.c.id, sa.BigInteger) * 7_919 % self.size
        chosen = (
            sa.select(_heartbeats.c.id)
            .where(_heartbeats.c.overdue_at.is_not(None), _heartbeats.c.id <= among)
            .order_by(scattered)
            .limit(count)
        )
        with crowds.opened(self._values):
            crowds.make_due(_heartbeats.c.id.in_(chosen), clock.now() - timedelta(hours=1))

    def run(self, work: Callable[[], None], *, times: int = 1) -> Run:
        return self.run_at_once(1, work, times=times)[0]

    def run_at_once(self, processes: int, work: Callable[[], None], *, times: int = 1) -> list[Run]:
        """Let fresh processes do `work`; they begin at the same moment."""
        task = Task(self._values, work, times, time.time() + 3)  # they have to start
        with multiprocessing.get_context("spawn").Pool(processes) as pool:
            return pool.map(_run, [task] * processes, chunksize=1)

    def judged(self) -> tuple[int, int, int]:
        """How many heartbeats are down, how many changes and how many deliveries there are."""
        queries = [
            sa.select(sa.func.count()).where(_monitors.c.status == Status.DOWN),
            sa.select(sa.func.count()).select_from(StatusChange),
            sa.select(sa.func.count()).select_from(Delivery),
        ]
        with crowds.opened(self._values):
            down, changes, deliveries = (db.session.scalar(query) or 0 for query in queries)
        return down, changes, deliveries


def _run(task: Task) -> Run:
    """In a process of its own."""
    transactions: list[float] = []

    @contextlib.contextmanager
    def timed_writing() -> Iterator[Session]:
        began = time.perf_counter()
        with writing() as session:
            yield session
        transactions.append(time.perf_counter() - began)

    audit.writing = timed_writing  # type: ignore[attr-defined] # to see each transaction
    with crowds.opened(task.values):
        audit.run(clock.now() - timedelta(days=2))  # nothing was due then: to warm up
        transactions.clear()
        time.sleep(max(0.0, task.begin_at - time.time()))
        before, times = _peak_megabytes(), []
        for _ in range(task.times):
            began = time.perf_counter()
            task.work()
            times.append(time.perf_counter() - began)
        longest = max(transactions, default=max(times))
        return Run(median(times), longest, _peak_megabytes() - before)


def _peak_megabytes() -> float:
    """The most memory that this process has held so far; where that is not told, holds now."""
    with contextlib.suppress(OSError):
        for line in Path("/proc/self/status").read_text().splitlines():
            if line.startswith("VmHWM:"):
                return int(line.split()[1]) / 1_024
    return psutil.Process().memory_info().rss / 1_048_576


def our_audit() -> None:
    audit.run(clock.now())


def bare_update() -> None:
    """The ceiling: the statuses in one statement, without their history and their alerts."""
    now = clock.now()
    due = sa.select(_heartbeats.c.id).where(_heartbeats.c.overdue_at < now)
    with writing() as session:
        session.execute(
            sa.update(_monitors)
            .where(_monitors.c.id.in_(due))
            .values(status=Status.DOWN, status_since=now, updated_at=now)
        )
        session.execute(
            sa.update(_heartbeats).where(_heartbeats.c.overdue_at < now).values(overdue_at=None)
        )


def loop_over_objects() -> None:
    """The peer, over the first tenth of all heartbeats: seed 000's loop as it is usually written.

    Over all of a million it would hold 4 GB, and the lock of the database for minutes.
    """
    with writing() as session:
        last = session.scalar(sa.select(sa.func.max(HeartbeatCheck.id))) or 0
        heartbeats = sa.select(HeartbeatCheck).where(
            HeartbeatCheck.is_active, HeartbeatCheck.id <= last // 10
        )
        for heartbeat in session.scalars(heartbeats):
            _judge(session, heartbeat)


def _judge(session: Session, heartbeat: HeartbeatCheck) -> None:
    now, previous = clock.now(), Status(heartbeat.status)
    decision = decide(previous, Event.TIME_PASSED, heartbeat.deadlines, now)
    if decision.status is previous:
        return
    if decision.alert:
        facts = heartbeat_facts(heartbeat, decision.status, now, note=decision.note)
        for channel in heartbeat.channels:
            values = delivery_row(channel.id, decision.alert, facts, now, monitor_id=heartbeat.id)
            session.add(Delivery(**values))
    session.add(
        StatusChange(
            monitor_id=heartbeat.id,
            prev_status=previous,
            new_status=decision.status,
            note=decision.note,
            created_at=now,
        )
    )
    heartbeat.status, heartbeat.status_since = decision.status, now
    heartbeat.overdue_at = None
    heartbeat.missed_pings += 1


def measure(report: Report, database: str, crowd: Crowd) -> None:
    few, many = 1_000, crowd.size // 10
    report.section(f"{database}, {crowd.size:,} heartbeats, one channel each")

    idle = crowd.run(our_audit, times=50)
    report.figure("audit, nothing due", **idle.values())
    of_few = _best(report, crowd, few)
    of_many = _best(report, crowd, many)
    _exactly_once(report, database, crowd, many // 10)
    _loop(report, crowd, of_few, of_many)

    grown = of_many.megabytes - of_few.megabytes
    longest = of_many.longest * 1_000
    limit = many / 10_000
    report.target(
        f"{database}: nothing due, ms", idle.seconds * 1_000, "< 5", met=idle.seconds < 0.005
    )
    report.target(f"{database}: {few:,} due, s", of_few.seconds, "< 0.3", met=of_few.seconds < 0.3)
    report.target(
        f"{database}: {many:,} due, s",
        of_many.seconds,
        f"< {limit:g}",
        met=of_many.seconds < limit,
    )
    report.target(
        f"{database}: longest transaction of {many:,} due, ms", longest, "< 100", met=longest < 100
    )
    report.target(f"{database}: MB more for {many:,} than for {few:,}", grown, "< 5", met=grown < 5)


def _best(report: Report, crowd: Crowd, due: int) -> Run:
    """The best of several audits with so many due, each beside a bare update of as many."""
    runs, shares = [], []
    for _ in range(ROUNDS):
        crowd.make_due(due, among=crowd.size)
        ceiling = crowd.run(bare_update)
        report.figure(f"bare UPDATE, {due:,} due", ms=ceiling.seconds * 1_000)
        crowd.make_due(due, among=crowd.size)
        run = crowd.run(our_audit)
        report.figure(f"audit, {due:,} due", **run.values())
        runs.append(run)
        shares.append(run.seconds / ceiling.seconds)
    report.figure(f"times the bare UPDATE, {due:,} due", median=median(shares))
    return min(runs, key=lambda run: run.seconds)


def _exactly_once(report: Report, database: str, crowd: Crowd, due: int) -> None:
    before = crowd.judged()
    crowd.make_due(due, among=crowd.size)
    runs = crowd.run_at_once(AT_ONCE, our_audit)
    down, changes, deliveries = (
        now - then for now, then in zip(crowd.judged(), before, strict=True)
    )
    report.figure(
        f"{AT_ONCE} audits at once, {due:,} due",
        ms=max(run.seconds for run in runs) * 1_000,
        down=down,
        changes=changes,
        alerts=deliveries,
    )
    wrong = abs(down - due) + abs(changes - due) + abs(deliveries - due)
    report.target(f"{database}: wrong rows of {AT_ONCE} at once", wrong, "0", met=wrong == 0)


def _loop(report: Report, crowd: Crowd, few: Run, many: Run) -> None:
    tenth = crowd.size // 10
    for due, ours, judged in ((1_000, few, 1_000), (tenth // 10, many, tenth)):
        crowd.make_due(due, among=tenth)
        theirs = crowd.run(loop_over_objects)
        report.figure(f"loop over {tenth:,} objects, {due:,} due", **theirs.values())
        report.figure(
            f"its time over ours for {crowd.size:,}, {judged:,} due",
            ratio=theirs.seconds / ours.seconds,
        )


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--size", type=int, default=1_000_000, help="heartbeats")
    parser.add_argument("--only", choices=crowds.KINDS)
    arguments = parser.parse_args()
    report = Report("audit")
    with crowds.databases(arguments.only) as found:
        for database, url, directory in found:
            values = crowds.migrated(directory / f"audit-{database}", url)
            measure(report, database, Crowd(values, arguments.size))
    return report.end()


if __name__ == "__main__":
    sys.exit(main())
