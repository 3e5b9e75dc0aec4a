"""Monitors, as programs manage them by `/api/v1`."""

from datetime import timedelta

import pytest

from sentinelweb.db import db, writing
from sentinelweb.models import Ping, Service, ServiceCheck, StatusChange
from sentinelweb.services import host_reports
from tests.support.databases import both_databases
from tests.support.factories import (
    NOW,
    make_channel,
    make_heartbeat,
    make_host,
    make_process,
    make_service,
)
from tests.support.problems import fields


class TestList:
    def test_it_has_all_kinds(self, call, user):
        for make in (make_heartbeat, make_service, make_host, make_process):
            make(user)
        listed = call("GET", "monitors").json["monitors"]
        assert [item["kind"] for item in listed] == ["heartbeat", "service", "host", "process"]

    @both_databases
    def test_pages_follow_one_another(self, call, user):
        ids = [make_heartbeat(user).id for _number in range(5)]
        seen, after = [], 0
        while after is not None:
            page = call("GET", f"monitors?limit=2&after={after}").json
            seen += [item["id"] for item in page["monitors"]]
            after = page["next_after"]
        assert seen == ids

    @both_databases
    @pytest.mark.parametrize(
        "query", ["kind=service", "status=up", "tag=web", "environment=production", "search=shop"]
    )
    def test_it_can_be_narrowed(self, call, user, query):
        make_heartbeat(user)
        wanted = make_service(
            user, name="Shop", tags=["web"], environment="production", last_check_at=NOW
        )
        listed = call("GET", f"monitors?{query}").json["monitors"]
        assert [item["id"] for item in listed] == [wanted.id]

    @pytest.mark.parametrize(
        ("query", "field"),
        [
            ("kind=job", "kind"),
            ("status=green", "status"),
            ("limit=0", "limit"),
            ("after=x", "after"),
        ],
    )
    def test_what_cannot_be_asked_is_told_by_field(self, call, query, field):
        answer = call("GET", f"monitors?{query}")
        assert (answer.status_code, fields(answer)) == (422, [field])


class TestHeartbeats:
    def test_one_is_made_read_changed_and_deleted(self, call, user):
        channel = make_channel(user)
        made = call("POST", "monitors", json={"kind": "heartbeat", "name": "Nightly backup"})
        assert made.status_code == 201
        assert made.json["channels"] == [channel.id]
        path = made.headers["Location"].removeprefix("/api/v1/")
        assert call("GET", path).json == made.json
        changed = call("PATCH", path, json={"grace_period": 60, "tags": ["a"], "channels": []})
        assert (changed.json["name"], changed.json["grace_period"]) == ("Nightly backup", 60)
        assert changed.json["channels"] == []
        assert call("DELETE", path).status_code == 204
        assert call("GET", path).status_code == 404

    def test_one_may_follow_a_cron_expression(self, call):
        body = {"kind": "heartbeat", "name": "Report", "cron_expression": "0 3 * * *"}
        made = call("POST", "monitors", json=body).json
        assert (made["cron_expression"], made["cron_timezone"]) == ("0 3 * * *", "UTC")

    @both_databases
    def test_a_taken_alias_is_a_conflict(self, call):
        body = {"kind": "heartbeat", "name": "Report", "alias": "report"}
        assert call("POST", "monitors", json=body).status_code == 201
        answer = call("POST", "monitors", json=body)
        assert (answer.status_code, fields(answer)) == (409, ["alias"])

    @both_databases
    @pytest.mark.parametrize(
        ("wrong", "field"),
        [
            ({"name": ""}, "name"),
            ({"name": "a\0b"}, "name"),
            ({"name": "\ud800"}, "name"),
            ({"name": "x" * 201}, "name"),
            ({"expected_period": 0}, "expected_period"),
            ({"expected_period": "60"}, "expected_period"),
            ({"grace_period": True}, "grace_period"),
            ({"alias": "a/b"}, "alias"),
            ({"cron_expression": "every day"}, ""),
            ({"tags": [""]}, "tags.0"),
            ({"channels": [2**80]}, "channels.0"),
            ({"channels": [7]}, "channels"),
            ({"colour": "red"}, "colour"),
        ],
    )
    def test_what_cannot_be_used_is_told_by_field(self, call, wrong, field):
        answer = call("POST", "monitors", json={"kind": "heartbeat", "name": "Report"} | wrong)
        assert (answer.status_code, fields(answer)) == (422, [field])

    @pytest.mark.parametrize(
        ("body", "status"), [(b"{", 400), (b"\xff", 400), (b"", 400), (b"[]", 422), (b"null", 422)]
    )
    def test_what_is_no_object_is_refused(self, call, body, status):
        assert call("POST", "monitors", data=body).status_code == status

    @both_databases
    def test_its_pings_come_in_pages_the_latest_first(self, call, user):
        heartbeat = make_heartbeat(user)
        with writing() as session:
            session.add_all(
                Ping(
                    monitor_id=heartbeat.id,
                    created_at=NOW + timedelta(seconds=second),
                    counted=True,
                    method="GET",
                    remote_addr="127.0.0.1",
                    user_agent="curl",
                )
                for second in range(3)
            )
        page = call("GET", f"monitors/{heartbeat.id}/pings?limit=2").json
        rest = call("GET", f"monitors/{heartbeat.id}/pings?before={page['next_before']}").json
        times = [ping["created_at"] for ping in page["pings"] + rest["pings"]]
        assert times == sorted(times, reverse=True)
        assert (len(times), rest["next_before"]) == (3, None)


class TestServices:
    BODY = {"kind": "service", "target": "https://www.example.com/health"}

    def test_one_is_made_and_changed(self, call):
        made = call("POST", "monitors", json=self.BODY | {"interval": 30})
        assert made.status_code == 201, made.text
        assert (made.json["name"], made.json["probe"]) == ("www.example.com", "http")
        changed = call("PATCH", f"monitors/{made.json['id']}", json={"threshold": 5})
        assert (changed.json["threshold"], changed.json["interval"]) == (5, 30)

    def test_a_secret_stays_and_is_never_told(self, call):
        headers = "Authorization: Bearer hidden"
        made = call("POST", "monitors", json=self.BODY | {"options": {"headers": headers}})
        assert made.status_code == 201, made.text
        answer = call("PATCH", f"monitors/{made.json['id']}", json={"name": "Shop"})
        assert answer.json["name"] == "Shop"
        assert "hidden" not in made.text + answer.text
        assert db.session.get(Service, made.json["id"]).options["headers"] == headers

    def test_a_secret_can_be_removed(self, call):
        options = {"headers": "Authorization: Bearer hidden"}
        made = call("POST", "monitors", json=self.BODY | {"options": options}).json
        answer = call("PATCH", f"monitors/{made['id']}", json={"options": {"headers": None}})
        assert answer.status_code == 200
        assert "headers" not in db.session.get(Service, made["id"]).options

    @pytest.mark.parametrize(
        ("wrong", "field"),
        [
            ({"target": "gopher://example.com"}, "target"),
            ({"target": "docker:proxy"}, "target"),
            ({"target": "https://example.com/\ud800"}, "target"),
            ({"options": {"headers": "A: \ud800"}}, "options"),
            ({"options": {"headers": "A: \0"}}, "options"),
            ({"interval": 5, "timeout": 60}, "interval"),
            ({"options": {"colour": "red"}}, "options"),
        ],
    )
    def test_what_cannot_be_used_is_told_by_field(self, call, wrong, field):
        answer = call("POST", "monitors", json=self.BODY | wrong)
        assert (answer.status_code, fields(answer)) == (422, [field])

    def test_what_the_environment_made_is_not_changed(self, call, user):
        service = make_service(user, from_environment=True)
        path = f"monitors/{service.id}"
        assert call("PATCH", path, json={"name": "Shop"}).status_code == 409
        assert call("DELETE", path).status_code == 409

    def test_its_results_are_listed(self, call, user):
        service = make_service(user)
        with writing() as session:
            session.add(
                ServiceCheck(
                    service_id=service.id, created_at=NOW, status="healthy", latency_ms=12.5
                )
            )
        [result] = call("GET", f"monitors/{service.id}/results").json["results"]
        assert (result["status"], result["latency_ms"]) == ("healthy", 12.5)


class TestHosts:
    BODY = {"kind": "host", "name": "web-1", "silent_after": 30}

    def test_one_is_made_with_a_key_that_is_told_once(self, call, user):
        channel = make_channel(user)
        made = call("POST", "monitors", json=self.BODY)
        assert made.status_code == 201, made.text
        assert (made.json["silent_after"], made.json["channels"]) == (30, [channel.id])
        path = made.headers["Location"].removeprefix("/api/v1/")
        assert call("GET", path).json == made.json | {"key": None}
        assert host_reports.host_of(made.json["key"]) == made.json["id"]

    def test_one_is_changed(self, call, user):
        path = f"monitors/{make_host(user).id}"
        changed = call("PATCH", path, json={"silent_after": 600, "tags": ["web"]}).json
        assert (changed["name"], changed["silent_after"], changed["tags"]) == (
            "web-1",
            600,
            ["web"],
        )

    def test_a_new_key_ends_the_old_one(self, call):
        made = call("POST", "monitors", json=self.BODY).json
        renewed = call("POST", f"monitors/{made['id']}/key").json
        assert host_reports.host_of(made["key"]) is None
        assert host_reports.host_of(renewed["key"]) == made["id"]

    @pytest.mark.parametrize("wrong", [{"silent_after": 1}, {"name": ""}, {"target": "x"}])
    def test_what_cannot_be_used_is_told_by_field(self, call, wrong):
        answer = call("POST", "monitors", json=self.BODY | wrong)
        assert (answer.status_code, fields(answer)) == (422, list(wrong))

    def test_what_is_no_host_has_no_key(self, call, user):
        assert call("POST", f"monitors/{make_heartbeat(user).id}/key").status_code == 409


class TestAllKinds:
    @pytest.mark.parametrize("make", [make_heartbeat, make_service, make_host])
    def test_an_uptime_is_agreed_on_and_no_longer(self, call, user, make):
        path = f"monitors/{make(user).id}"
        assert call("PATCH", path, json={"sla_target": 99.5}).json["sla_target"] == 99.5
        assert call("PATCH", path, json={"tags": ["a"]}).json["sla_target"] == 99.5
        assert call("PATCH", path, json={"sla_target": None}).json["sla_target"] is None
        for wrong in (49, 101, "99", True, float("nan")):
            answer = call("PATCH", path, json={"sla_target": wrong})
            assert (answer.status_code, fields(answer)) == (422, ["sla_target"])

    @pytest.mark.parametrize("make", [make_heartbeat, make_service, make_host])
    def test_it_is_paused_resumed_and_deleted(self, call, user, make):
        path = f"monitors/{make(user).id}"
        assert call("POST", f"{path}/pause").json["status"] == "paused"
        assert call("POST", f"{path}/resume").json["status"] == "new"
        history = call("GET", f"{path}/history").json["history"]
        assert [change["new_status"] for change in history] == ["new", "paused"]
        assert call("DELETE", path).status_code == 204
        assert db.session.query(StatusChange).count() == 0

    def test_a_process_is_deleted_once_it_is_dead(self, call, user, clock):
        alive = make_process(user, last_heartbeat=clock.now)
        dead = make_process(user, slug="LongLivedProcess_dead", status="down")
        assert call("DELETE", f"monitors/{alive.id}").status_code == 409
        assert call("POST", f"monitors/{alive.id}/pause").status_code == 409
        assert call("DELETE", f"monitors/{dead.id}").status_code == 204

    def test_our_own_machine_stays(self, call, user):
        host = make_host(user, is_local=True)
        assert call("DELETE", f"monitors/{host.id}").status_code == 409
        assert call("PATCH", f"monitors/{host.id}", json={}).status_code == 409
        assert call("POST", f"monitors/{host.id}/key").status_code == 409
