"""The answer of `GET /api/live`: the fields that a seed-004 dashboard reads, and some more.

Latencies are in milliseconds, shares in percent. Where there is no figure it is null.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Any

from sentinelweb.core.durations import format_duration
from sentinelweb.core.measures import Spread, by_result, share
from sentinelweb.core.ranges import instant
from sentinelweb.core.results import Result
from sentinelweb.i18n import format_datetime, format_moment
from sentinelweb.services.live import Panel, ServiceFigures

DAY = 86_400
NO_ANSWER = "TIMEOUT"  # seed 004's word for a relay without one


def answer(panel: Panel) -> dict[str, Any]:
    cycle = panel.cycle
    return {
        "ok": True,
        "range": panel.query.range.name,
        "step_seconds": panel.step,
        "last_updated": format_datetime(cycle.created_at) if cycle else None,
        "last_updated_at": cycle.created_at.isoformat() if cycle else None,
        "host": _host(panel),
        "system": _system(panel),
        "monitor": _monitor(panel),
        "network": _network(panel),
        "services": [_service(item) for item in panel.services],
        "services_total": panel.services_total,
        "history": _history(panel),
    }


def _host(panel: Panel) -> dict[str, Any] | None:
    host = panel.host
    if host is None:
        return None
    return {"id": host.id, "name": host.name, "status": host.status}


def _system(panel: Panel) -> dict[str, Any]:
    cycle = panel.cycle
    uptime = cycle.uptime_seconds if cycle else None
    containers = cycle.container_count if cycle else None
    return {
        "cpu": _round(cycle.cpu_percent if cycle else None),
        "ram": _round(cycle.ram_percent if cycle else None),
        "ram_used_mb": _round(cycle.ram_used_mb if cycle else None),
        "disk": _round(cycle.disk_percent if cycle else None),
        "containers": "Docker Error" if containers is None else f"{containers} Containers",
        "container_count": containers,
        "uptime": "N/A" if uptime is None else format_duration(uptime, parts=4),
        "uptime_seconds": _round(uptime),
    }


def _monitor(panel: Panel) -> dict[str, Any]:
    cycle = panel.cycle
    names = {"none": NO_ANSWER, "other": "OTHER"}
    return {
        "worker_status": cycle.worker_status if cycle else None,
        "uptime": {panel.query.range.name: _percent(panel.relay_share)},
        "distribution": [
            {"name": names.get(code, code), "value": count}
            for code, count in Counter(panel.relay_counts).most_common()
        ],
        "stats": _spread(panel.duration),
        "services_due": cycle.services_due if cycle else None,
        "services_late": cycle.services_late if cycle else None,
        "lags": panel.lags,
    }


def _network(panel: Panel) -> dict[str, Any]:
    cycle = panel.cycle
    reached, missed = panel.internet_counts
    return {
        "internet_status": cycle.internet_status if cycle else None,
        "ping_ms": _round(cycle.ping_ms if cycle else None),
        "uptime": _percent(panel.internet_share),
        "uptime_counts": {"success": reached, "failure": missed},
        "stats": _spread(panel.ping),
    }


def _service(item: ServiceFigures) -> dict[str, Any]:
    row, counts = item.row, item.counts
    return {
        "id": row.id,
        "name": row.name,
        "service_type": row.probe,
        "status": row.last_result or Result.UNKNOWN.value,
        "monitor_status": row.status,
        "status_code": row.last_status_code,
        "latency": _round(row.last_latency_ms),
        "error": item.error or None,
        "last_check_at": row.last_check_at.isoformat() if row.last_check_at else None,
        "stats": {
            **_spread(item.latency),
            "uptime": _percent(item.share),
            "success": counts[Result.HEALTHY],
            "failure": sum(counts.values()) - counts[Result.HEALTHY],
            "distribution": {result.value: count for result, count in counts.items() if count},
        },
    }


def _history(panel: Panel) -> dict[str, Any]:
    host, results = panel.host_points, panel.result_points
    exact = panel.step < DAY
    durations, pings = panel.spreads(host, "duration"), panel.spreads(host, "ping")
    latencies = panel.spreads(results, "latency")
    services = {
        name: panel.spreads(item.points, "latency")
        for name, item in zip(_names(panel.services), panel.services, strict=True)
    }
    counts = [by_result([results[at]] if at in results else []) for at in panel.buckets]
    return {
        "times": [format_moment(instant(at), seconds=exact) for at in panel.buckets],
        "timestamps": list(panel.buckets),
        "system": {
            name: [_round(value) for value in panel.series(host, name)]
            for name in ("cpu", "ram", "disk")
        },
        "cycle_duration": _averages(durations),
        "cycle_jitter": _jitters(durations),
        "ping": _averages(pings),
        "ping_jitter": _jitters(pings),
        "internet_uptime": [
            _percent(share(host[at].internet_ok, host[at].internet_known)) if at in host else None
            for at in panel.buckets
        ],
        "latency": _averages(latencies),
        "latency_jitter": _jitters(latencies),
        "distribution": {result.value: [each[result] for each in counts] for result in Result},
        "services": {name: _averages(spreads) for name, spreads in services.items()},
        "services_jitter": {name: _jitters(spreads) for name, spreads in services.items()},
    }


def _names(services: Sequence[ServiceFigures]) -> list[str]:
    """Names are keys here; of several services with one name each gets its number too."""
    often = Counter(item.row.name for item in services)
    return [
        item.row.name if often[item.row.name] == 1 else f"{item.row.name} ({item.row.id})"
        for item in services
    ]


def _averages(spreads: Sequence[Spread | None]) -> list[float | None]:
    return [_round(each.avg if each else None) for each in spreads]


def _jitters(spreads: Sequence[Spread | None]) -> list[float | None]:
    return [_round(each.jitter if each else None) for each in spreads]


def _spread(found: Spread | None) -> dict[str, float | None]:
    values = ("max", "avg", "min", "jitter")
    return {name: _round(getattr(found, name)) if found else None for name in values}


def _percent(part: float | None) -> float | None:
    return None if part is None else _round(part * 100)


def _round(value: float | None) -> float | None:
    return None if value is None else round(value, 2)
