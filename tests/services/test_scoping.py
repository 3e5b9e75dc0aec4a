"""Who may see what."""

import pytest
import sqlalchemy as sa

from sentinelweb.db import db, writing
from sentinelweb.models import Channel, HeartbeatCheck, Membership, Monitor, Role, Team
from sentinelweb.services import scoping
from sentinelweb.services.errors import NotFoundError
from tests.support.factories import NOW, team_of


def join(user, team):
    db.session.add(Membership(team_id=team.id, user_id=user.id, role=Role.MEMBER))
    db.session.commit()


def test_a_user_sees_what_belongs_to_any_of_their_teams(user, other_user, make_heartbeat):
    shared = make_heartbeat(other_user)
    with pytest.raises(NotFoundError):
        scoping.owned(user, HeartbeatCheck, shared.id)
    join(user, team_of(other_user))
    assert scoping.owned(user, HeartbeatCheck, shared.id) is shared
    assert scoping.owned(user, Monitor, shared.id) is shared


def test_what_a_user_makes_belongs_to_the_personal_team(user, other_user):
    own = team_of(other_user)
    join(other_user, team_of(user))  # which is older, and personal too
    assert scoping.home_team(other_user) == own.id


def test_channels_are_scoped_as_monitors_are(user, other_user, make_channel):
    channel = make_channel(user)
    assert scoping.owned(user, Channel, channel.id) is channel
    with pytest.raises(NotFoundError):
        scoping.owned(other_user, Channel, channel.id)


def test_for_update_it_is_read_anew(app, user, make_heartbeat):
    heartbeat = make_heartbeat(user, name="old")
    db.session.commit()
    with db.engine.begin() as connection:
        connection.execute(sa.update(Monitor.__table__).values(name="new"))
    with writing() as session:
        found = scoping.owned_for_update(user, HeartbeatCheck, heartbeat.id, session)
    assert found.name == "new"


def test_a_user_without_a_team_sees_nothing(user, make_heartbeat):
    heartbeat = make_heartbeat(user)
    db.session.execute(sa.delete(Membership))
    db.session.add(Team(name="Empty", created_at=NOW))
    db.session.commit()
    assert scoping.team_ids(user) == []
    with pytest.raises(NotFoundError):
        scoping.owned(user, HeartbeatCheck, heartbeat.id)
