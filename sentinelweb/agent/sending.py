"""Sending reports: the present one with the oldest of those that wait, until none waits."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum
from typing import Any

import structlog

from sentinelweb.agent.settings import AgentSettings
from sentinelweb.agent.spool import Spool, Waiting
from sentinelweb.outbound import Answer, OutboundError, Reach, request

log = structlog.get_logger(__name__)

BATCH = 100  # reports that are sent with the present one
BATCH_BYTES = 300_000
BATCHES = 5  # of a cycle: a server that has just come back has many agents


class _Fate(Enum):
    """What becomes of a report that was sent: it is stored, is to be sent again, or cannot be."""

    STORED = "stored"
    AGAIN = "again"
    REFUSED = "refused"


@dataclass(frozen=True, slots=True)
class _Reply:
    fate: _Fate
    reason: str = ""


class Sender:
    """Empties a spool. Says once that reports do not arrive, and once that they do again."""

    def __init__(self, settings: AgentSettings, spool: Spool) -> None:
        self._settings = settings
        self._spool = spool
        self._failing = False
        self._stopping = False

    def stop(self) -> None:
        """Begin no further batch."""
        self._stopping = True

    def send(self, current: Waiting) -> bool:
        """Send the present report and what waits; return whether the present one arrived."""
        for number in range(BATCHES):
            waiting = self._spool.oldest(BATCH, most_bytes=BATCH_BYTES, but=current.id)
            if number and (self._stopping or not waiting):
                break
            # Once alone, as a server that does not believe our clock cannot know it again; batches
            # after the first go along with a sign of life.
            present = current.report if number == 0 else {"services": {}}
            reply = self._post(present, waiting)
            if reply.fate is _Fate.REFUSED and waiting:
                log.error("reports_given_up", count=len(waiting), reason=reply.reason)
                self._spool.drop([item.id for item in waiting])
                waiting = []
                reply = self._post(present, [])
            self._tell(reply)
            if reply.fate is _Fate.AGAIN:
                return number > 0
            self._spool.drop([current.id, *(item.id for item in waiting)])
            if reply.fate is _Fate.REFUSED:
                return False
        return True

    def _post(self, present: dict[str, Any], waiting: Sequence[Waiting]) -> _Reply:
        body = dict(present)
        if waiting:
            body["cycles"] = [item.report for item in waiting]
        try:
            answer = request(
                "POST",
                self._settings.url,
                reach=Reach.ANYWHERE,
                headers={
                    "Authorization": f"Bearer {self._settings.key}",
                    "Content-Type": "application/json",
                },
                body=json.dumps(body, separators=(",", ":")).encode(),
            )
        except OutboundError as error:
            return _Reply(_Fate.AGAIN, str(error))
        return _judge(answer)

    def _tell(self, reply: _Reply) -> None:
        failing = reply.fate is not _Fate.STORED
        if failing and not self._failing:
            log.warning("reports_do_not_arrive", reason=reply.reason)
        elif self._failing and not failing:
            log.info("reports_arrive_again", waiting=len(self._spool))
        self._failing = failing


def _judge(answer: Answer) -> _Reply:
    """200, 220 and 221 are the seed's for a report that was taken in."""
    try:
        told = json.loads(answer.body)
    except ValueError:
        told = None
    told = told if isinstance(told, dict) else {}
    if 200 <= answer.status < 300:
        # Other receivers say nothing of it, and have stored what they wanted.
        if told.get("stored", True):
            return _Reply(_Fate.STORED)
        return _Reply(_Fate.AGAIN, "The server could not store the report.")
    if answer.status == 401:
        return _Reply(_Fate.AGAIN, "The server does not know the key.")
    if answer.status in {413, 422}:
        errors = json.dumps(told.get("errors") or told.get("error") or "")[:500]
        return _Reply(
            _Fate.REFUSED, f"The server refuses the report (HTTP {answer.status}): {errors}"
        )
    return _Reply(_Fate.AGAIN, f"The server answers HTTP {answer.status}.")
