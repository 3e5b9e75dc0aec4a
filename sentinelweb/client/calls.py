"""Calls to SentinelWeb that never raise: whoever is watched must not suffer from the watching."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import requests

TIMEOUT = (3.0, 5.0)  # seconds to connect, and between two bytes
RETRY_DELAYS = (0.5, 1.0, 2.0)


def complain(text: str) -> None:
    """Where people look when something is odd, and where no program reads data."""
    try:
        print(f"sentinelweb: {text}", file=sys.stderr)  # noqa: T201 - a command says it there
    except (OSError, ValueError):  # nobody listens, or it is closed
        return


@dataclass(slots=True)
class Caller:
    """Calls one server. It complains once when that begins to fail, and is silent until it works.

    `headers` may hold a secret: never show it.
    """

    headers: Mapping[str, str] = field(default_factory=dict)
    complain: Callable[[str], None] = complain
    _fails: bool = False

    def call(
        self, method: str, url: str, *, tries: int = 1, until: float = float("inf"), **content: Any
    ) -> requests.Response | None:
        """The answer; None if there was none, or the server is in trouble itself.

        `until` is an instant of the monotonic clock after which nothing is tried again.
        """
        problem = "it does not answer"
        for delay in (*RETRY_DELAYS[: tries - 1], None):
            try:
                answer = requests.request(
                    method,
                    url,
                    headers=dict(self.headers),
                    timeout=TIMEOUT,
                    allow_redirects=False,
                    **content,
                )
            except (requests.RequestException, OSError, ValueError) as error:
                problem = type(error).__name__
            else:
                if answer.status_code < 500 and answer.status_code != 429:
                    self._judge(answer)
                    return answer
                problem = f"it answers {answer.status_code}"
            if delay is None or time.monotonic() + delay > until:
                break
            time.sleep(delay)
        self._fail(problem)
        return None

    def _judge(self, answer: requests.Response) -> None:
        if answer.ok:
            self._fails = False
        else:
            self._fail(f"it answers {answer.status_code}")

    def _fail(self, problem: str) -> None:
        """Without the URL, which may hold a token."""
        if not self._fails:
            self.complain(f"SentinelWeb was not told: {problem}")
        self._fails = True
