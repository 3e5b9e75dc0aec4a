"""Everything that the page of one ping shows."""

from datetime import timedelta

import pytest
import sqlalchemy as sa

from sentinelweb.db import db
from sentinelweb.models import Ping
from sentinelweb.services import ping_page, pings
from sentinelweb.services.errors import NotFoundError
from sentinelweb.services.pings import Signal
from tests.support.factories import NOW


@pytest.fixture
def heartbeat(user, make_heartbeat):
    return make_heartbeat(user)


def ping(heartbeat, seconds=0, **values):
    pings.record([Signal(heartbeat.slug, NOW + timedelta(seconds=seconds), **values)])
    return db.session.scalar(sa.select(sa.func.max(Ping.id)))


def test_a_body_is_shown_and_kept_as_it_came(user, heartbeat):
    id_ = ping(heartbeat, body=b"done\0", body_size=5)
    page = ping_page.build(user, heartbeat.id, id_)
    assert (page.kept, page.is_cut) == (5, False)
    assert page.body is not None
    assert ping_page.body(user, heartbeat.id, id_) == b"done\0"


def test_a_body_that_was_cut_is_called_so(user, heartbeat):
    page = ping_page.build(user, heartbeat.id, ping(heartbeat, body=b"begin", body_size=5_000))
    assert (page.kept, page.is_cut) == (5, True)


def test_without_a_body_there_is_nothing_to_keep(user, heartbeat):
    id_ = ping(heartbeat)
    assert ping_page.build(user, heartbeat.id, id_).body is None
    with pytest.raises(NotFoundError):
        ping_page.body(user, heartbeat.id, id_)


def test_it_leads_to_its_neighbours_of_the_same_heartbeat(user, heartbeat, make_heartbeat):
    # Of one instant, and stored in another order than they came.
    later, first, second = (ping(heartbeat, seconds) for seconds in (5, 0, 0))
    ping(make_heartbeat(user))
    neighbours = {}
    for id_ in (first, second, later):
        page = ping_page.build(user, heartbeat.id, id_)
        neighbours[id_] = (page.older, page.newer)
    assert neighbours == {first: (None, second), second: (first, later), later: (second, None)}


@pytest.mark.parametrize("read", [ping_page.build, ping_page.body])
def test_a_ping_of_another_heartbeat_or_team_is_not_found(
    read, user, other_user, heartbeat, make_heartbeat
):
    id_ = ping(heartbeat, body=b"secret", body_size=6)
    with pytest.raises(NotFoundError):
        read(user, make_heartbeat(user).id, id_)
    with pytest.raises(NotFoundError):
        read(other_user, heartbeat.id, id_)
    for nothing in (0, id_ + 1, 2**63, 2**200):
        with pytest.raises(NotFoundError):
            read(user, heartbeat.id, nothing)
