"""A worker of gunicorn says again and again that hosts can report to it."""

from __future__ import annotations

import threading
import time

import structlog
from flask import Flask
from sqlalchemy.exc import SQLAlchemyError

from sentinelweb import clock
from sentinelweb.services import outages

log = structlog.get_logger(__name__)

EVERY = 2.0  # seconds; hosts report less often than jobs ping


def show(app: Flask) -> None:
    """Do so in a thread, for as long as this process lives."""
    threading.Thread(target=_show, args=[app], name="signs", daemon=True).start()


def _show(app: Flask) -> None:
    failed = False
    while True:
        try:
            with app.app_context():
                outages.sign_of_pages(clock.now())
            failed = False
        except (SQLAlchemyError, OSError) as error:  # OSError: SQLite's lock file, on a full disk
            if not failed:
                log.warning("database_away", part=outages.PAGES, error=str(error))
            failed = True
        time.sleep(EVERY)
