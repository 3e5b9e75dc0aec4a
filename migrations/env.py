"""Alembic's environment: runs migrations on the application's own engine."""

from __future__ import annotations

from typing import Any, Literal

from alembic import context
from flask import current_app
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.engine import Connection

from sentinelweb import models
from sentinelweb.db import UTCDateTime, db

assert models, "the tables must be imported to be known"


def render_item(kind: str, item: Any, autogen: Any) -> str | Literal[False]:
    """Write our own column type as plain SQLAlchemy: a migration must not change with the code.

    Alembic writes variants out by itself, but JSONB with a `Text` that nothing imports.
    """
    if kind == "type" and isinstance(item, UTCDateTime):
        return "sa.DateTime(timezone=True)"
    if kind == "type" and isinstance(item, JSONB):
        autogen.imports.add("from sqlalchemy.dialects import postgresql")
        return f"postgresql.JSONB({'none_as_null=True' if item.none_as_null else ''})"
    return False


def _drop_empty(_context: Any, _revision: Any, directives: list[Any]) -> None:
    if (
        getattr(context.config.cmd_opts, "autogenerate", False)
        and directives[0].upgrade_ops.is_empty()
    ):
        directives.clear()


def foreign_keys(connection: Connection, *, enforced: bool) -> None:
    """Switch SQLite's foreign keys off while tables are rebuilt.

    SQLite changes a table by copying and dropping it, and a DROP deletes by cascade whatever refers
    to its rows. The pragma does nothing inside a transaction: it is said on the bare connection.
    """
    if connection.dialect.name == "sqlite":
        driver = connection.connection.driver_connection
        driver.execute(f"PRAGMA foreign_keys={'ON' if enforced else 'OFF'}")


def run() -> None:
    with db.engine.connect().execution_options(writes=True) as connection:
        foreign_keys(connection, enforced=False)
        context.configure(
            connection=connection,
            target_metadata=db.metadata,
            render_item=render_item,
            transactional_ddl=True,  # on SQLite too, since db.py says BEGIN itself
            process_revision_directives=_drop_empty,
            **current_app.extensions["migrate"].configure_args,
        )
        with context.begin_transaction():
            context.run_migrations()
        foreign_keys(connection, enforced=True)


if context.is_offline_mode():
    raise SystemExit("SentinelWeb's migrations run on a database, not as SQL text.")
run()
