"""Services as people manage them."""

from dataclasses import replace
from datetime import timedelta

import pytest
import sqlalchemy as sa
from redis import Redis
from rq import Queue

from sentinelweb import jobs
from sentinelweb.core.results import ProbeResult, Result
from sentinelweb.core.status import Status
from sentinelweb.db import db
from sentinelweb.models import Delivery, Service, ServiceCheck, StatusChange
from sentinelweb.services import counts, probing, services
from sentinelweb.services.errors import InvalidInputError, NotFoundError
from sentinelweb.services.masking import MASK
from sentinelweb.services.probing import Found
from sentinelweb.services.services import ServiceValues
from tests.support.factories import NOW
from tests.support.parallel import together

VALUES = ServiceValues(target="https://example.com/health", name="Website")


def changes():
    query = sa.select(StatusChange).order_by(StatusChange.id)
    return [(row.prev_status, row.new_status, row.note) for row in db.session.scalars(query)]


def refused(call, *args):
    with pytest.raises(InvalidInputError) as error:
        call(*args)
    return error.value.field, error.value.message


class TestCreate:
    def test_it_is_new_due_at_once_and_counted(self, user, make_channel, clock):
        channel = make_channel(user)
        service = services.create(user, replace(VALUES, channel_ids=[channel.id]))
        db.session.expire_all()
        assert (service.status, service.probe, service.next_check_at) == ("new", "http", NOW)
        assert service.channels == [channel]
        assert counts.by_status("service", [service.team_id])[Status.NEW] == 1

    @pytest.mark.parametrize(
        ("target", "probe", "name"),
        [
            (" HTTPS://user:secret@example.com:8443/x?token=1 ", "http", "example.com:8443"),
            ("tcp://db.example.com:5432", "tcp", "db.example.com:5432"),
            ("dns:example.com", "dns", "example.com"),
        ],
    )
    def test_the_address_says_what_it_is_and_names_it(self, user, target, probe, name):
        service = services.create(user, ServiceValues(target=target))
        assert (service.probe, service.name) == (probe, name)

    @pytest.mark.parametrize(
        "target", ["", "example.com", "ftp://example.com", "http:", "\0", "x" * 9]
    )
    def test_an_address_that_nobody_knows_is_refused(self, user, target):
        field, _message = refused(services.create, user, replace(VALUES, target=target))
        assert field == "target"
        assert db.session.scalars(sa.select(Service)).all() == []

    def test_what_a_probe_refuses_is_told_of_the_option(self, user):
        values = replace(VALUES, options={"accepted_codes": "all of them"})
        assert refused(services.create, user, values)[0] == "accepted_codes"
        values = replace(VALUES, options={"json_value": "ok"})
        assert refused(services.create, user, values)[0] == "json_value"

    def test_containers_are_for_administrators(self, user, admin):
        values = replace(VALUES, target="docker:nginx")
        field, message = refused(services.create, user, values)
        assert (field, "administrators" in message) == ("target", True)
        assert services.create(admin, values).probe == "docker"

    def test_the_channel_of_another_team_is_not_found(self, user, other_user, make_channel):
        foreign = make_channel(other_user)
        with pytest.raises(NotFoundError):
            services.create(user, replace(VALUES, channel_ids=[foreign.id]))
        assert db.session.scalars(sa.select(Service)).all() == []


class TestEdit:
    def test_another_address_is_looked_at_at_once(self, user, make_service, clock):
        service = make_service(
            user,
            last_check_at=NOW,
            failures=3,
            next_check_at=NOW + timedelta(hours=1),
            claimed_at=NOW,
            certificate_expires_at=NOW,
        )
        clock.advance(seconds=9)
        services.edit(user, service.id, VALUES)
        db.session.expire_all()
        assert service.target == VALUES.target
        assert (service.next_check_at, service.claimed_at) == (clock.now, None)
        assert (service.failures, service.certificate_expires_at) == (0, None)
        assert service.status == "up"

    def test_another_name_changes_nothing_of_that(self, user, make_service, clock):
        later = NOW + timedelta(hours=1)
        service = make_service(
            user, target=VALUES.target, last_check_at=NOW, failures=3, next_check_at=later
        )
        services.edit(user, service.id, replace(VALUES, name="Shop"))
        db.session.expire_all()
        assert (service.name, service.failures, service.next_check_at) == ("Shop", 3, later)

    def test_a_paused_one_is_not_looked_at(self, user, make_service):
        service = make_service(user, status="paused")
        services.edit(user, service.id, VALUES)
        db.session.expire_all()
        assert (service.status, service.next_check_at) == ("paused", None)

    def test_a_secret_that_is_left_empty_stays(self, user, make_service):
        stored = {"token": "secret", "headers": "X-Key: secret"}
        service = make_service(user, target=VALUES.target, options=stored)
        masked = {"token": "", "headers": f"X-Key: {MASK}\nX-Other: 1"}
        services.edit(user, service.id, replace(VALUES, options=masked))
        db.session.expire_all()
        assert service.options == {"token": "secret", "headers": "X-Key: secret\nX-Other: 1"}
        services.edit(user, service.id, replace(VALUES, removed=frozenset({"token"})))
        db.session.expire_all()
        assert service.options == {}

    def test_what_another_kind_kept_secret_is_not_taken_over(self, user, make_service):
        service = make_service(user, target="tls:example.com", probe="tls", options={"token": "x"})
        services.edit(user, service.id, VALUES)
        db.session.expire_all()
        assert (service.probe, service.options) == ("http", {})

    def test_a_container_of_the_team_can_be_renamed_but_not_exchanged(self, user, make_service):
        service = make_service(user, target="docker:nginx", probe="docker")
        services.edit(user, service.id, replace(VALUES, target="docker:nginx", name="Proxy"))
        values = replace(VALUES, target="docker:vault")
        assert refused(services.edit, user, service.id, values)[0] == "target"
        db.session.expire_all()
        assert (service.name, service.target) == ("Proxy", "docker:nginx")

    def test_of_two_edits_at_once_one_wins_whole(self, app, user, make_service, make_channel):
        service = make_service(user)
        channels = [make_channel(user, name=str(n)) for n in range(4)]
        edits = [
            replace(VALUES, name=str(n), interval=100 + n, channel_ids=[channel.id])
            for n, channel in enumerate(channels)
        ]
        together(
            app,
            [lambda values=values: services.edit(user, service.id, values) for values in edits],
        )
        db.session.expire_all()
        winner = int(service.name)
        assert service.interval == 100 + winner
        assert service.channels == [channels[winner]]


class TestPauseAndResume:
    def test_a_paused_one_is_not_looked_at_and_tells_nobody(self, user, make_service, make_channel):
        service = make_service(
            user, status="down", failures=4, claimed_at=NOW, channels=[make_channel(user)]
        )
        services.pause(user, service.id)
        services.pause(user, service.id)
        db.session.expire_all()
        assert (service.status, service.is_active, service.failures) == ("paused", False, 0)
        assert service.next_check_at is service.claimed_at is None
        assert changes() == [("down", "paused", "paused")]
        assert db.session.scalars(sa.select(Delivery)).all() == []

    def test_it_is_new_and_due_when_it_is_resumed(self, user, make_service, clock):
        service = make_service(user, last_check_at=NOW, status="paused")
        clock.advance(days=1)
        services.resume(user, service.id)
        db.session.expire_all()
        assert (service.status, service.next_check_at) == ("new", clock.now)

    def test_what_is_not_paused_is_not_resumed(self, user, make_service):
        service = make_service(user, status="down")
        services.resume(user, service.id)
        assert changes() == []


class TestDelete:
    def test_its_results_and_its_place_in_the_counts_go_with_it(self, user, make_service):
        service = make_service(user, status="down")
        probing.record([Found(service.id, ProbeResult(Result.HEALTHY, 12.5), NOW)])
        assert services.delete(user, service.id) == "Website"
        for model in (Service, ServiceCheck, StatusChange):
            assert db.session.scalars(sa.select(model)).all() == []
        assert sum(counts.by_status("service").values()) == 0


class TestManagedElsewhere:
    @pytest.fixture(params=["environment", "agent"])
    def service(self, request, user, make_service, make_host):
        if request.param == "environment":
            return make_service(user, from_environment=True, last_check_at=NOW)
        host = make_host(user)
        return make_service(
            user, host_id=host.id, probe="agent", next_check_at=None, last_check_at=NOW
        )

    def test_it_is_neither_edited_nor_deleted(self, user, service):
        for call in (
            lambda: services.edit(user, service.id, VALUES),
            lambda: services.delete(user, service.id),
        ):
            assert "changed only there" in refused(call)[1]
        db.session.expire_all()
        assert service.target == "http://127.0.0.1:9/"

    def test_its_channels_are_chosen_and_it_is_paused(self, user, service, make_channel):
        channel = make_channel(user)
        services.choose_channels(user, service.id, [channel.id])
        services.pause(user, service.id)
        db.session.expire_all()
        assert (service.channels, service.status) == ([channel], "paused")
        services.resume(user, service.id)
        db.session.expire_all()
        assert (service.next_check_at is None) == (service.host_id is not None)


class TestCheckNow:
    def test_a_worker_is_asked_before_all_others(self, app, user, make_service, clock, redis_url):
        service = make_service(user)
        assert services.check_now(user, service.id) == NOW
        with Redis.from_url(redis_url) as redis:
            [job] = Queue(jobs.PROBES, connection=redis).jobs
        assert (job.func_name, job.args) == (jobs.CHECK_SERVICES, ([service.id], None))

    def test_who_cannot_be_looked_at_is_not(self, user, make_service, make_host):
        paused = make_service(user, status="paused")
        reported = make_service(user, host_id=make_host(user).id)
        assert "paused" in refused(services.check_now, user, paused.id)[1]
        assert "agent" in refused(services.check_now, user, reported.id)[1]

    def test_without_redis_it_says_so(self, app, user, make_service):
        service = make_service(user)
        away = app.config["SETTINGS"].model_copy(update={"redis_url": "redis://127.0.0.1:9/0"})
        app.config["SETTINGS"] = away
        assert "Redis" in refused(services.check_now, user, service.id)[1]


@pytest.mark.parametrize("action", ["edit", "pause", "resume", "delete", "check_now", "get"])
def test_those_of_other_teams_are_not_found(user, other_user, make_service, action):
    service = make_service(other_user)
    with pytest.raises(NotFoundError):
        getattr(services, action)(user, service.id, *([VALUES] if action == "edit" else []))
