"""Who may see what."""

import pytest
import sqlalchemy as sa

from sentinelweb.db import db, writing
from sentinelweb.models import Channel, HeartbeatCheck, Membership, Monitor, Role, Team
from sentinelweb.services import api_keys, channels, scoping
from sentinelweb.services.channels import ChannelValues
from sentinelweb.services.errors import NotAllowedError, NotFoundError
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


@pytest.mark.parametrize("role", list(Role))
def test_keys_of_the_api_are_the_business_of_admins(user, other_user, role):
    key, _secret = api_keys.create(other_user, name="Deployments", can_write=True)
    db.session.add(Membership(team_id=key.team_id, user_id=user.id, role=role))
    db.session.commit()
    may = role in {Role.ADMIN, Role.OWNER}
    assert api_keys.of_teams(user) == ([key] if may else [])
    if not may:
        with pytest.raises(NotFoundError):
            api_keys.revoke(user, key.id)


def test_who_is_a_viewer_everywhere_makes_nothing(user, other_user):
    team = team_of(other_user)
    db.session.execute(sa.delete(Membership).where(Membership.user_id == user.id))
    db.session.add(Membership(team_id=team.id, user_id=user.id, role=Role.VIEWER))
    db.session.commit()
    assert scoping.team_ids(user) == [team.id]
    with pytest.raises(NotAllowedError):
        scoping.home_team(user)


def test_a_member_of_another_team_makes_no_channel_for_it(user, other_user, settings):
    team = team_of(other_user)
    db.session.execute(sa.delete(Membership).where(Membership.user_id == user.id))
    db.session.add(Membership(team_id=team.id, user_id=user.id, role=Role.MEMBER))
    db.session.commit()
    with pytest.raises(NotAllowedError):
        channels.create(user, "webhook", ChannelValues("Ours", {}), settings, for_all_monitors=True)
    assert db.session.scalars(sa.select(Channel)).all() == []
