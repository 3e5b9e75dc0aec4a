"""A month of believable history of a host and its services, written as the sums would leave it."""

from __future__ import annotations

import math
import random
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

import sqlalchemy as sa

from sentinelweb.core.results import Result
from sentinelweb.core.uids import CHANCE_BITS, time_ordered_uuid
from sentinelweb.db import db, writing
from sentinelweb.models import (
    HostRollup,
    MonitoringCycle,
    RollupMark,
    Service,
    ServiceCheck,
    ServiceRollup,
    TeamRollup,
)

DAY = 86_400
# How far back each level of sums reaches, in seconds.
KEPT = {60: 2 * DAY, 600: 8 * DAY, 3_600: 62 * DAY, 86_400: 3_650 * DAY}
ROWS = timedelta(minutes=30)  # of single results and cycles, at the end
BATCH = 2_000


@dataclass(frozen=True)
class Incident:
    """A time in which a service did not do well."""

    began: datetime
    ended: datetime
    result: Result = Result.DOWN
    reason: str = "Connection refused"


@dataclass(frozen=True)
class Story:
    """How a service did: its usual latency in ms, and when it did not do well."""

    service_id: int
    team_id: int
    latency: float = 40.0
    incidents: Sequence[Incident] = ()
    interval: int = 10
    chance: random.Random = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "chance", random.Random(self.service_id))

    def found(self, at: datetime) -> Incident | None:
        return next((each for each in self.incidents if each.began <= at < each.ended), None)

    def latency_at(self, at: datetime) -> float:
        """Slower by day than by night, and never twice the same."""
        busy = 1 + 0.35 * math.sin((at.hour + at.minute / 60 - 9) / 24 * 2 * math.pi)
        return round(self.latency * busy * self.chance.uniform(0.85, 1.2), 1)

    def sums(self, at: datetime, seconds: int) -> dict[str, Any]:
        """The figures of a bucket."""
        results = max(1, seconds // self.interval)
        counts = dict.fromkeys(Result, 0)
        for incident in self.incidents:
            end = min(at + timedelta(seconds=seconds), incident.ended)
            lasted = (end - max(at, incident.began)).total_seconds()
            if lasted > 0:
                counts[incident.result] += min(results, round(lasted / seconds * results))
        counts[Result.HEALTHY] = max(0, results - sum(counts.values()))
        quarter = timedelta(seconds=seconds / 4)
        latencies = [self.latency_at(at + part * quarter) for part in range(4)]
        timed = counts[Result.HEALTHY]
        mean = sum(latencies) / len(latencies)
        return {
            **{result.value: count for result, count in counts.items()},
            "latency_count": timed,
            "latency_sum": mean * timed,
            "latency_min": min(latencies) * 0.9 if timed else None,
            "latency_max": max(latencies) * 1.4 if timed else None,
        }


def write_history(
    host_id: int, stories: Sequence[Story], now: datetime, *, days: int = 30, cycle: int = 10
) -> None:
    """Write `days` days up to `now`, which end with single results and cycles every `cycle` s."""
    _write(ServiceRollup, _service_sums(stories, now, days))
    _write(TeamRollup, _team_sums(stories, now, days))
    _write(HostRollup, _host_sums(host_id, now, days, cycle))
    instants = [
        now - ROWS + timedelta(seconds=cycle * number)
        for number in range(1, int(ROWS.total_seconds()) // cycle + 1)
    ]
    _write(ServiceCheck, (_check(story, at) for at in instants for story in stories))
    _write(MonitoringCycle, (_cycle(host_id, at, cycle) for at in instants))
    _keep_in_step(stories, now)


def _buckets(now: datetime, days: int) -> Iterator[tuple[int, datetime]]:
    for seconds, kept in KEPT.items():
        last = int(now.timestamp()) // seconds * seconds
        count = min(kept, days * DAY) // seconds
        for number in range(count):
            yield seconds, datetime.fromtimestamp(last - number * seconds, UTC)


def _service_sums(stories: Sequence[Story], now: datetime, days: int) -> Iterator[dict[str, Any]]:
    for seconds, at in _buckets(now, days):
        for story in stories:
            key = {"service_id": story.service_id, "resolution": seconds, "bucket_at": at}
            yield key | story.sums(at, seconds)


def _team_sums(stories: Sequence[Story], now: datetime, days: int) -> Iterator[dict[str, Any]]:
    teams: dict[int, list[Story]] = {}
    for story in stories:
        teams.setdefault(story.team_id, []).append(story)
    for seconds, at in _buckets(now, days):
        for team_id, members in teams.items():
            key = {"team_id": team_id, "host_id": 0, "resolution": seconds, "bucket_at": at}
            yield key | _joined([story.sums(at, seconds) for story in members])


def _joined(found: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    joined: dict[str, Any] = {}
    for name in found[0]:
        values = [each[name] for each in found if each[name] is not None]
        function = {"_min": min, "_max": max}.get(name[-4:], sum)
        joined[name] = function(values) if values else None
    return joined


def _figures(at: datetime, chance: random.Random) -> dict[str, Any]:
    """The host's, at a moment."""
    busy = 0.5 + 0.5 * math.sin((at.hour + at.minute / 60 - 9) / 24 * 2 * math.pi)
    return {
        "cpu": round(8 + 45 * busy * chance.uniform(0.6, 1.2), 1),
        "ram": round(46 + 12 * busy + chance.uniform(-1, 1), 1),
        "disk": round(58 + (at.timestamp() % (30 * DAY)) / (30 * DAY) * 14, 1),
        "ping": round(18 + 8 * busy + chance.uniform(0, 5), 1),
        "duration": round(160 + 140 * busy * chance.uniform(0.7, 1.5)),
    }


def _host_sums(host_id: int, now: datetime, days: int, cycle: int) -> Iterator[dict[str, Any]]:
    chance = random.Random(7)
    for seconds, at in _buckets(now, days):
        cycles = max(1, seconds // cycle)
        found = _figures(at, chance)
        offline = 1 if chance.random() < 0.02 and cycles > 1 else 0
        row: dict[str, Any] = {
            "host_id": host_id,
            "resolution": seconds,
            "bucket_at": at,
            "cycles": cycles,
            "internet_known": cycles,
            "internet_ok": cycles - offline,
            "container_max": 12,
            "relay_200": cycles - offline,
            "relay_none": offline,
        }
        for name in ("cpu", "ram", "disk"):
            row |= {f"{name}_count": cycles, f"{name}_sum": found[name] * cycles}
            row[f"{name}_max"] = min(100, found[name] * 1.3)
        for name in ("ping", "duration"):
            row |= {f"{name}_count": cycles, f"{name}_sum": found[name] * cycles}
            row |= {f"{name}_min": found[name] * 0.8, f"{name}_max": found[name] * 1.7}
        yield row


def _check(story: Story, at: datetime) -> dict[str, Any]:
    incident = story.found(at)
    return {
        "service_id": story.service_id,
        "created_at": at,
        "status": incident.result.value if incident else Result.HEALTHY.value,
        "latency_ms": None if incident else story.latency_at(at),
        "status_code": None if incident else 200,
        "error_message": incident.reason if incident else "",
    }


def _cycle(host_id: int, at: datetime, cycle: int) -> dict[str, Any]:
    chance = random.Random(at.timestamp() + host_id)
    found = _figures(at, chance)
    return {
        "id": str(time_ordered_uuid(at, chance.getrandbits(CHANCE_BITS))),
        "host_id": host_id,
        "created_at": at,
        "cpu_percent": found["cpu"],
        "ram_percent": found["ram"],
        "ram_used_mb": found["ram"] * 160,
        "disk_percent": found["disk"],
        "uptime_seconds": 19 * DAY + at.timestamp() % DAY,
        "container_count": 12,
        "internet_status": True,
        "ping_ms": found["ping"],
        "worker_status": 200,
        "cycle_duration_ms": found["duration"],
        "summed": True,
    }


def _keep_in_step(stories: Sequence[Story], now: datetime) -> None:
    """The sums hold all that was written; each service shows its last result."""
    with writing() as session:
        newest = session.scalar(sa.select(sa.func.max(ServiceCheck.id))) or 0
        session.merge(RollupMark(source="service_checks", last_id=newest, upto_id=newest))
        for story in stories:
            last = _check(story, now)
            session.execute(
                sa.update(Service.__table__)
                .where(Service.__table__.c.id == story.service_id)
                .values(
                    last_check_at=now,
                    last_result=last["status"],
                    last_latency_ms=last["latency_ms"],
                    last_status_code=last["status_code"],
                    last_error=last["error_message"],
                )
            )
    db.session.expire_all()


def _write(model: Any, rows: Iterator[dict[str, Any]]) -> None:
    batch: list[dict[str, Any]] = []
    for row in rows:
        batch.append(row)
        if len(batch) == BATCH:
            _insert(model, batch)
            batch = []
    _insert(model, batch)


def _insert(model: Any, batch: Sequence[dict[str, Any]]) -> None:
    if batch:
        with writing() as session:
            session.connection().execute(sa.insert(model.__table__), batch)
