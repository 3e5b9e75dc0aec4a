"""`/ping/<slug>`, as jobs call it."""

import pytest

from tests.support.databases import both_databases

pytestmark = both_databases


def test_a_ping_is_answered_with_the_name_and_the_time(client, user, make_heartbeat, clock):
    heartbeat = make_heartbeat(user, name="Backup Diário")
    response = client.get(f"/ping/{heartbeat.slug}")
    assert response.status_code == 200
    assert response.json == {
        "ok": True,
        "name": "Backup Diário",
        "timestamp": "2026-01-07T12:00:00Z",
    }


@pytest.mark.parametrize("method", ["GET", "HEAD", "POST"])
def test_a_ping_counts_by_every_method(client, user, make_heartbeat, method):
    heartbeat = make_heartbeat(user)
    assert client.open(f"/ping/{heartbeat.slug}", method=method).status_code == 200
    assert heartbeat.total_pings == 1
    assert heartbeat.status == "up"


def test_an_unknown_slug_is_answered_404_in_json(client):
    response = client.get("/ping/nobody-has-this-slug")
    assert response.status_code == 404
    assert response.json["ok"] is False


def test_a_paused_heartbeat_answers_200(client, user, make_heartbeat):
    heartbeat = make_heartbeat(user, status="paused")
    response = client.get(f"/ping/{heartbeat.slug}")
    assert response.status_code == 200
    assert response.json["ok"] is True


def test_a_ping_sets_no_cookie(client, user, make_heartbeat):
    response = client.get(f"/ping/{make_heartbeat(user).slug}")
    assert "Set-Cookie" not in response.headers
