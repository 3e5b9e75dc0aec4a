"""Delivery: how soon people are told, when much happens at once and when little does.

The whole program runs as `make run` starts it: front door, worker, scheduler, embedded Redis. Each
monitor has a channel of its own, so that no channel gets so many alerts that they come as a digest.
`make bench-delivery` takes about seven minutes, `ROUNDS=1` four.
"""

from __future__ import annotations

import argparse
import contextlib
import http.client
import json
import multiprocessing
import sys
import threading
import time
import urllib.request
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import psutil
import sqlalchemy as sa

from benchmarks import crowds, load
from benchmarks.common import Report, free_port, running
from benchmarks.load import Load, Plan
from benchmarks.receiver import ANSWER_AFTER, BLACK_HOLE, Receiver
from sentinelweb import clock
from sentinelweb.db import db
from sentinelweb.models import HeartbeatCheck, Monitor
from sentinelweb.services.delivery import THREADS

BURST = 1_000
HEARTBEATS = 100
PERIOD, GRACE = 10, 5  # seconds
PINGS_PER_SECOND = 1_000
LEAD = 3  # seconds from writing a deadline to it


@dataclass(frozen=True)
class Stack:
    """A SentinelWeb that runs. `values` are its settings; what is measured is `rounds` times."""

    values: Mapping[str, Any]
    port: int
    receiver: Receiver
    team: int
    rounds: int

    def ping_paths(self, ids: range) -> list[str]:
        query = sa.select(Monitor.slug).where(Monitor.id.between(ids.start, ids.stop - 1))
        with crowds.opened(self.values):
            return [f"/ping/{slug}" for slug in db.session.scalars(query)]

    def add(self, count: int, path: str = "/", **values: int) -> range:
        """The ids of new heartbeats, which alert channels of their own at the receiver's `path`."""
        with crowds.opened(self.values):
            channels = crowds.add_webhooks(self.team, count, self.receiver.url + path)
            return crowds.add_heartbeats(self.team, count, channels, **values)

    def down_at(self, ids: range) -> dict[int, float]:
        """The deadlines of those heartbeats as Unix times."""
        query = sa.select(HeartbeatCheck.id, HeartbeatCheck.down_at).where(
            HeartbeatCheck.id.between(ids.start, ids.stop - 1)
        )
        with crowds.opened(self.values):
            return {id_: at.timestamp() for id_, at in db.session.execute(query) if at}


@contextlib.contextmanager
def stack(
    values: Mapping[str, Any], receiver: Receiver, directory: Path, rounds: int, **others: object
) -> Iterator[Stack]:
    """All processes, once they are ready."""
    port = free_port()
    environment = {
        name.upper(): str(value)
        for name, value in {**values, "app_host": "127.0.0.1", "port": port, **others}.items()
    }
    command = [sys.executable, "-m", "sentinelweb.runtime.supervisor"]
    with running(command, environment, port=port, log=directory / "stack.log") as process:
        _wait_until_ready(port, process)
        with crowds.opened(values):
            team = crowds.add_team()
        yield Stack(values, port, receiver, team, rounds)


def _wait_until_ready(port: int, process: psutil.Process) -> None:
    give_up = time.monotonic() + 60
    while True:
        try:
            urllib.request.urlopen(f"http://127.0.0.1:{port}/ready", timeout=5).close()
        except OSError:
            if time.monotonic() > give_up or not process.is_running():
                raise
            time.sleep(0.2)
        else:
            return


def burst(report: Report, label: str, at: Stack, *, seconds: float = 0) -> float:
    """Let BURST heartbeats go down within so many seconds; return how long the alerts took.

    That is from the first alert to the last, or from the last deadline if that comes later.
    """
    ids = at.add(BURST)
    begin = clock.now() + timedelta(seconds=LEAD)
    with crowds.opened(at.values):
        crowds.make_due_over(ids, begin, seconds)
    calls = at.receiver.take(BURST, LEAD + seconds + 60)
    time.sleep(1)  # for what might come twice
    calls += at.receiver.take(0, 0)
    deadlines = at.down_at(ids)
    delays = sorted(call.at - deadlines[call.monitor_id] for call in calls)
    first, last = calls[0].at, calls[-1].at
    took = last - max(first, *deadlines.values())
    told = {call.monitor_id for call in calls}
    report.figure(
        label,
        took_s=took,
        p50_s=_percentile(delays, 0.50),
        p99_s=_percentile(delays, 0.99),
        untold=BURST - len(told),
        repeated=len(calls) - len(told),
    )
    return took if len(calls) == len(told) == BURST else float("inf")


def _percentile(ordered: Sequence[float], share: float) -> float:
    return ordered[min(len(ordered) - 1, int(len(ordered) * share))]


def bare_posts(url: str, threads: int, count: int) -> float:
    """Seconds that `threads` need for `count` posts, with a new connection each, as alerts have."""
    address = urlsplit(url).netloc
    body = json.dumps({"text": "x" * 700, "monitor": {"id": 0}})

    def post(_number: int) -> None:
        connection = http.client.HTTPConnection(address, timeout=30)
        connection.request("POST", "/", body, {"Content-Type": "application/json"})
        connection.getresponse().read()
        connection.close()

    with ThreadPoolExecutor(threads) as pool:
        began = time.perf_counter()
        list(pool.map(post, range(count)))
        return time.perf_counter() - began


def _in_own_process(url: str, threads: int, count: int) -> float:
    with multiprocessing.get_context("spawn").Pool(1) as pool:
        return pool.apply(bare_posts, (url, threads, count))


def many_at_once(report: Report, database: str, at: Stack) -> None:
    ceiling = min(_in_own_process(at.receiver.url, THREADS, BURST) for _ in range(at.rounds))
    one_by_one = _in_own_process(at.receiver.url, 1, BURST // 10) * 10
    at.receiver.take(0, 0)
    report.figure(f"{BURST:,} bare posts by {THREADS} threads", took_s=ceiling)
    report.figure("bare posts one by one (measured: a tenth)", took_s=one_by_one)
    alone = [burst(report, f"{BURST:,} go down at once", at) for _ in range(at.rounds)]
    spread = burst(report, f"{BURST:,} go down within a minute", at, seconds=60)
    with crowds.opened(at.values):
        crowds.make_due_over(_black_holed(at), clock.now(), 0)
    beside = [burst(report, "the same beside a black hole", at) for _ in range(at.rounds)]

    took, with_hole = min(alone), min(beside)
    report.figure("its share of the bare posts' rate", ratio=ceiling / took)
    report.figure("times the rate of posts one by one", ratio=one_by_one / took)
    report.target(f"{database}: first to last of {BURST:,} alerts, s", took, "< 10", met=took < 10)
    report.target(
        f"{database}: the same beside a black hole, s", with_hole, "< 10", met=with_hole < 10
    )
    report.target(
        f"{database}: last alert of a minute's, after its deadline, s",
        spread,
        "< 10",
        met=spread < 10,
    )


def _black_holed(at: Stack) -> range:
    """A heartbeat whose channel's receiver takes connections, and never answers."""
    return at.add(1, BLACK_HOLE)


def few_at_a_time(report: Report, database: str, at: Stack) -> None:
    others = at.ping_paths(at.add(1_000))
    idle, loaded = [], []
    for _ in range(at.rounds):
        idle.append(deadline_to_alert(report, "alerts, idle", at))
        seconds = HEARTBEATS * 0.05 + PERIOD + GRACE + 4.0
        with pinged(at, others, seconds) as figures:
            loaded.append(deadline_to_alert(report, "alerts, while pings arrive", at))
        report.figure(
            f"those pings, {PINGS_PER_SECOND:,} a second wanted",
            per_second=figures[0].rate,
            p99_ms=figures[0].p99,
            failed=figures[0].failed,
        )
    for label, values in (("idle", idle), (f"while {PINGS_PER_SECOND:,} pings/s", loaded)):
        report.target(
            f"{database}: deadline to alert {label}, p99, s",
            min(values),
            "< 2",
            met=min(values) < 2,
        )


def deadline_to_alert(report: Report, label: str, at: Stack) -> float:
    """The p99 in seconds, of heartbeats that are pinged once and then no more."""
    ids = at.add(HEARTBEATS, expected_period=PERIOD, grace_period=GRACE)
    for path in at.ping_paths(ids):
        urllib.request.urlopen(f"http://127.0.0.1:{at.port}{path}", timeout=10).close()
        time.sleep(0.05)
    deadlines = at.down_at(ids)
    calls = at.receiver.take(HEARTBEATS, PERIOD + GRACE + 30)
    delays = sorted(call.at - deadlines[call.monitor_id] for call in calls)
    if len(delays) < HEARTBEATS or delays[0] < 0:
        raise RuntimeError(f"{len(delays)} alerts, the first {delays[:1]} s after its deadline")
    p99 = _percentile(delays, 0.99)
    report.figure(label, p50_s=_percentile(delays, 0.50), p99_s=p99, slowest_s=delays[-1])
    return p99


@contextlib.contextmanager
def pinged(at: Stack, paths: list[str], seconds: float) -> Iterator[list[Load]]:
    """Pings meanwhile. Yields where their figures will be."""
    figures: list[Load] = []
    plan = Plan(at.port, paths, seconds, rate=PINGS_PER_SECOND)
    thread = threading.Thread(target=lambda: figures.append(load.run(plan)))
    thread.start()
    yield figures
    thread.join()


def measure(
    report: Report, database: str, values: Mapping[str, Any], directory: Path, rounds: int
) -> None:
    answers = f"a receiver that answers in {ANSWER_AFTER * 1_000:.0f} ms"
    report.section(f"{database}, one worker for deliveries, {answers}")
    with Receiver() as receiver:
        with stack(values, receiver, directory, rounds, worker_processes=2) as at:
            many_at_once(report, database, at)
        receiver.take(0, 0)
        report.section(f"{database}, default settings, period {PERIOD} s and grace {GRACE} s")
        with stack(values, receiver, directory, rounds) as at:
            few_at_a_time(report, database, at)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=2, help="the best of so many counts")
    parser.add_argument("--only", choices=crowds.KINDS)
    arguments = parser.parse_args()
    report = Report("delivery")
    with crowds.databases(arguments.only) as found:
        for database, url, directory in found:
            values = crowds.migrated(directory / f"delivery-{database}", url)
            measure(report, database, values, directory, arguments.rounds)
    return report.end()


if __name__ == "__main__":
    sys.exit(main())
