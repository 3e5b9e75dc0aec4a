"""Heartbeats by their team's ping key and alias."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import sqlalchemy as sa
from flask import Flask

from sentinelweb.core.status import Status
from sentinelweb.db import db
from sentinelweb.models import Channel, HeartbeatCheck, User
from sentinelweb.services import counts, pings
from sentinelweb.services.pings import Signal
from tests.support.factories import NOW, team_of
from tests.support.parallel import together

MakeHeartbeat = Callable[..., HeartbeatCheck]


def ping(key: str | None, alias: str, *, create: bool = False) -> str | None:
    """The name of the heartbeat that was pinged."""
    [name] = pings.record([Signal(alias, NOW, ping_key=key, create=create)])
    db.session.expire_all()
    return name


def test_the_key_of_its_team_finds_a_heartbeat_by_its_alias(
    user: User, other_user: User, make_heartbeat: MakeHeartbeat
) -> None:
    heartbeat = make_heartbeat(user, name="Nightly backup", alias="nightly")

    assert ping(team_of(user).ping_key, "nightly") == "Nightly backup"
    assert ping(team_of(other_user).ping_key, "nightly") is None
    assert ping(None, "nightly") is None
    assert ping(team_of(user).ping_key, heartbeat.slug) is None
    assert heartbeat.total_pings == 1


def test_two_teams_may_use_the_same_alias(
    user: User, other_user: User, make_heartbeat: MakeHeartbeat
) -> None:
    make_heartbeat(user, name="Ours", alias="nightly")
    make_heartbeat(other_user, name="Theirs", alias="nightly")
    signals = [
        Signal("nightly", NOW, ping_key=team_of(owner).ping_key) for owner in (user, other_user)
    ]
    assert pings.record(signals) == ["Ours", "Theirs"]


def test_create_makes_a_heartbeat_that_tells_all_channels_of_the_team(
    user: User, other_user: User, make_channel: Callable[..., Channel]
) -> None:
    channel = make_channel(user)
    make_channel(other_user)
    assert ping(team_of(user).ping_key, "nightly", create=True) == "nightly"

    heartbeat = db.session.scalars(sa.select(HeartbeatCheck)).one()
    assert (heartbeat.alias, heartbeat.status, heartbeat.total_pings) == ("nightly", "up", 1)
    assert (heartbeat.expected_period, heartbeat.grace_period) == (86_400, 3_600)
    assert heartbeat.channels == [channel]
    assert len(heartbeat.slug) >= 22
    assert counts.by_status("heartbeat", [team_of(user).id])[Status.UP] == 1


@pytest.mark.parametrize("alias", ["start", "0", "255", "a b", "", "é", "a\0", "x" * 81])
def test_create_makes_nothing_of_what_is_no_alias(user: User, alias: str) -> None:
    assert ping(team_of(user).ping_key, alias, create=True) is None
    assert ping("no-such-key", "nightly", create=True) is None
    assert db.session.scalars(sa.select(HeartbeatCheck)).all() == []


def test_many_that_create_the_same_at_once_make_one(app: Flask, user: User) -> None:
    key = team_of(user).ping_key
    names = together(app, [lambda: ping(key, "nightly", create=True)] * 6)
    assert names == ["nightly"] * 6
    assert db.session.scalars(sa.select(HeartbeatCheck)).one().total_pings == 6


def ping_by_token(alias: str, token: str) -> str | None:
    [name] = pings.record([Signal(alias, NOW, token=token)])
    return name


def test_a_token_of_its_own_finds_a_heartbeat_by_its_alias(
    user: User, make_heartbeat: MakeHeartbeat
) -> None:
    heartbeat = make_heartbeat(user, alias="backup-noite", token="secret")
    make_heartbeat(user, alias="without-token")

    assert ping_by_token("backup-noite", "secret")
    for alias, token in [("backup-noite", "Secret"), ("backup-noite", "secre"), ("x", "secret")]:
        assert ping_by_token(alias, token) is None
    assert ping_by_token("without-token", "secret") is None
    assert ping(heartbeat.slug, "secret") is None

    db.session.refresh(heartbeat)
    assert heartbeat.total_pings == 1


def test_of_two_teams_with_the_same_alias_the_token_tells(
    user: User, other_user: User, make_heartbeat: MakeHeartbeat
) -> None:
    mine = make_heartbeat(user, alias="backup", token="mine")
    theirs = make_heartbeat(other_user, alias="backup", token="theirs")

    signals = [Signal("backup", NOW, token=token) for token in ("theirs", "mine", "nobody's")]
    names = pings.record([*signals, Signal(mine.slug, NOW)])

    assert [name is not None for name in names] == [True, True, False, True]
    db.session.refresh(mine)
    db.session.refresh(theirs)
    assert (mine.total_pings, theirs.total_pings) == (2, 1)
