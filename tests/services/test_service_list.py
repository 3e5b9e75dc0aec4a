"""The list of services: what it finds, and when it says that something changed."""

from datetime import timedelta

import pytest

from sentinelweb.core.results import ProbeResult, Result
from sentinelweb.services import probing, service_list, services
from sentinelweb.services.monitor_list import PAGE_SIZE
from sentinelweb.services.probing import Found
from sentinelweb.services.service_list import ListQuery
from tests.support.factories import NOW


def names(user, **query):
    return [one.name for one in service_list.find(user, ListQuery(**query)).found.monitors]


class TestQuery:
    def test_an_address_that_makes_no_sense_is_the_plain_list(self):
        assert ListQuery.parse({"probe": "ftp", "sort": "target", "status": "?"}) == ListQuery()

    def test_what_is_as_by_default_is_left_out_of_the_address(self):
        query = ListQuery.parse({"probe": "tcp", "sort": "-latency", "page": "2"})
        assert query.args(page=1) == {"probe": "tcp", "sort": "-latency"}
        assert query.narrows
        assert query.cleared() == {"sort": "-latency"}

    @pytest.mark.parametrize(
        ("text", "ids"),
        [("", []), ("1.2.30", [1, 2, 30]), ("x.-1.٣.4", [4]), ("9" * 400, []), ("\0", [])],
    )
    def test_the_ids_that_are_shown_are_read_from_the_address(self, text, ids):
        assert service_list.parse_ids(text) == ids

    def test_no_more_ids_are_read_than_a_page_has(self):
        assert len(service_list.parse_ids(".".join(["1"] * 999))) == PAGE_SIZE


class TestFind:
    def test_it_finds_by_address_but_not_by_the_secrets_in_it(self, user, other_user, make_service):
        make_service(user, name="a", target="https://me:hidden@shop.example.com/?token=hidden")
        make_service(other_user, name="b", target="https://shop.example.com/")
        assert names(user, search="SHOP.example") == ["a"]
        assert names(user, search="hidden") == []

    def test_a_new_address_is_found_at_once(self, user, make_service):
        service = make_service(user)
        services.edit(user, service.id, services.ServiceValues("https://new.example.com/"))
        assert len(names(user, search="new.example")) == 1

    def test_it_is_filtered_by_kind(self, user, make_service):
        make_service(user, name="web")
        make_service(user, name="db", probe="tcp", target="tcp://db.example.com:5432")
        make_service(user, name="far", probe="agent")
        assert names(user, probe="tcp") == ["db"]
        assert names(user, probe="agent") == ["far"]

    @pytest.mark.parametrize(
        ("sort", "expected"),
        [
            ("status", "c a b d"),
            ("-latency", "b a c d"),
            ("latency", "a b c d"),
            ("-last", "b a c d"),
            ("-name", "d c b a"),
        ],
    )
    def test_it_is_sorted_and_what_has_no_value_comes_last(
        self, user, make_service, sort, expected
    ):
        make_service(user, name="a", last_latency_ms=1.5, last_check_at=NOW - timedelta(seconds=1))
        make_service(user, name="b", last_latency_ms=90, last_check_at=NOW)
        make_service(user, name="c", status="down", last_check_at=NOW - timedelta(seconds=2))
        make_service(user, name="d", status="paused")
        assert names(user, sort=sort) == expected.split()

    def test_uptime_is_measured_for_the_page(self, user, make_service):
        service = make_service(user, last_check_at=NOW, created_at=NOW - timedelta(days=90))
        found = service_list.find(user, ListQuery())
        assert found.uptime == {service.id: [1.0, 1.0, 1.0]}


class TestState:
    @pytest.fixture
    def service(self, user, make_service):
        return make_service(user, last_check_at=NOW)

    def test_it_stays_while_nothing_of_it_changes(self, user, other_user, make_service, service):
        elsewhere = make_service(user, name="on another page")
        state = service_list.state(user, [service.id])
        make_service(other_user)
        probing.record([Found(elsewhere.id, ProbeResult(Result.UNKNOWN), NOW)])
        assert service_list.state(user, [service.id]) == state

    @pytest.mark.parametrize("action", ["result", "pause", "rename", "delete", "create"])
    def test_it_changes_with_everything_that_is_shown(
        self, user, make_service, clock, service, action
    ):
        state = service_list.state(user, [service.id])
        later = clock.advance(seconds=1)
        if action == "result":
            probing.record([Found(service.id, ProbeResult(Result.HEALTHY, 1.0), later)])
        elif action == "create":
            make_service(user)
        elif action == "rename":
            values = services.ServiceValues("https://example.com/", name="Shop")
            services.edit(user, service.id, values)
        else:
            getattr(services, action)(user, service.id)
        assert service_list.state(user, [service.id]) != state

    def test_of_another_teams_service_it_tells_nothing(self, user, other_user, make_service, clock):
        foreign = make_service(other_user)
        state = service_list.state(user, [foreign.id])
        later = clock.advance(seconds=1)
        probing.record([Found(foreign.id, ProbeResult(Result.HEALTHY, 1.0), later)])
        assert service_list.state(user, [foreign.id]) == state
