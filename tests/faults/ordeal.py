"""Jobs that die and come back while something bad happens, and what must be true afterwards."""

from __future__ import annotations

import random
from collections.abc import Callable

import sqlalchemy as sa

from sentinelweb.db import db, writing
from sentinelweb.models import HeartbeatCheck
from tests.faults import jobs
from tests.faults.clients import Clients
from tests.faults.jobs import Jobs
from tests.faults.site import Site
from tests.faults.truth import check_alerts, check_pings, unfinished
from tests.support.factories import make_channel, make_heartbeat, make_user
from tests.support.receiver import Call, Receiver, Reply
from tests.support.stack import wait_until

DOWN_WITHIN = 60
TOLD_WITHIN = 90  # a worker that was killed leaves a lease of 20 s behind


def endure(
    site: Site, receiver: Receiver, chance: random.Random, happening: Callable[[], None]
) -> None:
    """Let `happening` happen while jobs live and die; then let all die, and all come back; check.

    Every down period must have one StatusChange, and for each channel one Delivery of which the
    receiver has heard, and of "down" before "up". Every ping that was acknowledged must be stored.
    """
    receiver.default = _reply_slowly
    *slugs, yearly = _make_jobs(receiver)
    with (
        Jobs(site.url, slugs, chance),
        Clients(site.stack.port, [yearly], chance, count=1, pause=0.01) as clients,
    ):
        happening()
    wait_until(lambda: _statuses(slugs) == {"down"}, DOWN_WITHIN, "all jobs to be down")
    _expect_them_daily()
    for slug in slugs:
        jobs.ping(site.url, slug)
    assert _statuses(slugs) == {"up"}
    wait_until(lambda: unfinished() == 0, TOLD_WITHIN, "all alerts to be sent")
    check_pings(clients)
    check_alerts(receiver.calls)
    site.stack.becomes_ready()


def _make_jobs(receiver: Receiver) -> list[str]:
    """The slugs of jobs with one to three of four channels, and at the end of one that lives on."""
    user = make_user()
    channels = [make_channel(user) for _ in range(4)]
    with writing():  # the workers write too
        for channel in channels:
            channel.settings = {**channel.settings, "url": f"{receiver.url}/{channel.id}"}
    heartbeats = []
    for number in range(12):
        heartbeat = make_heartbeat(
            user, name=f"Job {number}", expected_period=jobs.PERIOD, grace_period=jobs.GRACE
        )
        heartbeats.append(heartbeat)
    yearly = make_heartbeat(user, name="Yearly job", expected_period=366 * 86_400)
    with writing():
        for number, heartbeat in enumerate(heartbeats):
            heartbeat.channels = channels[number % 4 : number % 4 + 1 + number % 3]
    return [item.slug for item in [*heartbeats, yearly]]


def _reply_slowly(_call: Call) -> Reply:
    """So that a fault finds messages under way."""
    return Reply(delay=random.uniform(0, 0.2))


def _statuses(slugs: list[str]) -> set[str]:
    db.session.remove()
    return set(
        db.session.scalars(sa.select(HeartbeatCheck.status).where(HeartbeatCheck.slug.in_(slugs)))
    )


def _expect_them_daily() -> None:
    """Else the first would be down again before the last is up, or all before all is told."""
    with writing() as session:
        session.execute(sa.update(HeartbeatCheck.__table__).values(expected_period=86_400))
