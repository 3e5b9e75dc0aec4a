"""The receivers of heartbeats and alerts: their answers and their logs."""

from __future__ import annotations

from typing import Any

import pytest
import requests

from tests.support.mock import Mock


def report(mock: Mock, **statuses: str) -> requests.Response:
    services = {name: {"status": status} for name, status in statuses.items()}
    headers = {"Authorization": "Bearer very-secret"}
    body = {"services": services}
    return requests.post(f"{mock.url}/api/heartbeat", json=body, headers=headers, timeout=10)


def alert(mock: Mock, body: Any, **options: Any) -> requests.Response:
    return requests.post(f"{mock.url}/alerts", json=body, timeout=10, **options)


@pytest.mark.parametrize(
    ("mode", "code"),
    [("recorded", 200), ("recovered", 200), ("blind", 220), ("partial", 221), ("critical", 500)],
)
def test_each_mode_has_the_answer_of_the_seed(mode: str, code: int, mock: Mock) -> None:
    mock.answer_with("heartbeats", mode)
    answer = report(mock, api="healthy")
    assert answer.status_code == code
    assert answer.json() == {"ok": code < 400, "status": mode}


def test_the_automatic_mode_tells_a_recovery(mock: Mock) -> None:
    report(mock, api="healthy", shop="healthy")
    said = [
        report(mock, **statuses).json()["status"]
        for statuses in (
            {"api": "healthy", "shop": "healthy"},
            {"api": "down", "shop": "healthy"},
            {"api": "down", "shop": "timeout"},
            {"api": "down", "shop": "healthy"},
            {"api": "healthy", "shop": "healthy"},
            {"api": "healthy", "shop": "healthy"},
        )
    ]
    assert said == ["recorded", "recorded", "recorded", "recovered", "recovered", "recorded"]


def test_a_heartbeat_is_logged_without_its_key(mock: Mock) -> None:
    report(mock, api="down", shop="healthy")
    [logged] = mock.received("heartbeats")
    assert logged["summary"] == "api: down"
    assert logged["status"] == 200
    assert "very-secret" not in str(logged)
    assert '"shop"' in logged["body"]


@pytest.mark.parametrize("body", [b"", b"\0", b"[]", b'{"services": 1}', b"[" * 100_000])
def test_what_is_no_heartbeat_is_refused_and_logged(body: bytes, mock: Mock) -> None:
    answer = requests.post(f"{mock.url}/api/heartbeat", data=body, timeout=10)
    assert answer.status_code == 422
    assert answer.json()["status"].startswith("The body must be JSON such as")
    assert mock.received("heartbeats")[0]["summary"] == "Not a heartbeat"


def test_a_body_that_is_too_large_is_refused(mock: Mock) -> None:
    answer = requests.post(f"{mock.url}/alerts", data=b"x" * 1_100_000, timeout=10)
    assert answer.status_code == 413


@pytest.mark.parametrize(
    ("body", "summary"),
    [
        ({"title": "Service down: api", "message": "HTTP 500"}, "Service down: api"),
        ({"event": "down", "text": "🔴 Nightly backup is down\nmore"}, "🔴 Nightly backup is down"),
        (
            {"event": "down", "text": "…", "monitor": {"name": "Shop"}, "note": "HTTP 500"},
            "down: Shop: HTTP 500",
        ),
        ({"event": "up"}, "up"),
        (["list"], "Not an alert"),
    ],
)
def test_an_alert_is_logged_by_a_line_that_says_what_it_is_about(
    body: Any, summary: str, mock: Mock
) -> None:
    assert alert(mock, body).status_code == 200
    assert mock.received("alerts")[0]["summary"] == summary


def test_secrets_of_an_alert_are_masked(mock: Mock) -> None:
    body = {
        "title": "See https://user:hunter2@example.com/",
        "nested": [{"api_key": "hunter3", "password": {"old": "hunter4"}}],
    }
    alert(mock, body, headers={"Cookie": "hunter5", "X-Auth-Token": "hunter6"})
    [logged] = mock.received("alerts")
    assert "hunter" not in str(logged)
    assert "hunter" not in requests.get(mock.url, timeout=10).text


def test_half_a_character_breaks_no_page(mock: Mock) -> None:
    data = b'{"title": "\\ud800", "\\udfff": "x"}'
    assert requests.post(f"{mock.url}/alerts", data=data, timeout=10).status_code == 200
    assert requests.get(mock.url, timeout=10).status_code == 200


def test_a_failing_receiver_refuses_and_logs(mock: Mock) -> None:
    mock.answer_with("alerts", "failing")
    assert alert(mock, {"title": "x"}).status_code == 500
    assert mock.received("alerts")[0]["status"] == 500


def test_the_last_hundred_are_kept(mock: Mock) -> None:
    with requests.Session() as session:
        for number in range(103):
            session.post(f"{mock.url}/alerts", json={"title": str(number)}, timeout=10)
    log = mock.received("alerts")
    assert (len(log), log[0]["summary"], log[-1]["summary"]) == (100, "102", "3")


def test_a_receiver_refuses_an_unknown_mode(mock: Mock) -> None:
    for values in ({"mode": "loud"}, {}):
        answer = requests.post(f"{mock.url}/receiver/alerts/mode", json=values, timeout=10)
        assert answer.status_code == 422
        assert "accepting, failing" in answer.json()["error"]
