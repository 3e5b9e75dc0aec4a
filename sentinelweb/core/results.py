"""What a probe found (seed 004, "Service States")."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum


class Result(StrEnum):
    """`UNKNOWN` is a failure of our own, and says nothing about the service."""

    HEALTHY = "healthy"
    DOWN = "down"
    ERROR = "error"
    TIMEOUT = "timeout"
    UNKNOWN = "unknown"

    @property
    def letter(self) -> str:
        """Its first letter, by which `Service.recent` keeps it."""
        return self.value[0]

    @property
    def is_failure(self) -> bool:
        return self in {Result.DOWN, Result.ERROR, Result.TIMEOUT}


BY_LETTER = {result.letter: result for result in Result}


@dataclass(frozen=True, slots=True)
class ProbeResult:
    """One look at a service.

    `latency_ms` is how long the answer took, None without one. `reason` says in a few English
    words why it is not healthy (`HTTP 500`, `Timeout`, `Connection refused`, `Container exited`);
    it is stored, so that it holds no secret and no language.
    """

    result: Result
    latency_ms: float | None = None
    status_code: int | None = None
    reason: str = ""
    certificate_expires_at: datetime | None = None
