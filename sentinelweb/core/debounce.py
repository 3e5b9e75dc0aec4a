"""When results become a status: failures must be confirmed, recovery is immediate (seed 004)."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sentinelweb.core.results import ProbeResult, Result
from sentinelweb.core.status import Decision, Event, Status, decide

ALL_WELL = 200  # the relay's code (seed 004, `worker_status`)


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


@dataclass(frozen=True, slots=True)
class RelayCode:
    """What a relay is answered: `confirmed`, and `latest`, so many times in a row.

    None is no answer.
    """

    confirmed: int | None
    latest: int | None
    count: int

    def followed_by(self, code: int | None, *, threshold: int) -> RelayCode:
        """The state after one more answer. That all is well (200) needs no confirmation."""
        count = self.count + 1 if code == self.latest else 1
        is_confirmed = code == ALL_WELL or count >= threshold
        return RelayCode(code if is_confirmed else self.confirmed, code, count)
