"""The pages that people leave open: the lists of heartbeats and services, and the page of one.

Four clients ask for heartbeats again as soon as they are answered, through the front door, with 200
rows on a page of the list. One asks for services, ten thousand of which are its own, as many on a
page as usual: an answer counts from the first byte, which comes with the whole page.
`make bench-dashboard` takes about six minutes; `ARGS=--seconds=1` less.
"""

from __future__ import annotations

import argparse
import html
import re
import sys
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import Path

import sqlalchemy as sa

from benchmarks import crowds
from benchmarks.bench_ping import Server, front_door
from benchmarks.common import Report
from benchmarks.service_past import add_watched_services
from benchmarks.sites import ROWS, Site, site
from sentinelweb import clock
from sentinelweb.db import db, writing
from sentinelweb.models import HeartbeatCheck, Membership, Ping, Role, Team, User

CLIENTS = 4
SIZES = (10_000, 100_000)
PINGS = 100_000
SERVICES = 10_000
DAYS = 30  # of history that the services have
FIRST_BYTE_MS = 200
UNCHANGED_MS = 10
HTMX = "HX-Request: true\r\n"


@dataclass(frozen=True)
class View:
    """Something that a browser asks for. `headers` are beside the cookie's."""

    label: str
    path: str
    headers: str = ""


class Pages:
    """A SentinelWeb and somebody who is logged in."""

    def __init__(self, server: Server, where: Site, seconds: float) -> None:
        self._server = server
        self._where = where
        self._seconds = seconds

    def views_of(self, name: str, path: str, fragment: str) -> Iterator[View]:
        """A page, the part of it that is refreshed, and the refresh when nothing has changed."""
        yield View(name, path)
        yield View(f"{name}: its fragment", f"{path}?fragment={fragment}", HTMX)
        asked = re.search(rf'hx-get="([^"]*fragment={fragment}&amp;v=[^"]+)"', self._get(path))
        assert asked, f"{path} does not refresh itself"
        unchanged = html.unescape(asked[1])
        yield View(f"{name}: nothing new", unchanged, HTMX)

    def measure_alone(self, report: Report, view: View) -> float:
        """What 99 of 100 answers to one client take at most, in milliseconds."""
        alone = {"clients": 1, "processes": 1, "headers": self._where.cookie + view.headers}
        self._server.load([view.path], 0.5, **alone)  # its template is compiled once
        result = self._server.load([view.path], self._seconds, **alone)
        if result.failed:
            raise RuntimeError(f"{result.failed} of {result.answers} failed: {view.path}")
        report.figure(view.label, per_second=result.rate, p50_ms=result.p50, p99_ms=result.p99)
        return result.p99

    def measure(self, report: Report, view: View) -> float:
        """The rate, and how it compares with hello world at the same moment."""
        hello = self._server.load(["/hello"], self._seconds / 2, clients=CLIENTS, processes=1)
        result = self._server.load(
            [view.path],
            self._seconds,
            clients=CLIENTS,
            processes=1,
            headers=self._where.cookie + view.headers,
        )
        if result.failed:
            raise RuntimeError(f"{result.failed} of {result.answers} failed: {view.path}")
        report.figure(
            view.label,
            per_second=result.rate,
            p50_ms=result.p50,
            p99_ms=result.p99,
            hello_per_second=hello.rate,
            hello_p99_ms=hello.p99,
            of_hello=result.rate / hello.rate,
        )
        return result.rate

    def _get(self, path: str) -> str:
        name, _, value = self._where.cookie.strip().partition(": ")
        request = urllib.request.Request(
            f"http://127.0.0.1:{self._server.port}{path}", headers={name: value}
        )
        with urllib.request.urlopen(request, timeout=60) as answer:
            return str(answer.read().decode())


def of_one_size(
    report: Report, database: str, size: int, directory: Path, url: str, seconds: float
) -> dict[str, float]:
    """The rates of a reader of ROWS heartbeats, by view."""
    with site(directory, f"dashboard-{database}-{size}", size, url) as where:
        values = {name.lower(): value for name, value in where.environment.items()}
        with crowds.opened(values):
            watched = add_pings(PINGS)
        with front_door(where) as server:
            pages = Pages(server, where, seconds)
            report.section(f"{database}, {size:,} heartbeats, {ROWS} of them the reader's")
            rates = {
                view.label: pages.measure(report, view)
                for view in pages.views_of("list", "/heartbeats", "list")
            }
            for view in pages.views_of(f"one with {PINGS:,} pings", watched, "live"):
                rates[view.label] = pages.measure(report, view)
            report.section(f"{database}, {size:,} heartbeats, all of them the reader's")
            with crowds.opened(values):
                let_the_reader_see_all()
            for view in pages.views_of("list", "/heartbeats", "list"):
                pages.measure(report, view)
    return rates


def of_services(report: Report, database: str, directory: Path, url: str, seconds: float) -> None:
    """The list, the page of one and the home page for somebody with SERVICES of them."""
    with site(directory, f"dashboard-{database}-services", ROWS, url) as wide:
        where = replace(wide, environment={**wide.environment, "BENCH_ROWS": "50"})
        values = {name.lower(): value for name, value in where.environment.items()}
        with crowds.opened(values):
            team_id = db.session.scalars(sa.select(Team.id).where(Team.name == "Own")).one()
            ids = add_watched_services(team_id, SERVICES, days=DAYS)
        with front_door(where) as server:
            pages = Pages(server, where, seconds)
            report.section(f"{database}, {SERVICES:,} services, all of them the reader's")
            views = [
                *pages.views_of("services", "/services", "list"),
                View("services, slowest first", "/services?sort=-latency"),
                View("services, the last page", f"/services?page={SERVICES // 50}"),
                View("services, searched", "/services?search=website+99"),
                *pages.views_of("one service", f"/services/{ids.start}", "live"),
                *pages.views_of("home", "/", "overview"),
            ]
            for view in views:
                took = pages.measure_alone(report, view)
                limit = UNCHANGED_MS if view.label.endswith("nothing new") else FIRST_BYTE_MS
                report.target(
                    f"{database}: p99 in ms, {view.label}", took, f"{limit}", met=took < limit
                )


def add_pings(count: int) -> str:
    """Give one of the reader's heartbeats a ping a minute; return the path of its page."""
    now = clock.now()
    with writing() as session:
        id_ = session.scalars(sa.select(sa.func.min(HeartbeatCheck.id))).one()
        rows = [
            {
                "monitor_id": id_,
                "created_at": now - timedelta(minutes=number),
                "counted": True,
                "method": "GET",
                "remote_addr": "127.0.0.1",
                "user_agent": "curl/8.5.0",
            }
            for number in reversed(range(count))
        ]
        session.connection().execute(sa.insert(Ping.__table__), rows)
    return f"/heartbeats/{id_}"


def let_the_reader_see_all() -> None:
    with writing() as session:
        user = session.scalars(sa.select(User)).one()
        team = session.scalars(sa.select(Team).where(Team.name == "Other")).one()
        session.add(Membership(team=team, user=user, role=Role.VIEWER))
    db.session.remove()


def measure(report: Report, database: str, directory: Path, url: str, seconds: float) -> None:
    of_services(
        report, database, directory, url and empty_database(url, "dashboard_services"), seconds
    )
    few, many = (
        of_one_size(
            report,
            database,
            size,
            directory,
            url and empty_database(url, f"dashboard_{size}"),
            seconds,
        )
        for size in SIZES
    )
    for label in few:
        kept = many[label] / few[label]
        report.target(
            f"{database}: rate kept with ten times as many, {label}", kept, "0.9", met=kept >= 0.9
        )


def empty_database(server_url: str, name: str) -> str:
    """The URL of a new database of this name on the server."""
    server = sa.make_url(server_url)
    engine = sa.create_engine(server, isolation_level="AUTOCOMMIT", poolclass=sa.NullPool)
    with engine.connect() as connection:
        connection.exec_driver_sql(f"CREATE DATABASE {name}")
    return server.set(database=name).render_as_string(hide_password=False)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=3.0, help="of each measurement")
    parser.add_argument("--only", choices=crowds.KINDS)
    arguments = parser.parse_args()
    report = Report("dashboard")
    with crowds.databases(arguments.only) as found:
        for database, url, directory in found:
            measure(report, database, directory, url, arguments.seconds)
    return report.end()


if __name__ == "__main__":
    sys.exit(main())
