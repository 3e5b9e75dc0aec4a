"""What people do with heartbeats, on the database."""

import re
from dataclasses import replace
from datetime import timedelta
from functools import partial

import pytest
import sqlalchemy as sa

from sentinelweb.core.status import Status
from sentinelweb.db import db, writing
from sentinelweb.models import Delivery, HeartbeatCheck, Ping, StatusChange
from sentinelweb.services import audit, counts, heartbeats, outages, pings
from sentinelweb.services.errors import InvalidInputError, NotFoundError
from sentinelweb.services.heartbeats import HeartbeatValues
from tests.support.factories import NOW, team_of
from tests.support.parallel import together

VALUES = HeartbeatValues("Nightly backup", expected_period=60, grace_period=30)
AGENT = {"remote_addr": "10.0.0.7", "user_agent": "Firefox"}


def changes(heartbeat):
    query = sa.select(StatusChange).where(StatusChange.monitor_id == heartbeat.id)
    return [
        (change.prev_status, change.new_status, change.note)
        for change in db.session.scalars(query.order_by(StatusChange.id))
    ]


def deliveries():
    return list(db.session.scalars(sa.select(Delivery.event).order_by(Delivery.id)))


def seconds(heartbeat, name):
    value = getattr(heartbeat, name)
    return value and (value - NOW).total_seconds()


class TestCreate:
    def test_it_waits_for_its_first_ping(self, user, clock):
        heartbeat = heartbeats.create(user, VALUES)
        db.session.expire_all()
        assert heartbeat.status == "new"
        assert heartbeat.team_id == team_of(user).id
        assert heartbeat.overdue_at is None
        assert (heartbeat.created_at, heartbeat.status_since) == (NOW, NOW)
        assert counts.by_status("heartbeat")[Status.NEW] == 1

    def test_its_slug_has_128_bits_for_urls(self, user):
        slugs = {heartbeats.create(user, VALUES).slug for _ in range(20)}
        assert len(slugs) == 20
        assert all(re.fullmatch(r"[\w-]{22}", slug) for slug in slugs)

    def test_it_alerts_the_channels_that_were_chosen(self, user, make_channel):
        chosen, _other = make_channel(user), make_channel(user)
        heartbeat = heartbeats.create(user, replace(VALUES, channel_ids=[chosen.id]))
        assert heartbeat.channels == [chosen]

    def test_it_cannot_alert_the_channel_of_another_team(self, user, other_user, make_channel):
        foreign = make_channel(other_user)
        with pytest.raises(NotFoundError):
            heartbeats.create(user, replace(VALUES, channel_ids=[foreign.id]))
        assert db.session.scalar(sa.select(sa.func.count(HeartbeatCheck.id))) == 0


class TestEdit:
    def test_everything_that_was_filled_in_is_changed(self, user, make_heartbeat, make_channel):
        heartbeat = make_heartbeat(user, channels=[make_channel(user)])
        channel = make_channel(user)
        values = HeartbeatValues(
            "Invoice export", "Daily.", ["billing"], "staging", 3600, 600, channel_ids=[channel.id]
        )
        slug = heartbeat.slug
        heartbeats.edit(user, heartbeat.id, values)
        db.session.expire_all()
        assert {name: getattr(heartbeat, name) for name in values.columns()} == values.columns()
        assert heartbeat.channels == [channel]
        assert heartbeat.slug == slug

    def test_a_new_name_changes_no_deadline(self, user, make_heartbeat, clock):
        heartbeat = make_heartbeat(user, last_ping=NOW)
        deadlines = heartbeat.deadlines
        clock.advance(hours=1)
        heartbeats.edit(user, heartbeat.id, replace(VALUES, name="Backup"))
        db.session.expire_all()
        assert heartbeat.deadlines == deadlines
        assert heartbeat.status == "up"

    def test_deadlines_are_counted_from_the_last_ping(self, user, make_heartbeat, clock):
        heartbeat = make_heartbeat(user, last_ping=NOW)
        clock.advance(seconds=50)
        heartbeats.edit(user, heartbeat.id, replace(VALUES, expected_period=600, grace_period=60))
        db.session.expire_all()
        assert heartbeat.status == "up"
        assert seconds(heartbeat, "next_expected_ping") == 600
        assert seconds(heartbeat, "down_at") == 660
        assert seconds(heartbeat, "overdue_at") == 600

    def test_a_longer_period_ends_an_incident_and_says_so(
        self, user, make_heartbeat, make_channel, clock
    ):
        heartbeat = make_heartbeat(
            user, last_ping=NOW, status="down", alert_sent=True, channels=[make_channel(user)]
        )
        clock.advance(minutes=10)
        ids = [channel.id for channel in heartbeat.channels]
        values = replace(VALUES, expected_period=3600, channel_ids=ids)
        heartbeats.edit(user, heartbeat.id, values)
        db.session.expire_all()
        assert (heartbeat.status, heartbeat.alert_sent) == ("up", False)
        assert changes(heartbeat) == [("down", "up", "rescheduled")]
        assert deliveries() == ["up"]
        assert counts.by_status("heartbeat")[Status.UP] == 1

    def test_a_shorter_period_begins_an_incident(self, user, make_heartbeat, make_channel, clock):
        channel = make_channel(user)
        heartbeat = make_heartbeat(user, last_ping=NOW, expected_period=3600, channels=[channel])
        clock.advance(minutes=10)
        heartbeats.edit(user, heartbeat.id, replace(VALUES, channel_ids=[channel.id]))
        db.session.expire_all()
        assert (heartbeat.status, heartbeat.missed_pings) == ("down", 1)
        assert heartbeat.overdue_at is None
        assert deliveries() == ["down"]

    def test_one_that_was_never_pinged_stays_new(self, user, make_heartbeat):
        heartbeat = make_heartbeat(user)
        heartbeats.edit(user, heartbeat.id, replace(VALUES, expected_period=1))
        db.session.expire_all()
        assert (heartbeat.status, heartbeat.deadlines) == ("new", None)

    def test_a_paused_one_stays_paused_and_expects_nothing(self, user, make_heartbeat):
        heartbeat = make_heartbeat(user, status="paused", last_ping=NOW)
        heartbeats.pause(user, heartbeat.id)
        heartbeats.edit(user, heartbeat.id, replace(VALUES, expected_period=1))
        db.session.expire_all()
        assert (heartbeat.status, heartbeat.deadlines) == ("paused", None)

    def test_after_a_pause_deadlines_are_counted_from_the_resumption(
        self, user, make_heartbeat, clock
    ):
        heartbeat = make_heartbeat(user, last_ping=NOW)
        heartbeats.pause(user, heartbeat.id)
        clock.advance(days=7)
        heartbeats.resume(user, heartbeat.id)
        clock.advance(seconds=10)
        heartbeats.edit(user, heartbeat.id, replace(VALUES, expected_period=120))
        db.session.expire_all()
        assert heartbeat.status == "up"
        assert heartbeat.next_expected_ping == NOW + timedelta(days=7, seconds=120)

    def test_what_our_own_outage_gave_is_not_lost(self, user, make_heartbeat, clock):
        expected_meanwhile = make_heartbeat(user, last_ping=NOW)
        late_before = make_heartbeat(user, last_ping=NOW - timedelta(seconds=20))
        for second in (45, 500):
            outages.sign_of_web(NOW + timedelta(seconds=second))
            audit.run(NOW + timedelta(seconds=second))
        clock.advance(seconds=501)
        values = replace(VALUES, expected_period=50, grace_period=40)
        for heartbeat in (expected_meanwhile, late_before):
            heartbeats.edit(user, heartbeat.id, values)
        db.session.expire_all()
        assert (expected_meanwhile.status, late_before.status) == ("up", "late")
        assert seconds(expected_meanwhile, "next_expected_ping") == 500 + 50
        assert seconds(expected_meanwhile, "down_at") == 500 + 50 + 40
        assert seconds(late_before, "down_at") == -20 + 50 + 40 + (500 - 45)

    def test_a_job_that_said_it_failed_is_not_well_by_a_new_schedule(
        self, user, make_heartbeat, clock
    ):
        heartbeat = make_heartbeat(user, last_ping=NOW, status="down", failure="exit 3")
        heartbeats.edit(user, heartbeat.id, replace(VALUES, expected_period=3600))
        db.session.expire_all()
        assert heartbeat.status == "down"
        assert changes(heartbeat) == []

    def test_a_run_under_way_is_judged_by_the_new_grace(self, user, make_heartbeat, clock):
        heartbeat = make_heartbeat(
            user,
            last_ping=NOW,
            runs={"": NOW.isoformat()},
            run_down_at=NOW + timedelta(seconds=30),
        )
        heartbeats.edit(user, heartbeat.id, replace(VALUES, grace_period=45))
        db.session.expire_all()
        assert seconds(heartbeat, "run_down_at") == 45
        assert seconds(heartbeat, "overdue_at") == 45

    def test_by_a_cron_expression_it_is_expected_on_the_clock_of_its_zone(
        self, user, make_heartbeat, clock
    ):
        heartbeat = make_heartbeat(user, last_ping=NOW)
        values = replace(VALUES, cron_expression="0 3 * * *", cron_timezone="America/Sao_Paulo")
        heartbeats.edit(user, heartbeat.id, values)
        db.session.expire_all()
        assert heartbeat.next_expected_ping.isoformat() == "2026-01-08T06:00:00+00:00"

    def test_of_two_who_choose_one_alias_at_once_one_is_refused(self, app, user, make_heartbeat):
        ids = [make_heartbeat(user).id for _ in range(2)]
        values = replace(VALUES, alias="backup")

        def choose(id_):
            try:
                heartbeats.edit(user, id_, values)
            except InvalidInputError as error:
                return error.field
            return None

        outcomes = together(app, [partial(choose, id_) for id_ in ids])
        assert set(outcomes) == {None, "alias"}

    def test_of_two_edits_at_once_one_wins_whole(self, app, user, make_heartbeat, make_channel):
        heartbeat = make_heartbeat(user, last_ping=NOW)
        channels = [make_channel(user, name=str(n)) for n in range(4)]
        edits = [
            replace(VALUES, name=str(n), expected_period=100 + n, channel_ids=[channel.id])
            for n, channel in enumerate(channels)
        ]

        together(
            app,
            [lambda values=values: heartbeats.edit(user, heartbeat.id, values) for values in edits],
        )

        winner = int(heartbeat.name)
        assert heartbeat.expected_period == 100 + winner
        assert heartbeat.channels == [channels[winner]]
        assert heartbeat.next_expected_ping == NOW + timedelta(seconds=100 + winner)


class TestPauseAndResume:
    def test_a_paused_one_expects_nothing(self, user, make_heartbeat):
        heartbeat = make_heartbeat(user, last_ping=NOW, runs={"": NOW.isoformat()}, run_down_at=NOW)
        heartbeats.pause(user, heartbeat.id)
        db.session.expire_all()
        assert (heartbeat.status, heartbeat.is_active) == ("paused", False)
        assert heartbeat.overdue_at is heartbeat.next_expected_ping is heartbeat.runs is None
        assert changes(heartbeat) == [("up", "paused", "paused")]

    def test_pausing_ends_an_incident_silently(self, user, make_heartbeat, make_channel):
        heartbeat = make_heartbeat(
            user, last_ping=NOW, status="down", alert_sent=True, channels=[make_channel(user)]
        )
        heartbeats.pause(user, heartbeat.id)
        db.session.expire_all()
        assert deliveries() == []
        assert heartbeat.alert_sent is False

    def test_deadlines_begin_anew_with_the_resumption(self, user, make_heartbeat, clock):
        heartbeat = make_heartbeat(user, last_ping=NOW)
        heartbeats.pause(user, heartbeat.id)
        clock.advance(days=1)
        heartbeats.resume(user, heartbeat.id)
        db.session.expire_all()
        assert heartbeat.status == "up"
        assert heartbeat.overdue_at == NOW + timedelta(days=1, seconds=60)
        assert heartbeat.last_ping == NOW

    def test_one_that_was_never_pinged_is_new_again(self, user, make_heartbeat):
        heartbeat = make_heartbeat(user, status="paused")
        heartbeats.resume(user, heartbeat.id)
        db.session.expire_all()
        assert (heartbeat.status, heartbeat.overdue_at) == ("new", None)

    def test_what_is_not_paused_is_not_resumed(self, user, make_heartbeat):
        heartbeat = make_heartbeat(user, last_ping=NOW, status="down")
        heartbeats.resume(user, heartbeat.id)
        db.session.expire_all()
        assert heartbeat.status == "down"

    def test_pausing_twice_is_one_change(self, user, make_heartbeat):
        heartbeat = make_heartbeat(user)
        heartbeats.pause(user, heartbeat.id)
        heartbeats.pause(user, heartbeat.id)
        assert changes(heartbeat) == [("new", "paused", "paused")]


class TestRotate:
    def test_the_old_url_is_unknown_and_the_new_one_works(self, user, make_heartbeat, clock):
        heartbeat = make_heartbeat(user)
        old = heartbeat.slug
        heartbeats.rotate_slug(user, heartbeat.id)
        db.session.expire_all()
        signals = [pings.Signal(slug, clock.now) for slug in (old, heartbeat.slug)]
        unknown, known = pings.record(signals)
        assert unknown is None
        assert known is not None


class TestDelete:
    def test_it_is_gone_with_its_pings_and_history(self, user, make_heartbeat, clock):
        heartbeat, kept = make_heartbeat(user), make_heartbeat(user)
        pings.record([pings.Signal(one.slug, clock.now) for one in (heartbeat, kept)])
        assert heartbeats.delete(user, heartbeat.id) == heartbeat.name
        assert db.session.scalars(sa.select(HeartbeatCheck.id)).all() == [kept.id]
        assert db.session.scalars(sa.select(Ping.monitor_id)).all() == [kept.id]
        assert db.session.scalars(sa.select(StatusChange.monitor_id)).all() == [kept.id]
        assert counts.by_status("heartbeat")[Status.UP] == 1

    def test_an_alert_that_is_on_its_way_still_arrives(self, user, make_heartbeat, make_channel):
        channel = make_channel(user)
        heartbeat = make_heartbeat(user, last_ping=NOW, channels=[channel])
        heartbeats.edit(
            user,
            heartbeat.id,
            replace(VALUES, expected_period=1, grace_period=0, channel_ids=[channel.id]),
        )
        heartbeats.delete(user, heartbeat.id)
        assert deliveries() == ["down"]

    def test_deleting_twice_at_once_counts_once(self, app, user, make_heartbeat):
        heartbeat = make_heartbeat(user)

        def delete():
            try:
                return heartbeats.delete(user, heartbeat.id)
            except NotFoundError:
                return None

        results = together(app, [delete] * 3)
        assert sorted(results, key=bool) == [None, None, "Nightly backup"]
        assert counts.by_status("heartbeat")[Status.NEW] == 0


class TestTestPing:
    def test_it_is_recorded_as_a_test_and_counts(self, user, make_heartbeat, clock):
        heartbeat = make_heartbeat(user)
        heartbeats.test_ping(user, heartbeat.id, **AGENT)
        db.session.expire_all()
        [ping] = db.session.scalars(sa.select(Ping))
        assert (ping.method, ping.remote_addr, ping.user_agent) == ("TEST", "10.0.0.7", "Firefox")
        assert (heartbeat.status, heartbeat.total_pings) == ("up", 1)

    def test_on_a_paused_one_it_is_recorded_without_effect(self, user, make_heartbeat):
        heartbeat = make_heartbeat(user, status="paused")
        heartbeats.test_ping(user, heartbeat.id, **AGENT)
        db.session.expire_all()
        assert (heartbeat.status, heartbeat.total_pings) == ("paused", 0)
        assert db.session.scalars(sa.select(Ping.counted)).all() == [False]


ACTIONS = {
    "get": heartbeats.get,
    "edit": lambda user, id_: heartbeats.edit(user, id_, VALUES),
    "pause": heartbeats.pause,
    "resume": heartbeats.resume,
    "rotate": heartbeats.rotate_slug,
    "delete": heartbeats.delete,
    "test_ping": lambda user, id_: heartbeats.test_ping(user, id_, **AGENT),
}


@pytest.mark.parametrize("action", ACTIONS.values(), ids=ACTIONS)
def test_what_belongs_to_another_team_is_not_found(action, user, other_user, make_heartbeat):
    heartbeat = make_heartbeat(other_user, last_ping=NOW)
    before = heartbeats.get(other_user, heartbeat.id).updated_at
    with pytest.raises(NotFoundError):
        action(user, heartbeat.id)
    db.session.expire_all()
    assert (heartbeat.status, heartbeat.updated_at) == ("up", before)


@pytest.mark.parametrize("id_", [0, -1, 1, 2**31, 2**70])
def test_an_id_that_nothing_has_is_not_found(id_, user):
    with pytest.raises(NotFoundError):
        heartbeats.get(user, id_)


def test_an_edit_sees_what_changed_since_the_page_was_opened(app, user, make_heartbeat, clock):
    heartbeat = make_heartbeat(user, last_ping=NOW)
    stale = heartbeats.get(user, heartbeat.id)
    clock.advance(seconds=30)
    with app.app_context():
        pings.record([pings.Signal(heartbeat.slug, clock.now)])
    with writing():
        pass  # the reading transaction of the page is over
    heartbeats.edit(user, stale.id, replace(VALUES, expected_period=90))
    db.session.expire_all()
    assert seconds(heartbeat, "next_expected_ping") == 120
    assert heartbeat.total_pings == 1
