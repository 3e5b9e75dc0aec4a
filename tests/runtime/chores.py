"""Jobs for the tests of the worker."""

from __future__ import annotations

import os
import time
from typing import Any

import sqlalchemy as sa
import structlog

from sentinelweb.db import db


def describe() -> dict[str, Any]:
    """What a job finds where it runs."""
    fresh = not db.session.registry.has()
    return {
        "pid": os.getpid(),
        "parent": os.getppid(),
        "fresh_session": fresh,
        "database_answers": db.session.scalar(sa.select(1)) == 1,
        "log_context": structlog.contextvars.get_contextvars(),
    }


def linger(seconds: float) -> int:
    time.sleep(seconds)
    return os.getpid()


def fail() -> None:
    raise RuntimeError("as it was asked to")
