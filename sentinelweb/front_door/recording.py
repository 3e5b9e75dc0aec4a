"""The process that records. Group commit: what arrives while it commits makes up the next group.

A process of its own, because as a thread of the door it took as much time again: the two handed
Python's lock to each other at every row. And a database that hangs cannot hang the door.

`python -m sentinelweb.front_door.recording FD`: a connected socket, on which each side writes what
`pack()` makes. It ends when the door does, and does not listen to who else may want it to: what the
door has accepted is to be recorded.
"""

from __future__ import annotations

import contextlib
import os
import pickle
import select
import signal
import socket
import sqlite3
import sys
import time
from collections.abc import Sequence

import structlog
from sqlalchemy import exc

from config import load_settings_or_exit
from sentinelweb import clock, create_database_app, lifeline, logs
from sentinelweb.core.beats import Beat, BeatReceipt
from sentinelweb.core.signals import NotRecordedError, Outcome, Signal
from sentinelweb.front_door.recorder import LENGTH, pack
from sentinelweb.services import outages, pings, process_beats

log = structlog.get_logger(__name__)

# More to a commit is no faster, and keeps other writers waiting.
MAX_GROUP = 500
PART = 1_048_576  # bytes
# Seconds that a lost connection is tried again: a restart of PostgreSQL costs no ping.
PATIENCE = 3.0

# The database is away, locked or full. OSError: SQLite's lock file cannot be made.
_AWAY = (exc.OperationalError, exc.InterfaceError, exc.TimeoutError, OSError)


class Recording:
    def __init__(self, door: socket.socket) -> None:
        self._door = door
        self._buffer = b""
        self._next_sign = 0.0
        self._sign_failed = False
        self._refused = 0  # since the last group that was recorded

    def run(self) -> None:
        """Record until the door closes its end, or is killed."""
        with contextlib.suppress(ConnectionError):
            self._run()

    def _run(self) -> None:
        while True:
            self._show_sign()
            signals = self._read(max(0.0, self._next_sign - time.monotonic()))
            if signals is None:
                return
            for start in range(0, len(signals), MAX_GROUP):
                outcomes = _record(signals[start : start + MAX_GROUP])
                self._door.sendall(pack(outcomes))
                self._tell(outcomes)

    def _read(self, patience: float) -> list[Signal | Beat] | None:
        """All signals that are there, or come within `patience` seconds; None at the end."""
        signals: list[Signal | Beat] = []
        while len(signals) < MAX_GROUP and select.select([self._door], [], [], patience)[0]:
            data = self._door.recv(PART)
            if not data:
                return signals or None
            self._buffer += data
            while len(self._buffer) >= LENGTH.size:
                end = LENGTH.size + LENGTH.unpack_from(self._buffer)[0]
                if len(self._buffer) < end:
                    break
                signals += pickle.loads(self._buffer[LENGTH.size : end])  # noqa: S301 - see pack()
                self._buffer = self._buffer[end:]
            patience = 0.0
        return signals

    def _tell(self, outcomes: Sequence[Outcome | BeatReceipt]) -> None:
        """Log that pings are refused when that begins and when it ends: the disk may be full."""
        errors = [outcome for outcome in outcomes if isinstance(outcome, NotRecordedError)]
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
        except Exception as error:  # noqa: BLE001 - whatever ails the database, pings are tried
            if not self._sign_failed:
                log.error("database_away", error=str(error))  # noqa: TRY400 - one line, not a page
            self._sign_failed = True


def _record(signals: Sequence[Signal | Beat]) -> Sequence[Outcome | BeatReceipt]:
    """Record the group; if a signal in it fails, one by one: it must cost no other its receipt."""
    try:
        return _record_patiently(signals)
    except _AWAY as error:
        return [NotRecordedError(str(error))] * len(signals)
    except Exception as error:
        log.exception("pings_failed", count=len(signals))
        if len(signals) == 1:
            return [NotRecordedError(str(error))]
        return [outcome for signal in signals for outcome in _record([signal])]


def _record_patiently(signals: Sequence[Signal | Beat]) -> Sequence[Outcome | BeatReceipt]:
    until = time.monotonic() + PATIENCE
    while True:
        try:
            return _store(signals)
        except exc.OperationalError as error:
            # `connection_invalidated`: it broke. Without a statement: a new one was refused; but
            # SQLite has none to lose, and says so of a COMMIT on a full disk.
            refused = error.statement is None and not isinstance(error.orig, sqlite3.Error)
            if not (error.connection_invalidated or refused) or time.monotonic() > until:
                raise
            time.sleep(0.1)


def _store(signals: Sequence[Signal | Beat]) -> Sequence[Outcome | BeatReceipt]:
    """Pings in one transaction, and heartbeats of processes, if there are any, in another."""
    beats = [item for item in signals if isinstance(item, Beat)]
    rest = [item for item in signals if not isinstance(item, Beat)]
    heard = iter(process_beats.record(beats) if beats else ())
    pinged = iter(pings.record(rest) if rest else ())
    return [next(heard if isinstance(item, Beat) else pinged) for item in signals]


def main() -> None:
    # It ends by itself when the door does, but while it is stopped it would hear of nothing, and
    # might keep SQLite's lock for good.
    lifeline.tie_to(os.getppid(), signal.SIGCONT)
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)
    settings = load_settings_or_exit()
    logs.configure(settings)
    with create_database_app(settings).app_context():
        Recording(socket.socket(fileno=int(sys.argv[1]))).run()


if __name__ == "__main__":
    main()
