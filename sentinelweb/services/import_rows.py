"""Monitors of a document (core/export_document.py) as new rows, with their history."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sentinelweb import probes
from sentinelweb.core.export_document import (
    ChangeEntry,
    HeartbeatEntry,
    HostEntry,
    MonitorEntry,
    ServiceEntry,
)
from sentinelweb.core.schedule import ScheduleError
from sentinelweb.core.status import Status, overdue_at
from sentinelweb.i18n import gettext as _
from sentinelweb.models import HeartbeatCheck, Host, Monitor, Service, User
from sentinelweb.probes.base import InvalidTargetError
from sentinelweb.services import host_services, monitors, services
from sentinelweb.services.errors import InvalidInputError

IMPORTED = "imported"  # the note of a change of status

# What both an entry and a row say, by the same name.
COMMON = ("name", "description", "tags", "environment", "alias", "sla_target", "position")
OWN: Mapping[type[MonitorEntry], tuple[str, ...]] = {
    HeartbeatEntry: ("expected_period", "grace_period", "cron_expression", "cron_timezone"),
    HostEntry: ("silent_after",),
    ServiceEntry: ("interval", "timeout", "threshold"),
}


@dataclass(frozen=True, slots=True)
class NewRows:
    """Rows for a team as of `now`; `ids` are those of its monitors by slug."""

    user: User
    team_id: int
    ids: Mapping[str, int]
    now: datetime

    def row(self, entry: MonitorEntry, number: int) -> tuple[Monitor, list[str]]:
        """The row of a new monitor and what is to be told of it; raise InvalidInputError.

        `number` spreads services over their interval.
        """
        status = self._status(entry)
        times = [change["created_at"] for change in self.changes(entry)]
        created = min([self.now, *times, *([entry.created_at] if entry.created_at else [])])
        values = {name: getattr(entry, name) for name in (*COMMON, *OWN[type(entry)])}
        values |= {
            "team_id": self.team_id,
            "slug": entry.slug or monitors.new_slug(),
            "status": status,
            "status_since": times[-1] if times else created,
            "is_active": status is not Status.PAUSED,
            "created_at": created,
            "updated_at": self.now,
        }
        if isinstance(entry, HeartbeatEntry):
            return self._heartbeat(entry, status, values), []
        if isinstance(entry, HostEntry):
            return _host(entry, values)
        assert isinstance(entry, ServiceEntry)  # noqa: S101 - the last of the kinds
        return self._service(entry, status, values, number)

    def changes(self, entry: MonitorEntry) -> list[dict[str, Any]]:
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
            rows.append({**change, "note": IMPORTED, "created_at": self.now})
        return rows

    def _heartbeat(
        self, entry: HeartbeatEntry, status: Status, values: dict[str, Any]
    ) -> HeartbeatCheck:
        check_schedule(entry, self.now)
        heartbeat = HeartbeatCheck(**values, token=entry.token)
        if entry.last_ping is not None:
            heartbeat.last_ping = min(entry.last_ping, self.now)
            if status is not Status.PAUSED:
                deadlines = heartbeat.schedule.deadlines(heartbeat.last_ping)
                if status is not Status.DOWN and deadlines.down_at <= self.now:
                    # It pinged somewhere else until now.
                    deadlines = heartbeat.schedule.deadlines(self.now)
                heartbeat.next_expected_ping = deadlines.late_at
                heartbeat.down_at = deadlines.down_at
                heartbeat.overdue_at = overdue_at(status, deadlines)
        return heartbeat

    def _service(
        self, entry: ServiceEntry, status: Status, values: dict[str, Any], number: int
    ) -> tuple[Service, list[str]]:
        notes = []
        if entry.left_out:
            names = ", ".join(entry.left_out)
            notes.append(_("The document does not hold its secrets: %(names)s.", names=names))
        if entry.host is not None or entry.reported_as is not None:
            host_id = self.ids.get(entry.host or "")
            if host_id is None or entry.reported_as is None:
                raise InvalidInputError("host", _("Its host is not there."))
            values |= {"host_id": host_id, "reported_as": entry.reported_as}
            return Service(**values, target=entry.target, probe=host_services.PROBE), notes
        target = services.clean_target(self.user, entry.target, None)
        probe = probes.probe_for(target)
        assert probe is not None  # noqa: S101 - clean_target() refuses it
        try:
            options = probe.clean_options(texts(entry.options))
        except InvalidTargetError as error:
            raise InvalidInputError(error.field or "target", str(error)) from error
        # Ten thousand that are due at once would be looked at one after the other for ever.
        spread = timedelta(seconds=number % entry.interval)
        due_at = None if status is Status.PAUSED else self.now + spread
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
            check_schedule(entry, self.now)
            schedule = HeartbeatCheck(
                expected_period=entry.expected_period,
                grace_period=entry.grace_period,
                cron_expression=entry.cron_expression,
                cron_timezone=entry.cron_timezone,
            ).schedule
            is_over = schedule.deadlines(min(entry.last_ping, self.now)).down_at <= self.now
            return Status.UP if is_over else Status.LATE
        return Status.UP

    def _told(self, entry: MonitorEntry) -> list[ChangeEntry]:
        past = (change for change in entry.history if change.at <= self.now)
        return sorted(past, key=lambda change: change.at)


def check_schedule(entry: HeartbeatEntry, now: datetime) -> None:
    """Raise InvalidInputError if nothing is ever expected by it."""
    try:
        entry.check_schedule(now)
    except ScheduleError as error:
        raise InvalidInputError("cron_expression", str(error.problem)) from error


def texts(options: Mapping[str, bool | int | str]) -> dict[str, str]:
    """Options as people type them."""
    return {
        name: str(value).lower() if isinstance(value, bool) else str(value)
        for name, value in options.items()
    }


def _host(entry: HostEntry, values: dict[str, Any]) -> tuple[Host, list[str]]:
    if entry.key_hash is None:
        host = Host(**values)
        return host, [_("It needs a new key: the document does not hold the old one.")]
    return Host(**values, key_hash=entry.key_hash, key_hint=entry.key_hint), []
