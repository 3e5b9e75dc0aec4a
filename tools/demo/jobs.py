"""The demo's heartbeats: jobs with their pings, runs and outages."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import sqlalchemy as sa

from sentinelweb.core.status import Alert, Status, overdue_at
from sentinelweb.models import HeartbeatCheck, Ping
from sentinelweb.services.facts import heartbeat_facts
from tools.demo.scene import Scene

AGENTS = ("curl/8.5.0", "python-requests/2.32.5", "Wget/1.21.4")


@dataclass(frozen=True)
class Job:
    """A job and what befell it.

    It runs every `period` seconds or by `cron` (UTC), and takes about `minutes` if it tells when it
    begins. `missed` are the runs that never pinged, counted backwards from the last; `failed` those
    that ended with the exit status beside them. `alive`: the demo goes on pinging for it.
    """

    name: str
    description: str = ""
    tags: tuple[str, ...] = ()
    period: int = 86_400
    cron: str | None = None
    grace: int = 3_600
    minutes: float = 0
    missed: tuple[int, ...] = ()
    failed: tuple[tuple[int, int], ...] = ()
    paused: bool = False
    alive: bool = True
    output: str = ""


JOBS = [
    Job(
        "Nightly backup",
        "Dumps the database and copies it off site. Log: /var/log/backup.log",
        ("backup", "database"),
        cron="0 3 * * *",
        minutes=12,
        missed=(17,),
        failed=((6, 3),),
        output="48.2 GB in 412 files copied, 0 errors\n",
    ),
    Job("Invoice run", "Sends the day's invoices.", ("billing",), cron="0 6 * * 1-5", minutes=4),
    Job("Certificate renewal", tags=("tls",), cron="30 4 * * *", failed=((11, 1),)),
    Job("Search index", "Rebuilds the index.", ("web",), period=3_600, grace=900, minutes=7),
    Job("Queue sweeper", tags=("queue",), period=600, grace=300, missed=(905, 906, 2_101)),
    Job("Weekly report", "To the management, by mail.", cron="0 7 * * 1", grace=7_200),
    Job(
        "Off-site copy",
        "If it fails: is the disk at the other end full?",
        ("backup",),
        cron="0 1 * * *",
        grace=1_800,
        missed=(0, 1),
        alive=False,
    ),
    Job("Log rotation", tags=("disk",), period=86_400, grace=172_800, missed=(0,), alive=False),
    Job("Old importer", "Replaced by the queue.", period=3_600, paused=True, alive=False),
    Job("Archive clean-up", "New: waits for its first run.", period=604_800, alive=False),
]
WAITING = "Archive clean-up"


@dataclass(frozen=True)
class _Run:
    """One run: when it ends, how long it took, and its exit status."""

    ended_at: datetime
    took: timedelta | None
    exit_status: int


def make(scene: Scene, job: Job) -> HeartbeatCheck:
    """Store a heartbeat with all its pings, and what followed from them."""
    heartbeat = HeartbeatCheck(
        name=job.name,
        description=job.description,
        tags=list(job.tags),
        environment="production",
        status=Status.NEW,
        expected_period=job.period,
        grace_period=job.grace,
        cron_expression=job.cron,
        cron_timezone="UTC" if job.cron else None,
        total_pings=0,
        missed_pings=0,
    )
    scene.add(heartbeat)
    runs = [] if job.name == WAITING else list(_runs(scene, job, heartbeat))
    rows: list[dict[str, Any]] = []
    for run in runs:
        _pass_time(scene, heartbeat, run.ended_at)
        _take(scene, heartbeat, run)
        rows += _pings(heartbeat, job, run)
    if rows:
        scene.session.execute(sa.insert(Ping), rows)
    heartbeat.total_pings = len(rows)
    if job.paused:
        heartbeat.next_expected_ping = heartbeat.down_at = heartbeat.overdue_at = None
        scene.change(heartbeat, Status.PAUSED, scene.now - timedelta(days=8), "paused")
    else:
        _pass_time(scene, heartbeat, scene.now)
        heartbeat.overdue_at = overdue_at(Status(heartbeat.status), heartbeat.deadlines)
    return heartbeat


def _runs(scene: Scene, job: Job, heartbeat: HeartbeatCheck) -> Iterator[_Run]:
    end = scene.now - timedelta(days=8 if job.paused else 0)
    instants = list(_instants(scene, job, heartbeat, end))
    failed = dict(job.failed)
    for number, due in enumerate(instants):
        back = len(instants) - 1 - number
        took = timedelta(0)
        if job.minutes:
            usual = job.minutes * (1 + 0.3 * number / len(instants))
            took = timedelta(minutes=usual * scene.chances.lognormvariate(0, 0.12))
        ended = due + took + timedelta(seconds=scene.chances.uniform(0.4, 9))
        if back not in job.missed and ended < end:
            yield _Run(ended, took or None, failed.get(back, 0))


def _instants(
    scene: Scene, job: Job, heartbeat: HeartbeatCheck, end: datetime
) -> Iterator[datetime]:
    """When the job is to run."""
    at = scene.began_at
    while True:
        if job.cron:
            at = heartbeat.schedule.deadlines(at).late_at
        else:
            at += timedelta(seconds=job.period)
        if at >= end:
            return
        yield at


def _pass_time(scene: Scene, heartbeat: HeartbeatCheck, until: datetime) -> None:
    """What the audit does meanwhile."""
    deadlines = heartbeat.deadlines
    if deadlines is None:
        return
    if heartbeat.status == Status.UP and deadlines.late_at < until:
        scene.change(heartbeat, Status.LATE, deadlines.late_at, "late")
    if heartbeat.status == Status.LATE and deadlines.down_at < until:
        _bring_down(scene, heartbeat, deadlines.down_at, "missed")


def _take(scene: Scene, heartbeat: HeartbeatCheck, run: _Run) -> None:
    """What services/pings.py makes of the end of a run."""
    at = run.ended_at
    deadlines = heartbeat.schedule.deadlines(at)
    heartbeat.last_ping = at
    heartbeat.next_expected_ping, heartbeat.down_at = deadlines.late_at, deadlines.down_at
    if run.took:
        heartbeat.last_duration_ms = int(run.took.total_seconds() * 1_000)
    heartbeat.failure = f"exit {run.exit_status}" if run.exit_status else None
    if run.exit_status:
        if heartbeat.status != Status.DOWN:
            _bring_down(scene, heartbeat, at, heartbeat.failure or "")
    elif heartbeat.status != Status.UP:
        if heartbeat.status == Status.DOWN:
            facts = heartbeat_facts(heartbeat, Status.UP, at, note="pinged")
            scene.tell(heartbeat, Alert.UP, at, facts)
            heartbeat.alert_sent = False
        scene.change(heartbeat, Status.UP, at, "pinged")


def _bring_down(scene: Scene, heartbeat: HeartbeatCheck, at: datetime, note: str) -> None:
    facts = heartbeat_facts(heartbeat, Status.DOWN, at, note=note)
    scene.tell(heartbeat, Alert.DOWN, at, facts)
    scene.change(heartbeat, Status.DOWN, at, note)
    heartbeat.missed_pings += 1
    heartbeat.alert_sent, heartbeat.alert_sent_at = True, at


def _pings(heartbeat: HeartbeatCheck, job: Job, run: _Run) -> list[dict[str, Any]]:
    """The ping that ends a run, and the one that began it."""
    body = job.output.encode() if job.output and not run.exit_status else None
    common = {
        "monitor_id": heartbeat.id,
        "counted": True,
        "rid": None,
        "remote_addr": "10.0.0.12",
        "user_agent": AGENTS[heartbeat.id % len(AGENTS)],
    }
    end = {
        **common,
        "created_at": run.ended_at,
        "kind": "fail" if run.exit_status else "success",
        "exit_status": run.exit_status or None,
        "duration_ms": int(run.took.total_seconds() * 1_000) if run.took else None,
        "method": "POST" if body else "GET",
        "body": body,
        "body_size": len(body or b""),
    }
    if run.took is None:
        return [end]
    start = {
        **end,
        "created_at": run.ended_at - run.took,
        "kind": "start",
        "exit_status": None,
        "duration_ms": None,
        "method": "GET",
        "body": None,
        "body_size": 0,
    }
    return [start, end]
