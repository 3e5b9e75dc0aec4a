"""A status page that a crowd opens: whole, as its open copies ask again, and while it changes.

64 clients ask as soon as they are answered, through the front door, for a page of 50 services with
90 days of history. Beside each figure, hello world by the same server at the same moment.
`make bench-status` takes about two minutes; `ARGS=--seconds=1` less.
"""

from __future__ import annotations

import argparse
import contextlib
import html
import re
import sys
import threading
import urllib.request
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import sqlalchemy as sa

from benchmarks import crowds
from benchmarks.bench_ping import Server, front_door
from benchmarks.common import Report, median
from benchmarks.service_past import add_watched_services
from benchmarks.sites import ROWS, site
from sentinelweb import clock
from sentinelweb.core.status import Status
from sentinelweb.db import db, writing
from sentinelweb.models import Monitor, Team, User
from sentinelweb.services import status_pages
from sentinelweb.services.status_pages import PageValues

MONITORS = 50
DAYS = 90
ROUNDS = 3
CHANGES_EVERY = 1.0  # seconds
GZIP = "Accept-Encoding: gzip\r\n"
HTMX = "HX-Request: true\r\n"
# Hello world is answered by gunicorn alone: what is between is Flask, headers, and a log line.
OF_HELLO = 0.2


def make_page() -> range:
    """The ids of the monitors that `/status/bench` shows."""
    team_id = db.session.scalars(sa.select(Team.id).where(Team.name == "Own")).one()
    ids = add_watched_services(team_id, MONITORS, days=DAYS)
    user = db.session.scalars(sa.select(User)).one()
    page = status_pages.create(user, PageValues(title="Benchmark", slug="bench"))
    status_pages.add_monitors(user, page.id, list(ids), "Services")
    return ids


@contextlib.contextmanager
def changing(values: Mapping[str, Any], monitor_id: int) -> Iterator[None]:
    """Meanwhile a monitor goes down or up again every CHANGES_EVERY seconds."""
    stop = threading.Event()

    def change() -> None:
        with crowds.opened(values):
            while not stop.wait(CHANGES_EVERY):
                with writing() as session:
                    monitor = session.get_one(Monitor, monitor_id)
                    monitor.status = Status.UP if monitor.status == Status.DOWN else Status.DOWN
                    monitor.status_since = monitor.updated_at = clock.now()

    thread = threading.Thread(target=change)
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join()


def measure(
    report: Report, server: Server, label: str, path: str, headers: str, seconds: float
) -> float:
    """What share of hello world's rate `path` reaches: the median of some turns."""
    shares = []
    for _round in range(ROUNDS):
        hello = server.load(["/hello"], seconds / 2)
        result = server.load([path], seconds, headers=headers)
        if result.failed:
            raise RuntimeError(f"{result.failed} of {result.answers} failed: {path}")
        shares.append(result.rate / hello.rate)
        report.figure(
            label,
            per_second=result.rate,
            p50_ms=result.p50,
            p99_ms=result.p99,
            hello_per_second=hello.rate,
            of_hello=shares[-1],
        )
    return median(shares)


def refresh_path(server: Server) -> str:
    """What an open page asks for while nothing has changed."""
    with urllib.request.urlopen(f"http://127.0.0.1:{server.port}/status/bench") as answer:
        asked = re.search(r'hx-get="([^"]+)"', answer.read().decode())
    assert asked, "the page does not refresh itself"
    return html.unescape(asked[1])


def of_database(report: Report, database: str, directory: Path, url: str, seconds: float) -> None:
    with site(directory, f"status-{database}", ROWS, url) as where:
        values = {name.lower(): value for name, value in where.environment.items()}
        with crowds.opened(values):
            ids = make_page()
        with front_door(where) as server:
            report.section(f"{database}, a page of {MONITORS} services with {DAYS} days of history")
            path, badge = "/status/bench", f"/badge/bench/{ids.start}.svg"
            for label, asked, headers in (
                ("the page, compressed", path, GZIP),
                ("the page, plain", path, ""),
                ("a badge", badge, ""),
            ):
                share = measure(report, server, label, asked, headers, seconds)
                report.target(
                    f"{database}: {label}, of hello", share, str(OF_HELLO), met=share >= OF_HELLO
                )
            measure(report, server, "an open page asks again", refresh_path(server), HTMX, seconds)
            with changing(values, ids.start):
                label = "the page, while a monitor changes each second"
                share = measure(report, server, label, path, GZIP, seconds)
            report.target(
                f"{database}: {label}, of hello", share, str(OF_HELLO), met=share >= OF_HELLO
            )


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=3.0, help="of each measurement")
    parser.add_argument("--only", choices=crowds.KINDS)
    arguments = parser.parse_args()
    report = Report("status")
    with crowds.databases(arguments.only) as found:
        for database, url, directory in found:
            of_database(report, database, directory, url, arguments.seconds)
    return report.end()


if __name__ == "__main__":
    sys.exit(main())
