"""From what a program says of a monitor to what the services take, and back for changes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from sentinelweb import probes
from sentinelweb.api import problems, requests
from sentinelweb.api.requests import HeartbeatBody, HostBody, ServiceBody
from sentinelweb.extensions import settings
from sentinelweb.models import HeartbeatCheck, Host, Monitor, Service
from sentinelweb.services import monitors, services
from sentinelweb.services.heartbeats import HeartbeatValues
from sentinelweb.services.hosts import HostValues
from sentinelweb.services.services import ServiceValues

_SHARED = ("name", "description", "tags", "environment")
_OF_HEARTBEAT = (
    *_SHARED,
    "alias",
    "expected_period",
    "grace_period",
    "cron_expression",
    "cron_timezone",
)
_OF_SERVICE = (*_SHARED, "target", "interval", "timeout", "threshold")
_OF_HOST = (*_SHARED, "silent_after")


def heartbeat(said: Mapping[str, Any], team_id: int) -> HeartbeatValues:
    body = requests.read(HeartbeatBody, said)
    values = {name: getattr(body, name) for name in _OF_HEARTBEAT}
    values["cron_timezone"] = (body.cron_timezone or "UTC") if body.cron_expression else None
    return HeartbeatValues(**values, channel_ids=_channel_ids(body.channels, team_id))


def changed_heartbeat(stored: HeartbeatCheck, said: Mapping[str, Any]) -> HeartbeatValues:
    return heartbeat(_present(stored, _OF_HEARTBEAT) | dict(said), stored.team_id)


def service(said: Mapping[str, Any], team_id: int, stored: Service | None = None) -> ServiceValues:
    """Raise ProblemError, also for an option that the probe of the target does not have."""
    body = requests.read(ServiceBody, said)
    timeout = body.timeout or settings().service_timeout_seconds
    if timeout >= body.interval:
        raise problems.of_field("interval", f"It must be longer than the timeout, {timeout} s.")
    return ServiceValues(
        **{name: getattr(body, name) for name in _OF_SERVICE},
        options=_options(body, stored),
        removed=frozenset(name for name, value in body.options.items() if value is None),
        channel_ids=_channel_ids(body.channels, team_id),
    )


def changed_service(stored: Service, said: Mapping[str, Any]) -> ServiceValues:
    return service(_present(stored, _OF_SERVICE) | dict(said), stored.team_id, stored)


def host(said: Mapping[str, Any], team_id: int) -> HostValues:
    body = requests.read(HostBody, said)
    values = {name: getattr(body, name) for name in _OF_HOST}
    return HostValues(**values, channel_ids=_channel_ids(body.channels, team_id))


def changed_host(stored: Host, said: Mapping[str, Any]) -> HostValues:
    return host(_present(stored, _OF_HOST) | dict(said), stored.team_id)


def _present(stored: Monitor, names: Sequence[str]) -> dict[str, Any]:
    values = {name: getattr(stored, name) for name in names}
    chosen = [channel.id for channel in stored.channels]
    return values | {"kind": stored.kind, "channels": chosen}


def _channel_ids(chosen: list[int] | None, team_id: int) -> list[int]:
    """As on the page, a new monitor alerts every channel unless told otherwise."""
    available = {channel.id for channel in monitors.available_channels(team_id)}
    if chosen is None:
        return sorted(available)
    if not available.issuperset(chosen):
        raise problems.of_field("channels", "There is no such channel.")
    return chosen


def _options(body: ServiceBody, stored: Service | None) -> dict[str, str]:
    """What is not said stays as it is; its probe judges what is."""
    probe = probes.probe_for(body.target)
    if probe is None:
        return {}
    known = {option.name: option for option in probe.options}
    for name in body.options:
        if name not in known:
            raise problems.of_field("options", "There is no option of this name.")
    kept = stored.options if stored and stored.probe == probe.kind else {}
    texts = {name: services.shown(option, kept) for name, option in known.items()}
    return texts | {name: _text(value) for name, value in body.options.items()}


def _text(value: str | bool | int | None) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    return "" if value is None else str(value)
