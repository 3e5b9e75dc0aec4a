"""The operations beside `/api/v1`, whose errors and words are those of their clients."""

from __future__ import annotations

from typing import Any

from sentinelweb.api import elsewhere_answers as said
from sentinelweb.api.elsewhere_answers import TEXT
from sentinelweb.api.operations import Operation
from sentinelweb.core.process_requests import Ending, Registration
from sentinelweb.core.pulsemon import NewMonitor
from sentinelweb.core.ranges import RANGES
from sentinelweb.i18n import LOCALES
from sentinelweb.services.public_history import SPANS
from sentinelweb.services.scoping import MAX_ID

Schema = dict[str, Any]

ANY: Schema = {"type": "object"}
ANY_LIST: Schema = {"type": "array", "items": ANY}

_NUMBER: Schema = {"type": "integer", "minimum": 1, "maximum": MAX_ID}
PAGED = {"limit": _NUMBER, "after": _NUMBER}
PROCESS_LIST = {"search": TEXT, "tag": TEXT, "host": TEXT, **PAGED}

_PING: dict[str, Any] = {
    "tag": "Pings",
    "answer": said.PING,
    "errors": (404, 503),
    "error": said.REFUSED_PING,
}
_PULSEMON: dict[str, Any] = {"tag": "PulseMon", "error": said.REFUSED_BY_PULSEMON}
_PROCESSES: dict[str, Any] = {"tag": "Processes", "error": said.REFUSED_PROCESS}
_REGISTER: dict[str, Any] = {
    **_PROCESSES,
    "status": 201,
    "answer": said.PROCESS_MADE,
    "body": Registration,
    "errors": (401, 404, 422, 429),
}
_STATUS_PAGE: dict[str, Any] = {
    "tag": "Status pages",
    "media": {"text/html": TEXT},
    "query": {"tag": TEXT, "environment": TEXT, "lang": {"enum": list(LOCALES)}},
}
_BADGE: dict[str, Any] = {
    "tag": "Badges",
    "answer": said.BADGE,
    "media": {"image/svg+xml": TEXT},
    "query": {
        "metric": {"enum": ["status", "uptime", "latency"], "default": "status"},
        "range": {"enum": list(SPANS), "default": "30d"},
        "label": TEXT,
    },
    "errors": (404, 422, 503),
}

# Addresses whose parts have other names here than in the code.
PATHS = {
    "/ping/<slug>/<path:_rest>": "/ping/{slug}/{signal}",
    "/h/<slug>/<path:_rest>": "/h/{alias}/{token}",
}

# What is shown, by the blueprint or the endpoint; what is not named needs nothing.
SECURITY = {
    "api_v1": ("key",),
    "pulsemon_api": ("key", "adminToken"),
    "process_api": ("key", "adminToken"),
    "host_reports": ("agentKey",),
    "dashboard.api_live": ("session",),
}

OPERATIONS: dict[tuple[str, str], Operation] = {
    ("pings.ping", "GET"): Operation("Ping a heartbeat", **_PING),
    ("pings.ping", "POST"): Operation("Ping a heartbeat", **_PING),
    ("health.health", "GET"): Operation("Whether the server answers", "Health", answer=said.HEALTH),
    ("health.ready", "GET"): Operation(
        "Whether each part works", "Health", answer=said.READY, errors=(503,), error=said.READY
    ),
    ("public_status.first", "GET"): Operation(
        "The first status page", errors=(503,), **_STATUS_PAGE
    ),
    ("public_status.show", "GET"): Operation("A status page", errors=(404, 503), **_STATUS_PAGE),
    ("badges.monitor", "GET"): Operation("A badge of what a status page shows", **_BADGE),
    ("badges.tag", "GET"): Operation("A badge of all that a status page tags alike", **_BADGE),
    ("dashboard.api_live", "GET"): Operation(
        "The figures of a host and its services",
        "System",
        answer=said.LIVE,
        query={
            "range": {"enum": list(RANGES), "default": "1h"},
            "host": _NUMBER,
            "service": _NUMBER,
        },
        errors=(401, 404, 422),
        error=said.REFUSED_LIVE,
    ),
    ("host_reports.heartbeat", "POST"): Operation(
        "Report of a host's agent",
        "Hosts",
        answer=said.REPORTED,
        body={"type": "object", "properties": {"services": ANY, "host": ANY, "cycles": ANY_LIST}},
        errors=(220, 221, 401, 413, 422, 429, 500),
        error=said.REFUSED_REPORT,
    ),
    ("process_api.short_lived", "POST"): Operation("Register a short-lived process", **_REGISTER),
    ("process_api.long_lived", "POST"): Operation("Register a long-lived process", **_REGISTER),
    ("process_api.status", "GET"): Operation(
        "List processes",
        answer=said.PROCESSES,
        query=PROCESS_LIST,
        errors=(401, 429),
        **_PROCESSES,
    ),
    ("process_api.active_status", "GET"): Operation(
        "List processes that are alive",
        answer=said.PROCESSES,
        query=PROCESS_LIST,
        errors=(401, 429),
        **_PROCESSES,
    ),
    ("process_api.register_heartbeat", "POST"): Operation(
        "Tell that a process is alive",
        answer=said.PROCESS_BEAT,
        body={
            "type": "object",
            "properties": {
                "progress": {"type": "number", "minimum": 0, "maximum": 100},
                "message": TEXT,
                "pid": {"type": "integer"},
                "host": TEXT,
            },
        },
        errors=(401, 404, 503),
        **_PROCESSES,
    ),
    ("process_api.end", "DELETE"): Operation(
        "End a process",
        answer=said.PROCESS_ENDED,
        body=Ending,
        errors=(401, 404, 422, 429),
        **_PROCESSES,
    ),
    ("pulsemon_api.create", "POST"): Operation(
        "Create a monitor",
        status=201,
        answer=said.PULSEMON_MONITOR,
        body=NewMonitor,
        errors=(400, 401, 409, 413, 422, 429),
        **_PULSEMON,
    ),
    ("pulsemon_api.index", "GET"): Operation(
        "List monitors",
        answer=said.PULSEMON_MONITORS,
        query=PAGED,
        errors=(401, 422, 429),
        **_PULSEMON,
    ),
    ("pulsemon_api.show", "GET"): Operation(
        "Read a monitor", answer=said.PULSEMON_MONITOR, errors=(401, 404, 429), **_PULSEMON
    ),
    ("pulsemon_api.delete", "DELETE"): Operation(
        "Delete a monitor", answer=said.PULSEMON_DELETED, errors=(401, 404, 429), **_PULSEMON
    ),
    ("pulsemon_api.history", "GET"): Operation(
        "List a monitor's changes of status",
        answer=said.PULSEMON_HISTORY,
        query={"limit": _NUMBER, "before": _NUMBER},
        errors=(401, 404, 422, 429),
        **_PULSEMON,
    ),
    ("openapi.description", "GET"): Operation("This description", "Description", answer=ANY),
}
