"""PostgreSQL restarts under load: pings wait for it or are refused, and none that counted is lost.

It is stopped cleanly, at once, and killed, in turn. `SENTINELWEB_FAULT_ROUNDS=10` does it ten times
as often; see conftest.py.
"""

from __future__ import annotations

import random
import signal
import time
from collections.abc import Callable

from sentinelweb.db import db
from tests.faults.clients import Clients
from tests.faults.harm import part_of
from tests.faults.site import Site
from tests.faults.truth import check_pings
from tests.support.databases import url_text
from tests.support.factories import make_heartbeat, make_user
from tests.support.servers import PostgresServer
from tests.support.stack import wait_until

WAITED_FOR = 2.0  # seconds


def lasting(site: Site) -> set[int]:
    """The ids of processes that are to live on."""
    parts = {"web", "front door", "pages", "scheduler"}
    return {process.pid for process in site.stack.family() if part_of(process) in parts}


def test_pings_outlive_restarts_of_postgresql(
    open_site: Callable[..., Site], postgres: PostgresServer, chance: random.Random, rounds: int
) -> None:
    site = open_site(database_url=url_text(postgres.url), ping_processes=2)
    user = make_user()
    slugs = [make_heartbeat(user, name=f"Job {number}").slug for number in range(10)]
    db.session.remove()
    before = lasting(site)
    with Clients(site.stack.port, slugs, chance, count=4, pause=0.005) as clients:
        for number in [signal.SIGINT, signal.SIGQUIT, signal.SIGKILL] * rounds:
            clients.serving.clear()
            assert clients.serving.wait(60), "no ping is recorded"
            time.sleep(chance.uniform(0.2, 1))
            refused, began = clients.answers[503], time.monotonic()
            postgres.stop(number)
            time.sleep(chance.uniform(0, 0.5))
            postgres.start()
            clients.serving.clear()
            assert clients.serving.wait(60), "no ping is recorded"
            if time.monotonic() - began < WAITED_FOR:
                assert clients.answers[503] == refused, "a short restart is waited for"

        clients.serving.clear()
        postgres.stop(signal.SIGKILL)
        wait_until(lambda: clients.answers[503] > 0, 60, "a long one is not")
        wait_until(lambda: site.stack.get("/ready")[0] == 503, 60, "/ready says so")
        postgres.start()
        assert clients.serving.wait(60), "no ping is recorded"
        site.stack.becomes_ready(within=60)
    assert set(clients.answers) <= {200, 503}
    check_pings(clients, exactly_once=False)
    assert lasting(site) == before, "a process has died of it"
