"""The database: typed declarative base, UTC times, SQLite's ways, and `writing()`."""

from __future__ import annotations

import contextlib
import fcntl
import os
import sqlite3
from collections.abc import Callable, Collection, Iterator
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, ClassVar

import sqlalchemy as sa
from flask_sqlalchemy import SQLAlchemy
from sqlalchemy import event
from sqlalchemy.dialects.postgresql import ARRAY, JSONB
from sqlalchemy.engine import Connection, Dialect, Engine
from sqlalchemy.exc import InterfaceError, OperationalError
from sqlalchemy.orm import DeclarativeBase, Session, registry

NAMING = {
    "ix": "ix_%(table_name)s_%(column_0_N_name)s",
    "uq": "uq_%(table_name)s_%(column_0_N_name)s",
    "ck": "ck_%(table_name)s_%(constraint_name)s",
    "fk": "fk_%(table_name)s_%(column_0_N_name)s",
    "pk": "pk_%(table_name)s",
}


class UTCDateTime(sa.types.TypeDecorator[datetime]):
    """An aware UTC instant. SQLite stores it without its zone, so that texts sort as times do."""

    impl = sa.DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        if value is None:
            return None
        if value.tzinfo is None:
            raise ValueError("a time without a zone cannot be stored")
        value = value.astimezone(UTC)
        return value.replace(tzinfo=None) if dialect.name == "sqlite" else value

    def process_result_value(self, value: datetime | None, _dialect: Dialect) -> datetime | None:
        if value is None:
            return None
        return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)


JSONText = sa.JSON().with_variant(JSONB(), "postgresql")
# None is NULL, not JSON's null.
OptionalJSON = sa.JSON(none_as_null=True).with_variant(JSONB(none_as_null=True), "postgresql")
BigId = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


class Base(DeclarativeBase):
    if TYPE_CHECKING:
        __table__: ClassVar[sa.Table]  # every model here is a table, never a query

    registry = registry(
        metadata=sa.MetaData(naming_convention=NAMING),
        type_annotation_map={
            datetime: UTCDateTime(),
            dict[str, Any]: JSONText,
            list[str]: JSONText,
        },
    )


# expire_on_commit off: a page commits the reading transaction before it writes (see writing()), and
# must not read everything again afterwards.
db = SQLAlchemy(model_class=Base, session_options={"expire_on_commit": False})


def among(column: sa.ColumnElement[int], ids: Collection[int]) -> sa.ColumnElement[bool]:
    """`column IN (ids)`, for hundreds of ids.

    PostgreSQL gets them as one array: hundreds of parameters are slow to write and to read.
    """
    if db.engine.dialect.name != "postgresql":
        return column.in_(ids)
    return column == sa.any_(sa.literal(list(ids), ARRAY(sa.Integer)))


def earliest(column: sa.ColumnElement[Any]) -> datetime | None:
    """The earliest instant in a column that is indexed where it is not NULL: one read of it."""
    found: datetime | None = db.session.scalar(
        sa.select(sa.func.min(column)).where(column.is_not(None))
    )
    return found


@contextlib.contextmanager
def writing() -> Iterator[Session]:
    """One write transaction on the current session, committed at the end or rolled back.

    SQLite: a transaction that began by reading cannot always become a writing one ("database is
    locked", at once, whatever the timeout), so the reading one is ended and the writing one begins
    with BEGIN IMMEDIATE. Nested use joins the outer transaction.
    """
    session: Session = db.session()
    if "after_commit" in session.info:
        yield session
        return
    session.commit()
    callbacks: list[Callable[[], None]] = []
    session.info["after_commit"] = callbacks
    try:
        session.connection(execution_options={"writes": True})
        yield session
        session.commit()
    except BaseException:
        session.rollback()
        raise
    finally:
        del session.info["after_commit"]
    for callback in callbacks:
        callback()


def after_commit(callback: Callable[[], None]) -> None:
    """Call `callback` once the current `writing()` is committed; never if it is rolled back."""
    session: Session = db.session()
    session.info["after_commit"].append(callback)


def is_away(error: BaseException | None) -> bool:
    """Whether `error` says that the database cannot be reached, is locked, or has no room.

    SQLite uses the same class for statements that make no sense.
    """
    if not isinstance(error, OperationalError | InterfaceError):
        return False
    code = getattr(error.orig, "sqlite_errorcode", None)
    return code is None or code & 0xFF != sqlite3.SQLITE_ERROR


class _SQLiteConnection(sqlite3.Connection):
    """Holds the lock file while its transaction writes.

    The driver's own commit and rollback give it back, because SQLAlchemy tells of neither after a
    COMMIT that failed: on a full disk the lock would be held for ever.
    """

    _lock: int | None = None

    def lock(self, path: str) -> None:
        self._lock = os.open(path, os.O_CREAT | os.O_RDWR | os.O_CLOEXEC, 0o600)
        fcntl.flock(self._lock, fcntl.LOCK_EX)

    def unlock(self) -> None:
        if self._lock is not None:
            os.close(self._lock)
            self._lock = None

    def commit(self) -> None:
        super().commit()
        self.unlock()

    def rollback(self) -> None:
        try:
            super().rollback()
        finally:
            self.unlock()

    def close(self) -> None:
        try:
            super().close()
        finally:
            self.unlock()


def configure_sqlite(engine: Engine, *, synchronous: str) -> None:
    """WAL, foreign keys, and writers that queue instead of sleeping in SQLite's busy handler.

    The busy handler polls with growing sleeps, so under load a writer waits for long and unfairly;
    a lock file lets the kernel wake the next writer at once.
    """
    path = engine.url.database
    lock_path = f"{path}.lock" if path and path != ":memory:" else None

    @event.listens_for(engine, "do_connect")
    def _choose_class(_dialect: Dialect, _record: Any, _args: Any, options: dict[str, Any]) -> None:
        options["factory"] = _SQLiteConnection
        if lock_path:
            # A new one holds tokens and hashes for this user alone; SQLite makes the files beside
            # it alike, and tells why there can be none.
            with contextlib.suppress(OSError):
                os.close(os.open(str(path), os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600))

    @event.listens_for(engine, "connect")
    def _connect(connection: Any, _record: Any) -> None:
        connection.isolation_level = None  # we say BEGIN ourselves
        cursor = connection.cursor()
        cursor.execute("PRAGMA journal_mode=WAL")
        cursor.execute(f"PRAGMA synchronous={synchronous}")
        cursor.execute("PRAGMA foreign_keys=ON")
        cursor.execute("PRAGMA busy_timeout=20000")
        cursor.close()

    @event.listens_for(engine, "begin")
    def _begin(connection: Connection) -> None:
        if not connection.get_execution_options().get("writes"):
            connection.exec_driver_sql("BEGIN")
            return
        driver: Any = connection.connection.driver_connection
        if lock_path:
            driver.lock(lock_path)
        try:
            connection.exec_driver_sql("BEGIN IMMEDIATE")
        except BaseException:
            driver.unlock()
            raise
