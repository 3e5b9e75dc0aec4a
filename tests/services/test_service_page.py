"""The page of a service: results in pages, options without secrets, and when something changed."""

from datetime import timedelta

import pytest

from sentinelweb.core.results import ProbeResult, Result
from sentinelweb.db import db
from sentinelweb.models import ServiceCheck
from sentinelweb.services import monitor_records, probing, service_page, services
from sentinelweb.services.probing import Found
from sentinelweb.services.service_page import RESULTS
from tests.support.factories import NOW


def build(service, **options):
    options = {"before": None, "after_result": None, "timezone": "UTC"} | options
    return service_page.build(service, **options)


def add_checks(service, *checks):
    for seconds_ago, status, latency in checks:
        db.session.add(
            ServiceCheck(
                service_id=service.id,
                created_at=NOW - timedelta(seconds=seconds_ago),
                status=status,
                latency_ms=latency,
            )
        )
    db.session.commit()


class TestResults:
    def test_they_come_in_pages_and_none_is_lost(self, user, make_service):
        service = make_service(user)
        # Several of one instant stand on both sides of the page's end.
        add_checks(service, *((n // 3, "healthy", float(n)) for n in range(2 * RESULTS + 5)))
        found, after = [], None
        while True:
            page = monitor_records.results(service, after, RESULTS)
            found += [check.id for check in page.rows]
            after = page.following
            if after is None:
                break
        assert len(found) == len(set(found)) == 2 * RESULTS + 5
        first = monitor_records.results(service, None, RESULTS).rows
        assert [check.created_at for check in first] == sorted(
            (check.created_at for check in first), reverse=True
        )

    def test_the_result_of_another_service_begins_no_page(self, user, make_service):
        mine, other = make_service(user), make_service(user)
        add_checks(mine, (5, "healthy", 1.0))
        add_checks(other, (1, "healthy", 1.0))
        [foreign] = monitor_records.results(other, None, RESULTS).rows
        assert monitor_records.results(mine, foreign.id, RESULTS).rows == []
        assert monitor_records.results(mine, 2**62, RESULTS).rows == []


class TestState:
    def test_it_stays_while_nothing_changes(self, user, make_service):
        service = make_service(user, last_check_at=NOW)
        state = service_page.state(service)
        service.claimed_at = NOW
        service.next_check_at = NOW + timedelta(minutes=10)
        db.session.commit()
        assert service_page.state(service) == state

    @pytest.mark.parametrize("action", ["result", "pause", "channels"])
    def test_it_changes_with_what_is_shown(self, user, make_service, make_channel, clock, action):
        service = make_service(user, last_check_at=NOW)
        state = service_page.state(service)
        later = clock.advance(seconds=1)
        if action == "result":
            probing.record([Found(service.id, ProbeResult(Result.HEALTHY, 1.0), later)])
        elif action == "pause":
            services.pause(user, service.id)
        else:
            services.choose_channels(user, service.id, [make_channel(user).id])
        db.session.expire_all()
        assert service_page.state(service) != state


def test_a_look_that_was_asked_for_is_done_with_the_first_later_result(user, make_service):
    service = make_service(user)
    assert not service_page.progress(service, NOW).is_done
    service.last_check_at = NOW - timedelta(microseconds=1)
    assert not service_page.progress(service, NOW).is_done
    service.last_check_at = NOW
    assert service_page.progress(service, NOW).is_done


def test_options_are_shown_without_their_secrets(user, make_service):
    stored = {"token": "hidden", "headers": "X-Key: hidden", "keyword": "ok", "verify_tls": False}
    service = make_service(user, options=stored)
    texts = {option.name: text for option, text in build(service).options}
    assert texts["keyword"] == "ok"
    assert texts["verify_tls"] == "false"
    assert "hidden" not in str(texts)
