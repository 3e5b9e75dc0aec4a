"""Group commit: one thread records pings; those that arrive meanwhile share its next commit."""

from __future__ import annotations

import queue
import sqlite3
import threading
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import NamedTuple

import structlog
from flask import Flask
from sqlalchemy import exc

from sentinelweb import clock
from sentinelweb.services import outages, pings
from sentinelweb.services.pings import Receipt, Signal

log = structlog.get_logger(__name__)

# More to a commit is no faster, and keeps other writers waiting.
MAX_GROUP = 500
# Seconds that a lost connection is tried again: a restart of PostgreSQL costs no ping.
PATIENCE = 3.0

# The database is away, locked or full. OSError: SQLite's lock file cannot be made.
_AWAY = (exc.OperationalError, exc.InterfaceError, exc.TimeoutError, OSError)

Outcome = Receipt | Exception | None  # None for an unknown slug


class Waiting(NamedTuple):
    """A signal, and whom to tell what became of it."""

    signal: Signal
    settle: Callable[[Outcome], None]


class Recorder:
    """`settled(group, outcomes)` is called in the recorder's thread, after the commit."""

    def __init__(
        self, app: Flask, settled: Callable[[Sequence[Waiting], Sequence[Outcome]], None]
    ) -> None:
        self._app = app
        self._settled = settled
        self._queue: queue.SimpleQueue[Waiting | None] = queue.SimpleQueue()
        self._thread = threading.Thread(target=self._run, name="recorder", daemon=True)
        self._busy_since: float | None = None
        self._next_sign = 0.0
        self._sign_failed = False
        self._refused = 0  # since the last group that was recorded

    def start(self) -> None:
        self._thread.start()

    def record(self, waiting: Waiting) -> None:
        self._queue.put(waiting)

    def stop(self, timeout: float) -> None:
        """Record what waits, and end."""
        self._queue.put(None)
        self._thread.join(timeout)

    @property
    def busy_for(self) -> float:
        """Seconds that the present transaction has lasted."""
        since = self._busy_since
        return 0.0 if since is None else time.monotonic() - since

    def _run(self) -> None:
        with self._app.app_context():
            more = True
            while more:
                group, more = self._next_group()
                self._busy_since = time.monotonic()
                if group:
                    outcomes = _record([waiting.signal for waiting in group])
                    self._settled(group, outcomes)
                    self._tell(outcomes)
                self._show_sign()
                self._busy_since = None

    def _next_group(self) -> tuple[list[Waiting], bool]:
        """What waits, or nothing if it is time for a sign of life; and whether to go on."""
        group: list[Waiting] = []
        with suppress(queue.Empty):
            item = self._queue.get(timeout=max(0.0, self._next_sign - time.monotonic()))
            while item is not None:
                group.append(item)
                if len(group) == MAX_GROUP:
                    return group, True
                item = self._queue.get_nowait()
            return group, False
        return group, True

    def _tell(self, outcomes: Sequence[Outcome]) -> None:
        """Log that pings are refused when that begins and when it ends: the disk may be full."""
        errors = [outcome for outcome in outcomes if isinstance(outcome, Exception)]
        if errors and not self._refused:
            log.error("pings_not_recorded", error=str(errors[0]))
        elif self._refused and not errors:
            log.warning("pings_recorded_again", refused=self._refused)
            self._refused = 0
        self._refused += len(errors)

    def _show_sign(self) -> None:
        """Say every second that pings can be recorded."""
        now = time.monotonic()
        if now < self._next_sign:
            return
        self._next_sign = now + outages.SIGN_EVERY.total_seconds()
        try:
            outages.sign_of_web(clock.now())
            self._sign_failed = False
        except Exception as error:  # noqa: BLE001 - without this thread no ping is recorded
            if not self._sign_failed:
                log.error("database_away", error=str(error))  # noqa: TRY400 - one line, not a page
            self._sign_failed = True


def _record(signals: Sequence[Signal]) -> Sequence[Outcome]:
    """Record the group; if a signal in it fails, one by one: it must cost no other its receipt."""
    try:
        return _record_patiently(signals)
    except _AWAY as error:
        return [error] * len(signals)
    except Exception as error:
        log.exception("pings_failed", count=len(signals))
        if len(signals) == 1:
            return [error]
        return [outcome for signal in signals for outcome in _record([signal])]


def _record_patiently(signals: Sequence[Signal]) -> Sequence[Outcome]:
    until = time.monotonic() + PATIENCE
    while True:
        try:
            return pings.record(signals)
        except exc.OperationalError as error:
            # `connection_invalidated`: it broke. Without a statement: a new one was refused; but
            # SQLite has none to lose, and says so of a COMMIT on a full disk.
            refused = error.statement is None and not isinstance(error.orig, sqlite3.Error)
            if not (error.connection_invalidated or refused) or time.monotonic() > until:
                raise
            time.sleep(0.1)
