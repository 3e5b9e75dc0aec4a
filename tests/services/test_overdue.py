"""Who is overdue by `overdue_at`: in batches, and with patience for whom we could not hear."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

import pytest
from sqlalchemy.orm import Session

from sentinelweb.db import db, writing
from sentinelweb.models import Host, Outage, User
from sentinelweb.services import overdue
from sentinelweb.services.overdue import Row, Watch
from tests.support.factories import NOW

MakeHost = Callable[..., Host]

_hosts = Host.__table__
WATCH = Watch(_hosts, _hosts.c.silent_after, (_hosts.c.last_report_at,))


def seconds(number: float) -> timedelta:
    return timedelta(seconds=number)


@pytest.fixture
def make_waited_for(user: User, make_host: MakeHost) -> MakeHost:
    """A host that is waited for until so many seconds after NOW, of 60 seconds' patience."""

    def make_waited_for(until: float) -> Host:
        return make_host(user, silent_after=60, overdue_at=NOW + seconds(until))

    return make_waited_for


def look(after: float) -> tuple[int, list[list[int]]]:
    """How many were overdue, and the ids that were judged in each transaction."""
    judged: list[list[int]] = []

    def judge(session: Session, rows: list[Row], _until: object) -> None:
        judged.append([row.id for row in rows])
        WATCH.stop_waiting(session, judged[-1])

    count = WATCH.look(NOW + seconds(after), judge)
    db.session.expire_all()
    return count, judged


def test_the_overdue_are_judged_the_longest_overdue_first(make_waited_for: MakeHost) -> None:
    later, sooner, not_yet = (make_waited_for(until) for until in (50, 10, 90))
    assert look(60) == (2, [[sooner.id, later.id]])
    assert (later.overdue_at, not_yet.overdue_at) == (None, NOW + seconds(90))
    assert look(60) == (0, [])


def test_each_batch_has_a_transaction_of_its_own(
    make_waited_for: MakeHost, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(overdue, "BATCH", 2)
    hosts = [make_waited_for(until) for until in range(5)]
    ids = [host.id for host in hosts]
    assert look(60) == (5, [ids[:2], ids[2:4], ids[4:]])


def test_whom_we_could_not_hear_is_waited_for_anew(make_waited_for: MakeHost) -> None:
    before, during = make_waited_for(10), make_waited_for(30)
    with writing() as session:
        session.add(Outage(began_at=NOW + seconds(20), ended_at=NOW + seconds(40)))
    assert look(50) == (2, [[before.id]])
    assert during.overdue_at == NOW + seconds(100)
    assert look(101) == (1, [[during.id]])


def test_the_next_is_due_when_the_first_becomes_overdue(make_waited_for: MakeHost) -> None:
    assert WATCH.next_due() is None
    make_waited_for(30)
    make_waited_for(20)
    assert WATCH.next_due() == NOW + seconds(20)
    assert not WATCH.is_due(NOW + seconds(20))
    assert WATCH.is_due(NOW + seconds(21))
