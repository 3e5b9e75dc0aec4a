"""The demo's processes: a week of runs that ended, two that go on, one that is lost (seed 003)."""

from __future__ import annotations

import secrets
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sentinelweb.core.status import Alert, Status
from sentinelweb.models import Process
from sentinelweb.services.facts import process_facts
from tools.demo.scene import Scene

EXPIRY = 120  # seconds: a restart of the demo takes less
KEPT = timedelta(days=7)
IMPORT_EVERY = timedelta(hours=6)
LOST_FOR = timedelta(hours=2, minutes=37)


@dataclass(frozen=True)
class Program:
    """One that goes on while the demo runs. `steps` are what it says, one after the other."""

    name: str
    description: str = ""
    tags: tuple[str, ...] = ()
    host: str = "web-2"
    pid: int = 0
    days: float = 1
    steps: tuple[str, ...] = ()


UNDER_WAY = (
    Program(
        "Order queue consumer",
        "Takes orders from the queue and books them.",
        ("queue", "customers"),
        pid=2_114,
        days=11.4,
        steps=("Waits for orders", "Books order batch", "Sends confirmations"),
    ),
    Program(
        "Search indexer",
        tags=("web",),
        pid=2_290,
        days=3.2,
        steps=("Follows the catalogue", "Writes a segment"),
    ),
)
LOST = Program(
    "Video encoder",
    "If it hangs: its temporary files fill the disk.",
    ("media",),
    host="build-1",
    pid=887,
    days=1.1,
)


def make(scene: Scene) -> list[dict[str, Any]]:
    """Store all processes; return those that go on."""
    for ended in _runs(scene):
        _make_run(scene, *ended)
    _make_lost(scene)
    return [{"id": _make(scene, program).slug, "steps": program.steps} for program in UNDER_WAY]


def _runs(scene: Scene) -> Iterator[tuple[datetime, int, str, int]]:
    """Imports of the past days: when each began, its seconds, its last line and its exit status."""
    began_at = scene.now - KEPT
    number = 0
    while (began_at := began_at + IMPORT_EVERY) < scene.now - timedelta(minutes=30):
        number += 1
        took = int(420 * scene.chances.lognormvariate(0, 0.25))
        if number == 9:
            yield began_at, took // 3, "partner.example.com: connection reset by peer", 1
        else:
            yield began_at, took, f"{scene.chances.randint(11_000, 14_000)} rows read", 0


def _make_run(scene: Scene, began_at: datetime, took: int, output: str, exit_status: int) -> None:
    ended_at = began_at + timedelta(seconds=took)
    process = _process(scene, began_at, keep_alive=False)
    process.name, process.description = "Price list import", "From the partner's list."
    process.tags, process.host = ["import"], "web-2"
    process.pid = scene.chances.randint(3_000, 30_000)
    process.last_heartbeat = process.ended_at = ended_at
    process.progress = 100 if exit_status == 0 else 34
    process.exit_status, process.output, process.is_removed = exit_status, f"{output}\n", True
    process.message = "Done" if exit_status == 0 else "Reads the list"
    _add(scene, process)
    if exit_status:
        note = f"exit {exit_status}"
        facts = process_facts(process, Status.DOWN, ended_at, note=note)
        scene.tell(process, Alert.DOWN, ended_at, facts)
        scene.change(process, Status.DOWN, ended_at, note)
    else:
        scene.change(process, Status.PAUSED, ended_at, "ended")


def _make_lost(scene: Scene) -> None:
    """It was half through when it was heard of last."""
    process = _of(scene, LOST)
    process.last_heartbeat = scene.now - LOST_FOR
    process.progress, process.message = 62.5, "Encodes clip 5 of 8"
    _add(scene, process)
    at = process.last_heartbeat + timedelta(seconds=EXPIRY)
    scene.tell(process, Alert.DOWN, at, process_facts(process, Status.DOWN, at, note="silent"))
    scene.change(process, Status.DOWN, at, "silent")


def _make(scene: Scene, program: Program) -> Process:
    """One that is alive, and will be heard of when the demo runs."""
    process = _of(scene, program)
    process.message = program.steps[0]
    process.overdue_at = scene.now + timedelta(seconds=EXPIRY)
    return _add(scene, process)


def _of(scene: Scene, program: Program) -> Process:
    process = _process(scene, scene.now - timedelta(days=program.days), keep_alive=True)
    process.name, process.description = program.name, program.description
    process.tags, process.host, process.pid = list(program.tags), program.host, program.pid
    return process


def _process(scene: Scene, began_at: datetime, *, keep_alive: bool) -> Process:
    return Process(
        status=Status.UP,
        environment="production",
        keep_alive=keep_alive,
        expiry=EXPIRY,
        last_heartbeat=scene.now,
        created_at=began_at,
    )


def _add(scene: Scene, process: Process) -> Process:
    """A process is up from its beginning, and has an id that says what it is."""
    began_at = process.created_at
    scene.add(process)
    process.created_at = process.status_since = began_at
    kind = "Long" if process.keep_alive else "Short"
    process.slug = f"{kind}LivedProcess_{secrets.token_urlsafe(16)}"
    return process
