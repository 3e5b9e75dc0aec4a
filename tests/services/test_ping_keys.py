"""The ping keys of teams."""

import pytest

from sentinelweb.db import db
from sentinelweb.models import Membership, Role, Team
from sentinelweb.services import ping_keys, pings
from sentinelweb.services.errors import NotFoundError
from sentinelweb.services.pings import Signal
from tests.support.factories import NOW, team_of


def ping(key, alias):
    [name] = pings.record([Signal(alias, NOW, ping_key=key)])
    return name


def test_the_old_key_is_unknown_and_the_new_one_works(user, make_heartbeat):
    make_heartbeat(user, alias="backup")
    team = team_of(user)
    old = team.ping_key
    assert ping(old, "backup") is not None
    ping_keys.rotate(user, team.id)
    assert team.ping_key != old
    assert ping(old, "backup") is None
    assert ping(team.ping_key, "backup") is not None


def test_the_own_team_comes_before_others_that_one_is_in(user, other_user):
    shared = Team(name="A team", created_at=NOW)
    shared.memberships.append(Membership(user=user, role=Role.MEMBER))
    db.session.add(shared)
    db.session.commit()
    assert ping_keys.teams(user) == [team_of(user), shared]
    assert ping_keys.teams(other_user) == [team_of(other_user)]


def test_heartbeats_with_an_alias_are_counted_by_team(user, other_user, make_heartbeat):
    make_heartbeat(user)
    for owner, alias in ((user, "a"), (user, "b"), (other_user, "a")):
        make_heartbeat(owner, alias=alias)
    assert ping_keys.alias_count(team_of(user)) == 2


@pytest.mark.parametrize("action", [ping_keys.team, ping_keys.rotate])
def test_the_key_of_another_team_is_not_found(action, user, other_user):
    team = team_of(other_user)
    key = team.ping_key
    for id_ in (team.id, 0, 2**80):
        with pytest.raises(NotFoundError):
            action(user, id_)
    assert team.ping_key == key
