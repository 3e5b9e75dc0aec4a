"""A release step that is killed half-way leaves a database that the next one brings up to date.

Killed at random points of the migration, each time on a database of its own.
`SENTINELWEB_FAULT_ROUNDS=10` does it ten times as often; see conftest.py.
"""

from __future__ import annotations

import random
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest
import sqlalchemy as sa

from sentinelweb.db import db
from tests.support.databases import create_database, url_text
from tests.support.servers import PostgresServer
from tests.support.stack import ROOT, clean_environment

KILLS = 5
ENOUGH = 25  # kills at once, on top: a quick machine may have migrated before each of the others

FreshDatabase = Callable[[str], str]


@pytest.fixture
def fresh_database(request: pytest.FixtureRequest, database: str, tmp_path: Path) -> FreshDatabase:
    """`fresh_database(name)`: the URL of one without tables."""
    if database == "sqlite":
        return lambda name: f"sqlite:///{tmp_path}/{name}.db"
    server: PostgresServer = request.getfixturevalue("postgres")

    def create(name: str) -> str:
        create_database(server.url, name)
        return url_text(server.url.set(database=name))

    return create


def release(url: str, data_dir: Path) -> subprocess.Popen[str]:
    environment = {
        **clean_environment(),
        "DATA_DIR": str(data_dir),
        "DATABASE_URL": url,
        "ADMIN_EMAIL": "admin@example.com",
        "ADMIN_PASSWORD": "correct horse battery staple",
    }
    return subprocess.Popen(
        [sys.executable, "-m", "flask", "release"],
        cwd=ROOT,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )


def test_a_release_that_was_killed_is_finished_by_the_next(
    fresh_database: FreshDatabase, tmp_path: Path, chance: random.Random, rounds: int
) -> None:
    half_way = 0
    delays = [chance.uniform(0, 0.1) for _ in range(KILLS * rounds)] + ENOUGH * [0.0]
    for number, delay in enumerate(delays):
        if half_way and number >= KILLS * rounds:
            break
        url = fresh_database(f"release_{number}")
        with release(url, tmp_path) as doomed:
            assert doomed.stdout
            assert any("Running upgrade" in line for line in doomed.stdout)
            time.sleep(delay)
            doomed.kill()
        half_way += not tables(url)
        with release(url, tmp_path) as second:
            output, _ = second.communicate(timeout=120)
        assert second.returncode == 0, output
        assert tables(url) >= set(db.metadata.tables)
        assert administrators(url) == 1
    assert half_way, "none was killed before its end"


def tables(url: str) -> set[str]:
    engine = sa.create_engine(url, poolclass=sa.NullPool)
    return set(sa.inspect(engine).get_table_names())


def administrators(url: str) -> int:
    engine = sa.create_engine(url, poolclass=sa.NullPool)
    with engine.connect() as connection:
        return connection.exec_driver_sql("SELECT count(*) FROM users WHERE is_admin").scalar_one()
