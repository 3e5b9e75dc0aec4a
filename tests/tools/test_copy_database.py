"""Moving from SQLite to PostgreSQL."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path

import pytest
import sqlalchemy as sa

from sentinelweb.db import db
from sentinelweb.models import HeartbeatCheck, Ping, Service, ServiceCheck, User
from tests.support import factories
from tests.support.databases import PostgresDatabase, fresh_sqlite
from tests.support.servers import TestRun
from tools.copy_database import CopyError, copy

NOW = factories.NOW


@pytest.fixture
def database() -> str:
    """The application's own database, the source, is SQLite."""
    return "sqlite"


@pytest.fixture
def target(postgres_database: Callable[[], PostgresDatabase]) -> Iterator[sa.Engine]:
    postgres = postgres_database()
    postgres.empty()
    engine = sa.create_engine(postgres.url)
    yield engine
    engine.dispose()
    postgres.empty()


@pytest.fixture
def heartbeat(user: User, make_heartbeat: Callable[..., HeartbeatCheck]) -> HeartbeatCheck:
    heartbeat = make_heartbeat(user, last_ping=NOW, tags=["backup"], runs={"": NOW.isoformat()})
    ping = Ping(
        monitor_id=heartbeat.id,
        created_at=NOW + timedelta(microseconds=5),
        counted=True,
        method="POST",
        remote_addr="192.0.2.7",
        user_agent="curl",
        body_size=3,
        body=b"\x00ok",
    )
    db.session.add(ping)
    db.session.commit()
    return heartbeat


def rows_of(engine: sa.Engine) -> dict[str, list[tuple[object, ...]]]:
    with engine.connect() as connection:
        return {
            table.name: sorted(map(tuple, connection.execute(sa.select(table))), key=repr)
            for table in db.metadata.sorted_tables
        }


def test_every_row_arrives_as_it_was(heartbeat: HeartbeatCheck, target: sa.Engine) -> None:
    before = rows_of(db.engine)
    copied = copy(db.engine, target)
    assert rows_of(target) == before
    assert copied == sum(map(len, before.values())) > 5


def test_new_rows_are_numbered_after_the_copied_ones(
    heartbeat: HeartbeatCheck, target: sa.Engine
) -> None:
    copy(db.engine, target)
    with target.begin() as connection:
        values = {"monitor_id": heartbeat.id, "created_at": NOW, "counted": True, "method": "GET"}
        values |= {"remote_addr": "", "user_agent": ""}
        first = db.session.scalar(sa.select(sa.func.max(Ping.id)))
        inserted = connection.scalar(sa.insert(Ping).values(values).returning(Ping.id))
    assert inserted == first + 1


def test_the_number_of_a_deleted_result_is_not_given_again(
    user: User, make_service: Callable[..., Service], target: sa.Engine
) -> None:
    """The sums tell by it what is new."""
    row = {"service_id": make_service(user).id, "created_at": NOW, "status": "healthy"}
    db.session.execute(sa.insert(ServiceCheck), [row, row, row])
    db.session.execute(sa.delete(ServiceCheck))
    db.session.commit()
    copy(db.engine, target)
    insert = sa.insert(ServiceCheck.__table__).returning(ServiceCheck.__table__.c.id)
    with target.begin() as connection:
        assert connection.scalar(insert, row) == 4


def test_a_target_with_rows_is_refused_and_left_as_it_is(
    heartbeat: HeartbeatCheck, target: sa.Engine
) -> None:
    copy(db.engine, target)
    before = rows_of(target)
    with pytest.raises(CopyError, match="not empty"):
        copy(db.engine, target)
    assert rows_of(target) == before


def test_a_database_that_was_never_migrated_is_refused(
    heartbeat: HeartbeatCheck, target: sa.Engine, tmp_path: Path
) -> None:
    engine = sa.create_engine(f"sqlite:///{tmp_path}/empty.db")
    with pytest.raises(CopyError, match="never migrated"):
        copy(engine, target)
    engine.dispose()


def test_another_revision_is_refused(test_run: TestRun, target: sa.Engine, tmp_path: Path) -> None:
    engine = sa.create_engine(fresh_sqlite(test_run, tmp_path))
    with engine.begin() as connection:
        connection.execute(sa.text("UPDATE alembic_version SET version_num = 'older'"))
    with pytest.raises(CopyError, match="same revision"):
        copy(engine, target)
    engine.dispose()
