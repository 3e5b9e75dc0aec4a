"""The list: what it finds, in which order, and when it says that something changed."""

from datetime import timedelta

import pytest

from sentinelweb.core.status import Status
from sentinelweb.services import heartbeat_list, heartbeats, pings
from sentinelweb.services.heartbeat_list import ListQuery
from sentinelweb.services.heartbeats import HeartbeatValues
from sentinelweb.services.monitor_list import PAGE_SIZE
from tests.support.factories import NOW


def names(user, **query):
    found = heartbeat_list.find(user, ListQuery(**query))
    return [heartbeat.name for heartbeat in found.monitors]


class TestQuery:
    def test_an_address_that_makes_no_sense_is_the_plain_list(self):
        args = {"status": "broken", "sort": "password_hash", "page": "-3", "search": " \0 "}
        assert ListQuery.parse(args) == ListQuery()

    @pytest.mark.parametrize("page", ["0", "x", "1.5", "9" * 400, "٣", ""])
    def test_a_page_that_is_no_number_is_the_first(self, page):
        assert ListQuery.parse({"page": page}).page == 1

    def test_what_is_as_by_default_is_left_out_of_the_address(self):
        assert ListQuery().args() == {}
        query = ListQuery(search="backup", status="down", sort="-name", page=3)
        assert query.args(page=1) == {"search": "backup", "status": "down", "sort": "-name"}
        assert ListQuery.parse({key: str(value) for key, value in query.args().items()}) == query


class TestSearch:
    @pytest.fixture(autouse=True)
    def _some(self, user, other_user, make_heartbeat):
        make_heartbeat(
            user, name="Nightly Backup", description="Dump of db-1", tags=["Größe", "a"], slug="a"
        )
        make_heartbeat(
            user,
            name="Export 100%_done",
            environment="staging",
            slug="slug-of-export",
            alias="so-called",
        )
        make_heartbeat(other_user, name="Backup of others", tags=["theirs"])

    @pytest.mark.parametrize(
        ("search", "expected"),
        [
            ("backup", ["Nightly Backup"]),
            ("DB-1", ["Nightly Backup"]),
            ("GRÖSSE", ["Nightly Backup"]),
            ("grosse", ["Nightly Backup"]),
            ("EXPÓRT", ["Export 100%_done"]),
            ("stag", ["Export 100%_done"]),
            ("slug-of", ["Export 100%_done"]),
            ("called", ["Export 100%_done"]),
            ("100%_", ["Export 100%_done"]),
            ("%", ["Export 100%_done"]),
            ("_", ["Export 100%_done"]),
            ("' OR 1=1 --", []),
            ("x" * 200, []),
        ],
    )
    def test_it_looks_in_all_texts_of_the_users_own(self, user, search, expected):
        assert names(user, search=search) == expected

    def test_a_change_is_found_at_once(self, user):
        [export] = heartbeat_list.find(user, ListQuery(search="export")).monitors
        values = HeartbeatValues(name="Fatura", tags=["Ärger"], environment="ÇA VA")
        heartbeats.edit(user, export.id, values)
        for search in ("fatura", "ÄRGER", "ça va"):
            assert names(user, search=search) == ["Fatura"]
        assert names(user, search="100%") == []

    def test_a_tag_is_matched_whole(self, user):
        assert names(user, tag="Größe") == ["Nightly Backup"]
        assert names(user, tag="Gr") == []
        assert names(user, tag="theirs") == []

    def test_the_tags_in_use_are_offered(self, user):
        assert set(heartbeat_list.find(user, ListQuery()).tags) == {"Größe", "a"}


class TestOrder:
    @pytest.fixture(autouse=True)
    def _some(self, user, make_heartbeat):
        make_heartbeat(user, name="b up", last_ping=NOW)
        make_heartbeat(user, name="A up", last_ping=NOW - timedelta(seconds=5))
        make_heartbeat(user, name="c down", status="down", last_ping=NOW - timedelta(hours=1))
        make_heartbeat(user, name="d new")
        make_heartbeat(user, name="e late", status="late", last_ping=NOW - timedelta(seconds=70))
        make_heartbeat(user, name="f paused", status="paused")

    @pytest.mark.parametrize(
        ("sort", "initials"),
        [
            ("status", "c e d A b f"),
            ("-status", "f A b d e c"),
            ("name", "A b c d e f"),
            ("-name", "f e d c b A"),
            ("last", "c e A b d f"),
            ("-last", "b A e c d f"),
            ("next", "c e A b d f"),
        ],
    )
    def test_it_is_sorted_and_what_has_no_value_comes_last(self, user, sort, initials):
        assert [name[0] for name in names(user, sort=sort)] == initials.split()

    def test_it_is_filtered_by_status(self, user):
        assert names(user, status="down") == ["c down"]

    def test_the_counts_are_of_all_whatever_is_filtered(self, user, other_user, make_heartbeat):
        make_heartbeat(other_user)
        found = heartbeat_list.find(user, ListQuery(status="down"))
        assert (found.matching, found.total) == (1, 6)
        assert found.counts[Status.UP] == 2


def test_it_comes_in_pages(user, make_heartbeat):
    for number in range(PAGE_SIZE + 2):
        make_heartbeat(user, name=f"{number:03}")
    first = heartbeat_list.find(user, ListQuery(sort="name"))
    second = heartbeat_list.find(user, ListQuery(sort="name", page=2))
    assert (len(first.monitors), first.pages) == (PAGE_SIZE, 2)
    assert [heartbeat.name for heartbeat in second.monitors] == ["050", "051"]
    assert heartbeat_list.find(user, ListQuery(page=9_999_999)).monitors == []


class TestState:
    def test_it_stays_while_nothing_changes(self, user, other_user, make_heartbeat):
        make_heartbeat(user)
        state = heartbeat_list.state(user)
        make_heartbeat(other_user)
        assert heartbeat_list.state(user) == state

    @pytest.mark.parametrize("action", ["ping", "pause", "rotate_slug", "delete", "create"])
    def test_it_changes_with_everything_that_is_shown(self, user, make_heartbeat, clock, action):
        heartbeat = make_heartbeat(user, last_ping=NOW)
        state = heartbeat_list.state(user)
        clock.advance(seconds=1)
        if action == "ping":
            pings.record([pings.Signal(heartbeat.slug, clock.now)])
        elif action == "create":
            make_heartbeat(user)
        else:
            getattr(heartbeats, action)(user, heartbeat.id)
        assert heartbeat_list.state(user) != state
