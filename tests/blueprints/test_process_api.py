"""Seed 003's API, as its clients call it."""

import json

import pytest

from sentinelweb.db import db
from sentinelweb.models import Process
from sentinelweb.services import api_keys, process_watch
from tests.support.databases import both_databases
from tests.support.factories import team_of

ADMIN_TOKEN = "the token of the administrator"


@pytest.fixture
def key(user):
    return api_keys.create(user, name="Importer", can_write=True)[1]


@pytest.fixture
def call(client, key):
    """`call("POST", path, json=…)` with the key; `secret=` shows another."""

    def call(method, path, *, secret=key, **values):
        headers = {"Authorization": f"Bearer {secret}"} if secret else {}
        return client.open(path, method=method, headers=headers, **values)

    return call


def created(call, kind="long-lived", **body):
    answer = call("POST", f"/process/{kind}", json=body)
    assert answer.status_code == 201, answer.text
    return answer.json


def ids(call, path):
    return [item["processId"] for item in call("GET", path).json]


class TestRegistration:
    @pytest.mark.parametrize(
        ("kind", "shape", "word"),
        [
            ("short-lived", "ShortLivedProcess_", "Short"),
            ("long-lived", "LongLivedProcess_", "Long"),
        ],
    )
    def test_it_answers_as_the_seed_does(self, call, kind, shape, word):
        answer = created(call, kind)
        assert answer["processId"].startswith(shape)
        assert answer["message"] == f"{word}-lived process {answer['processId']} created."

    def test_a_body_names_it_and_says_more(self, call, user, make_channel):
        channel = make_channel(user)
        answer = created(
            call,
            name="Import",
            expirySeconds=5,
            tags=["nightly"],
            channels=[channel.id],
            team=team_of(user).id,
            host="worker-1",
            pid=12,
            message="Begun",
        )
        assert answer["expirySeconds"] == 5
        [shown] = call("GET", "/heartbeat/status").json
        assert (shown["name"], shown["host"], shown["pid"]) == ("Import", "worker-1", 12)
        assert (shown["message"], shown["tags"]) == ("Begun", ["nightly"])

    @pytest.mark.parametrize(
        ("body", "field"),
        [
            ({"expirySeconds": 0}, "expirySeconds"),
            ({"expirySeconds": "5"}, "expirySeconds"),
            ({"name": "x" * 201}, "name"),
            ({"name": 1}, "name"),
            ({"tags": "nightly"}, "tags"),
            ({"tags": [""]}, "tags.0"),
            ({"pid": -1}, "pid"),
            ({"channels": [2**80]}, "channels.0"),
            ([], "body"),
            ("text", "body"),
        ],
    )
    def test_what_cannot_be_used_is_told_by_field(self, call, body, field):
        answer = call("POST", "/process/long-lived", json=body)
        assert answer.status_code == 422
        assert field in answer.json["errors"]

    @pytest.mark.parametrize("body", [b"{", b"\xff", b"[" * 100_000, b"null"])
    def test_what_is_no_object_is_refused(self, call, body):
        assert call("POST", "/process/long-lived", data=body).status_code == 422

    @both_databases
    def test_nul_and_half_characters_are_stored_as_far_as_they_go(self, call):
        created(call, name="a\0b\ud800")
        assert call("GET", "/heartbeat/status").json[0]["name"] == "a\N{REPLACEMENT CHARACTER}b?"

    def test_things_of_other_teams_are_not_found(self, call, other_user, make_channel):
        for body in ({"team": team_of(other_user).id}, {"channels": [make_channel(other_user).id]}):
            assert call("POST", "/process/long-lived", json=body).status_code == 404

    @both_databases
    @pytest.mark.settings(admin_token=ADMIN_TOKEN)
    def test_a_team_that_does_not_exist_is_not_found(self, call, user):
        answer = call("POST", "/process/long-lived", secret=ADMIN_TOKEN, json={"team": 2**30})
        assert answer.status_code == 404


class TestStatus:
    def test_the_fields_are_the_seeds(self, call, clock):
        answer = created(call)
        [shown] = call("GET", "/heartbeat/status").json
        assert shown["processId"] == answer["processId"]
        assert shown["lastHeartbeat"] == clock.now.isoformat(timespec="milliseconds").replace(
            "+00:00", "Z"
        )
        assert (shown["isAlive"], shown["keepAlive"]) == (True, True)

    def test_the_dead_are_in_one_list_alone(self, call, clock):
        short, long = created(call, "short-lived"), created(call, expirySeconds=60)
        clock.advance(seconds=31)
        process_watch.run(clock.now)
        db.session.expire_all()
        assert ids(call, "/heartbeat/active-status") == [long["processId"]]
        assert ids(call, "/heartbeat/status") == [short["processId"], long["processId"]]
        assert [item["isAlive"] for item in call("GET", "/heartbeat/status").json] == [False, True]

    def test_what_has_expired_is_not_alive_even_before_anybody_looked(self, call, clock):
        created(call, "short-lived")
        clock.advance(seconds=31)
        assert ids(call, "/heartbeat/active-status") == []
        assert call("GET", "/heartbeat/status").json[0]["isAlive"] is False

    @both_databases
    def test_it_goes_on_page_by_page(self, call):
        made = [created(call, name=f"Job {n}")["processId"] for n in range(5)]
        path, seen = "/heartbeat/status?limit=2", []
        while path:
            answer = call("GET", path)
            seen += [item["processId"] for item in answer.json]
            after = answer.headers.get("X-Next-After")
            path = f"/heartbeat/status?limit=2&after={after}" if after else None
        assert seen == made

    @both_databases
    @pytest.mark.parametrize(
        ("query", "count"),
        [("search=import", 1), ("tag=nightly", 1), ("host=b", 1), ("host=%00", 0), ("limit=x", 2)],
    )
    def test_it_is_narrowed(self, call, query, count):
        created(call, name="Import", tags=["nightly"], host="a")
        created(call, name="Export", host="b")
        found = call("GET", f"/heartbeat/status?{query}").json
        assert len(found) == (2 if query == "host=%00" else count)


class TestHeartbeat:
    def test_a_process_tells_how_far_it_is(self, call, clock):
        answer = created(call)
        clock.advance(seconds=20)
        path = f"/heartbeat/{answer['processId']}/register"
        told = {"progress": 40, "message": "Row 4,000", "pid": 7, "host": "worker-1"}
        beat = call("POST", path, secret=answer["token"], json=told)
        assert beat.status_code == 200
        assert beat.json["processId"] == answer["processId"]
        assert "token" not in beat.json
        db.session.expire_all()
        [shown] = call("GET", "/heartbeat/active-status").json
        assert {name: shown[name] for name in told} == told

    def test_a_token_is_renewed_before_it_is_over(self, call, clock):
        answer = created(call, expirySeconds=86_400)
        path = f"/heartbeat/{answer['processId']}/register"
        clock.advance(hours=13)
        renewed = call("POST", path, secret=answer["token"]).json["token"]
        clock.advance(hours=12)
        assert call("POST", path, secret=answer["token"]).status_code == 401
        assert call("POST", path, secret=renewed).status_code == 200

    def test_unknown_ids_are_not_found(self, call):
        assert call("POST", "/heartbeat/LongLivedProcess_x/register").status_code == 404
        assert call("POST", "/heartbeat/nonsense/register").status_code == 404

    def test_the_token_of_one_opens_no_other(self, call):
        first, second = created(call), created(call)
        for method, path in [("POST", "/heartbeat/{}/register"), ("DELETE", "/heartbeat/{}")]:
            answer = call(method, path.format(second["processId"]), secret=first["token"])
            assert answer.status_code == 401
        assert call("GET", "/heartbeat/status", secret=first["token"]).status_code == 401
        assert call("POST", "/process/long-lived", secret=first["token"]).status_code == 401

    def test_a_huge_body_tells_nothing_and_counts(self, call):
        answer = created(call, message="Begun")
        body = json.dumps({"message": "x" * 20_000}).encode()
        path = f"/heartbeat/{answer['processId']}/register"
        assert call("POST", path, data=body).status_code == 200
        assert call("GET", "/heartbeat/status").json[0]["message"] == "Begun"


class TestEnd:
    @pytest.mark.parametrize("by", ["key", "token"])
    def test_it_is_off_all_lists_with_a_message(self, call, key, by):
        answer = created(call)
        path = f"/heartbeat/{answer['processId']}"
        ended = call("DELETE", path, secret=key if by == "key" else answer["token"])
        assert ended.status_code == 200
        assert ended.json["message"] == f"Process {answer['processId']} removed."
        assert ids(call, "/heartbeat/status") == []
        assert call("DELETE", path).status_code == 404

    def test_an_exit_status_is_kept(self, call):
        answer = created(call)
        body = {"exitStatus": 3, "output": "no such file", "message": "Failed"}
        ended = call("DELETE", f"/heartbeat/{answer['processId']}", json=body)
        assert ended.json["status"] == "down"
        process = db.session.query(Process).one()
        assert (process.exit_status, process.output, process.message) == (
            3,
            "no such file",
            "Failed",
        )

    @pytest.mark.parametrize("body", [{"exitStatus": "x"}, {"exitStatus": 1000}, {"output": 1}])
    def test_what_cannot_be_used_is_told_by_field(self, call, body):
        answer = created(call)
        ended = call("DELETE", f"/heartbeat/{answer['processId']}", json=body)
        assert ended.status_code == 422
        assert list(ended.json["errors"]) == list(body)


class TestAccess:
    REQUESTS = (
        ("POST", "/process/short-lived"),
        ("POST", "/process/long-lived"),
        ("GET", "/heartbeat/status"),
        ("GET", "/heartbeat/active-status"),
        ("DELETE", "/heartbeat/LongLivedProcess_x"),
        ("POST", "/heartbeat/LongLivedProcess_x/register"),
    )

    @pytest.mark.parametrize(("method", "path"), REQUESTS)
    def test_nothing_opens_without_a_key(self, call, method, path):
        assert call(method, path, secret=None).status_code == 401

    @pytest.mark.parametrize(("method", "path"), REQUESTS[:5])
    def test_a_wrong_key_opens_nothing(self, call, method, path):
        assert call(method, path, secret="swk_wrong").status_code == 401

    def test_a_key_that_may_only_read_changes_nothing(self, call, user):
        reader = api_keys.create(user, name="Reader", can_write=False)[1]
        answer = created(call)
        assert call("GET", "/heartbeat/status", secret=reader).status_code == 200
        assert call("POST", "/process/long-lived", secret=reader).status_code == 401
        path = f"/heartbeat/{answer['processId']}"
        assert call("DELETE", path, secret=reader).status_code == 401
        assert call("POST", f"{path}/register", secret=reader).status_code == 404

    def test_a_team_sees_its_own_alone(self, call, other_user):
        answer = created(call)
        theirs = api_keys.create(other_user, name="Theirs", can_write=True)[1]
        assert call("GET", "/heartbeat/status", secret=theirs).json == []
        path = f"/heartbeat/{answer['processId']}"
        assert call("DELETE", path, secret=theirs).status_code == 404
        assert call("POST", f"{path}/register", secret=theirs).status_code == 404

    @pytest.mark.settings(admin_token=ADMIN_TOKEN)
    def test_the_admin_token_opens_all(self, call, admin):
        answer = created(call)
        assert ids(lambda m, p: call(m, p, secret=ADMIN_TOKEN), "/heartbeat/status") == [
            answer["processId"]
        ]
        path = f"/heartbeat/{answer['processId']}/register"
        assert call("POST", path, secret=ADMIN_TOKEN).status_code == 200
        assert call("POST", "/process/long-lived", secret=ADMIN_TOKEN).status_code == 201

    @pytest.mark.settings(process_api="open")
    def test_an_open_api_asks_for_nothing(self, client, admin):
        answer = client.post("/process/long-lived").json
        path = f"/heartbeat/{answer['processId']}"
        assert client.post(f"{path}/register").status_code == 200
        assert len(client.get("/heartbeat/active-status").json) == 1
        assert client.delete(path).status_code == 200


def test_whoever_guesses_keys_is_told_to_wait(call):
    codes = [call("GET", "/heartbeat/status", secret=f"guess{n}").status_code for n in range(101)]
    assert (codes[0], codes[-1]) == (401, 429)
    assert call("GET", "/heartbeat/status").status_code == 200
