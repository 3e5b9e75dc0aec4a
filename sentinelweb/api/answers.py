"""What `/api/v1` answers. Secrets are never told, and ping URLs only to keys that may write."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from sentinelweb import notifiers, pages, probes
from sentinelweb.core.status import Status
from sentinelweb.core.targets import without_credentials
from sentinelweb.models import (
    Channel,
    DeliveryState,
    HeartbeatCheck,
    Host,
    Monitor,
    Process,
    Service,
    StatusPage,
    Visibility,
)
from sentinelweb.services import channels, services
from sentinelweb.services.scoping import Program


class _Shown(BaseModel):
    model_config = ConfigDict(from_attributes=True)


class _MonitorShown(_Shown):
    id: int
    team_id: int
    name: str
    description: str
    tags: list[str]
    environment: str
    status: Status
    status_since: datetime
    sla_target: float | None
    channels: list[int]
    created_at: datetime
    updated_at: datetime


class HeartbeatShown(_MonitorShown):
    kind: Literal["heartbeat"]
    alias: str | None
    ping_url: str | None
    expected_period: int
    grace_period: int
    cron_expression: str | None
    cron_timezone: str | None
    last_ping: datetime | None
    next_expected_ping: datetime | None
    last_duration_ms: int | None
    total_pings: int
    missed_pings: int


class ServiceShown(_MonitorShown):
    kind: Literal["service"]
    target: str
    probe: str
    options: dict[str, str]
    interval: int
    timeout: int | None
    threshold: int | None
    is_managed_elsewhere: bool
    last_check_at: datetime | None
    last_result: str | None
    last_latency_ms: float | None
    last_status_code: int | None
    last_error: str
    failures: int
    certificate_expires_at: datetime | None


class HostShown(_MonitorShown):
    """`key` is what its agent shows: told by the answer that made it, and null ever after."""

    kind: Literal["host"]
    key: str | None
    is_local: bool
    silent_after: int
    last_report_at: datetime | None
    agent: str


class ProcessShown(_MonitorShown):
    kind: Literal["process"]
    process_id: str
    keep_alive: bool
    expiry: int
    last_heartbeat: datetime
    ended_at: datetime | None
    host: str
    pid: int | None
    progress: float | None
    message: str
    exit_status: int | None


MonitorShown = Annotated[
    HeartbeatShown | ServiceShown | HostShown | ProcessShown, Field(discriminator="kind")
]


class MonitorPage(BaseModel):
    """`next_after` is what to ask for the next page with; null on the last one."""

    monitors: list[MonitorShown]
    next_after: int | None


class PingShown(_Shown):
    id: int
    created_at: datetime
    kind: str
    counted: bool
    exit_status: int | None
    rid: str | None
    duration_ms: int | None
    method: str
    remote_addr: str
    user_agent: str
    body_size: int


class PingPage(BaseModel):
    pings: list[PingShown]
    next_before: int | None


class ResultShown(_Shown):
    id: int
    created_at: datetime
    status: str
    latency_ms: float | None
    status_code: int | None
    error_message: str


class ResultPage(BaseModel):
    results: list[ResultShown]
    next_before: int | None


class ChangeShown(_Shown):
    id: int
    created_at: datetime
    prev_status: Status
    new_status: Status
    note: str


class ChangePage(BaseModel):
    history: list[ChangeShown]
    next_before: int | None


class ChannelShown(BaseModel):
    """`fault` says why the receiver refuses messages for good."""

    id: int
    team_id: int
    kind: str
    name: str
    destination: str
    settings: dict[str, str]
    locale: str | None
    timezone: str | None
    fault: str | None
    created_at: datetime
    updated_at: datetime


class ChannelPage(BaseModel):
    channels: list[ChannelShown]
    next_after: int | None


class AttemptShown(_Shown):
    """`error` is empty when the receiver accepted the message."""

    created_at: datetime
    duration_ms: int
    error: str


class DeliveryShown(_Shown):
    """`due_at` is when it is tried next; null when it is over."""

    id: int
    uid: str
    monitor_id: int | None
    event: str
    state: DeliveryState
    created_at: datetime
    due_at: datetime | None
    finished_at: datetime | None
    attempts: list[AttemptShown]


class DeliveryPage(BaseModel):
    deliveries: list[DeliveryShown]
    next_before: int | None


class TestSent(BaseModel):
    """The delivery that tells what became of the message."""

    delivery_id: int


class PageItemShown(_Shown):
    monitor_id: int
    section: str
    label: str
    shows_alias: bool
    shows_last_ping: bool
    shows_interval: bool
    shows_latency: bool
    shows_tags: bool


class StatusPageShown(_Shown):
    """`monitors` stand in the order in which strangers see them."""

    id: int
    team_id: int
    title: str
    slug: str
    url: str
    description: str
    visibility: Visibility
    is_first: bool
    monitors: list[PageItemShown]
    created_at: datetime
    updated_at: datetime


class StatusPagePage(BaseModel):
    status_pages: list[StatusPageShown]
    next_after: int | None


def monitor(shown: Monitor, program: Program, key: str | None = None) -> _MonitorShown:
    """`key` is that of a host, when it was made just now."""
    values: dict[str, Any] = {
        name: getattr(shown, name)
        for name in (*_MonitorShown.model_fields, "kind")
        if name != "channels"
    }
    values["channels"] = [channel.id for channel in shown.channels]
    model: type[_MonitorShown]
    match shown:
        case HeartbeatCheck():
            model = HeartbeatShown
            url = f"{pages.base_url()}/ping/{shown.slug}"
            values["ping_url"] = url if program.can_write else None
        case Service():
            model = ServiceShown
            values["target"] = without_credentials(shown.target)
            values["options"] = _options(shown)
            values["is_managed_elsewhere"] = services.is_managed_elsewhere(shown)
        case Host():
            model = HostShown
            values["key"] = key
        case Process():
            model = ProcessShown
            values["process_id"] = shown.slug
        case _:
            raise TypeError(shown.kind)
    for name in model.model_fields.keys() - values.keys():
        values[name] = getattr(shown, name)
    return model.model_validate(values)


def _options(service: Service) -> dict[str, str]:
    probe = probes.registered().get(service.probe)
    public = [option for option in probe.options if not option.secret] if probe else []
    return {option.name: services.shown(option, service.options) for option in public}


def listed(name: str, shown: Sequence[BaseModel], next_after: int | None) -> dict[str, Any]:
    return {name: [dumped(item) for item in shown], "next_after": next_after}


def records(
    name: str, model: type[BaseModel], rows: Sequence[Any], next_before: int | None
) -> dict[str, Any]:
    return {
        name: [dumped(model.model_validate(row)) for row in rows],
        "next_before": next_before,
    }


def channel(shown: Channel, program: Program) -> ChannelShown:
    """The settings that are no secrets, for keys that may write."""
    known = notifiers.registered().get(shown.kind)
    fields = known.fields if known and program.can_write else ()
    return ChannelShown(
        settings={
            field.name: str(shown.settings.get(field.name, ""))
            for field in fields
            if not field.secret
        },
        destination=channels.destination(shown),
        **{
            name: getattr(shown, name)
            for name in ChannelShown.model_fields
            if name not in {"settings", "destination"}
        },
    )


def status_page(shown: StatusPage) -> StatusPageShown:
    names = StatusPageShown.model_fields.keys() - {"url", "monitors"}
    return StatusPageShown(
        url=f"{pages.base_url()}/status/{shown.slug}",
        monitors=[PageItemShown.model_validate(item) for item in shown.items],
        **{name: getattr(shown, name) for name in names},
    )


def dumped(model: BaseModel) -> dict[str, Any]:
    return model.model_dump(mode="json")
