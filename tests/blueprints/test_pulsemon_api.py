"""Seed 001's API, as its clients call it."""

import threading

import pytest
import sqlalchemy as sa

from sentinelweb.db import db
from sentinelweb.models import Channel, HeartbeatCheck
from sentinelweb.services import api_keys, audit, delivery, heartbeats
from tests.support.databases import both_databases
from tests.support.factories import team_of
from tests.support.receiver import Receiver

ADMIN_TOKEN = "the token of the administrator"

# The seed's example.
WANTED = {
    "name": "Backup Noturno",
    "slug": "backup-noite",
    "interval_seconds": 900,
    "grace_seconds": 120,
    "webhook_url": "https://seu-webhook.tld/endpoint",
}
MADE = {
    "name": "Backup Noturno",
    "slug": "backup-noite",
    "interval_seconds": 900,
    "grace_seconds": 120,
    "status": "UNKNOWN",
    "last_ping": None,
    "webhook_url": "https://seu-webhook.tld/endpoint",
}


@pytest.fixture
def key(user):
    return api_keys.create(user, name="Deploy", can_write=True)[1]


@pytest.fixture
def call(client, key):
    """`call("POST", path, json=…)` with the key; `secret=` shows another."""

    def call(method, path, *, secret=key, **values):
        headers = {"X-Admin-Token": secret} if secret else {}
        return client.open(path, method=method, headers=headers, **values)

    return call


def created(call, *, shown=None, **values):
    secret = {"secret": shown} if shown else {}
    answer = call("POST", "/api/monitors", json={**WANTED, **values}, **secret)
    assert answer.status_code == 201, answer.text
    return answer.json


def path_of(url):
    return "/" + url.split("/", 3)[3]


class TestCreating:
    def test_it_answers_as_the_seed_does(self, call):
        answer = created(call)
        token, ping_url = answer.pop("token"), answer.pop("ping_url")
        assert answer == MADE
        assert len(token) >= 22
        assert ping_url == f"http://localhost/h/backup-noite/{token}"

    def test_without_a_webhook(self, call):
        for slug, absent in (("a", {"webhook_url": None}), ("b", {"webhook_url": ""})):
            assert created(call, slug=slug, **absent)["webhook_url"] is None
        body = {name: value for name, value in WANTED.items() if name != "webhook_url"}
        assert call("POST", "/api/monitors", json=body).json["webhook_url"] is None
        assert db.session.scalar(sa.select(sa.func.count(Channel.id))) == 0

    def test_it_becomes_a_heartbeat_of_the_key_s_team(self, call, user):
        created(call)
        heartbeat = db.session.scalars(sa.select(HeartbeatCheck)).one()
        assert heartbeat.team_id == team_of(user).id
        assert (heartbeat.alias, heartbeat.name) == ("backup-noite", "Backup Noturno")
        assert (heartbeat.expected_period, heartbeat.grace_period) == (900, 120)
        [channel] = heartbeat.channels
        assert (channel.kind, channel.name) == ("webhook", "Backup Noturno")
        assert channel.settings["template"] == "pulsemon"

    @both_databases
    def test_a_taken_slug_is_told(self, call):
        created(call)
        answer = call("POST", "/api/monitors", json={**WANTED, "name": "Other"})
        assert answer.status_code == 400
        assert isinstance(answer.json["detail"], str)
        assert len(call("GET", "/api/monitors").json) == 1
        assert db.session.scalar(sa.select(sa.func.count(Channel.id))) == 1

    @both_databases
    def test_another_team_may_have_the_same_slug(self, call, other_user):
        other = api_keys.create(other_user, name="Deploy", can_write=True)[1]
        first = created(call)
        answer = call("POST", "/api/monitors", json=WANTED, secret=other)
        assert answer.status_code == 201
        assert answer.json["token"] != first["token"]

    @both_databases
    def test_of_two_at_once_one_is_refused(self, app, key):
        codes = []

        def post():
            with app.app_context():
                answer = app.test_client().post(
                    "/api/monitors", json=WANTED, headers={"X-Admin-Token": key}
                )
                codes.append(answer.status_code)

        threads = [threading.Thread(target=post) for _ in range(2)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert sorted(codes) == [201, 400]

    @both_databases
    @pytest.mark.parametrize(
        ("body", "fields"),
        [
            ({}, ["grace_seconds", "interval_seconds", "name", "slug"]),
            ({**WANTED, "interval_seconds": 0}, ["interval_seconds"]),
            ({**WANTED, "interval_seconds": -1, "grace_seconds": -1},
             ["grace_seconds", "interval_seconds"]),
            ({**WANTED, "interval_seconds": 10**30}, ["interval_seconds"]),
            ({**WANTED, "interval_seconds": "soon"}, ["interval_seconds"]),
            ({**WANTED, "interval_seconds": 1.5}, ["interval_seconds"]),
            ({**WANTED, "interval_seconds": True}, ["interval_seconds"]),
            ({**WANTED, "grace_seconds": None}, ["grace_seconds"]),
            ({**WANTED, "name": " "}, ["name"]),
            ({**WANTED, "name": "x" * 201}, ["name"]),
            ({**WANTED, "name": "a\0b"}, ["name"]),
            ({**WANTED, "name": "a\ud800"}, ["name"]),
            ({**WANTED, "name": 3}, ["name"]),
            ({**WANTED, "slug": ""}, ["slug"]),
            ({**WANTED, "slug": "backup noite"}, ["slug"]),
            ({**WANTED, "slug": "a/b"}, ["slug"]),
            ({**WANTED, "slug": "fail"}, ["slug"]),
            ({**WANTED, "slug": "x" * 100_000}, ["slug"]),
            ({**WANTED, "slug": "a\0"}, ["slug"]),
            ({**WANTED, "webhook_url": "ftp://example.com/"}, ["webhook_url"]),
            ({**WANTED, "webhook_url": "example.com"}, ["webhook_url"]),
            ({**WANTED, "webhook_url": "http://169.254.169.254/latest"}, ["webhook_url"]),
            ({**WANTED, "webhook_url": "http://[fe80::1]/"}, ["webhook_url"]),
            ({**WANTED, "webhook_url": "https://e.com/" + "x" * 3_000}, ["webhook_url"]),
            ({**WANTED, "webhook_url": "https://e.com/\0"}, ["webhook_url"]),
            ({**WANTED, "webhook_url": []}, ["webhook_url"]),
            ({**WANTED, "webhook_url": 7}, ["webhook_url"]),
        ],
    )  # fmt: skip
    def test_every_wrong_field_is_named(self, call, body, fields):
        answer = call("POST", "/api/monitors", json=body)
        assert answer.status_code == 422
        assert sorted(error["loc"][-1] for error in answer.json["detail"]) == fields
        for error in answer.json["detail"]:
            assert error["loc"][0] == "body"
            assert error["msg"]
            assert error["type"]
        assert call("GET", "/api/monitors").json == []

    @pytest.mark.parametrize("body", [b"", b"{", b"[]", b"null", b'"x"', b"\xff", b"[" * 100_000])
    def test_what_is_no_object_is_refused(self, call, body):
        answer = call("POST", "/api/monitors", data=body)
        assert answer.status_code == 422
        assert answer.json["detail"][0]["loc"] == ["body"]

    def test_a_huge_body_is_refused(self, call):
        answer = call("POST", "/api/monitors", json={**WANTED, "name": "x" * 20_000_000})
        assert answer.status_code in {413, 422}
        assert answer.json["detail"]

    @pytest.mark.settings(registration="open")
    def test_a_private_address_is_refused_where_strangers_register(self, call):
        answer = call("POST", "/api/monitors", json={**WANTED, "webhook_url": "http://10.0.0.1/"})
        assert answer.status_code == 422

    def test_numbers_may_be_written_as_text(self, call):
        assert created(call, interval_seconds="900")["interval_seconds"] == 900


class TestReading:
    def test_the_list_and_one_alone_are_alike(self, call):
        answer = created(call)
        assert call("GET", "/api/monitors").json == [answer]
        assert call("GET", "/api/monitors/backup-noite").json == answer

    def test_the_statuses_are_the_seed_s(self, call, user, clock):
        def status():
            db.session.expire_all()
            return call("GET", "/api/monitors/backup-noite").json["status"]

        made = created(call)
        assert status() == "UNKNOWN"
        call("GET", path_of(made["ping_url"]))
        assert status() == "UP"
        clock.advance(seconds=901)
        audit.run(clock.now)
        assert db.session.scalars(sa.select(HeartbeatCheck)).one().status == "late"
        assert status() == "UP"
        clock.advance(seconds=120)
        audit.run(clock.now)
        assert status() == "DOWN"
        heartbeats.pause(user, db.session.scalars(sa.select(HeartbeatCheck)).one().id)
        assert status() == "UNKNOWN"

    def test_the_last_ping_is_in_utc(self, call, clock):
        made = created(call)
        call("GET", path_of(made["ping_url"]))
        assert call("GET", "/api/monitors/backup-noite").json["last_ping"] == "2026-01-07T12:00:00Z"

    def test_heartbeats_of_the_pages_with_an_alias_are_listed_too(self, call, user, make_heartbeat):
        heartbeat = make_heartbeat(user, alias="reports")
        make_heartbeat(user)
        [shown] = call("GET", "/api/monitors").json
        assert (shown["slug"], shown["token"]) == ("reports", None)
        assert shown["ping_url"] == f"http://localhost/ping/{heartbeat.slug}"

    @both_databases
    def test_it_goes_on_page_by_page(self, call):
        for number in range(5):
            created(call, slug=f"job-{number}")
        path, seen = "/api/monitors?limit=2", []
        while path:
            answer = call("GET", path)
            seen += [item["slug"] for item in answer.json]
            after = answer.headers.get("X-Next-After")
            path = f"/api/monitors?limit=2&after={after}" if after else None
        assert seen == [f"job-{number}" for number in range(5)]

    @both_databases
    @pytest.mark.parametrize("query", ["limit=x", "limit=0", "limit=-1", "limit=1e9", "after=%00"])
    def test_what_is_no_number_is_told(self, call, query):
        answer = call("GET", f"/api/monitors?{query}")
        assert answer.status_code == 422
        assert answer.json["detail"][0]["loc"] == ["query", query.partition("=")[0]]

    @both_databases
    @pytest.mark.parametrize("number", [2**31, 2**63, 10**18])
    def test_after_the_last_of_all_numbers_there_is_nothing(self, call, number):
        created(call)
        assert call("GET", f"/api/monitors?after={number}").json == []
        assert call("GET", f"/api/history/backup-noite?before={number}").json == []

    @both_databases
    @pytest.mark.parametrize("slug", ["other", "%00", "x" * 5_000, "a%20b", "%F0%9F%9A%A8"])
    @pytest.mark.parametrize(
        ("method", "path"),
        [("GET", "/api/monitors/"), ("DELETE", "/api/monitors/"), ("GET", "/api/history/")],
    )
    def test_what_there_is_not_is_not_found(self, call, method, path, slug):
        answer = call(method, path + slug)
        assert answer.status_code == 404
        assert isinstance(answer.json["detail"], str)


class TestPinging:
    def test_the_ping_url_answers_as_the_seed_does(self, call):
        made = created(call)
        answer = call("GET", path_of(made["ping_url"]), secret=None)
        assert answer.status_code == 200
        assert answer.json["ok"] is True

    def test_a_wrong_token_is_not_found(self, call):
        created(call)
        assert call("GET", "/h/backup-noite/wrong", secret=None).status_code == 404


def test_a_monitor_s_webhook_is_told_what_the_seed_says(call, clock, settings):
    """Made, pinged and missed as a client of PulseMon would; the receiver gets its body."""
    with Receiver() as receiver:
        url = f"{receiver.url}/endpoint"
        made = created(call, webhook_url=url)
        assert made["webhook_url"] == url
        call("GET", path_of(made["ping_url"]), secret=None)
        for seconds in (901, 120):
            clock.advance(seconds=seconds)
            audit.run(clock.now)
        delivery.run(settings)
        [told] = receiver.wait_for(1)
    assert (told.method, told.path) == ("POST", "/endpoint")
    assert told.json == {
        "slug": "backup-noite",
        "name": "Backup Noturno",
        "status": "DOWN",
        "occurred_at": "2026-01-07T12:17:01Z",
        "interval_seconds": 900,
        "grace_seconds": 120,
        "last_ping": "2026-01-07T12:00:00Z",
    }


class TestHistory:
    @pytest.fixture
    def lived(self, call, clock):
        """It was up, late, down and up again."""
        path = path_of(created(call)["ping_url"])
        call("GET", path)
        for seconds in (901, 120):
            clock.advance(seconds=seconds)
            audit.run(clock.now)
        clock.advance(seconds=9)
        call("GET", path)

    def test_it_tells_the_changes_that_the_seed_has_words_for(self, call, lived):
        events = call("GET", "/api/history/backup-noite").json
        assert [(event["prev_status"], event["new_status"]) for event in events] == [
            ("DOWN", "UP"),
            ("UP", "DOWN"),
            ("UNKNOWN", "UP"),
        ]
        assert [event["created_at"] for event in events] == [
            "2026-01-07T12:17:10Z",
            "2026-01-07T12:17:01Z",
            "2026-01-07T12:00:00Z",
        ]
        assert [event["note"] for event in events] == ["pinged", "missed", "pinged"]

    @both_databases
    def test_it_goes_on_before_an_event(self, call, lived):
        first = call("GET", "/api/history/backup-noite?limit=2").json
        rest = call("GET", f"/api/history/backup-noite?before={first[-1]['id']}").json
        assert [event["prev_status"] for event in (*first, *rest)] == ["DOWN", "UP", "UNKNOWN"]

    @both_databases
    @pytest.mark.parametrize(
        "query", ["limit=x", "before=x", "before=-3", "limit=99999999999999999999"]
    )
    def test_what_is_no_number_is_told(self, call, lived, query):
        assert call("GET", f"/api/history/backup-noite?{query}").status_code == 422

    def test_another_s_event_has_nothing_before_it(self, call, lived):
        assert call("GET", f"/api/history/backup-noite?before={2**62}").json == []


class TestDeleting:
    def test_it_goes_with_its_webhook(self, call):
        created(call)
        answer = call("DELETE", "/api/monitors/backup-noite")
        assert (answer.status_code, answer.json) == (200, {"ok": True})
        assert call("GET", "/api/monitors").json == []
        assert call("DELETE", "/api/monitors/backup-noite").status_code == 404
        assert db.session.scalar(sa.select(sa.func.count(Channel.id))) == 0

    def test_the_slug_is_free_again(self, call):
        created(call)
        call("DELETE", "/api/monitors/backup-noite")
        assert created(call)["slug"] == "backup-noite"


class TestWhoMay:
    PATHS = (
        ("POST", "/api/monitors"),
        ("GET", "/api/monitors"),
        ("GET", "/api/monitors/backup-noite"),
        ("DELETE", "/api/monitors/backup-noite"),
        ("GET", "/api/history/backup-noite"),
    )

    @pytest.mark.parametrize(("method", "path"), PATHS)
    @pytest.mark.parametrize("secret", ["", "wrong", "x" * 10_000, "é"])
    def test_without_a_good_token_nothing_is_told(self, call, method, path, secret):
        created(call)
        answer = call(method, path, secret=secret, json=WANTED if method == "POST" else None)
        assert answer.status_code == 401
        assert isinstance(answer.json["detail"], str)

    def test_a_bearer_token_does_too(self, client, key):
        headers = {"Authorization": f"Bearer {key}"}
        assert client.get("/api/monitors", headers=headers).status_code == 200

    def test_guessing_is_limited_by_any_method(self, call):
        codes = [call("GET", "/api/monitors", secret=f"guess{n}").status_code for n in range(101)]
        assert (codes[0], codes[-1]) == (401, 429)
        assert call("GET", "/api/monitors").status_code == 200

    def test_a_key_that_may_only_read_changes_nothing_and_sees_no_secret(self, call, user):
        made = created(call)
        reading = api_keys.create(user, name="Wall", can_write=False)[1]
        answer = call("GET", "/api/monitors/backup-noite", secret=reading)
        assert answer.json == made | {"token": None, "ping_url": None, "webhook_url": None}
        assert call("GET", "/api/history/backup-noite", secret=reading).status_code == 200
        for method, path in (("POST", "/api/monitors"), ("DELETE", "/api/monitors/backup-noite")):
            assert call(method, path, secret=reading, json=WANTED).status_code == 401

    def test_another_team_s_monitor_is_not_found(self, call, other_user):
        created(call)
        other = api_keys.create(other_user, name="Deploy", can_write=True)[1]
        assert call("GET", "/api/monitors", secret=other).json == []
        for method, path in self.PATHS[2:]:
            assert call(method, path, secret=other).status_code == 404

    @pytest.mark.settings(admin_token=ADMIN_TOKEN)
    def test_the_admin_token_sees_all_teams(self, call, user, admin, make_heartbeat):
        make_heartbeat(user, alias="of-a-user")
        assert created(call, shown=ADMIN_TOKEN)["slug"] == "backup-noite"
        heartbeat = db.session.scalars(
            sa.select(HeartbeatCheck).where(HeartbeatCheck.alias == "backup-noite")
        ).one()
        assert heartbeat.team_id == team_of(admin).id
        slugs = [item["slug"] for item in call("GET", "/api/monitors", secret=ADMIN_TOKEN).json]
        assert slugs == ["of-a-user", "backup-noite"]

    @both_databases
    @pytest.mark.settings(admin_token=ADMIN_TOKEN)
    def test_the_admin_token_means_its_own_team_s_first_then_the_oldest(
        self, call, user, other_user, admin, make_heartbeat
    ):
        for owner in (user, other_user, admin):
            make_heartbeat(owner, alias="reports", name=f"Of {owner.name}")

        def name():
            return call("GET", "/api/monitors/reports", secret=ADMIN_TOKEN).json["name"]

        assert name() == "Of admin"
        call("DELETE", "/api/monitors/reports", secret=ADMIN_TOKEN)
        assert name() == "Of user"

    @pytest.mark.settings(admin_token=ADMIN_TOKEN)
    def test_without_an_administrator_there_is_no_team_to_belong_to(self, call):
        answer = call("POST", "/api/monitors", json=WANTED, secret=ADMIN_TOKEN)
        assert answer.status_code == 409
        assert "administrator" in answer.json["detail"]
        assert call("GET", "/api/monitors/backup-noite", secret=ADMIN_TOKEN).status_code == 404
