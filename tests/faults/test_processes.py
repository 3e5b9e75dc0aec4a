"""Whatever process of `make run` is killed or hangs is back within 5 s of being noticed.

And `/ready` says so meanwhile. A process that ends is noticed at once, one that is stopped by a
signal within 4 s. Each part is killed and stopped once, and with `SENTINELWEB_FAULT_ROUNDS=10` ten
times; see conftest.py.
"""

from __future__ import annotations

import contextlib
import random
import signal
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, NamedTuple

import psutil
import pytest

from tests.faults.clients import Clients
from tests.faults.harm import part_of
from tests.faults.site import Site
from tests.faults.truth import check_pings
from tests.support.factories import make_heartbeat, make_user
from tests.support.patience import slowness
from tests.support.stack import ended, wait_until

# How many processes each part has, at least.
PARTS = {"web": 1, "front door": 2, "pages": 3, "worker": 8, "scheduler": 1, "redis": 1}

# /ready itself is away with the others.
TOLD_BY_NAME = {"worker", "scheduler", "redis"}

NOTICED_WITHIN = 4.5
BACK_WITHIN = 5.0


class Look(NamedTuple):
    """An answer of /ready, and when it was asked for and given, by time.monotonic()."""

    began: float
    ended: float
    status: int
    parts: dict[str, Any]

    def is_ready(self) -> bool:
        return self.status == 200

    def names(self, part: str) -> bool:
        return self.status == 503 and not self.parts.get(part, {"ok": True})["ok"]


def first(
    looks: list[Look], since: float, is_wanted: Callable[..., bool], *arguments: str
) -> Look | None:
    return next(
        (look for look in looks if look.began > since and is_wanted(look, *arguments)), None
    )


@contextmanager
def watching(site: Site) -> Iterator[list[Look]]:
    """Ask /ready again and again, as a monitor of the monitor would; collect what it says."""
    looks: list[Look] = []
    stop = threading.Event()

    def watch() -> None:
        while not stop.wait(0.05):
            began = time.monotonic()
            status, body = site.stack.get("/ready", timeout=10)
            parts = body.get("parts", {}) if isinstance(body, dict) else {}
            looks.append(Look(began, time.monotonic(), status, parts))

    thread = threading.Thread(target=watch)
    thread.start()
    try:
        yield looks
    finally:
        stop.set()
        thread.join()


def is_whole(site: Site, part: str) -> bool:
    return len(processes(site, part)) >= PARTS[part]


def processes(site: Site, part: str) -> list[psutil.Process]:
    return [process for process in site.stack.family() if part_of(process) == part]


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGSTOP], ids=["killed", "stopped"])
def test_each_part_comes_back_and_ready_says_that_it_is_away(
    open_site: Callable[..., Site], number: signal.Signals, rounds: int
) -> None:
    site = open_site(ping_processes=2)
    with watching(site) as looks:
        for part in list(PARTS) * rounds:
            victim = processes(site, part)[0]
            struck = time.monotonic()
            victim.send_signal(number)
            assert not ended([victim], NOTICED_WITHIN), f"{part}: is not noticed"
            since = noticed = time.monotonic()
            if part in TOLD_BY_NAME:
                said = wait_until(
                    lambda part=part, struck=struck: first(looks, struck, Look.names, part),
                    BACK_WITHIN,
                    f"{part}: /ready says that it is away",
                )
                since = max(noticed, said.began)
            ready = wait_until(
                lambda since=since: first(looks, since, Look.is_ready),
                BACK_WITHIN,
                f"{part}: is ready",
            )
            assert ready.began < noticed + BACK_WITHIN * slowness()
            wait_until(
                lambda part=part: is_whole(site, part),
                BACK_WITHIN,
                f"{part}: is whole",
            )
            time.sleep(1)
    assert "Traceback" not in site.stack.output


def test_pages_that_keep_dying_disturb_no_ping(
    open_site: Callable[..., Site], chance: random.Random, rounds: int
) -> None:
    site = open_site()
    slug = make_heartbeat(make_user()).slug
    doors = processes(site, "front door")
    with Clients(site.stack.port, [slug], chance, count=2, pause=0.01) as clients:
        until = time.monotonic() + 12 * rounds
        while time.monotonic() < until:
            for process in processes(site, "pages"):
                with contextlib.suppress(psutil.NoSuchProcess):
                    process.kill()
            time.sleep(0.05)
    assert processes(site, "front door") == doors
    assert set(clients.answers) == {200}
    check_pings(clients)
    site.stack.becomes_ready(within=8)
