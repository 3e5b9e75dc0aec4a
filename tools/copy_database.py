"""`python -m tools.copy_database FILE`: copy a SQLite database to the one of DATABASE_URL.

Both must be at the same revision, nothing may run on either, and the target must hold no rows.
"""

from __future__ import annotations

import sys
from pathlib import Path

import sqlalchemy as sa

from config import load_settings_or_exit
from sentinelweb import models
from sentinelweb.db import db

BATCH = 1_000  # rows

assert models, "the tables must be imported to be known"  # noqa: S101


class CopyError(Exception):
    """Nothing was copied; the message is for the operator."""


def copy(source: sa.Engine, target: sa.Engine) -> int:
    """Copy all rows in one transaction; return how many. Raise CopyError."""
    copied = 0
    with source.connect() as reading, target.begin() as writing:
        if _revision(reading) != _revision(writing):
            raise CopyError("The two are not at the same revision: run `flask db upgrade` on both.")
        for table in db.metadata.sorted_tables:
            if writing.execute(sa.select(sa.literal(1)).select_from(table).limit(1)).first():
                raise CopyError(f"The target is not empty: {table.name} holds rows.")
        for table in db.metadata.sorted_tables:
            rows = reading.execution_options(yield_per=BATCH).execute(sa.select(table))
            for part in rows.mappings().partitions():
                writing.execute(sa.insert(table), [dict(row) for row in part])
                copied += len(part)
            _count_on(writing, table, _last_number(reading, table))
    return copied


def _revision(connection: sa.Connection) -> str | None:
    if not sa.inspect(connection).has_table("alembic_version"):
        raise CopyError("One of the two is no database of SentinelWeb, or was never migrated.")
    return connection.scalar(sa.text("SELECT version_num FROM alembic_version"))


def _last_number(connection: sa.Connection, table: sa.Table) -> int:
    """The last number that was given to a row, be it gone, where no number is given twice."""
    query = sa.text("SELECT seq FROM sqlite_sequence WHERE name = :table")
    return connection.scalar(query, {"table": table.name}) or 0


def _count_on(connection: sa.Connection, table: sa.Table, given: int) -> None:
    """Let PostgreSQL number new rows after those that were copied with their numbers."""
    column = table.autoincrement_column
    if column is None or connection.dialect.name != "postgresql":
        return
    sequence = sa.func.pg_get_serial_sequence(table.name, column.name)
    newest = connection.scalar(sa.select(sa.func.max(column))) or 0
    if last := max(newest, given):
        connection.execute(sa.select(sa.func.setval(sequence, last)))


def main() -> int:
    if len(sys.argv) != 2 or not Path(sys.argv[1]).is_file():
        print("Name the SQLite file: python -m tools.copy_database data/sentinelweb.db")
        return 2
    settings = load_settings_or_exit()
    if settings.uses_sqlite:
        print("Set DATABASE_URL to the database that the rows are to be copied to.")
        return 2
    source = sa.create_engine(f"sqlite:///{sys.argv[1]}")
    try:
        copied = copy(source, sa.create_engine(settings.resolved_database_url))
    except (CopyError, sa.exc.SQLAlchemyError) as error:
        print(f"Nothing was copied. {error}")
        return 1
    print(f"Copied {copied} rows.")
    return 0


if __name__ == "__main__":
    sys.exit(main())
