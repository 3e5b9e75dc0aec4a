"""The ping keys of teams, each of which opens `/ping/<key>/<alias>` for its team's heartbeats."""

from __future__ import annotations

import sqlalchemy as sa

from sentinelweb.db import db, writing
from sentinelweb.models import Monitor, Role, Team, User
from sentinelweb.models.team import new_ping_key
from sentinelweb.services import scoping
from sentinelweb.services.errors import NotFoundError


def teams(user: User) -> list[Team]:
    """The teams that the user makes monitors in, that first to which belongs what they make."""
    home = scoping.home_team(user)
    query = sa.select(Team).where(Team.id.in_(scoping.team_ids(user, Role.MEMBER)))
    return list(db.session.scalars(query.order_by((Team.id == home).desc(), Team.name, Team.id)))


def team(user: User, team_id: int) -> Team:
    """The team, if the user may replace its key; NotFoundError, or NotAllowedError for a member."""
    found = next((team for team in teams(user) if team.id == team_id), None)
    if found is None:
        raise NotFoundError
    scoping.require(user, team_id, Role.ADMIN)
    return found


def alias_count(team: Team) -> int:
    """How many of the team's heartbeats have an alias, and may be pinged by the key."""
    query = sa.select(sa.func.count()).where(Monitor.team_id == team.id, Monitor.alias.is_not(None))
    return db.session.scalar(query) or 0


def rotate(user: User, team_id: int) -> None:
    """Give the team a new key; URLs with the old one are unknown from now on."""
    with writing():
        team(user, team_id).ping_key = new_ping_key()
