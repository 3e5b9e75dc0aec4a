"""Fixtures of all tests: a real database of each kind, a real Redis, a client that checks pages."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from functools import cache
from pathlib import Path
from typing import Any

import hypothesis
import pytest
from flask import Flask
from redis import Redis

from config import Settings
from sentinelweb import clock as application_clock
from sentinelweb import create_app, i18n
from sentinelweb.db import db
from sentinelweb.jobs import patient_redis
from sentinelweb.models import Channel, HeartbeatCheck, Host, Process, Service, User
from sentinelweb.services import sessions
from sentinelweb.services.liveness import SCHEDULER, WORKER
from tests.support import factories
from tests.support.catalogs import compile_catalogs
from tests.support.checked_client import CheckedClient
from tests.support.databases import (
    KINDS,
    PostgresDatabase,
    drop_databases_of,
    fresh_sqlite,
    settings_for_tests,
)
from tests.support.mailbox import Mailbox, finish_background_mail, mail_server
from tests.support.routes import CompiledRule
from tests.support.scheduling import Scheduling
from tests.support.servers import TestRun, start_redis
from tests.support.templates import CompiledTemplates


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line(
        "markers", "settings(**values): values of config.Settings for the test's application"
    )
    if not hasattr(config, "workerinput"):
        # The settings of whoever runs the tests are not the tests'.
        services = {name for name in os.environ if name.startswith("SERVICE_")}
        for name in _setting_names() | services:
            os.environ.pop(name, None)
        config.stash[_RUN] = TestRun.begin()


def pytest_xdist_auto_num_workers() -> int:
    """`-n auto` is half as many again as processors: who watches whole processes mostly waits."""
    processors = len(os.sched_getaffinity(0))
    return processors + processors // 2


def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> Scheduling:
    return Scheduling(config, log)


def pytest_unconfigure(config: pytest.Config) -> None:
    run = config.stash.get(_RUN, None)
    if run is not None:
        if os.environ.get("TEST_POSTGRES_URL"):
            drop_databases_of(run)
        run.end()


# How long an example takes says how busy the machine is.
hypothesis.settings.register_profile(
    "shared machine", deadline=None, suppress_health_check=[hypothesis.HealthCheck.too_slow]
)
hypothesis.settings.load_profile("shared machine")

_RUN = pytest.StashKey[TestRun]()
_TEMPLATES = CompiledTemplates()
Flask.url_rule_class = CompiledRule


def _setting_names() -> set[str]:
    names = {name.upper() for name in Settings.model_fields}
    return names | {"APP_PORT", "ADMIN_SESSION_SECRET", "FLASK_APP", "FLASK_DEBUG"}


@pytest.fixture(scope="session")
def test_run() -> TestRun:
    return TestRun.current()


@pytest.fixture(scope="session")
def redis_server(test_run: TestRun) -> str:
    """The URL of this process's Redis."""
    return start_redis(test_run, os.environ.get("PYTEST_XDIST_WORKER", "main"))


@pytest.fixture
def redis_url(redis_server: str) -> str:
    """The URL of an empty Redis."""
    with Redis.from_url(redis_server) as redis:
        redis.flushall()
    return redis_server


@pytest.fixture
def connected_parts(redis_url: str) -> Iterator[dict[str, Redis]]:
    """The connections to Redis that a worker and a scheduler would have."""
    parts = {name: patient_redis(redis_url, name) for name in (SCHEDULER, WORKER)}
    for redis in parts.values():
        redis.ping()
    yield parts
    for redis in parts.values():
        redis.close()


@pytest.fixture(scope="session")
def postgres_database(test_run: TestRun) -> Callable[[], PostgresDatabase]:
    """Starts the server when a test first asks for it."""
    return cache(lambda: PostgresDatabase(test_run))


@pytest.fixture(params=KINDS)
def database(request: pytest.FixtureRequest) -> str:
    """The kind of database; whatever depends on it runs on both, unless its directory differs."""
    return request.param


@pytest.fixture
def database_url(
    database: str,
    test_run: TestRun,
    postgres_database: Callable[[], PostgresDatabase],
    tmp_path: Path,
) -> str:
    """The URL of a migrated and empty database."""
    if database == "sqlite":
        return fresh_sqlite(test_run, tmp_path)
    postgres = postgres_database()
    postgres.empty()
    return postgres.url


@pytest.fixture
def settings(
    request: pytest.FixtureRequest, tmp_path: Path, database_url: str, redis_url: str
) -> Settings:
    """`@pytest.mark.settings(registration="open")` changes some of them for a test."""
    values: dict[str, object] = {"database_url": database_url, "redis_url": redis_url}
    for marker in reversed(list(request.node.iter_markers("settings"))):
        values |= marker.kwargs
    return settings_for_tests(tmp_path, **values)


@pytest.fixture
def app(settings: Settings) -> Iterator[Flask]:
    """An application of its own for each test, with its context pushed: `db.session` works."""
    app = create_app(settings)
    app.config["TESTING"] = True
    app.test_client_class = CheckedClient
    app.jinja_env.bytecode_cache = _TEMPLATES
    with app.app_context(), i18n.reading_as(i18n.Reader()):
        yield app
        if recent := app.extensions.get("recent_readiness"):
            with recent._looking:  # a page may not have waited for its thread
                pass
        db.session.remove()
        db.engine.dispose()


@pytest.fixture
def client(app: Flask) -> CheckedClient:
    """A browser without JavaScript: keeps cookies, submits forms, checks every page."""
    client = app.test_client()
    assert isinstance(client, CheckedClient)
    return client


@pytest.fixture
def make_user(app: Flask) -> Callable[..., User]:
    return factories.make_user


@pytest.fixture
def user(make_user: Callable[..., User]) -> User:
    return make_user("user@example.com")


@pytest.fixture
def other_user(make_user: Callable[..., User]) -> User:
    return make_user("other@example.com")


@pytest.fixture
def admin(make_user: Callable[..., User]) -> User:
    return make_user("admin@example.com", is_admin=True)


@pytest.fixture
def make_heartbeat(app: Flask) -> Callable[..., HeartbeatCheck]:
    return factories.make_heartbeat


@pytest.fixture
def make_service(app: Flask) -> Callable[..., Service]:
    return factories.make_service


@pytest.fixture
def make_process(app: Flask) -> Callable[..., Process]:
    return factories.make_process


@pytest.fixture
def make_host(app: Flask) -> Callable[..., Host]:
    return factories.make_host


@pytest.fixture
def make_channel(app: Flask) -> Callable[..., Channel]:
    return factories.make_channel


@pytest.fixture
def login() -> Callable[[CheckedClient, User], None]:
    """`login(client, user)` leaves in the session what the login form would."""

    def login(client: CheckedClient, user: User) -> None:
        with client.session_transaction() as session:
            session["_user_id"] = user.get_id()
            session["_fresh"] = True
            session["session_id"] = sessions.new_id()

    return login


@pytest.fixture
def mailbox(app: Flask) -> Iterator[Mailbox]:
    """A mail server that the application sends through."""
    settings = app.config["SETTINGS"]
    with mail_server() as mailbox:
        app.config["SETTINGS"] = settings.model_copy(update={"smtp_url": mailbox.url})
        yield mailbox
        finish_background_mail()


@pytest.fixture
def catalogs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Translate by the catalogs as they stand in the work tree, compiled or not."""
    compile_catalogs(tmp_path / "translations")
    monkeypatch.setattr(i18n, "DIRECTORY", tmp_path / "translations")
    i18n._translations.cache_clear()
    yield
    i18n._translations.cache_clear()


class Clock:
    """The clock that the application reads; it stands still until a test moves it."""

    def __init__(self, now: datetime) -> None:
        self.now = now

    def advance(self, **duration: float) -> datetime:
        """`advance(hours=1, seconds=1)`: as timedelta takes them."""
        self.now += timedelta(**duration)
        return self.now


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    clock = Clock(factories.NOW)
    monkeypatch.setattr(application_clock, "now", lambda: clock.now)
    return clock
