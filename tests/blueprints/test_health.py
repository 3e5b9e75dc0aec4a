"""/health, /ready and the banner."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from flask import Flask

from sentinelweb import create_app
from sentinelweb.db import db
from sentinelweb.models import Service, User
from sentinelweb.services import liveness, outages
from sentinelweb.services.liveness import AUDIT, CYCLE, SCHEDULER, WORKER
from tests.conftest import Clock
from tests.support.checked_client import CheckedClient
from tests.support.databases import settings_for_tests

pytestmark = pytest.mark.usefixtures("connected_parts")

Login = Callable[[CheckedClient, User], None]


@pytest.fixture(autouse=True)
def fresh_look(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each page looks anew, and waits for what it finds."""
    monkeypatch.setattr(liveness, "RECENT", 0.0)
    monkeypatch.setattr(liveness, "PATIENCE", 5.0)


@pytest.fixture
def away(tmp_path: Path) -> Iterator[CheckedClient]:
    """A client of an application that has neither a database nor Redis."""
    settings = settings_for_tests(
        tmp_path,
        database_url="postgresql://127.0.0.1:9/nothing",
        redis_url=f"unix://{tmp_path}/nothing.sock",
    )
    app = create_app(settings)
    app.test_client_class = CheckedClient
    with app.app_context():
        yield app.test_client()


def test_health_asks_nobody(away: CheckedClient):
    response = away.get("/health")
    assert (response.status_code, response.json) == (200, {"status": "ok"})


def test_health_does_not_ask_who_is_there(
    client: CheckedClient, user: User, login: Login, monkeypatch: pytest.MonkeyPatch
):
    login(client, user)
    monkeypatch.setattr(db.session, "get", lambda *_: pytest.fail("it asked the database"))
    assert client.get("/health").status_code == 200


@pytest.mark.parametrize("path", ["/health", "/ready"])
def test_no_login_is_needed_and_nothing_is_cached(client: CheckedClient, path: str):
    response = client.get(path)
    assert response.is_json
    assert response.headers["Cache-Control"] == "no-store"
    assert "Set-Cookie" not in response.headers
    assert client.head(path).status_code == response.status_code


def test_ready_tells_each_part_with_its_age(client: CheckedClient, clock: Clock):
    for name in (SCHEDULER, WORKER, AUDIT, CYCLE):
        liveness.beat(name)
    clock.advance(seconds=2)
    response = client.get("/ready")
    assert response.status_code == 200
    assert response.json == {
        "ready": True,
        "parts": {
            "database": {"ok": True},
            "redis": {"ok": True},
            "scheduler": {"ok": True, "age": 2.0},
            "worker": {"ok": True, "age": 2.0},
            "audit": {"ok": True, "age": 2.0},
            "cycle": {"ok": True, "age": 2.0},
        },
    }


def test_ready_is_503_while_a_part_is_stale_or_missing(client: CheckedClient, clock: Clock):
    liveness.beat(WORKER)
    clock.advance(minutes=1)
    response = client.get("/ready")
    assert response.status_code == 503
    answer: Any = response.json
    assert answer["ready"] is False
    assert answer["parts"]["worker"] == {"ok": False, "age": 60.0}
    assert answer["parts"]["scheduler"] == {"ok": False}


def test_ready_without_database_and_redis_says_so(away: CheckedClient):
    response = away.get("/ready")
    assert response.status_code == 503
    assert response.json == {
        "ready": False,
        "parts": {"database": {"ok": False}, "redis": {"ok": False}},
    }


def banner(client: CheckedClient) -> str:
    client.get("/heartbeats")
    return client.text("[role=alert], .banner, .warnings")


def test_an_administrator_is_told_what_has_stopped(
    client: CheckedClient, admin: User, login: Login, clock: Clock
):
    login(client, admin)
    liveness.beat(SCHEDULER)
    liveness.beat(WORKER)
    assert "stopped" not in banner(client)
    clock.advance(minutes=1)
    text = banner(client)
    assert "The scheduler has stopped" in text
    assert "The worker has stopped" in text
    liveness.beat(WORKER)
    text = banner(client)
    assert "The worker has stopped" not in text
    assert "No cycle has run of late" in text
    liveness.beat(CYCLE)
    assert "No cycle" not in banner(client)


def test_others_are_not_told_what_they_cannot_change(
    client: CheckedClient, user: User, admin: User, login: Login
):
    login(client, user)
    assert "stopped" not in banner(client)


def test_everybody_is_told_that_alerts_are_delayed(
    app: Flask, client: CheckedClient, user: User, login: Login, tmp_path: Path
):
    login(client, user)
    assert "Alerts are delayed" not in banner(client)
    app.config["SETTINGS"] = app.config["SETTINGS"].model_copy(
        update={"redis_url": f"unix://{tmp_path}/nothing.sock"}
    )
    assert "Alerts are delayed: Redis cannot be reached." in banner(client)


def test_everybody_is_told_that_pings_are_not_recorded(
    client: CheckedClient, user: User, login: Login, clock: Clock
):
    login(client, user)
    outages.sign_of_web(clock.now)
    assert "Pings" not in banner(client)
    clock.advance(seconds=6)
    assert "Pings cannot be recorded" in banner(client)


def test_everybody_is_told_that_checks_cannot_keep_up(
    client: CheckedClient,
    user: User,
    login: Login,
    clock: Clock,
    make_service: Callable[..., Service],
):
    login(client, user)
    make_service(user, next_check_at=clock.now)
    assert "keep up" not in banner(client)
    clock.advance(seconds=75)
    text = banner(client)
    assert "Checks cannot keep up: 1 service waits for its turn, for 1m 15s now." in text
    make_service(user, next_check_at=clock.now - timedelta(seconds=30))
    assert "2 services wait for their turn, the first for 1m 15s." in banner(client)


def test_strangers_are_told_nothing(client: CheckedClient, admin: User):
    client.get("/login")
    assert "stopped" not in client.text()
