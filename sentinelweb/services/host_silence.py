"""Whatever host has not reported for too long is down; its next report brings it up at once."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from datetime import datetime

from sqlalchemy.orm import Session

from sentinelweb.core.status import Event, Status, decide
from sentinelweb.models import Host
from sentinelweb.services import transitions
from sentinelweb.services.facts import host_facts
from sentinelweb.services.overdue import Row, Watch
from sentinelweb.services.transitions import Transition

SILENT = "silent"

_hosts = Host.__table__
_watch = Watch(_hosts, _hosts.c.silent_after, (_hosts.c.last_report_at,), through_pages=True)

is_due = _watch.is_due
shorten_waits = _watch.shorten_waits


@dataclass(slots=True)
class SilenceStatistics:
    """How many hosts were overdue, how many of them are down since, and the alerts of that."""

    overdue: int = 0
    down: int = 0
    alerts: int = 0

    def as_dict(self) -> dict[str, int]:
        return asdict(self)


def run(now: datetime) -> SilenceStatistics:
    """Judge every host that is overdue at `now`; any number of audits may run at once."""
    statistics = SilenceStatistics()

    def judge(session: Session, rows: list[Row], until: datetime) -> None:
        _watch.stop_waiting(session, [row.id for row in rows])
        applied = transitions.apply(session, [_transition(row, until) for row in rows], until)
        statistics.down += len(applied.monitor_ids)
        statistics.alerts += applied.deliveries

    statistics.overdue = _watch.look(now, judge)
    return statistics


def _transition(row: Row, now: datetime) -> Transition:
    status = Status(row.status)
    decision = decide(status, Event.FAILED, None, now, reason=SILENT)
    facts = host_facts(row, decision.status, now, note=SILENT) if decision.alert else {}
    return Transition(row.id, status, decision, facts)
