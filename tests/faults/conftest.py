"""Faults at random: seeded, bounded, and longer when asked for.

    SENTINELWEB_FAULT_ROUNDS=10 pytest tests/faults    ten times as long
    SENTINELWEB_FAULT_SEED=4711 pytest tests/faults    the same choices again

The seed is printed when a test fails. Threads and processes race, so that the same seed makes the
same faults, but not always the same failure.
"""

from __future__ import annotations

import os
import random
import secrets
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from tests.faults.site import Site
from tests.support.receiver import Receiver
from tests.support.servers import PostgresServer, TestRun


@pytest.fixture(scope="session")
def rounds() -> int:
    """How many times as long as usual."""
    return int(os.environ.get("SENTINELWEB_FAULT_ROUNDS", "1"))


@pytest.fixture
def chance() -> random.Random:
    """What is left to chance."""
    seed = os.environ.get("SENTINELWEB_FAULT_SEED") or str(secrets.randbelow(1_000_000))
    print(f"SENTINELWEB_FAULT_SEED={seed}")  # noqa: T201 - shown if the test fails
    return random.Random(seed)


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with Receiver() as receiver:
        yield receiver


@pytest.fixture
def postgres(test_run: TestRun, tmp_path: Path) -> PostgresServer:
    """A running server of the test's own. It keeps what it has acknowledged when it is killed."""
    with test_run.locked(f"postgres-{tmp_path.name}") as directory:
        server = PostgresServer(test_run, directory, durable=True)
        server.start()
        return server


@pytest.fixture
def open_site(tmp_path: Path) -> Iterator[Callable[..., Site]]:
    """`open_site(**settings)`: a SentinelWeb that is ready, and ends with the test."""
    with ExitStack() as sites:
        yield lambda **settings: sites.enter_context(Site(tmp_path, **settings))
