"""When results become a status: failures must be confirmed, recovery is immediate (seed 004)."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sentinelweb.core.results import ProbeResult, Result
from sentinelweb.core.status import Decision, Event, Status, decide


@dataclass(frozen=True, slots=True)
class Verdict:
    """`failures` is how many results in a row were failures, this one included."""

    decision: Decision
    failures: int


def judge(
    status: Status, failures: int, found: ProbeResult, now: datetime, *, threshold: int
) -> Verdict:
    """Return the status after `found`, which follows `failures` failures in a row.

    An unknown result neither confirms nor clears: we could not look.
    """
    if found.result is Result.UNKNOWN:
        return Verdict(Decision(status), failures)
    if found.result is Result.HEALTHY:
        return Verdict(decide(status, Event.ANSWERED, None, now), 0)
    failures += 1
    if failures < threshold:
        return Verdict(Decision(status), failures)
    return Verdict(decide(status, Event.FAILED, None, now, reason=found.reason), failures)
