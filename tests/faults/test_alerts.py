"""Each time a job goes down is told, and each time it is up again, whatever is killed meanwhile.

The processes of `make run` are killed and stopped at random points; Redis loses its data; where
PostgreSQL is the database, it crashes and restarts. `SENTINELWEB_FAULT_ROUNDS=20` makes it take
minutes; see conftest.py.
"""

from __future__ import annotations

import random
from collections.abc import Callable

from tests.faults.harm import PARTS, Harm
from tests.faults.ordeal import endure
from tests.faults.site import Site
from tests.support.databases import url_text
from tests.support.receiver import Receiver
from tests.support.servers import PostgresServer

SECONDS = 20


def test_no_alert_is_lost_whatever_is_killed(
    open_site: Callable[..., Site], receiver: Receiver, chance: random.Random, rounds: int
) -> None:
    site = open_site(alerts_per_minute=0, flapping_changes=0)
    harm = Harm(site, chance)
    endure(site, receiver, chance, lambda: harm.go_on(SECONDS * rounds, list(PARTS)))


def test_no_alert_is_lost_when_postgresql_crashes_too(
    open_site: Callable[..., Site],
    postgres: PostgresServer,
    receiver: Receiver,
    chance: random.Random,
    rounds: int,
) -> None:
    """With digests: each channel gets no more than 5 alerts a minute one by one."""
    site = open_site(
        database_url=url_text(postgres.url),
        alerts_per_minute=5,
        flapping_changes=0,
        ping_processes=2,
    )
    harm = Harm(site, chance, postgres)
    endure(site, receiver, chance, lambda: harm.go_on(SECONDS * rounds, list(PARTS)))
