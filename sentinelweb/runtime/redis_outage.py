"""What a worker's log tells of a Redis that is away: little, and that it is back."""

from __future__ import annotations

import logging
import time

import structlog
from redis.exceptions import RedisError

log = structlog.get_logger(__name__)

# Seconds until it is told again: at first and at last, doubling.
FIRST_PAUSE = 60.0
LAST_PAUSE = 3_600.0


class RedisOutage(logging.Filter):
    """Tells of an outage at once, then ever more seldom, and when it is over.

    It is a filter of RQ's logger as well, because RQ has a line for each of its tries, which come
    every two seconds, and a traceback where Redis goes away in the middle of something. Of the
    workers that share a Redis one tells; the `silent` others leave it at keeping RQ quiet.
    """

    def __init__(self, *, silent: bool) -> None:
        super().__init__()
        self._silent = silent
        self._began_at: float | None = None
        self._tell_at = 0.0
        self._pause = FIRST_PAUSE

    def filter(self, record: logging.LogRecord) -> bool:
        error: object = record.exc_info[1] if record.exc_info else None
        if "could not connect to Redis" in str(record.msg):
            error = record.args[1] if isinstance(record.args, tuple) else record.msg
        elif not isinstance(error, RedisError):
            return True
        self.goes_on(error)
        return False

    def goes_on(self, error: object) -> None:
        now = time.monotonic()
        if self._began_at is None:
            self._began_at = self._tell_at = now
            self._pause = FIRST_PAUSE
        if now >= self._tell_at:
            self._tell("redis_away", seconds=round(now - self._began_at), error=str(error))
            self._tell_at = now + self._pause
            self._pause = min(self._pause * 2, LAST_PAUSE)

    def is_over(self) -> None:
        """To be called whenever Redis has answered."""
        if self._began_at is not None:
            self._tell("redis_back", seconds=round(time.monotonic() - self._began_at))
            self._began_at = None

    def _tell(self, event: str, **facts: object) -> None:
        if not self._silent:
            log.warning(event, **facts)
