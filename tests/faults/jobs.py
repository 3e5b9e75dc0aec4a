"""Jobs that live and die."""

from __future__ import annotations

import random
import threading
import time
from collections.abc import Sequence
from typing import Self

import requests

PERIOD, GRACE = 1, 1  # seconds


class Jobs:
    """A thread a job: pings for some seconds, is silent for longer than it may, and so on.

    Ends with the `with` block: then all of them are silent.
    """

    def __init__(self, site: str, slugs: Sequence[str], chance: random.Random) -> None:
        self._site = site
        self._stop = threading.Event()
        self._threads = [
            threading.Thread(target=self._run, args=(slug, random.Random(chance.random())))
            for slug in slugs
        ]

    def __enter__(self) -> Self:
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_error: object) -> None:
        self._stop.set()
        for thread in self._threads:
            thread.join()

    def _run(self, slug: str, chance: random.Random) -> None:
        while not self._stop.is_set():
            ping(self._site, slug)
            until = time.monotonic() + chance.uniform(0, 3)
            while time.monotonic() < until and not self._stop.wait(0.4):
                ping(self._site, slug)
            if chance.random() < 0.2:
                ping(self._site, slug, "/fail")
            self._stop.wait(PERIOD + GRACE + chance.uniform(0.5, 3))


def ping(site: str, slug: str, signal: str = "") -> None:
    """Try until it is acknowledged, as a job with `curl --retry` does."""
    until = time.monotonic() + 30
    while True:
        try:
            if requests.get(f"{site}/ping/{slug}{signal}", timeout=10).ok:
                return
        except requests.RequestException:
            pass
        assert time.monotonic() < until, "no ping is acknowledged"
        time.sleep(0.1)
