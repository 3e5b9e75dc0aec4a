"""The operations beside `/api/v1`, whose errors and words are those of their clients."""

from __future__ import annotations

from typing import Any

from sentinelweb.api.operations import Operation
from sentinelweb.core.process_requests import Ending, Registration
from sentinelweb.core.pulsemon import NewMonitor

Schema = dict[str, Any]

ANY: Schema = {"type": "object"}
ANY_LIST: Schema = {"type": "array", "items": ANY}
TEXT: Schema = {"type": "string"}

PAGED = {"limit": {"type": "integer", "minimum": 1}, "after": {"type": "integer", "minimum": 0}}
PROCESS_LIST = {"search": TEXT, "tag": TEXT, "host": TEXT, **PAGED}

_PING = Operation("Ping a heartbeat", "Pings", answer=ANY, errors=(404, 503))
_REGISTER: dict[str, Any] = {"tag": "Processes", "status": 201, "answer": ANY, "body": Registration}

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
    ("pings.ping", "GET"): _PING,
    ("pings.ping", "POST"): _PING,
    ("health.health", "GET"): Operation("Whether the server answers", "Health", answer=ANY),
    ("health.ready", "GET"): Operation(
        "Whether each part works", "Health", answer=ANY, errors=(503,)
    ),
    ("dashboard.api_live", "GET"): Operation(
        "The figures of a host and its services",
        "System",
        answer=ANY,
        query={"range": TEXT, "host": {"type": "integer"}, "service": {"type": "integer"}},
        errors=(401, 422),
    ),
    ("host_reports.heartbeat", "POST"): Operation(
        "Report of a host's agent",
        "Hosts",
        answer=ANY,
        body={"type": "object", "properties": {"services": ANY, "host": ANY, "cycles": ANY_LIST}},
        errors=(401, 413, 422, 429, 500),
    ),
    ("process_api.short_lived", "POST"): Operation(
        "Register a short-lived process", **_REGISTER, errors=(401, 404, 422, 429)
    ),
    ("process_api.long_lived", "POST"): Operation(
        "Register a long-lived process", **_REGISTER, errors=(401, 404, 422, 429)
    ),
    ("process_api.status", "GET"): Operation(
        "List processes", "Processes", answer=ANY_LIST, query=PROCESS_LIST, errors=(401, 429)
    ),
    ("process_api.active_status", "GET"): Operation(
        "List processes that are alive",
        "Processes",
        answer=ANY_LIST,
        query=PROCESS_LIST,
        errors=(401, 429),
    ),
    ("process_api.register_heartbeat", "POST"): Operation(
        "Tell that a process is alive",
        "Processes",
        answer=ANY,
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
    ),
    ("process_api.end", "DELETE"): Operation(
        "End a process", "Processes", answer=ANY, body=Ending, errors=(401, 404, 422, 429)
    ),
    ("pulsemon_api.create", "POST"): Operation(
        "Create a monitor",
        "PulseMon",
        status=201,
        answer=ANY,
        body=NewMonitor,
        errors=(400, 401, 409, 413, 422, 429),
    ),
    ("pulsemon_api.index", "GET"): Operation(
        "List monitors", "PulseMon", answer=ANY_LIST, query=PAGED, errors=(401, 422, 429)
    ),
    ("pulsemon_api.show", "GET"): Operation(
        "Read a monitor", "PulseMon", answer=ANY, errors=(401, 404, 429)
    ),
    ("pulsemon_api.delete", "DELETE"): Operation(
        "Delete a monitor", "PulseMon", answer=ANY, errors=(401, 404, 429)
    ),
    ("pulsemon_api.history", "GET"): Operation(
        "List a monitor's changes of status",
        "PulseMon",
        answer=ANY_LIST,
        query={
            "limit": {"type": "integer", "minimum": 1},
            "before": {"type": "integer", "minimum": 1},
        },
        errors=(401, 404, 422, 429),
    ),
    ("openapi.description", "GET"): Operation("This description", "Description", answer=ANY),
}
