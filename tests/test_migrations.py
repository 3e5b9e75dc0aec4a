"""The migrations: up, down and up again, in step with the models, and careful with the data."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import sqlalchemy as sa
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from flask import Flask
from flask_migrate import downgrade, migrate, upgrade

from sentinelweb import create_app
from sentinelweb.db import db
from sentinelweb.models import Channel, HeartbeatCheck, User
from sentinelweb.services import audit, pings
from sentinelweb.services.pings import Signal
from tests.support.databases import (
    PostgresDatabase,
    create_database,
    drop_database,
    settings_for_tests,
    url_text,
)
from tests.support.factories import NOW

MIGRATIONS = Path(__file__).parents[1] / "migrations"
REBUILD = '''
"""Rebuild every table, as SQLite must for most changes."""
import sqlalchemy as sa
from alembic import op

revision = "rebuild"
down_revision = {head!r}

def upgrade():
    for table in sa.inspect(op.get_bind()).get_table_names():
        if table != "alembic_version":
            with op.batch_alter_table(table, recreate="always"):
                pass
'''


@pytest.fixture
def empty_app(
    database: str, tmp_path: Path, postgres_database: Callable[[], PostgresDatabase]
) -> Iterator[Flask]:
    """An application on a database without a table."""
    url = f"sqlite:///{tmp_path / 'empty.db'}"
    if database == "postgresql":
        postgres = postgres_database()
        name = f"{postgres.name}_empty"
        create_database(postgres.server, name)
        url = url_text(postgres.server.set(database=name))
    app = create_app(settings_for_tests(tmp_path, database_url=url))
    with app.app_context():
        yield app
        db.session.remove()
        db.engine.dispose()
    if database == "postgresql":
        drop_database(postgres.server, name)


def tables() -> set[str]:
    return set(sa.inspect(db.engine).get_table_names()) - {"alembic_version"}


def test_up_from_nothing_down_to_nothing_and_up_again(empty_app: Flask) -> None:
    assert tables() == set()
    upgrade()
    assert tables() == set(db.metadata.tables)
    downgrade(revision="base")
    assert tables() == set()
    upgrade()
    assert tables() == set(db.metadata.tables)


def test_the_migrations_make_what_the_models_say(app: Flask) -> None:
    with db.engine.connect() as connection:
        context = MigrationContext.configure(
            connection, opts={"compare_type": True, "compare_server_default": True}
        )
        assert compare_metadata(context, db.metadata) == []


def test_every_constraint_has_a_name_so_that_a_later_migration_can_change_it(app: Flask) -> None:
    unnamed = [
        constraint
        for table in db.metadata.tables.values()
        for constraint in table.constraints
        if constraint.name is None
    ]
    assert unnamed == []


def test_there_is_one_newest_revision() -> None:
    assert len(ScriptDirectory(str(MIGRATIONS)).get_heads()) == 1


@pytest.mark.parametrize("database", ["sqlite"], indirect=True)
def test_rebuilding_every_table_loses_no_row_and_no_reference(
    app: Flask,
    tmp_path: Path,
    user: User,
    make_heartbeat: Callable[..., HeartbeatCheck],
    make_channel: Callable[..., Channel],
) -> None:
    """SQLite drops the old table after copying it, which deletes by cascade what refers to it."""
    heartbeat = make_heartbeat(user, channels=[make_channel(user)])
    pings.record([Signal(heartbeat.slug, NOW)])
    audit.run(NOW.replace(year=2027))
    before = _row_counts()
    assert before["pings"] == before["deliveries"] == 1
    head = ScriptDirectory(str(MIGRATIONS)).get_current_head()
    directory = Path(shutil.copytree(MIGRATIONS, tmp_path / "migrations"))
    (directory / "versions" / "rebuild.py").write_text(REBUILD.format(head=head))

    upgrade(directory=str(directory))

    assert _row_counts() == before
    with db.engine.connect() as connection:
        assert connection.exec_driver_sql("PRAGMA foreign_key_check").all() == []
        assert connection.exec_driver_sql("PRAGMA foreign_keys").scalar() == 1


def test_a_generated_migration_names_nothing_that_it_does_not_import(
    empty_app: Flask, tmp_path: Path
) -> None:
    directory = tmp_path / "migrations"
    shutil.copytree(MIGRATIONS, directory, ignore=shutil.ignore_patterns("versions"))
    (directory / "versions").mkdir()

    migrate(directory=str(directory))
    upgrade(directory=str(directory))

    assert tables() == set(db.metadata.tables)


def _row_counts() -> dict[str, int]:
    db.session.commit()
    with db.engine.connect() as connection:
        return {
            table.name: connection.scalar(sa.select(sa.func.count()).select_from(table)) or 0
            for table in db.metadata.sorted_tables
        }
