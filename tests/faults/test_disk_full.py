"""A full disk refuses pings plainly, loses none that was acknowledged, and all goes on with room.

SQLite and the embedded Redis get no more room while clients ping: on a small disk where the tests
run as root, and by a limit on the size of files, which anybody may set. The front door is killed
and started again meanwhile.
"""

from __future__ import annotations

import random
from collections.abc import Iterator
from contextlib import nullcontext
from pathlib import Path

import pytest
import requests

from sentinelweb.db import writing
from tests.faults import disks, jobs
from tests.faults.clients import Clients
from tests.faults.disks import Disk
from tests.faults.site import Site
from tests.faults.truth import check_alerts, check_pings, unfinished
from tests.support.factories import PASSWORD, make_channel, make_heartbeat, make_user
from tests.support.receiver import Receiver
from tests.support.stack import wait_until
from tests.support.visitor import Visitor


@pytest.fixture(params=["small disk", "limited files"])
def site_and_disk(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[tuple[Site, Disk]]:
    is_small = request.param == "small disk"
    data = tmp_path / "data"
    with disks.mounted(data, megabytes=24) if is_small else nullcontext(), Site(tmp_path) as site:
        yield site, disks.SmallDisk(data) if is_small else disks.LimitedFiles(site.stack)


def save_a_heartbeat(visitor: Visitor) -> requests.Response:
    visitor.get("/heartbeats/add")
    sent = visitor.filled("heartbeat-form", {"name": "Made meanwhile"})
    fields = list(sent.fields.items(multi=True))
    return visitor._session.post(visitor.site + sent.url, data=fields, timeout=10)


def banner(visitor: Visitor) -> str:
    visitor.get("/heartbeats")
    return visitor.text(".banner")


def test_a_full_disk_refuses_pings_and_loses_none(
    site_and_disk: tuple[Site, Disk], receiver: Receiver, chance: random.Random
) -> None:
    site, disk = site_and_disk
    user = make_user()
    channel = make_channel(user)
    with writing():  # the workers write too
        channel.settings = {**channel.settings, "url": f"{receiver.url}/{channel.id}"}
    job = make_heartbeat(user, expected_period=1, grace_period=1, channels=[channel])
    quiet = make_heartbeat(user, expected_period=366 * 86_400)
    with (
        Visitor(site.url) as visitor,
        Clients(site.stack.port, [quiet.slug], chance, count=2, pause=0.01) as clients,
    ):
        visitor.log_in(user.email, PASSWORD)
        jobs.ping(site.url, job.slug)
        assert clients.serving.wait(60)

        disk.fill()
        wait_until(lambda: clients.answers[503] > 20, 60, "pings to be refused")
        wait_until(lambda: not ready_parts(site)["pings"]["ok"], 60, "/ready to say so")
        wait_until(lambda: "Pings cannot be recorded" in banner(visitor), 60, "pages to say so")
        answer = save_a_heartbeat(visitor)
        assert answer.status_code == 503
        assert "disk is full" in answer.text
        assert set(clients.answers) == {200, 503}
        site.stack.process_of("sentinelweb.front_door").kill()
        refused = clients.answers[503]
        wait_until(lambda: clients.answers[503] > refused + 20, 60, "pings to be refused again")

        disk.make_room()
        clients.serving.clear()
        assert clients.serving.wait(60), "no ping is recorded"
        site.stack.becomes_ready(within=60)
        wait_until(lambda: banner(visitor) == "", 60, "the banner to go")
        assert save_a_heartbeat(visitor).status_code == 200
    receiver.wait_for(1, seconds=60)
    wait_until(lambda: unfinished() == 0, 60, "the alert to be recorded as sent")
    check_pings(clients)
    check_alerts(receiver.calls)
    assert site.stack.output.count("pings_not_recorded") <= 5, "a line for each fills a disk, too"


def ready_parts(site: Site) -> dict[str, dict[str, object]]:
    _status, body = site.stack.get("/ready")
    parts: dict[str, dict[str, object]] = body["parts"]
    return parts
