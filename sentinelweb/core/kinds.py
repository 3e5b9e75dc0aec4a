"""The kinds of monitors, and where their pages are."""

from __future__ import annotations

PLACES = {
    "heartbeat": "heartbeats",
    "service": "services",
    "host": "hosts",
    "process": "processes",
}


def page_path(kind: str, monitor_id: int) -> str:
    """The path of a monitor's page, as `/services/7`."""
    return f"/{PLACES[kind]}/{monitor_id}"
