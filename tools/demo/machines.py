"""The demo's hosts: this one, one whose agent reports, and one that went silent."""

from __future__ import annotations

import math
from datetime import datetime, timedelta
from typing import Any

import sqlalchemy as sa

from sentinelweb.core.status import Alert, Status
from sentinelweb.models import Host, MonitoringCycle
from sentinelweb.services import hosts
from sentinelweb.services.facts import host_facts
from tools.demo.scene import Scene

FINE = timedelta(hours=12)  # for so long each cycle is kept as it was
COARSE = timedelta(minutes=4)
SILENT_FOR = timedelta(hours=5, minutes=12)
OFFLINE = timedelta(days=9, hours=3), timedelta(minutes=26)  # no internet: when, for how long
AGENT = "sentinelweb/0.1.0"


def make_local(scene: Scene) -> Host:
    return _make(scene, "monitor", is_local=True)


def make_remote(scene: Scene, key: str) -> Host:
    """The host whose agent shows `key`."""
    host = _make(scene, "web-2", description="Nginx, PostgreSQL and the workers.", key=key)
    host.silent_after = 120
    host.overdue_at = scene.now + timedelta(seconds=host.silent_after)
    return host


def make_silent(scene: Scene) -> Host:
    """A host that has not been heard of for hours."""
    host = _make(scene, "build-1", description="Builds releases. Stands under the desk.")
    host.silent_after = 300
    host.last_report_at = scene.now - SILENT_FOR
    at = host.last_report_at + timedelta(seconds=host.silent_after)
    scene.tell(host, Alert.DOWN, at, host_facts(host, Status.DOWN, at, note="silent"))
    scene.change(host, Status.DOWN, at, "silent")
    return host


def _make(scene: Scene, name: str, *, key: str | None = None, **values: Any) -> Host:
    if key is not None:
        values |= {"key_hash": hosts.hash_of(key), "key_hint": key[: hosts.HINT_LENGTH]}
    agent = "" if values.get("is_local") else AGENT
    host = Host(name=name, status=Status.NEW, agent=agent, last_report_at=scene.now, **values)
    scene.add(host)
    scene.change(host, Status.UP, scene.began_at + timedelta(seconds=5), "answered")
    return host


def befall(scene: Scene, host: Host, *, interval: int, load: float, services: int) -> None:
    """Store the cycles of a host, `interval` seconds apart; `load` is its usual CPU in percent.

    Services of no host are looked at in the cycles of the local one.
    """
    end = host.last_report_at or scene.now
    rows = []
    at = scene.began_at
    memory = scene.chances.choice([7_900, 15_800, 31_700])
    while at < end:
        rows.append(_cycle(scene, host, at, load, memory, services))
        at += timedelta(seconds=interval) if at >= scene.now - FINE else COARSE
    scene.session.execute(sa.insert(MonitoringCycle), rows)
    owner = None if host.is_local else host.id
    scene.cycles[owner] = [(row["created_at"], row["id"]) for row in rows]


def _cycle(
    scene: Scene, host: Host, at: datetime, load: float, memory: int, services: int
) -> dict[str, Any]:
    chances = scene.chances
    age = (at - scene.began_at) / (scene.now - scene.began_at)  # 0 to 1
    day = 1 + 0.5 * math.sin((at.hour + at.minute / 60 - 9) / 24 * math.tau)
    nightly = 2.6 if at.hour == 3 and at.minute < 14 else 1  # while the backup runs
    ram = 46 + 6 * day + chances.gauss(0, 1)
    began, lasted = OFFLINE
    online = not scene.now - began <= at < scene.now - began + lasted
    return {
        "id": scene.uuid(at),
        "host_id": host.id,
        "created_at": at,
        "cpu_percent": round(min(98, load * day * nightly * chances.lognormvariate(0, 0.25)), 1),
        "ram_percent": round(ram, 1),
        "ram_used_mb": round(memory * ram / 100),
        "disk_percent": round(58 + 9 * age + chances.gauss(0, 0.05), 1),
        "uptime_seconds": (at - scene.began_at).total_seconds() + 3_600 * 140,
        "container_count": 7 if age < 0.6 else 8,
        "internet_status": online,
        "ping_ms": round(14 * chances.lognormvariate(0, 0.2), 1) if online else None,
        "worker_status": 200 if host.is_local and online else None,
        "cycle_duration_ms": int(70 * chances.lognormvariate(0, 0.35)),
        "services_due": services,
    }
