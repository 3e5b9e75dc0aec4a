"""`POST /api/heartbeat` as agents call it: keys, sizes, and all that can be wrong in a body."""

import json

import pytest
import sqlalchemy as sa

from sentinelweb.core.credentials import hash_of
from sentinelweb.db import db
from sentinelweb.models import MonitoringCycle, Service
from tests.support.databases import both_databases
from tests.support.factories import NOW

KEY = "sw_the-key-of-the-host"
SEED = {"services": {"nextjs": {"status": "healthy"}, "strapi": {"status": "unhealthy"}}}


@pytest.fixture
def host(user, make_host, clock):
    return make_host(user, key_hash=hash_of(KEY))


@pytest.fixture
def report(client, host):
    """`report(body)` sends what JSON can hold, `report(data=b"…")` any bytes."""

    def report(body=None, key=KEY, data=None, **kwargs):
        return client.post(
            "/api/heartbeat",
            data=json.dumps(body) if data is None else data,
            headers={"Authorization": f"Bearer {key}"} if key else {},
            **kwargs,
        )

    return report


def count(model):
    return db.session.scalar(sa.select(sa.func.count()).select_from(model))


class TestAnswers:
    def test_an_agent_of_the_seeds_is_answered_recorded(self, report, host):
        response = report(SEED)
        assert response.status_code == 200
        assert response.json == {"status": "recorded", "stored": True}
        assert (host.status, host.last_report_at) == ("up", NOW)
        assert count(Service) == 2

    def test_and_recovered_when_it_was_silent(self, report, user, make_host):
        make_host(user, key_hash=hash_of("sw_other"), status="down")
        assert report(SEED, key="sw_other").json["status"] == "recovered"

    def test_no_session_and_no_csrf_token_is_needed(self, report):
        response = report(SEED, content_type="application/json")
        assert "Set-Cookie" not in response.headers

    def test_services_that_find_no_room_are_counted(self, report):
        services = {f"s{number}": {"status": "healthy"} for number in range(500)}
        assert report({"services": services}).json == {"status": "recorded", "stored": True}
        assert report({"services": {"more": {"status": "healthy"}}}).json["ignored_services"] == 1

    @pytest.mark.parametrize("method", ["get", "put", "delete"])
    def test_other_methods_are_refused_in_json(self, client, host, method):
        response = getattr(client, method)("/api/heartbeat")
        assert response.status_code == 405
        assert response.json["ok"] is False


class TestKeys:
    @pytest.mark.parametrize("key", ["", "wrong", "sw_", "ключ", KEY + "x", KEY[:-1], "x" * 5_000])
    def test_a_wrong_key_is_refused(self, report, host, key):
        response = report(SEED, key=key)
        assert response.status_code == 401
        assert response.headers["WWW-Authenticate"] == "Bearer"
        assert (host.status, count(MonitoringCycle)) == ("new", 0)

    @pytest.mark.parametrize("header", [None, KEY, f"Basic {KEY}", "Bearer", f"Token {KEY}"])
    def test_another_header_is_refused(self, client, host, header):
        headers = {"Authorization": header} if header else {}
        assert client.post("/api/heartbeat", json=SEED, headers=headers).status_code == 401

    def test_the_word_bearer_may_be_written_as_one_likes(self, client, host):
        headers = {"Authorization": f"bearer  {KEY} "}
        assert client.post("/api/heartbeat", json=SEED, headers=headers).status_code == 200

    def test_who_guesses_is_slowed_down_and_a_good_key_is_not(self, report):
        answers = [report(SEED, key=f"guess{number}").status_code for number in range(101)]
        assert answers == [401] * 100 + [429]
        refused = report(SEED, key="guess")
        assert refused.status_code == 429
        assert refused.headers["Retry-After"] == "900"
        assert refused.json["status"] == "refused"
        assert report(SEED).status_code == 200
        assert report(SEED).status_code == 200


class TestBadInput:
    @pytest.mark.parametrize(
        "data",
        [
            b"",
            b"{",
            b"\xff\xfe",
            b'{"services": {"a": {"status": "healthy", "latency_ms": NaN}}}',
            b'{"services": {}, "host": {"cpu_percent": Infinity}}',
            b"[" * 100_000,
            b'{"services": ' + b"1" * 5_000 + b"}",
        ],
    )
    def test_what_is_no_json_is_refused(self, report, data):
        response = report(data=data)
        assert response.status_code == 422
        assert response.json == {
            "status": "refused",
            "errors": {"body": "is not JSON in UTF-8"},
        }

    @both_databases
    @pytest.mark.parametrize(
        ("body", "field"),
        [
            (None, "body"),
            ([], "body"),
            ({}, "services"),
            ({"services": None}, "services"),
            ({"services": []}, "services"),
            ({"services": {"a": "healthy"}}, "services.a"),
            ({"services": {"a": {}}}, "services.a.status"),
            ({"services": {"a": {"status": "fine"}}}, "services.a.status"),
            ({"services": {"a": {"status": ["healthy"]}}}, "services.a.status"),
            ({"services": {"": {"status": "healthy"}}}, "services."),
            ({"services": {" ": {"status": "healthy"}}}, "services. "),
            ({"services": {"a\0b": {"status": "healthy"}}}, "services.a\\x00b"),
            ({"services": {"\ud800": {"status": "healthy"}}}, "services.\\ud800"),
            ({"services": {"x" * 201: {"status": "healthy"}}}, "services." + "x" * 50),
            ({"services": {}, "agent": 1}, "agent"),
            ({"services": {}, "at": "yesterday"}, "at"),
            ({"services": {}, "at": "2026-01-07T12:00:00"}, "at"),
            ({"services": {}, "at": "0001-01-01T00:00:00+14:00"}, "at"),
            ({"services": {}, "at": 1_700_000_000}, "at"),
            ({"services": {}, "cycles": {}}, "cycles"),
            ({"services": {}, "cycles": [1]}, "cycles.0"),
            ({"services": {}, "cycles": [{"services": {}}]}, "cycles.0.at"),
            ({"services": {}, "cycles": [{}] * 201}, "cycles"),
            ({"services": {}, "host": []}, "host"),
            ({"services": {}, "host": {"cpu_percent": 101}}, "host.cpu_percent"),
            ({"services": {}, "host": {"ram_percent": -1}}, "host.ram_percent"),
            ({"services": {}, "host": {"disk_percent": "71"}}, "host.disk_percent"),
            ({"services": {}, "host": {"ram_used_mb": 10**400}}, "host.ram_used_mb"),
            ({"services": {}, "host": {"container_count": 1.5}}, "host.container_count"),
            ({"services": {}, "host": {"container_count": True}}, "host.container_count"),
            ({"services": {}, "host": {"internet_status": "yes"}}, "host.internet_status"),
        ],
    )
    def test_what_is_wrong_is_named(self, report, host, body, field):
        response = report(body)
        assert response.status_code == 422
        assert field in response.json["errors"]
        assert (host.status, count(MonitoringCycle), count(Service)) == ("new", 0, 0)

    @pytest.mark.parametrize(
        ("field", "value"),
        [
            ("latency_ms", -1),
            ("latency_ms", 1e300),
            ("latency_ms", "12"),
            ("latency_ms", True),
            ("status_code", 1_000),
            ("status_code", 200.5),
            ("error", {}),
            ("target", 5),
            ("certificate_expires_at", "soon"),
        ],
    )
    def test_so_is_a_wrong_value_of_a_service(self, report, field, value):
        response = report({"services": {"api": {"status": "error", field: value}}})
        assert list(response.json["errors"]) == [f"services.api.{field}"]

    @both_databases
    def test_a_number_that_overflows_is_refused(self, report):
        response = report(data=b'{"services": {}, "host": {"ping_ms": 1e999}}')
        assert list(response.json["errors"]) == ["host.ping_ms"]

    def test_not_more_is_told_than_helps(self, report):
        services = {f"s{number}": {"status": "?"} for number in range(300)}
        assert len(report({"services": services}).json["errors"]) == 20

    def test_ten_thousand_services_are_refused(self, report, host):
        services = {f"s{number}": {"status": "healthy"} for number in range(10_000)}
        response = report({"services": services})
        assert response.json["errors"] == {"services": "has more than 500 entries"}
        assert host.last_report_at is None

    def test_what_is_too_large_is_refused_in_json(self, report, host):
        response = report({"services": {}, "note": "x" * 1_000_000})
        assert response.status_code == 413
        assert response.json["status"] == "refused"
        assert host.last_report_at is None

    @both_databases
    def test_texts_that_no_database_takes_are_made_fit(self, report):
        broken = {"status": "down", "error": "a\0b\ud800" + "x" * 500, "target": "tcp://\0"}
        assert report({"services": {"api": broken}, "agent": "v1\0"}).status_code == 200
        service = db.session.scalars(sa.select(Service)).one()
        assert service.last_error.startswith(
            "a\N{REPLACEMENT CHARACTER}b\N{REPLACEMENT CHARACTER}x"
        )
        assert len(service.last_error) == 300

    def test_unknown_fields_are_left_alone(self, report):
        body = {"services": {"api": {"status": "healthy", "x": 1}}, "host": {"y": 2}, "z": 3}
        assert report(body).status_code == 200

    def test_nulls_count_as_not_given(self, report):
        body = {
            "services": {"api": {"status": "healthy", "latency_ms": None, "error": None}},
            "host": None,
            "at": None,
        }
        assert report(body).status_code == 200
