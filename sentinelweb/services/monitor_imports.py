"""Monitors of a document (core/export_document.py) as rows: a batch a transaction.

A monitor is known by its slug, or by its alias if the document says no slug. What is there already
is changed where the document says something else; it keeps the channels that it alerts, its
secrets, and its status.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from enum import StrEnum
from typing import Any

import sqlalchemy as sa
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from sentinelweb import clock, probes
from sentinelweb.core.export_document import (
    ChangeEntry,
    HeartbeatEntry,
    HostEntry,
    MonitorEntry,
    Read,
    ServiceEntry,
)
from sentinelweb.core.schedule import ScheduleError
from sentinelweb.core.status import Status, overdue_at
from sentinelweb.core.targets import without_credentials
from sentinelweb.db import db, writing
from sentinelweb.i18n import gettext as _
from sentinelweb.models import (
    HeartbeatCheck,
    Host,
    Monitor,
    Service,
    StatusChange,
    User,
    monitor_channels,
)
from sentinelweb.probes.base import InvalidTargetError
from sentinelweb.services import counts, heartbeats, host_services, hosts, monitors, services
from sentinelweb.services.counts import CountKey
from sentinelweb.services.errors import InvalidInputError
from sentinelweb.services.heartbeats import HeartbeatValues
from sentinelweb.services.hosts import HostValues
from sentinelweb.services.services import ServiceValues

IMPORTED = "imported"  # the note of a change of status
BATCH = 500

_MODELS: Mapping[type[MonitorEntry], type[Monitor]] = {
    HeartbeatEntry: HeartbeatCheck,
    HostEntry: Host,
    ServiceEntry: Service,
}
# What both an entry and a row say, by the same name.
_COMMON = ("name", "description", "tags", "environment", "alias", "sla_target", "position")
_OWN: Mapping[type[MonitorEntry], tuple[str, ...]] = {
    HeartbeatEntry: ("expected_period", "grace_period", "cron_expression", "cron_timezone"),
    HostEntry: ("silent_after",),
    ServiceEntry: ("interval", "timeout", "threshold"),
}


class Became(StrEnum):
    CREATED = "created"
    UPDATED = "updated"
    PRESENT = "present"
    SKIPPED = "skipped"


@dataclass(frozen=True, slots=True)
class Line:
    """What becomes of the entry at `place`; `text` is a sentence without secrets, or empty."""

    place: str
    name: str
    became: Became
    text: str = ""


@dataclass(slots=True)
class MonitorImport:
    """`channels` are ids by their numbers in the document; `ids` those of monitors by slug.

    A dry run has 0 for what it would make.
    """

    user: User
    team_id: int
    dry_run: bool
    channels: dict[int, int] = field(default_factory=dict)
    ids: dict[str, int] = field(default_factory=dict)
    _seen: set[str] = field(default_factory=set)
    _aliases: set[str] = field(default_factory=set)

    def take(self, reads: Sequence[Read]) -> list[Line]:
        """Import a batch of one kind, all or nothing; if the database refuses one, one by one."""
        try:
            return self._take(reads)
        except IntegrityError:
            if len(reads) > 1:
                return [line for read in reads for line in self.take([read])]
            text = _("Something else on this server has its address, alias or key.")
            return [Line(reads[0].place, reads[0].name, Became.SKIPPED, text)]

    def _take(self, reads: Sequence[Read]) -> list[Line]:
        batch = _Batch(self, reads)
        if self.dry_run:
            batch.look()
        else:
            with writing() as session:
                batch.look()
                batch.create(session)
        self._seen |= batch.slugs
        self._aliases |= batch.aliases
        self.ids |= batch.ids
        batch.update()
        return batch.lines

    def is_repeated(self, entry: MonitorEntry) -> bool:
        alias = getattr(entry, "alias", None)
        return entry.slug in self._seen or (alias is not None and alias in self._aliases)


class _Batch:
    def __init__(self, whole: MonitorImport, reads: Sequence[Read]) -> None:
        self._whole, self._now = whole, clock.now()
        self._reads = [(read, read.entry) for read in reads if isinstance(read.entry, MonitorEntry)]
        self._kind = type(self._reads[0][1])
        self._model = _MODELS[self._kind]
        self._new: list[tuple[Monitor, MonitorEntry]] = []
        self._known: list[tuple[Read, MonitorEntry, Monitor]] = []
        self.slugs: set[str] = set()
        self.aliases: set[str] = set()
        self.ids: dict[str, int] = {}
        self.lines: list[Line] = []

    def look(self) -> None:
        """Tell for each entry whether it is new, known or cannot be taken."""
        slugs = [entry.slug for _read, entry in self._reads if entry.slug]
        aliases = [alias for _read, entry in self._reads if (alias := _alias(entry))]
        rows = db.session.execute(
            sa.select(Monitor.id, Monitor.slug, Monitor.alias, Monitor.team_id, Monitor.kind).where(
                sa.or_(
                    Monitor.slug.in_(slugs),
                    sa.and_(Monitor.team_id == self._whole.team_id, Monitor.alias.in_(aliases)),
                )
            )
        ).all()
        by_slug = {row.slug: row for row in rows}
        by_alias = {row.alias: row for row in rows if row.team_id == self._whole.team_id}
        query = sa.select(self._model).where(self._model.id.in_([row.id for row in rows]))
        present = {row.id: row for row in db.session.scalars(query)}
        kind = str(self._model.__mapper__.polymorphic_identity)
        for read, entry in self._reads:
            alias = _alias(entry)
            namesake = by_alias.get(alias) if alias else None
            row = by_slug.get(entry.slug) if entry.slug else namesake
            repeated = entry.slug in self.slugs or (alias is not None and alias in self.aliases)
            if repeated or self._whole.is_repeated(entry):
                self._skip(read, _("The document has another entry of this slug or alias before."))
            elif row and (row.team_id != self._whole.team_id or row.kind != kind):
                self._skip(read, _("Something else on this server has its address already."))
            elif namesake and namesake is not row:
                self._skip(
                    read, _("Another monitor of the team has the alias “%(alias)s”.", alias=alias)
                )
            elif row:
                self._known.append((read, entry, present[row.id]))
                self._remember(entry, row.id)
            else:
                self._look_at_new(read, entry)

    def _look_at_new(self, read: Read, entry: MonitorEntry) -> None:
        try:
            monitor, notes = self._row(entry)
        except InvalidInputError as error:
            where = f"{error.field}: " if error.field else ""
            self._skip(read, where + error.message)
            return
        self._new.append((monitor, entry))
        self._remember(entry, 0)
        if set(entry.channels) - self._whole.channels.keys():
            notes.append(_("It alerts a channel that is not imported."))
        self.lines.append(Line(read.place, read.name, Became.CREATED, " ".join(notes)))

    def _remember(self, entry: MonitorEntry, id_: int) -> None:
        if entry.slug:
            self.slugs.add(entry.slug)
            self.ids[entry.slug] = id_
        if alias := _alias(entry):
            self.aliases.add(alias)

    def _skip(self, read: Read, text: str) -> None:
        self.lines.append(Line(read.place, read.name, Became.SKIPPED, text))

    # New ones

    def create(self, session: Session) -> None:
        """Write the new ones: the last thing in the caller's transaction."""
        if not self._new:
            return
        added = [monitor for monitor, _entry in self._new]
        session.add_all(added)
        session.flush()
        links, changes = [], []
        shifts: Counter[CountKey] = Counter()
        for monitor, entry in self._new:
            links += [
                {"monitor_id": monitor.id, "channel_id": channel_id}
                for channel_id in self._channel_ids(entry)
            ]
            changes += [{"monitor_id": monitor.id, **change} for change in self._changes(entry)]
            shifts[CountKey(monitor.team_id, monitor.kind, monitor.status)] += 1
            self.ids[monitor.slug] = monitor.id
        if links:
            session.execute(sa.insert(monitor_channels), links)
        if changes:
            session.execute(sa.insert(StatusChange), changes)
        counts.shift(session, shifts)

    def _row(self, entry: MonitorEntry) -> tuple[Monitor, list[str]]:
        """The row of a new monitor and what is to be told of it; raise InvalidInputError."""
        changes = self._changes(entry)
        status = self._status(entry)
        times = [change["created_at"] for change in changes]
        created = min([self._now, *times, *([entry.created_at] if entry.created_at else [])])
        values = {name: getattr(entry, name) for name in (*_COMMON, *_OWN[self._kind])}
        values |= {
            "team_id": self._whole.team_id,
            "slug": entry.slug or monitors.new_slug(),
            "status": status,
            "status_since": times[-1] if times else created,
            "is_active": status is not Status.PAUSED,
            "created_at": created,
            "updated_at": self._now,
        }
        if isinstance(entry, HeartbeatEntry):
            return self._heartbeat(entry, status, values), []
        if isinstance(entry, HostEntry):
            return self._host(entry, values)
        assert isinstance(entry, ServiceEntry)  # noqa: S101 - the last of the kinds
        return self._service(entry, status, values)

    def _heartbeat(
        self, entry: HeartbeatEntry, status: Status, values: dict[str, Any]
    ) -> HeartbeatCheck:
        self._check_schedule(entry)
        heartbeat = HeartbeatCheck(**values, token=entry.token)
        if entry.last_ping is not None:
            heartbeat.last_ping = min(entry.last_ping, self._now)
            if status is not Status.PAUSED:
                deadlines = heartbeat.schedule.deadlines(heartbeat.last_ping)
                if status is not Status.DOWN and deadlines.down_at <= self._now:
                    # It pinged somewhere else until now.
                    deadlines = heartbeat.schedule.deadlines(self._now)
                heartbeat.next_expected_ping = deadlines.late_at
                heartbeat.down_at = deadlines.down_at
                heartbeat.overdue_at = overdue_at(status, deadlines)
        return heartbeat

    def _check_schedule(self, entry: HeartbeatEntry) -> None:
        try:
            entry.check_schedule(self._now)
        except ScheduleError as error:
            raise InvalidInputError("cron_expression", str(error.problem)) from error

    def _host(self, entry: HostEntry, values: dict[str, Any]) -> tuple[Host, list[str]]:
        if entry.key_hash is None:
            host = Host(**values)
            return host, [_("It needs a new key: the document does not hold the old one.")]
        return Host(**values, key_hash=entry.key_hash, key_hint=entry.key_hint), []

    def _service(
        self, entry: ServiceEntry, status: Status, values: dict[str, Any]
    ) -> tuple[Service, list[str]]:
        notes = []
        if entry.left_out:
            names = ", ".join(entry.left_out)
            notes.append(_("The document does not hold its secrets: %(names)s.", names=names))
        if entry.host is not None or entry.reported_as is not None:
            if entry.host not in self._whole.ids or entry.reported_as is None:
                raise InvalidInputError("host", _("Its host is not there."))
            values |= {"host_id": self._whole.ids[entry.host], "reported_as": entry.reported_as}
            return Service(**values, target=entry.target, probe=host_services.PROBE), notes
        target = services.clean_target(self._whole.user, entry.target, None)
        probe = probes.probe_for(target)
        assert probe is not None  # noqa: S101 - clean_target() refuses it
        try:
            options = probe.clean_options(_texts(entry.options))
        except InvalidTargetError as error:
            raise InvalidInputError(error.field or "target", str(error)) from error
        # Ten thousand that are due at once would be looked at one after the other for ever.
        spread = timedelta(seconds=len(self._new) % entry.interval)
        due_at = None if status is Status.PAUSED else self._now + spread
        values |= {"target": target, "probe": probe.kind, "options": options}
        return Service(**values, next_check_at=due_at), notes

    def _status(self, entry: MonitorEntry) -> Status:
        """What a new monitor begins with."""
        if isinstance(entry, HeartbeatEntry):
            return self._heartbeat_status(entry)
        if entry.model_dump(include={"paused"}).get("paused"):
            return Status.PAUSED
        told = self._told(entry)
        is_probed = isinstance(entry, ServiceEntry) and entry.host is None
        if told and is_probed and told[-1].new is not Status.PAUSED:
            return told[-1].new
        return Status.NEW  # until its agent reports

    def _heartbeat_status(self, entry: HeartbeatEntry) -> Status:
        if entry.status in {Status.PAUSED, Status.DOWN}:
            return entry.status
        if entry.last_ping is None:
            return Status.NEW
        if entry.status is Status.LATE:
            self._check_schedule(entry)
            schedule = HeartbeatCheck(
                expected_period=entry.expected_period,
                grace_period=entry.grace_period,
                cron_expression=entry.cron_expression,
                cron_timezone=entry.cron_timezone,
            ).schedule
            is_over = schedule.deadlines(min(entry.last_ping, self._now)).down_at <= self._now
            return Status.UP if is_over else Status.LATE
        return Status.UP

    def _told(self, entry: MonitorEntry) -> list[ChangeEntry]:
        past = (change for change in entry.history if change.at <= self._now)
        return sorted(past, key=lambda change: change.at)

    def _changes(self, entry: MonitorEntry) -> list[dict[str, Any]]:
        """The history, and a change of ours if it does not end as the monitor begins."""
        told = self._told(entry)
        rows = [
            {
                "prev_status": change.previous,
                "new_status": change.new,
                "note": change.note,
                "created_at": change.at,
            }
            for change in told
        ]
        status = self._status(entry)
        last = told[-1].new if told else Status.NEW
        if last is not status:
            change = {"prev_status": last, "new_status": status}
            rows.append({**change, "note": IMPORTED, "created_at": self._now})
        return rows

    def _channel_ids(self, entry: MonitorEntry) -> set[int]:
        found = (self._whole.channels.get(number) for number in entry.channels)
        return {id_ for id_ in found if id_}

    # Known ones

    def update(self) -> None:
        """Change the known ones that differ from the document, each by itself."""
        present = self._present_channels()
        for read, entry, monitor in self._known:
            alerted = present.get(monitor.id, set())
            wanted = alerted | self._channel_ids(entry)
            differs = self._differs(entry, monitor) or wanted != alerted
            try:
                if differs and not self._whole.dry_run:
                    self._change(entry, monitor, sorted(wanted))
            except InvalidInputError as error:
                self._skip(read, error.message)
            else:
                became = Became.UPDATED if differs else Became.PRESENT
                self.lines.append(Line(read.place, read.name, became))

    def _present_channels(self) -> dict[int, set[int]]:
        ids = [monitor.id for _read, _entry, monitor in self._known]
        rows = db.session.execute(
            sa.select(monitor_channels.c.monitor_id, monitor_channels.c.channel_id).where(
                monitor_channels.c.monitor_id.in_(ids)
            )
        )
        found: dict[int, set[int]] = {}
        for monitor_id, channel_id in rows:
            found.setdefault(monitor_id, set()).add(channel_id)
        return found

    def _differs(self, entry: MonitorEntry, monitor: Monitor) -> bool:
        names = [*_COMMON, *_OWN[self._kind]]
        if isinstance(monitor, Service) and services.is_managed_elsewhere(monitor):
            return False  # it is as its agent says
        if isinstance(entry, HeartbeatEntry) and entry.token is not None:
            names.append("token")
        if any(getattr(entry, name) != getattr(monitor, name) for name in names):
            return True
        if isinstance(entry, ServiceEntry) and isinstance(monitor, Service):
            held = {
                name: value for name, value in monitor.options.items() if name not in entry.left_out
            }
            return _target(entry, monitor) != monitor.target or entry.options != held
        return False

    def _change(self, entry: MonitorEntry, monitor: Monitor, channel_ids: list[int]) -> None:
        user = self._whole.user
        common = {name: getattr(entry, name) for name in _COMMON[:4]}
        with writing() as session:
            if isinstance(entry, HeartbeatEntry):
                self._check_schedule(entry)
                own = {name: getattr(entry, name) for name in _OWN[HeartbeatEntry]}
                values = HeartbeatValues(
                    **common, **own, alias=entry.alias, channel_ids=channel_ids
                )
                changed: Monitor = heartbeats.edit(user, monitor.id, values)
            elif isinstance(entry, HostEntry):
                host_values = HostValues(
                    **common, silent_after=entry.silent_after, channel_ids=channel_ids
                )
                changed = hosts.edit(user, monitor.id, host_values)
            else:
                assert isinstance(entry, ServiceEntry)  # noqa: S101 - the last of the kinds
                assert isinstance(monitor, Service)  # noqa: S101 - by its kind
                changed = self._change_service(entry, monitor, common, channel_ids)
                if services.is_managed_elsewhere(monitor):
                    return
            for name in _COMMON[4:]:
                setattr(changed, name, getattr(entry, name))
            if isinstance(entry, HeartbeatEntry) and entry.token is not None:
                session.execute(
                    sa.update(HeartbeatCheck.__table__)
                    .where(HeartbeatCheck.__table__.c.id == monitor.id)
                    .values(token=entry.token)
                )

    def _change_service(
        self, entry: ServiceEntry, service: Service, common: dict[str, Any], ids: list[int]
    ) -> Service:
        if services.is_managed_elsewhere(service):
            return services.choose_channels(self._whole.user, service.id, ids)
        own = {name: getattr(entry, name) for name in _OWN[ServiceEntry]}
        # What the document has not and does not say to have left out is taken away.
        removed = service.options.keys() - entry.options.keys() - set(entry.left_out)
        values = ServiceValues(
            **common,
            **own,
            target=_target(entry, service),
            options=_kept(entry, service) | _texts(entry.options),
            removed=frozenset(removed),
            channel_ids=ids,
        )
        return services.edit(self._whole.user, service.id, values)


def _alias(entry: MonitorEntry) -> str | None:
    alias: str | None = getattr(entry, "alias", None)
    return alias


def _target(entry: ServiceEntry, service: Service) -> str:
    """The address to have; the document may lack the secrets of one that is the same."""
    if "target" in entry.left_out and without_credentials(service.target) == entry.target:
        return service.target
    return entry.target


def _kept(entry: ServiceEntry, service: Service) -> dict[str, str]:
    """What a form shows of the secrets that the document left out: it leaves them as they are."""
    probe = probes.registered().get(service.probe)
    return {
        option.name: services.shown(option, service.options)
        for option in (probe.options if probe else ())
        if option.name in entry.left_out
    }


def _texts(options: Mapping[str, bool | int | str]) -> dict[str, str]:
    """Options as people type them."""
    return {
        name: str(value).lower() if isinstance(value, bool) else str(value)
        for name, value in options.items()
    }
