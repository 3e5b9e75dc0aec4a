"""Reports that wait to be sent: on disk before anything else, so that no end of us loses one."""

from __future__ import annotations

import contextlib
import json
import sqlite3
import threading
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

MOST_REPORTS = 60_480  # a week of cycles of 10 s; the server keeps none for longer
MOST_BYTES = 100_000_000


@dataclass(frozen=True, slots=True)
class Waiting:
    """A report of the spool."""

    id: int
    report: dict[str, Any]


class Spool:
    """A SQLite file, for any thread. What has no room pushes out the oldest.

    Everything here may raise sqlite3.Error, and making one OSError.
    """

    def __init__(
        self, path: Path, *, most_reports: int = MOST_REPORTS, most_bytes: int = MOST_BYTES
    ) -> None:
        self._most_reports = most_reports
        self._most_bytes = most_bytes
        self._lock = threading.Lock()
        path.parent.mkdir(parents=True, exist_ok=True)
        try:
            self._connection = _open(path)
        except sqlite3.DatabaseError as error:
            if isinstance(error, sqlite3.OperationalError):
                raise
            # Not a database any more: a broken disk must not stop the reports to come.
            path.replace(path.with_suffix(".broken"))
            for suffix in ("-wal", "-shm"):
                path.with_name(path.name + suffix).unlink(missing_ok=True)
            self._connection = _open(path)
        row = self._connection.execute(
            "SELECT count(*), coalesce(sum(length(body)), 0) FROM reports"
        )
        self._count, self._bytes = row.fetchone()

    def __len__(self) -> int:
        return int(self._count)

    def keep(self, report: dict[str, Any]) -> int:
        """Store a report; return its id."""
        body = json.dumps(report, separators=(",", ":"))
        with self._lock, self._connection:
            cursor = self._connection.execute("INSERT INTO reports (body) VALUES (?)", (body,))
            self._count += 1
            self._bytes += len(body)
            while self._count > 1 and self._is_over_full:
                [oldest] = self._connection.execute("SELECT min(id) FROM reports").fetchone()
                self._delete(oldest)
        return int(cursor.lastrowid or 0)

    def oldest(self, count: int, *, most_bytes: int, but: int) -> list[Waiting]:
        """Up to `count` of the oldest, except the one of the id `but`; at least one if there is."""
        with self._lock:
            rows = self._connection.execute(
                "SELECT id, body FROM reports WHERE id <> ? ORDER BY id LIMIT ?", (but, count)
            ).fetchall()
        found: list[Waiting] = []
        size = 0
        for id_, body in rows:
            size += len(body)
            if found and size > most_bytes:
                break
            found.append(Waiting(id_, json.loads(body)))
        return found

    def drop(self, ids: Sequence[int]) -> None:
        with self._lock, self._connection:
            for id_ in ids:
                self._delete(id_)

    def close(self) -> None:
        with self._lock:
            self._connection.close()

    @property
    def _is_over_full(self) -> bool:
        return bool(self._count > self._most_reports or self._bytes > self._most_bytes)

    def _delete(self, id_: int) -> None:
        row = self._connection.execute(
            "DELETE FROM reports WHERE id = ? RETURNING length(body)", (id_,)
        ).fetchone()
        if row:
            self._count -= 1
            self._bytes -= row[0]


def _open(path: Path) -> sqlite3.Connection:
    connection = sqlite3.connect(path, timeout=5, check_same_thread=False)
    with contextlib.ExitStack() as on_failure:
        on_failure.callback(connection.close)
        connection.execute("PRAGMA journal_mode=WAL")
        connection.execute("PRAGMA synchronous=NORMAL")
        connection.execute(
            "CREATE TABLE IF NOT EXISTS reports (id INTEGER PRIMARY KEY AUTOINCREMENT, body TEXT)"
        )
        on_failure.pop_all()
    return connection
