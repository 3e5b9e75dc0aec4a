"""PulseMon's database (seed 001) as entries of a document: its tables `monitors` and `history`.

A monitor becomes a heartbeat whose alias is the slug, with the same token, so that `/h/SLUG/TOKEN`
goes on working; its `webhook_url` becomes a webhook channel with PulseMon's body.
"""

from __future__ import annotations

import sqlite3
from collections import defaultdict, deque
from collections.abc import Iterable, Iterator, Mapping
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from sentinelweb.core.export_document import (
    MAX_HISTORY,
    ChannelEntry,
    Entry,
    HeartbeatEntry,
    Read,
    read_entry,
)
from sentinelweb.core.status import Status
from sentinelweb.i18n import gettext as _
from sentinelweb.notifiers.webhook import PULSEMON, Webhook
from sentinelweb.services.errors import InvalidInputError

MAGIC = b"SQLite format 3\0"
MAX_MONITORS = 100_000
LOCKED_FOR = 2.0  # seconds to wait for whoever writes

COLUMNS: Mapping[str, tuple[str, ...]] = {
    "monitors": (
        *("slug", "name", "token", "interval_seconds", "grace_seconds"),
        *("last_ping", "status", "webhook_url", "created_at"),
    ),
    "history": ("id", "slug", "prev_status", "new_status", "note", "created_at"),
}
_STATUSES = {"UNKNOWN": Status.NEW, "UP": Status.UP, "DOWN": Status.DOWN}


def read(path: Path) -> list[Read]:
    """The entries of a database, opened for reading alone; raise InvalidInputError."""
    try:
        address = f"{path.resolve().as_uri()}?mode=ro"
        with closing(sqlite3.connect(address, uri=True, timeout=LOCKED_FOR)) as connection:
            connection.row_factory = sqlite3.Row
            # Bytes that are no text are told as such, with the place.
            connection.text_factory = lambda raw: raw.decode("utf-8", "replace")
            _check_tables(connection)
            return list(_entries(connection))
    except sqlite3.OperationalError as error:
        if "locked" in str(error):
            message = _("PulseMon is writing to the database: stop it, or copy the file first.")
            raise InvalidInputError("file", message) from error
        raise _unreadable(error) from error
    except sqlite3.DatabaseError as error:
        raise _unreadable(error) from error


def _unreadable(error: sqlite3.Error) -> InvalidInputError:
    message = _("The database cannot be read: %(reason)s.", reason=str(error))
    return InvalidInputError("file", message)


def _check_tables(connection: sqlite3.Connection) -> None:
    for table, wanted in COLUMNS.items():
        found = {row["name"] for row in connection.execute(f"PRAGMA table_info({table})")}
        if missing := set(wanted) - found:
            message = _(
                "This is no database of PulseMon: its table “%(table)s” lacks %(columns)s.",
                table=table,
                columns=", ".join(sorted(missing)),
            )
            raise InvalidInputError("file", message)
    count = connection.execute("SELECT count(*) FROM monitors").fetchone()[0]
    if count > MAX_MONITORS:
        message = _("The database has more than %(n)s monitors.", n=MAX_MONITORS)
        raise InvalidInputError("file", message)


def _entries(connection: sqlite3.Connection) -> Iterator[Read]:
    """The channels, then the heartbeats that alert them."""
    rows = connection.execute("SELECT * FROM monitors ORDER BY id").fetchall()
    for number, row in enumerate(rows, start=1):
        if row["webhook_url"]:
            yield _read(row, "webhook_url", ChannelEntry, _channel(row, number))
    history = _history(connection)
    for number, row in enumerate(rows, start=1):
        values = _heartbeat(row, number, history.get(row["slug"], ()))
        yield _read(row, "", HeartbeatEntry, values)


def _read(row: sqlite3.Row, column: str, model: type[Entry], values: dict[str, Any]) -> Read:
    place = f"monitors[id={row['id']}]"
    return read_entry(f"{place}.{column}" if column else place, model, values)


def _channel(row: sqlite3.Row, number: int) -> dict[str, Any]:
    settings = {"url": row["webhook_url"], "template": PULSEMON}
    name = str(row["name"])[:100]
    return {"number": number, "kind": Webhook.kind, "name": name, "settings": settings}


def _heartbeat(row: sqlite3.Row, number: int, changes: Iterable[dict[str, Any]]) -> dict[str, Any]:
    # Never pinged is UNKNOWN, whatever the column says.
    status = _STATUSES.get(str(row["status"]).upper(), Status.NEW)
    return {
        "name": row["name"],
        "alias": row["slug"] or "",  # without one it could not be known again
        "token": row["token"],
        "expected_period": row["interval_seconds"],
        "grace_period": row["grace_seconds"],
        "status": status if row["last_ping"] else Status.NEW,
        "last_ping": _moment(row["last_ping"]),
        "channels": [number] if row["webhook_url"] else [],
        "created_at": _moment(row["created_at"]),
        "history": list(changes),
    }


def _history(connection: sqlite3.Connection) -> Mapping[object, deque[dict[str, Any]]]:
    """The latest changes of each slug, the oldest first. A word that is unknown means UNKNOWN."""
    found: dict[object, deque[dict[str, Any]]] = defaultdict(lambda: deque(maxlen=MAX_HISTORY))
    # Once through the whole table: it need not have an index by slug.
    for row in connection.execute("SELECT * FROM history ORDER BY id"):
        found[row["slug"]].append(
            {
                "previous": _STATUSES.get(str(row["prev_status"]).upper(), Status.NEW),
                "new": _STATUSES.get(str(row["new_status"]).upper(), Status.NEW),
                "note": str(row["note"] or "")[:500],
                "at": _moment(row["created_at"]),
            }
        )
    return found


def _moment(value: object) -> object:
    """SQLAlchemy writes UTC as text without a zone; what is no time is left for the reader."""
    if not isinstance(value, str):
        return value
    try:
        found = datetime.fromisoformat(value)
    except ValueError:
        return value
    return found if found.tzinfo else found.replace(tzinfo=UTC)
