"""Channels, as programs manage them by `/api/v1`."""

import pytest

from sentinelweb.db import db
from sentinelweb.models import Channel, HeartbeatCheck
from tests.support.databases import both_databases
from tests.support.factories import make_channel, make_heartbeat, team_of
from tests.support.problems import fields

BODY = {"kind": "webhook", "name": "On-call", "settings": {"url": "https://example.com/hook"}}


def test_one_is_made_read_and_deleted(call):
    made = call("POST", "channels", json=BODY)
    assert made.status_code == 201, made.text
    path = made.headers["Location"].removeprefix("/api/v1/")
    assert call("GET", path).json == made.json
    assert call("GET", "channels").json == {"channels": [made.json], "next_after": None}
    assert call("DELETE", path).status_code == 204
    assert db.session.query(Channel).count() == 0


@both_databases
def test_they_come_in_pages(call, user):
    ids = [make_channel(user).id for _number in range(3)]
    page = call("GET", "channels?limit=2").json
    rest = call("GET", f"channels?after={page['next_after']}").json
    assert [item["id"] for item in page["channels"] + rest["channels"]] == ids
    assert rest["next_after"] is None


def test_a_change_leaves_what_it_does_not_name(call, user):
    headers = "Authorization: Bearer hidden"
    body = BODY | {"settings": BODY["settings"] | {"headers": headers}, "locale": "es"}
    made = call("POST", "channels", json=body).json
    path = f"channels/{made['id']}"
    changed = call("PATCH", path, json={"name": "Nights", "timezone": "America/Sao_Paulo"})
    assert changed.status_code == 200, changed.text
    assert {key for key in made if made[key] != changed.json[key]} <= {
        "name",
        "timezone",
        "updated_at",
    }
    assert call("PATCH", path, json={"settings": {"method": "PUT"}}).json["settings"] == (
        made["settings"] | {"method": "PUT"}
    )
    assert db.session.get(Channel, made["id"]).settings["headers"] == headers


def test_a_secret_can_be_changed_and_removed(call, user):
    channel = make_channel(user, settings={"url": "https://example.com/", "headers": "A: hidden"})
    path = f"channels/{channel.id}"
    for said, stored in [("A: new", "A: new"), (None, "")]:
        answer = call("PATCH", path, json={"settings": {"headers": said}})
        assert answer.status_code == 200, answer.text
        assert "headers" not in answer.json["settings"]
        assert channel.settings["headers"] == stored


def test_a_secret_that_is_needed_cannot_be_removed(call, user):
    channel = make_channel(user, "telegram")
    answer = call("PATCH", f"channels/{channel.id}", json={"settings": {"bot_token": None}})
    assert (answer.status_code, fields(answer)) == (422, ["settings.bot_token"])
    assert channel.settings["bot_token"] == "123:abc"


@pytest.mark.parametrize(
    ("wrong", "field"),
    [({"kind": "telegram"}, "kind"), ({"name": None}, "name"), ({"settings": 1}, "settings")],
)
def test_what_cannot_be_changed_is_told_by_field(call, user, wrong, field):
    answer = call("PATCH", f"channels/{make_channel(user).id}", json=wrong)
    assert (answer.status_code, fields(answer)) == (422, [field])


def test_a_test_is_promised_and_told_among_the_deliveries(call, user):
    path = f"channels/{make_channel(user).id}"
    answer = call("POST", f"{path}/test")
    assert answer.status_code == 202
    [delivery] = call("GET", f"{path}/deliveries").json["deliveries"]
    assert delivery["id"] == answer.json["delivery_id"]
    assert (delivery["event"], delivery["state"], delivery["attempts"]) == ("test", "pending", [])


def test_tests_cannot_be_used_to_flood_anybody(call, user):
    path = f"channels/{make_channel(user).id}/test"
    answers = [call("POST", path) for _number in range(31)]
    assert [answer.status_code for answer in answers] == [202] * 30 + [429]
    assert fields(answers[-1]) == []
    assert 0 < int(answers[-1].headers["Retry-After"]) <= 61  # of the minute, rounded up


def test_secrets_are_never_told(call, user, reading_key):
    make_channel(user, "telegram", settings={"bot_token": "123:hidden", "chat_id": "42"})
    for secret in (reading_key, None):
        values = {"secret": secret} if secret else {}
        assert "hidden" not in call("GET", "channels", **values).text


def test_it_may_serve_all_present_monitors(call, user):
    heartbeat = make_heartbeat(user)
    made = call("POST", "channels", json=BODY | {"for_all_monitors": True}).json
    db.session.expire_all()
    stored = db.session.get(HeartbeatCheck, heartbeat.id)
    assert [channel.id for channel in stored.channels] == [made["id"]]
    assert made["team_id"] == team_of(user).id


@pytest.mark.parametrize(
    ("wrong", "field"),
    [
        ({"kind": "pigeon"}, "kind"),
        ({"name": ""}, "name"),
        ({"settings": {}}, "settings.url"),
        ({"settings": {"url": "gopher://example.com"}}, "settings.url"),
        ({"settings": {"url": "https://example.com/\ud800"}}, "settings.url"),
        ({"settings": {"url": "https://example.com/\0"}}, "settings.url"),
        ({"locale": "tlh"}, "locale"),
        ({"timezone": "Mars/Olympus"}, "timezone"),
        ({"settings": {"colour": "red"}}, "settings"),
        ({"settings": {"url": 1}}, "settings.url"),
    ],
)
def test_what_cannot_be_used_is_told_by_field(call, wrong, field):
    answer = call("POST", "channels", json=BODY | wrong)
    assert (answer.status_code, fields(answer)) == (422, [field])
