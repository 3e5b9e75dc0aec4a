"""What is alike for every kind of monitor: how one is made."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import sqlalchemy as sa

from sentinelweb.core.status import Status
from sentinelweb.db import db, writing
from sentinelweb.models import Channel, Host, Monitor, Process, User
from sentinelweb.services import counts, monitors
from sentinelweb.services.errors import NotFoundError
from tests.support.factories import NOW, team_of

MakeChannel = Callable[..., Channel]


def test_a_new_monitor_is_new_from_now_on_and_counted(user: User) -> None:
    with writing() as session:
        host = Host(team_id=team_of(user).id, name="web-1")
        monitors.add(session, host, NOW)
    assert (host.status, host.status_since, host.created_at) == ("new", NOW, NOW)
    assert len(host.slug) >= 22
    assert counts.by_status("host")[Status.NEW] == 1


def test_a_status_and_a_slug_of_its_own_are_kept(user: User) -> None:
    process = Process(
        team_id=team_of(user).id,
        name="import",
        slug="LongLivedProcess_1",
        status=Status.UP,
        expiry=60,
        last_heartbeat=NOW,
    )
    with writing() as session:
        monitors.add(session, process, NOW)
    assert (process.slug, process.status) == ("LongLivedProcess_1", "up")
    assert counts.by_status("process")[Status.UP] == 1


def test_it_alerts_the_channels_of_its_team_alone(
    user: User, other_user: User, make_channel: MakeChannel
) -> None:
    own, foreign = make_channel(user), make_channel(other_user)
    with writing() as session:
        host = Host(team_id=team_of(user).id, name="web-1")
        monitors.add(session, host, NOW, [own.id])
    assert host.channels == [own]
    other, ids = Host(team_id=team_of(user).id, name="web-2"), [own.id, foreign.id]
    with pytest.raises(NotFoundError), writing() as session:
        monitors.add(session, other, NOW, ids)
    assert db.session.scalar(sa.select(sa.func.count()).select_from(Monitor)) == 1
    assert counts.by_status("host")[Status.NEW] == 1
