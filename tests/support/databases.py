"""A migrated, empty database for each test: copied from a template that one migration made."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest
import sqlalchemy as sa
from flask_migrate import upgrade

from config import Settings
from sentinelweb import create_app
from sentinelweb.db import db
from tests.support.servers import TestRun, start_postgres

KINDS = ("sqlite", "postgresql")
# For a test in a directory whose tests run on SQLite alone.
both_databases = pytest.mark.parametrize("database", KINDS)

_PROCESS = os.environ.get("PYTEST_XDIST_WORKER", "main")


def settings_for_tests(data_dir: Path, **values: object) -> Settings:
    """Settings that read neither the environment nor `.env`."""
    values = {
        "data_dir": data_dir,
        "secret_key": "the key of all tests",
        "log_format": "json",
        **values,
    }
    return Settings(_env_file=None, **values)


def fresh_sqlite(run: TestRun, data_dir: Path) -> str:
    """The URL of a copy of the migrated template, in `data_dir`."""
    with run.locked("sqlite") as directory:
        template = directory / "template.db"
        if not template.exists():
            draft = directory / "draft.db"
            migrate(f"sqlite:///{draft}", directory)
            draft.rename(template)
    path = data_dir / "sentinelweb.db"
    shutil.copyfile(template, path)
    return f"sqlite:///{path}"


class PostgresDatabase:
    """This process's own database on the run's server, emptied for each test."""

    def __init__(self, run: TestRun) -> None:
        server = start_postgres(run)
        prefix = run.directory.name.replace("-", "_")
        with run.locked("postgres-template") as directory:
            template = f"{prefix}_template"
            if not (directory / "made").exists():
                create_database(server, template)
                migrate(url_text(server.set(database=template)), directory)
                (directory / "made").touch()
            self.name = f"{prefix}_{_PROCESS}"
            create_database(server, self.name, template)
        self.server = server
        self.url = url_text(server.set(database=self.name))
        self._engine = sa.create_engine(self.url, poolclass=sa.NullPool)
        self._empty = "; ".join(
            # DELETE is a hundred times quicker than TRUNCATE where there are only a few rows.
            [f'DELETE FROM "{table.name}"' for table in reversed(db.metadata.sorted_tables)]
            + [f"SELECT setval('{name}', 1, false)" for name in self._sequences()]
        )

    def empty(self) -> None:
        """Delete every row, and let ids begin at 1 again."""
        with self._engine.begin() as connection:
            connection.exec_driver_sql(self._empty)

    def _sequences(self) -> list[str]:
        with self._engine.connect() as connection:
            names = connection.exec_driver_sql("SELECT sequencename FROM pg_sequences")
            return list(names.scalars())


def migrate(url: str, data_dir: Path) -> None:
    """Bring the database to the newest revision."""
    app = create_app(settings_for_tests(data_dir, database_url=url))
    with app.app_context():
        upgrade()
        db.session.remove()
        db.engine.dispose()


def create_database(server: sa.URL, name: str, template: str = "template0") -> None:
    _run_on_server(server, f'CREATE DATABASE "{name}" TEMPLATE "{template}"')


def drop_database(server: sa.URL, name: str) -> None:
    _run_on_server(server, f'DROP DATABASE IF EXISTS "{name}" WITH (FORCE)')


def drop_databases_of(run: TestRun) -> None:
    """Leave nothing behind on a server that is not ours."""
    server = start_postgres(run)
    prefix = run.directory.name.replace("-", "_")
    engine = sa.create_engine(server, poolclass=sa.NullPool)
    with engine.connect() as connection:
        names = connection.exec_driver_sql(
            "SELECT datname FROM pg_database WHERE datname LIKE %s", (f"{prefix}%",)
        ).scalars()
        for name in names.all():
            drop_database(server, name)


def url_text(url: sa.URL) -> str:
    return url.render_as_string(hide_password=False)


def _run_on_server(server: sa.URL, statement: str) -> None:
    engine = sa.create_engine(server, isolation_level="AUTOCOMMIT", poolclass=sa.NullPool)
    with engine.connect() as connection:
        connection.exec_driver_sql(statement)
