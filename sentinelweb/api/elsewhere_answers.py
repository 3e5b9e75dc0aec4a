"""What the operations beside `/api/v1` answer, as JSON schemas. Each may get more fields."""

from __future__ import annotations

from typing import Any

from sentinelweb.core.ranges import RANGES
from sentinelweb.core.results import Result
from sentinelweb.core.status import Status

Schema = dict[str, Any]


def _object(required: Schema, optional: Schema | None = None) -> Schema:
    properties = required | (optional or {})
    return {"type": "object", "properties": properties, "required": list(required)}


def _list(items: Schema) -> Schema:
    return {"type": "array", "items": items}


def _or_null(schema: Schema) -> Schema:
    return {"anyOf": [schema, {"type": "null"}]}


def _map(values: Schema) -> Schema:
    return {"type": "object", "additionalProperties": values}


TEXT: Schema = {"type": "string"}
_FLAG: Schema = {"type": "boolean"}
_COUNT: Schema = {"type": "integer"}
_NUMBER: Schema = {"type": "number"}
_MOMENT: Schema = {"type": "string", "format": "date-time"}
_FIGURE = _or_null(_NUMBER)
_STATUS: Schema = {"enum": [status.value for status in Status]}

REFUSED_PING = _object({"ok": {"const": False}, "error": TEXT})
PING = _object({"ok": {"const": True}, "name": TEXT, "timestamp": _MOMENT})

HEALTH = _object({"status": {"const": "ok"}})
READY = _object({"ready": _FLAG, "parts": _map(_object({"ok": _FLAG}, {"age": _NUMBER}))})

REFUSED_BY_PULSEMON = _object({"detail": {"anyOf": [TEXT, _list({"type": "object"})]}})
_PULSEMON_STATUS: Schema = {"enum": ["UP", "DOWN", "UNKNOWN"]}
PULSEMON_MONITOR = _object(
    {
        "name": TEXT,
        "slug": TEXT,
        "interval_seconds": _COUNT,
        "grace_seconds": _COUNT,
        "status": _PULSEMON_STATUS,
        "last_ping": _or_null(_MOMENT),
        "webhook_url": _or_null(TEXT),
        "token": _or_null(TEXT),
        "ping_url": _or_null(TEXT),
    }
)
PULSEMON_MONITORS = _list(PULSEMON_MONITOR)
PULSEMON_DELETED = _object({"ok": {"const": True}})
PULSEMON_HISTORY = _list(
    _object(
        {
            "id": _COUNT,
            "slug": TEXT,
            "prev_status": _PULSEMON_STATUS,
            "new_status": _PULSEMON_STATUS,
            "note": TEXT,
            "created_at": _MOMENT,
        }
    )
)

REFUSED_PROCESS = _object({"error": TEXT}, {"errors": _map(TEXT)})
PROCESS_MADE = _object({"processId": TEXT, "message": TEXT, "expirySeconds": _COUNT, "token": TEXT})
PROCESSES = _list(
    _object(
        {
            "processId": TEXT,
            "lastHeartbeat": _MOMENT,
            "isAlive": _FLAG,
            "keepAlive": _FLAG,
            "name": TEXT,
            "status": _STATUS,
            "startedAt": _MOMENT,
            "endedAt": _or_null(_MOMENT),
            "host": _or_null(TEXT),
            "pid": _or_null(_COUNT),
            "progress": _FIGURE,
            "message": _or_null(TEXT),
            "exitStatus": _or_null(_COUNT),
            "tags": _list(TEXT),
        }
    )
)
PROCESS_BEAT = _object(
    {"processId": TEXT, "message": TEXT, "lastHeartbeat": _MOMENT}, {"token": TEXT}
)
PROCESS_ENDED = _object({"processId": TEXT, "message": TEXT, "status": _STATUS})

REPORTED = _object({"status": TEXT, "stored": _FLAG}, {"ignored_services": _COUNT})
REFUSED_REPORT = _object({"status": TEXT}, {"error": TEXT, "errors": _map(TEXT)})

BADGE = _object({"schemaVersion": {"const": 1}, "label": TEXT, "message": TEXT, "color": TEXT})

_SPREAD = dict.fromkeys(("max", "avg", "min", "jitter"), _FIGURE)
_SERIES = _list(_FIGURE)
_LIVE_SERVICE = _object(
    {
        "id": _COUNT,
        "name": TEXT,
        "service_type": TEXT,
        "status": {"enum": [result.value for result in Result]},
        "monitor_status": _STATUS,
        "status_code": _or_null(_COUNT),
        "latency": _FIGURE,
        "error": _or_null(TEXT),
        "last_check_at": _or_null(_MOMENT),
        "stats": _object(
            _SPREAD
            | {
                "uptime": _FIGURE,
                "success": _COUNT,
                "failure": _COUNT,
                "distribution": _map(_COUNT),
            }
        ),
    }
)
LIVE = _object(
    {
        "ok": {"const": True},
        "range": {"enum": list(RANGES)},
        "step_seconds": _COUNT,
        "last_updated": _or_null(TEXT),
        "last_updated_at": _or_null(_MOMENT),
        "host": _or_null(_object({"id": _COUNT, "name": TEXT, "status": _STATUS})),
        "system": _object(
            dict.fromkeys(("cpu", "ram", "ram_used_mb", "disk", "uptime_seconds"), _FIGURE)
            | {"containers": TEXT, "container_count": _or_null(_COUNT), "uptime": TEXT}
        ),
        "monitor": _object(
            {
                "worker_status": _or_null(_COUNT),
                "uptime": _map(_FIGURE),
                "distribution": _list(_object({"name": TEXT, "value": _COUNT})),
                "stats": _object(_SPREAD),
                "services_due": _or_null(_COUNT),
                "services_late": _or_null(_COUNT),
                "lags": _FLAG,
            }
        ),
        "network": _object(
            {
                "internet_status": _or_null(_FLAG),
                "ping_ms": _FIGURE,
                "uptime": _FIGURE,
                "uptime_counts": _object({"success": _COUNT, "failure": _COUNT}),
                "stats": _object(_SPREAD),
            }
        ),
        "services": _list(_LIVE_SERVICE),
        "services_total": _COUNT,
        "history": _object(
            {
                "times": _list(TEXT),
                "timestamps": _list(_COUNT),
                "system": _map(_SERIES),
                "distribution": _map(_list(_COUNT)),
                "services": _map(_SERIES),
                "services_jitter": _map(_SERIES),
                "cycle_duration": _SERIES,
                "cycle_jitter": _SERIES,
                "ping": _SERIES,
                "ping_jitter": _SERIES,
                "internet_uptime": _SERIES,
                "latency": _SERIES,
                "latency_jitter": _SERIES,
            }
        ),
    }
)
REFUSED_LIVE = _object({"ok": {"const": False}, "error": TEXT})
