"""What pings ask of a database and tell it, in the words of each."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from typing import Any

from sentinelweb.core.schedule import Deadlines
from sentinelweb.core.signals import Signal
from sentinelweb.core.status import Status, overdue_at
from sentinelweb.services.ping_effects import Heartbeat, Steady

_READ = """
    SELECT m.id, m.slug, m.name, h.expected_period, h.grace_period,
           m.status = 'up' AND h.cron_expression IS NULL
           AND h.runs IS NULL AND h.run_down_at IS NULL
    FROM monitors m JOIN heartbeat_checks h ON h.id = m.id
    WHERE m.slug {among}
    ORDER BY m.id {lock}
"""
# In the order of the fields of Heartbeat.
_READ_WHOLE = """
    SELECT m.id, m.slug, m.name, m.description, m.status, m.status_since,
           h.expected_period, h.grace_period, h.cron_expression, h.cron_timezone,
           h.last_ping, h.next_expected_ping, h.down_at, h.runs, h.run_down_at,
           h.last_duration_ms, h.failure, h.alert_sent, m.alias
    FROM monitors m JOIN heartbeat_checks h ON h.id = m.id
    WHERE m.slug {among}
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
_MOVE = """
    UPDATE heartbeat_checks
    SET last_ping = ?, next_expected_ping = ?, down_at = ?, overdue_at = ?,
        last_duration_ms = NULL, failure = NULL, alert_sent = {false},
        total_pings = total_pings + ?
    WHERE id = ?
"""


class PingDatabase:
    """How one kind of database says what is the same for both.

    `among` is a condition with one parameter for any number of values; `lock` holds the rows, in
    the order of their ids so that two groups cannot wait for each other. `write_later` is a time
    that is some seconds after another, both as `write_time` writes them.
    """

    def __init__(
        self,
        *,
        among: str,
        lock: str,
        parameter: str,
        false: str,
        write_list: Callable[[list[str]], Any],
        read_json: Callable[[Any], Any],
        read_time: Callable[[Any], datetime],
        write_time: Callable[[datetime], Any],
        write_later: Callable[[datetime, Any, int], Any],
    ) -> None:
        self.read = _READ.format(among=among, lock=lock)
        self.read_whole = _READ_WHOLE.format(among=among)
        self.insert = _INSERT.replace("?", parameter)
        self.update = _UPDATE.replace("?", parameter)
        self.move = _MOVE.format(false=false).replace("?", parameter)
        self.write_list = write_list
        self._read_json = read_json
        self._read_time = read_time
        self._write_time = write_time
        self._write_later = write_later

    def heartbeat(self, row: Sequence[Any]) -> Heartbeat:
        """A row of `read_whole`."""
        values = list(row)
        values[4] = Status(values[4])
        for position in (5, 10, 11, 12, 14):
            if values[position] is not None:
                values[position] = self._read_time(values[position])
        values[13] = self._read_json(values[13]) if values[13] is not None else {}
        values[17] = bool(values[17])
        return Heartbeat(*values)

    def ping_values(
        self, heartbeat: Heartbeat | Steady, signal: Signal, duration: int | None
    ) -> tuple[Any, ...]:
        """The parameters of `insert`."""
        return (
            heartbeat.id,
            self._write_time(signal.received_at),
            not heartbeat.paused,
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

    def move_values(self, heartbeat: Steady) -> tuple[Any, ...]:
        """The parameters of `move`."""
        now = heartbeat.last_ping
        written = self._write_time(now)
        late_at = self._write_later(now, written, heartbeat.period)
        down_at = self._write_later(now, written, heartbeat.period + heartbeat.grace_period)
        return written, late_at, down_at, late_at, heartbeat.counted, heartbeat.id

    def heartbeat_values(self, heartbeat: Heartbeat) -> tuple[Any, ...]:
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


# SQLite's times are texts without a zone, as UTCDateTime stores them. To write out a second takes
# as long as all else that is done with it, and the pings of a group have theirs in common.


@lru_cache(maxsize=4096)
def _second_as_text(seconds: int) -> str:
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%d %H:%M:%S")


def _time_as_text(moment: datetime) -> str:
    return f"{_second_as_text(int(moment.timestamp()))}.{moment.microsecond:06}"


def _later_as_text(moment: datetime, written: str, seconds: int) -> str:
    return _second_as_text(int(moment.timestamp()) + seconds) + written[19:]


DATABASES = {
    "sqlite": PingDatabase(
        among="IN (SELECT value FROM json_each(?))",
        lock="",
        parameter="?",
        false="0",
        write_list=json.dumps,
        read_json=json.loads,
        read_time=lambda text: datetime.fromisoformat(text + "+00:00"),
        write_time=_time_as_text,
        write_later=_later_as_text,
    ),
    "postgresql": PingDatabase(
        among="= ANY(%s)",
        lock="FOR NO KEY UPDATE",
        parameter="%s",
        false="FALSE",
        write_list=list,
        read_json=dict,
        read_time=lambda moment: moment.astimezone(UTC),
        write_time=lambda moment: moment,
        write_later=lambda moment, _written, seconds: moment + timedelta(seconds=seconds),
    ),
}
