"""The demo's hosts: this one, one whose agent reports, and one that went silent."""

from __future__ import annotations

import math
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import sqlalchemy as sa

from sentinelweb.core.credentials import hash_of
from sentinelweb.core.status import Alert, Status
from sentinelweb.hosts import sampling
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
        values |= {"key_hash": hash_of(key), "key_hint": key[: hosts.HINT_LENGTH]}
    agent = "" if values.get("is_local") else AGENT
    host = Host(name=name, status=Status.NEW, agent=agent, last_report_at=scene.now, **values)
    scene.add(host)
    scene.change(host, Status.UP, scene.began_at + timedelta(seconds=5), "answered")
    return host


@dataclass(frozen=True)
class Machine:
    """What a host usually shows, in percent, and `disk` at last; `memory` is in megabytes.

    Its cycles are `interval` seconds apart, and check so many `services`.
    """

    interval: int
    services: int
    cpu: float
    ram: float
    disk: float
    memory: float


def this_machine(services: int) -> Machine:
    """The one that the demo runs on, whose charts go on with its real figures."""
    now = sampling.sample()
    ram = now.ram_percent or 40
    memory = (now.ram_used_mb or 6_000) * 100 / ram
    return Machine(10, services, 14, ram, now.disk_percent or 50, memory)


def befall(scene: Scene, host: Host, machine: Machine) -> None:
    """Store the cycles of a host. Those of the local one check the services of no host."""
    end = host.last_report_at or scene.now
    rows = []
    at = scene.began_at
    while at < end:
        rows.append(_cycle(scene, host, machine, at))
        at += timedelta(seconds=machine.interval) if at >= scene.now - FINE else COARSE
    scene.session.execute(sa.insert(MonitoringCycle), rows)
    owner = None if host.is_local else host.id
    scene.cycles[owner] = [(row["created_at"], row["id"]) for row in rows]


def _cycle(scene: Scene, host: Host, machine: Machine, at: datetime) -> dict[str, Any]:
    chances = scene.chances
    age = (at - scene.began_at) / (scene.now - scene.began_at)  # 0 to 1
    day = 0.5 * math.sin((at.hour + at.minute / 60 - 9) / 24 * math.tau)
    nightly = 2.6 if at.hour == 3 and at.minute < 14 else 1  # while the backup runs
    cpu = machine.cpu * (1 + day) * nightly * chances.lognormvariate(0, 0.25)
    ram = machine.ram * (1 + 0.12 * day) + chances.gauss(0, 0.8)
    disk = machine.disk * (0.86 + 0.14 * age) + chances.gauss(0, 0.05)
    began, lasted = OFFLINE
    online = not scene.now - began <= at < scene.now - began + lasted
    return {
        "id": scene.uuid(at),
        "host_id": host.id,
        "created_at": at,
        "cpu_percent": round(min(98, cpu), 1),
        "ram_percent": round(ram, 1),
        "ram_used_mb": round(machine.memory * ram / 100),
        "disk_percent": round(disk, 1),
        "uptime_seconds": (at - scene.began_at).total_seconds() + 3_600 * 140,
        "container_count": 7 if age < 0.6 else 8,
        "internet_status": online,
        "ping_ms": round(14 * chances.lognormvariate(0, 0.2), 1) if online else None,
        "worker_status": 200 if host.is_local and online else None,
        "cycle_duration_ms": int(70 * chances.lognormvariate(0, 0.35)),
        "services_due": machine.services,
    }
