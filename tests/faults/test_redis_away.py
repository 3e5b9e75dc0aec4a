"""Redis goes away for a moment, for a while and for good, and no ping and no alert is lost.

It is killed and comes back after 0.3 s and after 8 s, with its data and empty, and once it hangs.
"""

from __future__ import annotations

import random
import time
from collections.abc import Callable
from pathlib import Path

from tests.faults.ordeal import endure
from tests.faults.site import Site
from tests.support.receiver import Receiver
from tests.support.stack import PrivateRedis


def test_no_alert_is_lost_when_redis_goes_away(
    open_site: Callable[..., Site],
    receiver: Receiver,
    chance: random.Random,
    tmp_path: Path,
    rounds: int,
) -> None:
    (tmp_path / "redis").mkdir()
    with PrivateRedis(tmp_path / "redis") as redis:
        site = open_site(redis_url=redis.url, alerts_per_minute=0, flapping_changes=0)

        def go_away() -> None:
            outages = [(0.3, False), (0.3, True), (8, False), (8, True)] * rounds
            chance.shuffle(outages)
            for seconds, empty in outages:
                time.sleep(chance.uniform(1, 3))
                redis.stop()
                time.sleep(seconds)
                redis.start(empty=empty)
            time.sleep(chance.uniform(0, 2))
            redis.freeze()
            time.sleep(5)
            redis.stop()
            redis.start()

        endure(site, receiver, chance, go_away)
        site.stack.kill()
