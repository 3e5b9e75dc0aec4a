"""`/` as a browser without JavaScript sees it, and the fragment that htmx asks for."""

from datetime import timedelta

import pytest

from sentinelweb.db import writing
from sentinelweb.models import MonitoringCycle, Outage, Service
from tests.support.factories import NOW
from tests.support.pages import HTMX, live

HOUR = timedelta(hours=1)


@pytest.fixture
def browser(client, user, login, clock):
    login(client, user)
    return client


def texts(browser, selector):
    return [" ".join(found.to_text().split()) for found in browser.page.query(selector)]


def test_without_a_login_it_leads_there(client, user):
    response = client.get("/")
    assert response.status_code == 303
    assert response.location.startswith("/login")


class TestNothingYet:
    def test_it_leads_to_what_can_be_added(self, browser):
        browser.get("/")
        assert browser.text(".empty h2") == "Welcome"
        links = [link.attrs["href"] for link in browser.page.query("a.first-choice")]
        assert links == ["/heartbeats/add", "/services/add", "/hosts/add", "/channels/add"]

    def test_it_stays_until_something_is_added(self, browser, user, make_heartbeat):
        browser.get("/")
        make_heartbeat(user)
        browser.get(live(browser)["hx-get"], headers=HTMX)
        assert not browser.page.query(".empty")
        assert browser.text("#standing") == "Waiting for the first signs"


class TestStanding:
    def test_when_nothing_is_wrong_everything_works(self, browser, user, make_heartbeat):
        make_heartbeat(user, last_ping=NOW)
        make_heartbeat(user, status="paused")
        browser.get("/")
        assert browser.text("#standing") == "Everything works"
        assert browser.text(".standing-head p") == "1 monitor is up, 1 paused"
        assert browser.text("title") == "Home – SentinelWeb"
        assert live(browser)["data-down"] == "0"

    def test_what_is_wrong_comes_first_with_reason_and_link(
        self, browser, user, make_heartbeat, make_service, make_host
    ):
        service = make_service(
            user, name="Shop", status="down", last_error="HTTP 500", status_since=NOW
        )
        make_heartbeat(
            user, name="Backup", status="down", failure="exit 3", status_since=NOW - HOUR
        )
        make_host(
            user, name="web-1", status="down", last_report_at=NOW - HOUR, status_since=NOW - HOUR
        )
        make_heartbeat(user, name="Late one", status="late", last_ping=NOW - timedelta(seconds=70))
        browser.get("/")
        assert browser.text("#standing") == "3 down, 1 late"
        rows = texts(browser, ".standing .glance")
        assert "Shop" in rows[0]
        assert "HTTP 500" in rows[0]
        assert any("The job ended with exit status 3." in row for row in rows)
        assert any("Silent: its last report came" in row for row in rows)
        assert "Late one" in rows[3]
        assert browser.page.query(f'.standing a[href="/services/{service.id}"]')
        assert browser.text("title") == "(3) Home – SentinelWeb"
        assert live(browser)["data-down"] == "3"
        assert live(browser)["data-title"] == "(3) Home – SentinelWeb"

    def test_more_than_there_is_room_for_is_counted_with_a_link(
        self, browser, user, make_heartbeat, monkeypatch
    ):
        monkeypatch.setattr("sentinelweb.services.overview.WORST", 1)
        for _number in range(3):
            make_heartbeat(user, status="down")
        browser.get("/")
        assert len(browser.page.query(".standing .glance")) == 1
        assert texts(browser, ".glances-more a") == ["Heartbeats (2)"]

    def test_what_people_called_a_monitor_is_text(self, browser, user, make_service):
        make_service(user, name="<b>&\"'", environment="<i>", status="down", last_error="<u>")
        browser.get("/")
        assert "<b>&\"'" in texts(browser, ".standing .glance-name")


class TestTheRest:
    def test_counts_lead_to_the_lists(self, browser, user, make_heartbeat):
        make_heartbeat(user, last_ping=NOW)
        make_heartbeat(user, status="down")
        browser.get("/")
        links = {link.attrs["href"] for link in browser.page.query(".kind a")}
        assert {"/heartbeats", "/heartbeats?status=up", "/heartbeats?status=down"} <= links

    def test_a_host_shows_its_figures(self, browser, user, make_host):
        host = make_host(user, name="web-1", last_report_at=NOW)
        with writing() as session:
            session.add(
                MonitoringCycle(
                    id="c",
                    host_id=host.id,
                    created_at=NOW,
                    cpu_percent=12.4,
                    ram_percent=95,
                    services_late=2,
                    internet_status=False,
                )
            )
        browser.get("/")
        assert texts(browser, ".usage") == ["CPU 12%", "RAM 95%", "Disk –"]
        assert len(browser.page.query(".usage-high")) == 1
        notes = texts(browser, ".host-note")
        assert notes == ["2 services were not checked in time.", "It cannot reach the internet."]

    def test_a_service_that_begins_to_fail_is_shown_with_how_often(
        self, browser, user, make_service
    ):
        make_service(
            user, last_check_at=NOW, last_result="timeout", last_error="Timeout", failures=2
        )
        browser.get("/")
        [row] = texts(browser, ".home-columns .glance")
        assert "2 of 4 failures in a row" in row

    def test_a_service_that_could_not_be_checked_says_why(self, browser, user, make_service):
        make_service(
            user,
            status="new",
            last_check_at=NOW,
            last_result="unknown",
            last_error="Docker not reachable",
        )
        browser.get("/")
        [row] = texts(browser, ".home-columns .glance")
        assert "Unknown Docker not reachable" in row
        assert "in a row" not in row

    def test_processes_have_their_place_once_there_is_one(
        self, browser, user, make_heartbeat, make_process
    ):
        make_heartbeat(user)
        browser.get("/")
        assert "Processes" not in texts(browser, ".kind-name")
        make_process(user, name="Import", progress=40.4, message="page 2")
        make_process(user, name="Old import", status="paused", ended_at=NOW)
        dead = make_process(user, name="Dead import", status="down", exit_status=137)
        browser.get("/")
        assert texts(browser, ".kind")[-1] == "Processes 2 1 Down 1 Up 1 Ended"
        [row] = texts(browser, ".standing .glance")
        assert "It ended with exit status 137." in row
        assert browser.page.query(f'.standing a[href="/processes/{dead.id}"]')
        [row] = texts(browser, '[aria-labelledby="processes"] .glance')
        assert "page 2" in row
        assert row.endswith("40%")

    def test_without_a_channel_it_says_that_nobody_is_told(
        self, browser, user, make_heartbeat, make_channel
    ):
        make_heartbeat(user, last_ping=NOW)
        browser.get("/")
        assert "Nobody is told" in browser.text(".home-notice")
        make_channel(user)
        browser.get("/")
        assert not browser.page.query(".home-notice")

    def test_our_own_outage_is_told_for_a_day(self, browser, user, make_heartbeat, clock):
        make_heartbeat(user, last_ping=NOW)
        with writing() as session:
            session.add(Outage(began_at=NOW - HOUR, ended_at=NOW, settled_at=NOW))
        browser.get("/")
        assert "SentinelWeb could not receive pings" in browser.text(".quiet-note")
        clock.advance(hours=25)
        browser.get("/")
        assert not browser.page.query(".quiet-note")


class TestLive:
    def test_a_poll_is_204_while_nothing_changed(self, browser, user, make_service):
        service = make_service(user, last_check_at=NOW)
        browser.get("/")
        poll = live(browser)["hx-get"]
        assert browser.get(poll, headers=HTMX).status_code == 204
        with writing() as session:
            session.get(Service, service.id).last_latency_ms = 12.5
        response = browser.get(poll, headers=HTMX)
        assert response.status_code == 200
        assert b"<html" not in response.data
        assert live(browser)["hx-get"] != poll

    def test_a_row_keeps_its_id_where_it_goes_so_that_it_is_announced(
        self, browser, user, make_heartbeat
    ):
        make_heartbeat(user, name="Well", last_ping=NOW)
        make_heartbeat(user, name="Ill", status="down")
        browser.get("/")
        rows = {
            row.attrs["data-announce"]: row.attrs["id"]
            for row in browser.page.query("[data-status]")
        }
        assert rows.keys() == {"Well: Up", "Ill: Down"}
        assert all(id_.startswith("monitor-") for id_ in rows.values())


class TestNavigation:
    def test_the_page_that_one_is_on_is_marked(self, browser):
        for path, name in (("/", "Home"), ("/heartbeats", "Heartbeats"), ("/channels", "Channels")):
            browser.get(path)
            assert texts(browser, '.site-nav [aria-current="page"]') == [name]

    def test_a_page_within_a_section_marks_the_section(self, browser):
        browser.get("/heartbeats/add")
        assert texts(browser, '.site-nav [aria-current="true"]') == ["Heartbeats"]

    def test_the_brand_leads_home(self, browser):
        browser.get("/heartbeats")
        assert browser.page.query_one("a.brand").attrs["href"] == "/"
