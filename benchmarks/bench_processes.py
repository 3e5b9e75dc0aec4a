"""Heartbeats of 10,000 processes every 5 s on one web process, beside pings of the same run.

`make bench-processes` takes about a minute. Each process shows a token of its own, as the client's
processes do.
"""

from __future__ import annotations

import argparse
import random
import sys
import tempfile
import time
from collections.abc import Mapping
from datetime import timedelta
from pathlib import Path

import sqlalchemy as sa

from benchmarks.bench_ping import CLIENTS, ROUNDS, Server, front_door, measure
from benchmarks.common import Report, cpu_seconds, median, postgresql
from benchmarks.load import Plan
from benchmarks.load import run as run_load
from benchmarks.sites import site
from config import Settings
from sentinelweb import clock, create_database_app
from sentinelweb.core.status import Status
from sentinelweb.db import db
from sentinelweb.models import Monitor, Process, Team
from sentinelweb.services import process_tokens, process_watch

PROCESSES = 10_000
EVERY = 5.0  # seconds between two heartbeats of each
HEARTBEATS = 1_000


def add_processes(settings: Settings, count: int) -> tuple[list[str], list[str]]:
    """Processes that stay alive for a day; return the paths of their heartbeats, and the tokens."""
    now = clock.now()
    slugs = [f"LongLivedProcess_{number:022d}" for number in range(count)]
    with create_database_app(settings).app_context():
        team_id = db.session.scalars(sa.select(Team.id).order_by(Team.id)).first()
        common = {
            "kind": "process",
            "team_id": team_id,
            "description": "",
            "tags": [],
            "environment": "",
            "status": Status.UP,
            "status_since": now,
            "is_active": True,
            "position": 0,
            "created_at": now,
            "updated_at": now,
        }
        connection = db.session.connection()
        connection.execute(
            sa.insert(Monitor.__table__), [{**common, "slug": slug, "name": slug} for slug in slugs]
        )
        ids = db.session.scalars(
            sa.select(Monitor.__table__.c.id).where(Monitor.__table__.c.kind == "process")
        )
        own = {
            "keep_alive": True,
            "kept_by_server": False,
            "expiry": 86_400,
            "last_heartbeat": now,
            "overdue_at": now + timedelta(days=1),
            "is_removed": False,
            "host": "",
            "message": "",
            "output": "",
        }
        connection.execute(sa.insert(Process.__table__), [{**own, "id": id_} for id_ in ids])
        db.session.commit()
    pairs = [
        (
            f"/heartbeat/{slug}/register",
            f"Authorization: Bearer {process_tokens.issue(slug, settings, now)}\r\n",
        )
        for slug in slugs
    ]
    random.shuffle(pairs)
    return [path for path, _token in pairs], [token for _path, token in pairs]


def settings_of(environment: Mapping[str, str]) -> Settings:
    return Settings(_env_file=None, **{name.lower(): value for name, value in environment.items()})


def beat(
    report: Report,
    label: str,
    server: Server,
    beats: tuple[list[str], list[str]],
    seconds: float,
    rate: float | None = None,
) -> tuple[float, float, int]:
    before = sum(map(cpu_seconds, server.processes))
    paths, tokens = beats
    plan = Plan(server.port, paths, seconds, CLIENTS, rate=rate, own_headers=tokens, method="POST")
    found = run_load(plan)
    spent = sum(map(cpu_seconds, server.processes)) - before
    report.figure(
        label,
        per_second=found.rate,
        p50_ms=found.p50,
        p99_ms=found.p99,
        cpu_us=spent / found.answers * 1e6,
        failed=found.failed,
    )
    return found.rate, found.p99, found.failed


def one_web_process(
    report: Report, directory: Path, name: str, seconds: float, database_url: str = ""
) -> None:
    report.section(f"{name}, {PROCESSES:,} processes")
    wanted = PROCESSES / EVERY
    with site(directory, f"processes-{name}", HEARTBEATS, database_url) as where:
        settings = settings_of(where.environment)
        beats = add_processes(settings, PROCESSES)
        watched = watch(report, settings)
        with front_door(where) as door:
            rounds = []
            for _ in range(ROUNDS):
                pings = measure(report, "pings, as fast as they go", door, where.paths, seconds)
                top, _, failed = beat(
                    report, "heartbeats, as fast as they go", door, beats, seconds
                )
                due, p99, failed_then = beat(
                    report, "heartbeats, as they are due", door, beats, seconds, wanted
                )
                rounds.append((top / pings.rate, due / wanted, p99, failed + failed_then))
    share, kept, p99, failed = (median(values) for values in zip(*rounds, strict=True))
    report.target(f"{name}: of the rate of pings", share, "0.5", met=share >= 0.5)
    report.target(f"{name}: of the heartbeats that are due", kept, "0.99", met=kept >= 0.99)
    report.target(f"{name}: p99 of those, ms", p99, "< 20", met=p99 < 20)
    report.target(f"{name}: failed", failed, "0", met=failed == 0)
    report.target(f"{name}: a look at all of them, ms", watched, "< 100", met=watched < 100)


def watch(report: Report, settings: Settings) -> float:
    """How long the watch takes that finds all alive; in milliseconds."""
    with create_database_app(settings).app_context():
        times = []
        for _ in range(ROUNDS):
            began_at = time.perf_counter()
            process_watch.run(clock.now())
            times.append((time.perf_counter() - began_at) * 1e3)
        db.session.remove()
        db.engine.dispose()
    report.figure("a look at all of them", ms=median(times))
    return median(times)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n\n`")[0])
    parser.add_argument("--seconds", type=float, default=5.0, help="of each measurement")
    options = parser.parse_args()
    report = Report("processes")
    with tempfile.TemporaryDirectory(prefix="bench-") as name:
        directory = Path(name)
        one_web_process(report, directory, "SQLite", options.seconds)
        with postgresql(directory) as url:
            if url:
                one_web_process(report, directory, "PostgreSQL", options.seconds, url)
    return report.end()


if __name__ == "__main__":
    sys.exit(main())
