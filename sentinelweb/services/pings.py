"""The hot path: signals from jobs, recorded in groups, acknowledged after the commit.

A group costs three statements, whatever its size: its heartbeats are read and locked, its pings
inserted, its heartbeats updated. They go straight to the driver, inside the transaction of
`writing()`: SQLAlchemy's handling of parameters and rows would cost more than the database does.
What the signals mean is worked out in between, by the rules in core/; transitions.py is handed
every status that changes.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from itertools import zip_longest
from typing import Any

from sqlalchemy.orm import Session

from sentinelweb.core import runs
from sentinelweb.core.schedule import (
    MAX_PERIOD,
    CronSchedule,
    Deadlines,
    PeriodSchedule,
    Schedule,
    ScheduleError,
)
from sentinelweb.core.signals import Receipt, Signal, SignalKind, is_name
from sentinelweb.core.status import Alert, Decision, Event, Status, decide, overdue_at
from sentinelweb.db import writing
from sentinelweb.services import aliases, transitions
from sentinelweb.services.facts import heartbeat_facts
from sentinelweb.services.transitions import Transition

__all__ = ["Receipt", "Signal", "record"]

_EVENTS = {
    SignalKind.SUCCESS: Event.PINGED,
    SignalKind.START: Event.STARTED,
    SignalKind.FAIL: Event.FAILED,
    SignalKind.LOG: Event.LOGGED,
}
_MILLISECOND = timedelta(milliseconds=1)


def record(signals: Sequence[Signal]) -> list[Receipt | None]:
    """Store `signals` in one transaction; return a receipt for each, None for an unknown slug."""
    slugs = _slugs(signals)
    with writing() as session:
        database = _DATABASES[session.get_bind().dialect.name]
        execute = session.connection().exec_driver_sql
        wanted = [slug for slug in set(slugs) if is_name(slug)]
        rows = execute(database.read, (database.write_list(wanted),))
        heartbeats = {row[1]: database.heartbeat(row) for row in rows}
        receipts: list[Receipt | None] = []
        pings = []
        for slug, signal in zip(slugs, signals, strict=True):
            heartbeat = heartbeats.get(slug)
            if heartbeat is None:
                receipts.append(None)
                continue
            duration = heartbeat.take(signal)
            pings.append(database.ping_values(heartbeat, signal, duration))
            receipts.append(Receipt(heartbeat.name, signal.received_at))
        changed = [heartbeat for heartbeat in heartbeats.values() if heartbeat.counted]
        if pings:
            execute(database.insert, pings)
        if changed:
            execute(
                database.update, [database.heartbeat_values(heartbeat) for heartbeat in changed]
            )
            _change_statuses(session, changed, signals[-1].received_at)
    return receipts


def _slugs(signals: Sequence[Signal]) -> list[str]:
    """The slug that each of `signals` is for, which for some is found or made by an alias."""
    if all(signal.ping_key is None and signal.token is None for signal in signals):
        return [signal.slug for signal in signals]
    by_key = aliases.find({(s.ping_key, s.slug) for s in signals if s.ping_key is not None})
    by_token = aliases.find_by_token({(s.slug, s.token) for s in signals if s.token is not None})
    slugs = []
    for signal in signals:
        slug: str | None = signal.slug
        if signal.token is not None:
            slug = by_token.get((signal.slug, signal.token))
        elif signal.ping_key is not None:
            address = signal.ping_key, signal.slug
            slug = by_key.get(address)
            if slug is None and signal.create:
                slug = aliases.find_or_create(address, signal.received_at)
        slugs.append(slug or "")
    return slugs


def _change_statuses(session: Session, heartbeats: Iterable[_Heartbeat], now: datetime) -> None:
    """Apply the transitions: every heartbeat's first one, then the second ones, and so on."""
    for at_once in zip_longest(*(item.transitions for item in heartbeats if item.transitions)):
        transitions.apply(session, [item for item in at_once if item], now)


@dataclass(slots=True)
class _Heartbeat:
    """A heartbeat's row, as each signal of the group leaves it.

    `counted` and `missed` are what the group adds to the counters.
    """

    id: int
    slug: str
    name: str
    description: str
    status: Status
    status_since: datetime
    expected_period: int
    grace_period: int
    cron_expression: str | None
    cron_timezone: str | None
    last_ping: datetime | None
    next_expected_ping: datetime | None
    down_at: datetime | None
    runs: dict[str, str]
    run_down_at: datetime | None
    last_duration_ms: int | None
    failure: str | None
    alert_sent: bool
    alias: str | None
    counted: int = 0
    missed: int = 0
    transitions: list[Transition] = field(default_factory=list)

    def take(self, signal: Signal) -> int | None:
        """Let `signal` happen; return how long the run took that it ends, in milliseconds."""
        if self.status is Status.PAUSED:
            return None
        self.counted += 1
        now, kind = signal.received_at, signal.kind
        is_end = kind is SignalKind.SUCCESS or kind is SignalKind.FAIL
        under_way, took = self._runs_after(signal)
        run_down_at = self._run_deadline_after(kind, under_way, now)
        late_at, down_at = self.next_expected_ping, self.down_at
        if is_end:
            late_at, down_at = self._expected_after(now)
        deadlines = Deadlines.stored(late_at, down_at, run_down_at)
        decision = decide(self.status, _EVENTS[kind], deadlines, now, reason=signal.reason)
        if decision.status is not self.status:
            # Before the rest changes: an alert tells what was.
            self._change_to(decision, now)
        self.runs, self.run_down_at = under_way, run_down_at
        if not is_end:
            return None
        self.last_ping, self.next_expected_ping, self.down_at = now, late_at, down_at
        self.last_duration_ms = None if took is None else round(took / _MILLISECOND)
        self.failure = signal.reason if kind is SignalKind.FAIL else None
        self.alert_sent = self.alert_sent and kind is SignalKind.FAIL
        return self.last_duration_ms

    def _runs_after(self, signal: Signal) -> tuple[dict[str, str], timedelta | None]:
        """The runs under way after `signal`, and how long the one took that it ends."""
        if signal.kind is SignalKind.START:
            return runs.begin(self.runs, signal.rid, signal.received_at), None
        if signal.kind is SignalKind.LOG or not self.runs:
            return self.runs, None
        return runs.end(self.runs, signal.rid, signal.received_at, self.grace_period)

    def _run_deadline_after(
        self, kind: SignalKind, under_way: dict[str, str], now: datetime
    ) -> datetime | None:
        if kind is SignalKind.START:
            # A job that begins again and again, and never ends, must not put it off.
            deadline = now + timedelta(seconds=self.grace_period)
            return min(self.run_down_at, deadline) if self.run_down_at else deadline
        if under_way is self.runs:
            return self.run_down_at
        return runs.must_end_by(under_way, self.grace_period)

    def _expected_after(self, now: datetime) -> tuple[datetime, datetime]:
        """When the next ping is expected, and when the job is down without it."""
        schedule: Schedule = PeriodSchedule(self.expected_period, self.grace_period)
        if self.cron_expression:
            late_at, last_ping = self.next_expected_ping, self.last_ping
            if late_at and last_ping and last_ping <= now < late_at:
                # No instant of the expression lies between, and to look for one is slow.
                return late_at, late_at + timedelta(seconds=self.grace_period)
            schedule = CronSchedule(
                self.cron_expression, self.cron_timezone or "UTC", self.grace_period
            )
        try:
            deadlines = schedule.deadlines(now)
        except ScheduleError:  # a time zone that is no more, say: it must not cost the ping
            deadlines = PeriodSchedule(MAX_PERIOD, self.grace_period).deadlines(now)
        return deadlines.late_at, deadlines.down_at

    def _change_to(self, decision: Decision, now: datetime) -> None:
        facts = heartbeat_facts(self, decision.status, now, note=decision.note)
        self.transitions.append(Transition(self.id, self.status, decision, facts))
        self.missed += decision.alert is Alert.DOWN
        self.status, self.status_since = decision.status, now


# In the order of the fields of _Heartbeat.
_READ = """
    SELECT m.id, m.slug, m.name, m.description, m.status, m.status_since,
           h.expected_period, h.grace_period, h.cron_expression, h.cron_timezone,
           h.last_ping, h.next_expected_ping, h.down_at, h.runs, h.run_down_at,
           h.last_duration_ms, h.failure, h.alert_sent, m.alias
    FROM monitors m JOIN heartbeat_checks h ON h.id = m.id
    WHERE m.slug {among}
    ORDER BY m.id {lock}
"""
_INSERT = """
    INSERT INTO pings (monitor_id, created_at, counted, kind, exit_status, rid, duration_ms,
                       method, remote_addr, user_agent, body_size, body)
    VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
"""
_UPDATE = """
    UPDATE heartbeat_checks
    SET last_ping = ?, next_expected_ping = ?, down_at = ?, overdue_at = ?,
        runs = ?, run_down_at = ?, last_duration_ms = ?, failure = ?, alert_sent = ?,
        total_pings = total_pings + ?, missed_pings = missed_pings + ?
    WHERE id = ?
"""


class _Database:
    """How one kind of database says what is the same for both.

    `among` is a condition with one parameter for any number of values; `lock` holds the rows, in
    the order of their ids so that two groups cannot wait for each other.
    """

    def __init__(
        self,
        *,
        among: str,
        lock: str,
        parameter: str,
        write_list: Callable[[list[str]], Any],
        read_json: Callable[[Any], Any],
        read_time: Callable[[Any], datetime],
        write_time: Callable[[datetime], Any],
    ) -> None:
        self.read = _READ.format(among=among, lock=lock)
        self.insert = _INSERT.replace("?", parameter)
        self.update = _UPDATE.replace("?", parameter)
        self.write_list = write_list
        self._read_json = read_json
        self._read_time = read_time
        self._write_time = write_time

    def heartbeat(self, row: Sequence[Any]) -> _Heartbeat:
        """A row of `read`."""
        values = list(row)
        values[4] = Status(values[4])
        for position in (5, 10, 11, 12, 14):
            if values[position] is not None:
                values[position] = self._read_time(values[position])
        values[13] = self._read_json(values[13]) if values[13] is not None else {}
        values[17] = bool(values[17])
        return _Heartbeat(*values)

    def ping_values(
        self, heartbeat: _Heartbeat, signal: Signal, duration: int | None
    ) -> tuple[Any, ...]:
        """The parameters of `insert`."""
        return (
            heartbeat.id,
            self._write_time(signal.received_at),
            heartbeat.status is not Status.PAUSED,
            signal.kind,
            signal.exit_status,
            signal.rid,
            duration,
            _text(signal.method, 10),
            _text(signal.remote_addr, 45),
            _text(signal.user_agent, 200),
            signal.body_size,
            signal.body or None,
        )

    def heartbeat_values(self, heartbeat: _Heartbeat) -> tuple[Any, ...]:
        """The parameters of `update`."""
        late_at, down_at = heartbeat.next_expected_ping, heartbeat.down_at
        deadlines = Deadlines.stored(late_at, down_at, heartbeat.run_down_at)
        return (
            self._time(heartbeat.last_ping),
            self._time(late_at),
            self._time(down_at),
            self._time(overdue_at(heartbeat.status, deadlines)),
            json.dumps(heartbeat.runs) if heartbeat.runs else None,
            self._time(heartbeat.run_down_at),
            heartbeat.last_duration_ms,
            heartbeat.failure,
            heartbeat.alert_sent,
            heartbeat.counted,
            heartbeat.missed,
            heartbeat.id,
        )

    def _time(self, moment: datetime | None) -> Any:
        return None if moment is None else self._write_time(moment)


def _text(value: str, limit: int) -> str:
    """As much of `value` as every database takes: none takes half a character, one takes no NUL."""
    value = value[:limit]
    if value.isprintable():
        return value
    return value.replace("\0", "\N{REPLACEMENT CHARACTER}").encode("utf-8", "replace").decode()


_DATABASES = {
    # Times are texts without a zone, as UTCDateTime stores them.
    "sqlite": _Database(
        among="IN (SELECT value FROM json_each(?))",
        lock="",
        parameter="?",
        write_list=json.dumps,
        read_json=json.loads,
        read_time=lambda text: datetime.fromisoformat(text + "+00:00"),
        write_time=lambda moment: moment.isoformat(" ", "microseconds")[:26],
    ),
    "postgresql": _Database(
        among="= ANY(%s)",
        lock="FOR NO KEY UPDATE",
        parameter="%s",
        write_list=list,
        read_json=dict,
        read_time=lambda moment: moment.astimezone(UTC),
        write_time=lambda moment: moment,
    ),
}
