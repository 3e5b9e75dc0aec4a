"""An outage of the whole raises no alarm for jobs that live, and hides none that died (ADR 3).

All processes are killed for longer than every deadline, and started again. Jobs that pinged in vain
meanwhile ping again afterwards; one job never does, and is reported after its new period.
"""

from __future__ import annotations

import time
from collections.abc import Callable

import pytest
import sqlalchemy as sa

from sentinelweb.db import db, writing
from sentinelweb.models import HeartbeatCheck, Outage
from tests.faults import jobs
from tests.faults.site import Site
from tests.faults.truth import check_alerts, unfinished
from tests.support.factories import make_channel, make_heartbeat, make_user
from tests.support.receiver import Receiver
from tests.support.stack import wait_until

PERIOD, GRACE = 5, 3
AWAY = 12  # seconds


@pytest.fixture
def site(database: str, database_url: str, open_site: Callable[..., Site]) -> Site:
    return open_site() if database == "sqlite" else open_site(database_url=database_url)


def test_an_outage_is_forgiven_to_jobs_that_live_and_not_to_one_that_died(
    site: Site, receiver: Receiver
) -> None:
    user = make_user()
    channel = make_channel(user)
    with writing():  # the workers write too
        channel.settings = {**channel.settings, "url": f"{receiver.url}/{channel.id}"}
    heartbeats = [
        make_heartbeat(user, name=f"Job {n}", expected_period=PERIOD, grace_period=GRACE)
        for n in range(10)
    ]
    with writing():
        for heartbeat in heartbeats:
            heartbeat.channels = [channel]
    *living, dead = [heartbeat.slug for heartbeat in heartbeats]
    for slug in [*living, dead]:
        jobs.ping(site.url, slug)
    time.sleep(1.5)  # so that the web shows a sign after that

    site.stack.kill()
    time.sleep(AWAY)
    site.stack.start()
    site.stack.becomes_ready()

    back = time.monotonic()
    db.session.remove()
    [outage] = db.session.scalars(sa.select(Outage)).all()
    assert (outage.ended_at - outage.began_at).total_seconds() >= AWAY
    while time.monotonic() < back + PERIOD + GRACE + 4:
        for slug in living:
            jobs.ping(site.url, slug)
        if time.monotonic() < back + PERIOD:
            assert receiver.calls == [], "an alarm for what nobody could have reported"
        time.sleep(1)
    receiver.wait_for(1, seconds=60)
    wait_until(lambda: unfinished() == 0, 60, "the alert to be recorded as sent")
    assert [(call.json["event"], call.json["monitor"]["slug"]) for call in receiver.calls] == [
        ("down", dead)
    ]
    down = db.session.scalars(
        sa.select(HeartbeatCheck.slug).where(HeartbeatCheck.status == "down")
    ).all()
    assert down == [dead]
    check_alerts(receiver.calls)
