"""All that a team owns as one document (core/export_document.py), written a few monitors at a time.

Between them no transaction is open: whoever reads may take as long as they like.

What a team only has for a while is not in it: processes, pings and results, API keys, and what
this machine and its environment declare (the local host, SERVICE_URL_*).
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, TypeVar, cast

import sqlalchemy as sa
from sqlalchemy.orm import selectinload

from sentinelweb import clock, notifiers, probes
from sentinelweb.core.export_document import (
    FORMAT,
    MAX_HISTORY,
    VERSION,
    ChangeEntry,
    ChannelEntry,
    Entry,
    HeartbeatEntry,
    HostEntry,
    PageItemEntry,
    ServiceEntry,
    StatusPageEntry,
    TeamEntry,
    VisibilityWord,
)
from sentinelweb.core.status import Status
from sentinelweb.core.targets import without_credentials
from sentinelweb.db import among, db
from sentinelweb.models import (
    Channel,
    HeartbeatCheck,
    Host,
    Monitor,
    Role,
    Service,
    StatusChange,
    StatusPage,
    StatusPageItem,
    Team,
    monitor_channels,
)
from sentinelweb.services import scoping
from sentinelweb.services.scoping import Actor

BATCH = 500
BATCH_WITH_HISTORY = 50

_history = StatusChange.__table__

Kind = TypeVar("Kind", bound=Monitor)


def write(actor: Actor, *, with_secrets: bool = False, with_history: bool = False) -> Iterator[str]:
    """The document of the actor's own team in pieces, an entry a line.

    Raise NotAllowedError for whoever may not know its secrets.
    """
    team_id = scoping.home_team(actor)
    if with_secrets:
        scoping.require(actor, team_id, Role.ADMIN)
    return _Export(team_id, with_secrets=with_secrets, with_history=with_history).pieces()


class _Export:
    def __init__(self, team_id: int, *, with_secrets: bool, with_history: bool) -> None:
        self._team_id = team_id
        self._with_secrets, self._with_history = with_secrets, with_history
        ids = db.session.scalars(
            sa.select(Channel.id).where(Channel.team_id == team_id).order_by(Channel.id)
        )
        self._numbers = {id_: number for number, id_ in enumerate(ids, start=1)}

    def pieces(self) -> Iterator[str]:
        team = db.session.get_one(Team, self._team_id)
        head: dict[str, Any] = {
            "format": FORMAT,
            "version": VERSION,
            "exported_at": clock.now().isoformat(),
            "with_secrets": self._with_secrets,
            "with_history": self._with_history,
            "team": _plain(
                TeamEntry(name=team.name, ping_key=team.ping_key if self._with_secrets else None)
            ),
        }
        yield json.dumps(head, ensure_ascii=False, indent=1).removesuffix("\n}")
        lists: Mapping[str, Iterable[Entry]] = {
            "channels": self._channels(),
            "hosts": self._hosts(),
            "heartbeats": self._heartbeats(),
            "services": self._services(),
            "status_pages": self._status_pages(),
        }
        for name, entries in lists.items():
            yield f',\n "{name}": ['
            separator = "\n  "
            for entry in entries:
                yield separator + json.dumps(_plain(entry), ensure_ascii=False)
                separator = ",\n  "
            yield "\n ]"
        yield "\n}\n"

    def _channels(self) -> Iterator[ChannelEntry]:
        for id_, number in self._numbers.items():
            channel = db.session.get(Channel, id_)
            if channel is None:  # deleted meanwhile
                continue
            known = notifiers.registered().get(channel.kind)
            fields = known.fields if known else ()
            secret = {field.name for field in fields if field.secret}
            held = {name: str(value) for name, value in channel.settings.items() if value != ""}
            left_out = [] if self._with_secrets else sorted(secret & held.keys())
            yield ChannelEntry.model_construct(
                number=number,
                kind=channel.kind,
                name=channel.name,
                settings={name: held[name] for name in held if name not in left_out},
                left_out=left_out,
                locale=channel.locale,
                timezone=channel.timezone,
            )

    def _hosts(self) -> Iterator[HostEntry]:
        for host, common in self._monitors(Host, Host.is_local.is_(False)):
            yield HostEntry.model_construct(
                **common,
                alias=host.alias,
                silent_after=host.silent_after,
                key_hash=host.key_hash if self._with_secrets else None,
                key_hint=host.key_hint if self._with_secrets else "",
                paused=host.status == Status.PAUSED,
            )

    def _heartbeats(self) -> Iterator[HeartbeatEntry]:
        for heartbeat, common in self._monitors(HeartbeatCheck):
            yield HeartbeatEntry.model_construct(
                **common,
                alias=heartbeat.alias,
                token=heartbeat.token if self._with_secrets else None,
                expected_period=heartbeat.expected_period,
                grace_period=heartbeat.grace_period,
                cron_expression=heartbeat.cron_expression,
                cron_timezone=heartbeat.cron_timezone,
                status=Status(heartbeat.status),
                last_ping=heartbeat.last_ping,
            )

    def _services(self) -> Iterator[ServiceEntry]:
        remote = sa.and_(Host.team_id == self._team_id, Host.is_local.is_(False))
        slugs = {host.id: host.slug for host in db.session.scalars(sa.select(Host).where(remote))}
        portable = sa.and_(
            Service.from_environment.is_(False),
            sa.or_(
                Service.host_id.is_(None), Service.host_id.in_(sa.select(Host.id).where(remote))
            ),
        )
        for service, common in self._monitors(Service, portable):
            target, options, left_out = self._without_secrets(service)
            yield ServiceEntry.model_construct(
                **common,
                alias=service.alias,
                target=target,
                options=options,
                left_out=left_out,
                interval=service.interval,
                timeout=service.timeout,
                threshold=service.threshold,
                host=slugs.get(service.host_id or 0),
                reported_as=service.reported_as,
                paused=service.status == Status.PAUSED,
            )

    def _without_secrets(self, service: Service) -> tuple[str, dict[str, Any], list[str]]:
        """The target and options that may be shown, and what they lack."""
        if self._with_secrets:
            return service.target, service.options, []
        probe = probes.registered().get(service.probe)
        secret = {option.name for option in probe.options if option.secret} if probe else set()
        left_out = sorted(secret & service.options.keys())
        options = {name: value for name, value in service.options.items() if name not in secret}
        target = without_credentials(service.target)
        if target != service.target:
            left_out.append("target")
        return target, options, left_out

    def _status_pages(self) -> Iterator[StatusPageEntry]:
        query = (
            sa.select(StatusPage)
            .where(StatusPage.team_id == self._team_id)
            .order_by(StatusPage.id)
            .options(selectinload(StatusPage.items).selectinload(StatusPageItem.monitor))
        )
        for page in db.session.scalars(query):
            yield StatusPageEntry.model_construct(
                slug=page.slug,
                title=page.title,
                description=page.description,
                visibility=cast("VisibilityWord", page.visibility),
                is_first=page.is_first,
                monitors=[_item(item) for item in page.items if _is_portable(item.monitor)],
            )

    def _monitors(
        self, model: type[Kind], condition: sa.ColumnElement[bool] | None = None
    ) -> Iterator[tuple[Kind, dict[str, Any]]]:
        """The team's monitors of a kind in the order of their ids, with what all kinds have."""
        last = 0
        batch = BATCH_WITH_HISTORY if self._with_history else BATCH
        while True:
            query = sa.select(model).where(model.team_id == self._team_id, model.id > last)
            if condition is not None:
                query = query.where(condition)
            found = db.session.scalars(query.order_by(model.id).limit(batch)).all()
            if not found:
                return
            last = found[-1].id
            ids = [monitor.id for monitor in found]
            channels, history = self._channels_of(ids), self._history_of(ids)
            db.session.commit()
            for monitor in found:
                yield (
                    monitor,
                    {
                        "slug": monitor.slug,
                        "name": monitor.name,
                        "description": monitor.description,
                        "tags": monitor.tags,
                        "environment": monitor.environment,
                        "sla_target": monitor.sla_target,
                        "position": monitor.position,
                        "channels": channels.get(monitor.id, []),
                        "created_at": monitor.created_at if self._with_history else None,
                        "history": history.get(monitor.id, []),
                    },
                )

    def _channels_of(self, ids: list[int]) -> dict[int, list[int]]:
        rows = db.session.execute(
            sa.select(monitor_channels.c.monitor_id, monitor_channels.c.channel_id).where(
                among(monitor_channels.c.monitor_id, ids)
            )
        )
        found: dict[int, list[int]] = {}
        for monitor_id, channel_id in rows:
            if channel_id in self._numbers:
                found.setdefault(monitor_id, []).append(self._numbers[channel_id])
        return {monitor_id: sorted(numbers) for monitor_id, numbers in found.items()}

    def _history_of(self, ids: list[int]) -> dict[int, list[ChangeEntry]]:
        if not self._with_history:
            return {}
        rows = db.session.execute(
            sa.select(
                StatusChange.monitor_id,
                StatusChange.prev_status,
                StatusChange.new_status,
                StatusChange.note,
                StatusChange.created_at,
            )
            .where(among(_history.c.monitor_id, ids))
            .order_by(StatusChange.monitor_id, StatusChange.created_at, StatusChange.id)
        )
        found: dict[int, list[ChangeEntry]] = {}
        for monitor_id, previous, new, note, at in rows:
            change = ChangeEntry.model_construct(
                previous=Status(previous), new=Status(new), note=note, at=at
            )
            found.setdefault(monitor_id, []).append(change)
        return {monitor_id: changes[-MAX_HISTORY:] for monitor_id, changes in found.items()}


def _plain(entry: Entry) -> dict[str, Any]:
    """As JSON holds it. The values come from our own database: they are not judged again."""
    return entry.model_dump(mode="json", warnings=False)


def _is_portable(monitor: Monitor) -> bool:
    """Whether it is in a document at all."""
    if isinstance(monitor, Host):
        return not monitor.is_local
    if isinstance(monitor, Service):
        elsewhere = monitor.host is not None and monitor.host.is_local
        return not monitor.from_environment and not elsewhere
    return isinstance(monitor, HeartbeatCheck)


def _item(item: StatusPageItem) -> PageItemEntry:
    return PageItemEntry.model_construct(
        monitor=item.monitor.slug,
        section=item.section,
        label=item.label,
        shows_alias=item.shows_alias,
        shows_last_ping=item.shows_last_ping,
        shows_interval=item.shows_interval,
        shows_latency=item.shows_latency,
        shows_tags=item.shows_tags,
    )
