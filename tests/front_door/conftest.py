"""A front door for each test, or one with echoing pages behind it for a whole module."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from config import Settings
from tests.support.databases import fresh_sqlite
from tests.support.front_door import FrontDoor, front_door, gunicorn
from tests.support.servers import TestRun

OpenDoor = Callable[..., FrontDoor]


@pytest.fixture
def open_door(settings: Settings) -> Iterator[OpenDoor]:
    """`open_door({"connection.IDLE": 1}, trusted_proxies=1)`: on the test's own database."""
    with ExitStack() as stack:

        def start(constants: dict[str, float] | None = None, **values: object) -> FrontDoor:
            environment = {
                "DATA_DIR": str(settings.data_dir),
                "DATABASE_URL": settings.resolved_database_url,
                "SECRET_KEY": settings.resolved_secret_key(),
                **{name.upper(): str(value) for name, value in values.items()},
            }
            return stack.enter_context(front_door(settings.data_dir, environment, constants))

        yield start


@pytest.fixture(scope="module")
def door_with_pages(
    test_run: TestRun, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[FrontDoor]:
    """On a database without heartbeats, before a gunicorn that tells what reached it."""
    directory = _short_directory(tmp_path_factory)
    environment = {"DATA_DIR": str(directory), "DATABASE_URL": fresh_sqlite(test_run, directory)}
    with (
        front_door(directory, environment, {"pages.ANSWER_WITHIN": 3}) as door,
        gunicorn(door.pages, "tests.support.echo_pages:app"),
    ):
        yield door


def _short_directory(tmp_path_factory: pytest.TempPathFactory) -> Path:
    directory = tmp_path_factory.mktemp("door")
    assert len(str(directory)) < 90, "a socket's path must be short: choose another TMPDIR"
    return directory
