"""Counts of monitors follow every change, so that nobody has to count rows."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

from sentinelweb.core.status import Status
from sentinelweb.models import HeartbeatCheck, User
from sentinelweb.services import audit, counts, pings
from tests.support.factories import NOW, team_of

MakeHeartbeat = Callable[..., HeartbeatCheck]


def present(kind: str = "heartbeat", **values: list[int]) -> dict[str, int]:
    return {str(status): n for status, n in counts.by_status(kind, **values).items() if n}


def test_a_change_of_status_moves_one_from_the_old_count_to_the_new(
    user: User, make_heartbeat: MakeHeartbeat
) -> None:
    heartbeat = make_heartbeat(user)
    make_heartbeat(user)
    assert present() == {"new": 2}

    pings.record([pings.Signal(heartbeat.slug, NOW)])
    assert present() == {"new": 1, "up": 1}

    audit.run(NOW + timedelta(seconds=91))
    assert present() == {"new": 1, "down": 1}


def test_counts_of_one_team_leave_the_others_out(
    user: User, other_user: User, make_heartbeat: MakeHeartbeat
) -> None:
    make_heartbeat(user)
    make_heartbeat(other_user)

    assert present(team_ids=[team_of(user).id]) == {"new": 1}
    assert present(team_ids=[]) == {}


def test_every_status_is_there_even_if_nothing_has_it(user: User) -> None:
    assert counts.by_status("heartbeat", [team_of(user).id]) == dict.fromkeys(Status, 0)


def test_recounting_gives_what_the_changes_gave(user: User, make_heartbeat: MakeHeartbeat) -> None:
    heartbeats = [make_heartbeat(user) for _ in range(3)]
    pings.record([pings.Signal(heartbeats[0].slug, NOW)])
    kept = present()

    counts.recount()

    assert present() == kept == {"new": 2, "up": 1}
