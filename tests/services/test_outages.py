"""Nobody is declared down for a ping that SentinelWeb could not have received."""

from __future__ import annotations

import threading
from collections.abc import Callable
from datetime import datetime, timedelta

import pytest
import sqlalchemy as sa
from flask import Flask

from sentinelweb.db import db
from sentinelweb.models import (
    Component,
    Delivery,
    HeartbeatCheck,
    Outage,
    PagesOutage,
    StatusChange,
    User,
)
from sentinelweb.services import audit, outages, pings
from tests.support.factories import NOW
from tests.support.parallel import together

MakeHeartbeat = Callable[..., HeartbeatCheck]


def after(**duration: float) -> datetime:
    return NOW + timedelta(**duration)


def statuses() -> list[str]:
    db.session.expire_all()
    return list(db.session.scalars(sa.select(HeartbeatCheck.status).order_by(HeartbeatCheck.id)))


def seen_at(part: str) -> datetime:
    db.session.expire_all()
    return db.session.get_one(Component, part).seen_at


def outage(began_at: datetime, ended_at: datetime) -> None:
    """Let the web show its last sign at `began_at` and its next at `ended_at`."""
    outages.sign_of_web(began_at)
    outages.sign_of_web(ended_at)


def test_a_web_that_shows_itself_every_second_has_no_outage(app: Flask) -> None:
    for second in range(30):
        assert outages.sign_of_web(after(seconds=second)) is None
    assert db.session.scalars(sa.select(Outage)).all() == []


def test_while_the_web_is_silent_the_audit_judges_as_of_its_last_sign(
    user: User, make_heartbeat: MakeHeartbeat
) -> None:
    make_heartbeat(user, last_ping=NOW, expected_period=60, grace_period=30)
    outages.sign_of_web(after(seconds=50))

    audit.run(after(hours=2))

    assert statuses() == ["up"]
    assert not audit.is_due(after(hours=2))


def test_a_web_that_comes_back_just_as_the_audit_looks_raises_no_alarm(
    app: Flask, user: User, make_heartbeat: MakeHeartbeat
) -> None:
    make_heartbeat(user, last_ping=NOW, expected_period=60, grace_period=30)
    outages.sign_of_web(after(seconds=50))
    comes_back_at = [after(seconds=500)]

    def show_sign(moment: datetime) -> None:
        with app.app_context():
            outages.sign_of_web(moment)

    def between(_connection: object, _cursor: object, statement: str, *_others: object) -> None:
        if statement.startswith("SELECT") and comes_back_at:
            web = threading.Thread(target=show_sign, args=(comes_back_at.pop(),))
            web.start()
            web.join()

    sa.event.listen(db.engine, "after_cursor_execute", between)
    audit.run(after(seconds=500))

    assert comes_back_at == []
    assert statuses() == ["up"]


def test_servers_that_start_at_once_show_their_first_sign(app: Flask) -> None:
    signs = together(app, [lambda: outages.sign_of_web(NOW)] * 4)
    assert signs == [None] * 4


def test_what_was_overdue_before_the_web_fell_silent_is_still_judged(
    user: User, make_heartbeat: MakeHeartbeat
) -> None:
    make_heartbeat(user, last_ping=NOW, expected_period=60, grace_period=30)
    outages.sign_of_web(after(seconds=100))

    audit.run(after(hours=2))

    assert statuses() == ["down"]


def test_a_heartbeat_expected_during_the_outage_gets_a_whole_new_period(
    user: User, make_heartbeat: MakeHeartbeat
) -> None:
    heartbeat = make_heartbeat(user, last_ping=NOW, expected_period=60, grace_period=30)
    outage(after(seconds=50), after(seconds=500))

    audit.run(after(seconds=501))

    db.session.refresh(heartbeat)
    assert heartbeat.status == "up"
    assert heartbeat.next_expected_ping == after(seconds=560)
    assert heartbeat.down_at == after(seconds=590)
    assert heartbeat.overdue_at == after(seconds=560)


def test_a_nightly_job_that_pinged_in_vain_is_next_judged_the_next_night(
    user: User, make_heartbeat: MakeHeartbeat
) -> None:
    heartbeat = make_heartbeat(
        user,
        last_ping=after(hours=-24),
        cron_expression="0 12 * * *",
        cron_timezone="UTC",
        grace_period=600,
    )
    outage(after(minutes=-1), after(minutes=2))

    audit.run(after(hours=1))

    db.session.refresh(heartbeat)
    assert heartbeat.status == "up"
    assert heartbeat.next_expected_ping == after(hours=24)


def test_a_late_heartbeat_gets_back_the_grace_that_the_outage_took(
    user: User, make_heartbeat: MakeHeartbeat
) -> None:
    heartbeat = make_heartbeat(user, last_ping=NOW, expected_period=60, grace_period=30)
    outages.sign_of_web(after(seconds=70))
    audit.run(after(seconds=70))
    outage(after(seconds=70), after(seconds=170))

    audit.run(after(seconds=171))

    db.session.refresh(heartbeat)
    assert heartbeat.status == "late"
    assert heartbeat.down_at == after(seconds=190)
    assert heartbeat.overdue_at == after(seconds=190)


def test_a_heartbeat_not_expected_during_the_outage_keeps_its_deadlines(
    user: User, make_heartbeat: MakeHeartbeat
) -> None:
    heartbeat = make_heartbeat(user, last_ping=NOW, expected_period=3600, grace_period=30)
    outage(after(seconds=50), after(seconds=500))

    audit.run(after(seconds=501))

    db.session.refresh(heartbeat)
    assert heartbeat.next_expected_ping == after(seconds=3600)


def test_a_dead_job_is_declared_down_after_the_outage_and_its_new_period(
    user: User, make_heartbeat: MakeHeartbeat
) -> None:
    make_heartbeat(user, last_ping=NOW, expected_period=60, grace_period=30)
    outage(after(seconds=50), after(seconds=500))

    for second in range(501, 600, 3):
        outages.sign_of_web(after(seconds=second))
        audit.run(after(seconds=second))

    assert statuses() == ["down"]


def test_an_outage_is_settled_once_however_often_the_audit_runs(
    user: User, make_heartbeat: MakeHeartbeat
) -> None:
    heartbeat = make_heartbeat(user, last_ping=NOW, expected_period=60, grace_period=3600)
    outages.sign_of_web(after(seconds=70))
    audit.run(after(seconds=70))
    outage(after(seconds=70), after(seconds=170))

    for _ in range(3):
        audit.run(after(seconds=171))

    db.session.refresh(heartbeat)
    assert heartbeat.down_at == after(seconds=60 + 3600 + 100)
    assert [item.extended_count for item in outages.recent(NOW)] == [1]


def test_settling_goes_on_where_a_crash_left_it(
    user: User, make_heartbeat: MakeHeartbeat, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(outages, "BATCH", 2)
    heartbeats = [
        make_heartbeat(user, last_ping=NOW, expected_period=60, grace_period=3600) for _ in range(5)
    ]
    outages.sign_of_web(after(seconds=70))
    audit.run(after(seconds=70))
    outage(after(seconds=70), after(seconds=170))
    extend_batch = outages._extend_batch

    def crash_after_the_first(session: object, item: Outage) -> int:
        if item.extended_count:
            raise RuntimeError("killed")
        return extend_batch(session, item)  # type: ignore[arg-type]

    with monkeypatch.context() as crashing:
        crashing.setattr(outages, "_extend_batch", crash_after_the_first)
        with pytest.raises(RuntimeError):
            outages.settle()
    outages.settle()

    for heartbeat in heartbeats:
        db.session.refresh(heartbeat)
    assert {heartbeat.down_at for heartbeat in heartbeats} == {after(seconds=60 + 3600 + 100)}


def test_a_clock_that_leaps_forward_raises_no_alarm(
    user: User, make_heartbeat: MakeHeartbeat
) -> None:
    make_heartbeat(user, last_ping=NOW, expected_period=60, grace_period=30)
    outages.sign_of_web(after(seconds=10))
    leapt = after(hours=3)

    audit.run(leapt)  # before the web has shown itself at the new time
    outages.sign_of_web(leapt + timedelta(seconds=1))
    audit.run(leapt + timedelta(seconds=2))

    assert statuses() == ["up"]
    assert db.session.scalars(sa.select(Delivery)).all() == []


def test_a_clock_set_back_raises_no_alarm_and_ends_no_incident(
    user: User, make_heartbeat: MakeHeartbeat
) -> None:
    make_heartbeat(user, last_ping=NOW, expected_period=60, grace_period=30)
    outages.sign_of_web(after(seconds=100))
    audit.run(after(seconds=100))
    assert statuses() == ["down"]

    outages.sign_of_web(after(hours=-1))
    audit.run(after(hours=-1))

    assert statuses() == ["down"]
    changes = db.session.scalars(sa.select(StatusChange.new_status)).all()
    assert changes == ["down"]


def test_a_ping_after_the_outage_counts_as_any_other(
    user: User, make_heartbeat: MakeHeartbeat
) -> None:
    heartbeat = make_heartbeat(user, last_ping=NOW, expected_period=60, grace_period=30)
    outage(after(seconds=50), after(seconds=500))

    pings.record([pings.Signal(heartbeat.slug, after(seconds=502))])
    audit.run(after(seconds=503))

    db.session.refresh(heartbeat)
    assert heartbeat.next_expected_ping == after(seconds=562)


def test_counting_anew_from_the_last_ping_forgives_the_same(
    user: User, make_heartbeat: MakeHeartbeat
) -> None:
    times = {"expected_period": 60, "grace_period": 300}
    heartbeats = [make_heartbeat(user, last_ping=after(seconds=-s), **times) for s in range(60)]
    for second in (30, 55, 140, 146, 149, 200):  # one outage after the other, but for 146 to 149
        outages.sign_of_web(after(seconds=second))
        audit.run(after(seconds=second))

    for heartbeat in heartbeats:
        db.session.refresh(heartbeat)
        assert heartbeat.last_ping is not None
        counted = outages.deadlines_since(db.session(), heartbeat.schedule, heartbeat.last_ping)
        assert counted == heartbeat.deadlines


def test_the_signs_of_many_workers_that_make_pages_are_one(app: Flask) -> None:
    together(app, [lambda: outages.sign_of_pages(NOW)] * 4)
    assert outages.sign_of_pages(after(seconds=0.5)) is None
    assert seen_at(outages.PAGES) == NOW

    for second in range(1, 30):
        outages.sign_of_pages(after(seconds=second))
    assert seen_at(outages.PAGES) == after(seconds=29)
    assert db.session.scalars(sa.select(PagesOutage)).all() == []


def test_a_clock_set_back_does_not_hold_the_signs_up(app: Flask) -> None:
    outages.sign_of_pages(NOW)
    outages.sign_of_pages(after(hours=-1))
    assert seen_at(outages.PAGES) == after(hours=-1)
