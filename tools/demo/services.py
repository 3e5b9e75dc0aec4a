"""The demo's services: most of them are targets of the mock controller, some an agent's."""

from __future__ import annotations

import math
from bisect import bisect
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

import sqlalchemy as sa

from sentinelweb.core.debounce import judge
from sentinelweb.core.results import ProbeResult, Result
from sentinelweb.core.status import Status
from sentinelweb.models import Host, Service, ServiceCheck
from sentinelweb.models.service import RECENT_RESULTS
from sentinelweb.services.facts import service_facts
from tools.demo.scene import Scene

SINGLE_RESULTS = timedelta(hours=24)  # for so long each result is kept
COARSE = timedelta(minutes=5)  # between two results before that: they are only summed up
FIRST_CHECK = timedelta(seconds=20)  # after the filling, when everything runs
THRESHOLD = 3
BLIP = 0.0006  # the share of results that fail for no reason at all


@dataclass(frozen=True)
class Trouble:
    """Something that went wrong `ago`, for `lasting`; None for what lasts still."""

    ago: timedelta
    lasting: timedelta | None
    result: Result
    reason: str
    status_code: int | None = None

    def covers(self, at: datetime, now: datetime) -> bool:
        began = now - self.ago
        return began <= at and (self.lasting is None or at < began + self.lasting)


@dataclass(frozen=True)
class Story:
    """A service and what befell it. `latency_ms` is the usual one."""

    name: str
    target: str
    probe: str
    latency_ms: float
    description: str = ""
    tags: tuple[str, ...] = ()
    environment: str = "production"
    interval: int = 30
    options: dict[str, Any] = field(default_factory=dict)
    troubles: tuple[Trouble, ...] = ()
    paused: bool = False


def hours(number: float) -> timedelta:
    return timedelta(hours=number)


def _error(ago: float, lasting: float | None, code: int = 500) -> Trouble:
    end = None if lasting is None else hours(lasting)
    return Trouble(hours(ago), end, Result.ERROR, f"HTTP {code}", code)


def _timeout(ago: float, lasting: float) -> Trouble:
    return Trouble(hours(ago), hours(lasting), Result.TIMEOUT, "Timeout")


def _refused(ago: float, lasting: float | None) -> Trouble:
    end = None if lasting is None else hours(lasting)
    return Trouble(hours(ago), end, Result.DOWN, "Connection refused")


def of_mock(url: str, ports: Sequence[int]) -> list[Story]:
    """The services that we check ourselves; `ports` are those of the targets."""
    shop, api, website, search, mail = ports[:5]
    return [
        Story(
            "Shop",
            f"{url}/target/shop",
            "http",
            46,
            "Customers order here. Runbook: restart the shop, then tell the support desk.",
            ("web", "customers"),
            options={"keyword": '"ok": true'},
            troubles=(_error(19.4, 0.6, 503), _error(212, 1.7), _timeout(501, 0.8)),
        ),
        Story(
            "Shop API",
            f"{url}/target/api",
            "http",
            23,
            tags=("api", "customers"),
            options={"json_path": "$.ok", "json_value": "true"},
            troubles=(_timeout(7.2, 0.3), _error(212, 1.6, 502)),
        ),
        Story(
            "Website",
            f"http://127.0.0.1:{website}/",
            "http",
            31,
            tags=("web",),
            troubles=(_refused(333, 0.7),),
        ),
        Story(
            "Search",
            f"{url}/target/search",
            "http",
            240,
            "Slow while its index is rebuilt; that is fine.",
            ("web",),
            troubles=(_timeout(3.1, 0.2), _timeout(27.5, 0.5), _timeout(99, 1.1)),
        ),
        Story(
            "Partner API",
            f"http://127.0.0.1:{api}/v2/health",
            "http",
            24,
            "Theirs, not ours: on-call@partner.example.com.",
            ("api",),
            interval=60,
            options={"token": "demo-token"},
            troubles=(_error(44, 3.5, 502), _error(410, 6.2, 503)),
        ),
        Story(
            "Mail relay",
            f"tcp://127.0.0.1:{mail}",
            "tcp",
            2.4,
            "Without it no invoice leaves the house.",
            ("mail",),
            troubles=(_refused(1.6, None), _refused(160, 0.9)),
        ),
        Story("Order database", f"tcp://127.0.0.1:{shop}", "tcp", 1.1, tags=("database",)),
        Story(
            "Checkout (staging)",
            f"http://127.0.0.1:{search}/checkout",
            "http",
            235,
            environment="staging",
            interval=300,
            troubles=(_error(70, 9), _error(300, 14)),
        ),
        Story("Queue container", "docker:demo-queue", "docker", 4, paused=True, interval=60),
    ]


OF_AGENT = [
    Story("nginx", "http://127.0.0.1/", "agent", 3.2, troubles=(_refused(125, 0.4),)),
    Story("postgres", "docker:postgres", "agent", 5.5, troubles=(_refused(125, 0.5),)),
    Story("worker", "http://127.0.0.1:9000/health", "agent", 12, troubles=(_error(33, 0.8),)),
]


def make(scene: Scene, story: Story, host: Host | None = None) -> Service:
    """Store a service without its results."""
    is_ours = host is None and not story.paused
    service = Service(
        name=story.name,
        description=story.description,
        tags=list(story.tags),
        environment=story.environment,
        status=Status.NEW,
        target=story.target,
        probe=story.probe,
        options=dict(story.options),
        interval=story.interval,
        threshold=THRESHOLD,
        host_id=host.id if host else None,
        reported_as=story.name if host else None,
        next_check_at=scene.now + FIRST_CHECK if is_ours else None,
    )
    scene.add(service)
    return service


def befall(scene: Scene, stories: dict[int, tuple[Service, Story]]) -> None:
    """Store the results of all services, and what followed from them."""
    rows: list[dict[str, Any]] = []
    for service, story in stories.values():
        for at in _instants(scene, story):
            found = _found(scene, story, at)
            _take(scene, service, found, at)
            rows.append(
                {
                    "service_id": service.id,
                    "cycle_id": _cycle_of(scene, service, at),
                    "created_at": at,
                    "status": found.result,
                    "latency_ms": found.latency_ms,
                    "status_code": found.status_code,
                    "error_message": found.reason,
                }
            )
        if story.paused:
            scene.change(service, Status.PAUSED, scene.now - hours(52), "paused")
    rows.sort(key=lambda row: (row["created_at"], row["service_id"]))
    scene.session.execute(sa.insert(ServiceCheck), rows)


def _cycle_of(scene: Scene, service: Service, at: datetime) -> str:
    """The cycle that was under way."""
    cycles = scene.cycles[service.host_id]
    return cycles[max(0, bisect(cycles, (at, "~")) - 1)][1]


def _instants(scene: Scene, story: Story) -> Iterator[datetime]:
    """When it was checked: often of late, and as often as charts can tell before that."""
    end = scene.now - hours(52) if story.paused else scene.now
    fine_from = scene.now - SINGLE_RESULTS
    at = scene.began_at + timedelta(seconds=scene.chances.randint(0, story.interval))
    while at < end:
        yield at + timedelta(milliseconds=scene.chances.randint(0, 400))
        at += timedelta(seconds=story.interval) if at >= fine_from else COARSE


def _found(scene: Scene, story: Story, at: datetime) -> ProbeResult:
    for trouble in story.troubles:
        if trouble.covers(at, scene.now):
            latency = _latency(scene, story, at) if trouble.status_code else None
            return ProbeResult(trouble.result, latency, trouble.status_code, trouble.reason)
    if scene.chances.random() < BLIP:
        return ProbeResult(Result.TIMEOUT, reason="Timeout")
    code = 200 if story.target.startswith("http") else None
    return ProbeResult(Result.HEALTHY, _latency(scene, story, at), code)


def _latency(scene: Scene, story: Story, at: datetime) -> float:
    """Longer by day than by night, with some noise, and now and then much longer."""
    hour = at.hour + at.minute / 60
    day = 1 + 0.25 * math.sin((hour - 9) / 24 * math.tau)
    spike = scene.chances.uniform(2, 4) if scene.chances.random() < 0.004 else 1
    return round(story.latency_ms * day * spike * scene.chances.lognormvariate(0, 0.14), 2)


def _take(scene: Scene, service: Service, found: ProbeResult, at: datetime) -> None:
    """What services/probing.py makes of a result."""
    verdict = judge(Status(service.status), service.failures or 0, found, at, threshold=THRESHOLD)
    decision = verdict.decision
    if decision.status != service.status:
        facts = service_facts(service, decision.status, at, found, failures=verdict.failures)
        if decision.alert:
            scene.tell(service, decision.alert, at, facts)
        scene.change(service, decision.status, at, decision.note)
    service.failures = verdict.failures
    service.recent = ((service.recent or "") + found.result.letter)[-RECENT_RESULTS:]
    service.last_check_at = at
    service.last_result = found.result
    service.last_latency_ms = found.latency_ms
    service.last_status_code = found.status_code
    service.last_error = found.reason
