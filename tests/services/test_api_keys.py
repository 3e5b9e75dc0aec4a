"""The keys by which programs act for a team."""

from datetime import timedelta

import pytest
from flask import Flask

from sentinelweb.db import db
from sentinelweb.extensions import settings
from sentinelweb.models import HeartbeatCheck
from sentinelweb.services import api_keys, heartbeats, scoping
from sentinelweb.services.errors import InvalidInputError, NotFoundError
from sentinelweb.services.heartbeats import HeartbeatValues
from sentinelweb.services.scoping import Program
from tests.conftest import Clock
from tests.support.factories import team_of

ADMIN_TOKEN = "the token of the administrator"


def authenticate(secret):
    return api_keys.authenticate(secret, settings())


@pytest.mark.parametrize("can_write", [True, False])
def test_a_key_acts_for_the_team_of_who_made_it(user, can_write):
    _key, secret = api_keys.create(user, name="Deploy script", can_write=can_write)
    assert authenticate(secret) == Program(team_of(user).id, can_write)


def test_the_secret_is_kept_nowhere(user):
    key, secret = api_keys.create(user, name="Deploy script", can_write=False)
    db.session.refresh(key)
    values = [getattr(key, column.name) for column in key.__table__.columns]
    assert secret not in map(str, values)
    assert secret.startswith(key.hint)


@pytest.mark.parametrize("secret", ["", "swk_", "swk_" + "a" * 32, "\0", "é" * 40, "x" * 100_000])
def test_what_is_no_key_opens_nothing(user, secret):
    api_keys.create(user, name="Deploy script", can_write=True)
    assert authenticate(secret) is None


def test_a_revoked_key_opens_nothing(user, other_user):
    key, secret = api_keys.create(user, name="Deploy script", can_write=True)
    with pytest.raises(NotFoundError):
        api_keys.revoke(other_user, key.id)
    assert authenticate(secret)
    assert api_keys.revoke(user, key.id) == "Deploy script"
    assert authenticate(secret) is None
    with pytest.raises(NotFoundError):
        api_keys.revoke(user, key.id)


def test_its_last_use_is_noted_once_a_minute(user, clock: Clock):
    key, secret = api_keys.create(user, name="Deploy script", can_write=False)
    assert key.last_used_at is None
    noted = []
    for _second in range(0, 90, 30):
        authenticate(secret)
        db.session.refresh(key)
        noted.append(key.last_used_at)
        clock.advance(seconds=30)
    assert noted[0] == noted[1] == noted[2] - timedelta(seconds=60)


def test_a_team_has_so_many_keys_at_most(user, other_user, monkeypatch):
    monkeypatch.setattr(api_keys, "MAX_KEYS", 2)
    for _key in range(2):
        api_keys.create(user, name="Deploy script", can_write=False)
    with pytest.raises(InvalidInputError):
        api_keys.create(user, name="One more", can_write=False)
    assert api_keys.create(other_user, name="Theirs", can_write=False)


def test_a_key_finds_nothing_of_another_team(user, other_user, make_heartbeat):
    mine, theirs = make_heartbeat(user), make_heartbeat(other_user)
    _key, secret = api_keys.create(user, name="Deploy script", can_write=True)
    program = authenticate(secret)
    assert scoping.owned(program, HeartbeatCheck, mine.id) == mine
    with pytest.raises(NotFoundError):
        scoping.owned(program, HeartbeatCheck, theirs.id)


@pytest.mark.settings(admin_token=ADMIN_TOKEN)
def test_the_admin_token_acts_for_all_teams(app: Flask, make_user, make_heartbeat):
    admin, somebody = make_user("admin@example.com", is_admin=True), make_user("a@example.com")
    theirs = make_heartbeat(somebody)
    program = authenticate(ADMIN_TOKEN)
    assert program == Program(None, can_write=True)
    assert scoping.owned(program, HeartbeatCheck, theirs.id) == theirs
    made = heartbeats.create(program, HeartbeatValues(name="Nightly backup"))
    assert made.team_id == team_of(admin).id
    assert authenticate(ADMIN_TOKEN + "x") is None
