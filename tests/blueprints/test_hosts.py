"""`/hosts` as a browser without JavaScript sees it, and the fragments that htmx asks for."""

import json
from datetime import timedelta

import pytest
import sqlalchemy as sa

from sentinelweb.core.credentials import hash_of
from sentinelweb.core.host_reports import parse
from sentinelweb.db import db
from sentinelweb.models import Host, Service, User
from sentinelweb.services import host_reports, host_silence, hosts
from tests.support.databases import both_databases
from tests.support.factories import NOW
from tests.support.pages import HTMX, live
from tests.support.parallel import together


@pytest.fixture
def browser(client, user, login, clock):
    login(client, user)
    return client


@pytest.fixture
def report(app):
    def report(host, services=(), /, at=NOW, **fields):
        found = {name: {"status": "healthy", "latency_ms": 12} for name in services}
        body = {"services": found, **fields}
        host_reports.record(host.id, parse(json.dumps(body).encode()), at)
        db.session.expire_all()

    return report


FIGURES = {
    "cpu_percent": 42.4,
    "ram_percent": 61,
    "ram_used_mb": 2048,
    "disk_percent": 93,
    "uptime_seconds": 90_000,
    "container_count": 7,
    "internet_status": False,
    "ping_ms": 18,
    "cycle_duration_ms": 143,
}


def only_host():
    return db.session.scalars(sa.select(Host)).one()


def keys(browser):
    """The key that the page shows, from the button that copies it."""
    return browser.page.query_one(".key-box button").attrs["data-copy"]


class TestWithoutLogin:
    @pytest.mark.parametrize("path", ["/hosts", "/hosts/add", "/hosts/1", "/hosts/1/edit"])
    def test_pages_lead_to_the_login(self, client, user, path):
        response = client.get(path)
        assert response.status_code == 303
        assert response.location.startswith("/login")


class TestOthers:
    @pytest.mark.parametrize("path", ["", "/edit", "/delete", "/key", "/forget"])
    def test_pages_of_another_teams_host_are_not_found(self, browser, other_user, make_host, path):
        host = make_host(other_user)
        assert browser.get(f"/hosts/{host.id}{path}").status_code == 404

    @pytest.mark.parametrize("path", ["edit", "delete", "key", "forget", "pause", "resume"])
    def test_actions_on_another_teams_host_are_not_found(
        self, browser, other_user, make_host, path
    ):
        host = make_host(other_user, key_hash=hash_of("sw_theirs"))
        browser.get("/hosts/add")
        token = browser.page.query_one("[name=csrf_token]").attrs["value"]
        data = {"csrf_token": token, "name": "Mine", "silent_after": "60"}
        assert browser.post(f"/hosts/{host.id}/{path}", data=data).status_code == 404
        assert (host.name, host.status) == ("web-1", "new")
        assert host_reports.host_of("sw_theirs") == host.id

    def test_the_list_shows_none_of_theirs(self, browser, other_user, make_host):
        make_host(other_user, name="secret.example.com", tags=["secret-tag"])
        browser.get("/hosts")
        assert "Watch your first machine" in browser.text("main")
        assert "secret" not in browser.text()

    @both_databases
    @pytest.mark.parametrize("path", ["/hosts/x", "/hosts/-1", f"/hosts/{2**80}", "/hosts/0"])
    def test_an_id_that_is_none_is_not_found(self, browser, path):
        assert browser.get(path).status_code == 404


class TestSentTwice:
    def fill_in(self, browser):
        browser.get("/hosts/add")
        return browser.filled("host-form", {"name": "db-1.example.com"}).fields

    @both_databases
    def test_reloading_the_answer_makes_no_second_host(self, browser, user):
        fields = self.fill_in(browser)
        assert browser.post("/hosts/add", data=fields).status_code == 201
        [host] = db.session.scalars(sa.select(Host))
        key = host.key_hash

        again = browser.post("/hosts/add", data=fields)

        assert (again.status_code, again.location) == (303, f"/hosts/{host.id}")
        assert [host.key_hash for host in db.session.scalars(sa.select(Host))] == [key]
        browser.get(again.location)
        assert "It exists already." in browser.text("body")

    @both_databases
    def test_a_form_that_arrives_twice_at_once_makes_one(self, app, browser, user):
        fields = self.fill_in(browser)
        values, user_id = hosts.HostValues("db-1.example.com"), user.id

        def create():
            own = db.session.get_one(User, user_id)
            try:
                return hosts.create(own, values, sheet=fields["sheet"]).host.id
            except hosts.AlreadyMadeError as error:
                return error.host_id

        assert len(set(together(app, [create] * 4))) == 1
        db.session.rollback()
        assert len(db.session.scalars(sa.select(Host)).all()) == 1

    def test_the_sheet_of_another_team_is_another(self, user, other_user):
        values = hosts.HostValues("db-1.example.com")
        ours = hosts.create(user, values, sheet="1").host
        theirs = hosts.create(other_user, values, sheet="1").host
        assert ours.slug != theirs.slug

    def test_two_forms_make_two(self, browser):
        for _ in range(2):
            assert browser.post("/hosts/add", data=self.fill_in(browser)).status_code == 201


class TestList:
    def test_a_card_tells_everything(self, browser, user, make_host, report):
        host = make_host(user, environment="production")
        report(host, ["api", "db"], agent="1.2.3", host=FIGURES)
        browser.get("/hosts")
        card = browser.text(f"#host-{host.id}")
        for text in ("Up", "web-1", "production", "CPU 42%", "RAM 61%", "Disk 93%"):
            assert text in card
        for text in ("2 services", "Agent 1.2.3", "Last report", "cannot reach the internet"):
            assert text in card

    def test_services_that_are_down_are_counted(self, browser, user, make_host, report):
        host = make_host(user)
        report(host, ["api", "db"])
        service = db.session.scalars(sa.select(Service).where(Service.name == "db")).one()
        service.status = "down"
        db.session.commit()
        browser.get("/hosts")
        assert "2 services · 1 down" in browser.text(f"#host-{host.id}")

    @both_databases
    def test_what_is_wrong_comes_first_and_a_filter_shows_it_alone(self, browser, user, make_host):
        make_host(user, name="a", last_report_at=NOW)
        make_host(user, name="b", status="down", last_report_at=NOW)
        browser.get("/hosts")
        assert [link.to_text() for link in browser.page.query(".monitor-name")] == ["b", "a"]
        browser.get(browser.page.query_one(".count.status-down").attrs["href"])
        assert [link.to_text() for link in browser.page.query(".monitor-name")] == ["b"]

    @both_databases
    def test_a_search_that_finds_nothing_says_so(self, browser, user, make_host):
        make_host(user)
        browser.get("/hosts?search=nothing")
        assert "No host is as you asked for." in browser.text("main")

    def test_a_poll_is_empty_until_something_changes(self, browser, user, make_host, report):
        host = make_host(user)
        browser.get("/hosts")
        poll = live(browser)["hx-get"]
        assert browser.get(poll, headers=HTMX).status_code == 204
        report(host)
        response = browser.get(poll, headers=HTMX)
        assert response.status_code == 200
        assert response.text.lstrip().startswith('<div id="hosts"')


class TestAdd:
    def test_the_key_is_shown_once_with_lines_that_work(self, browser, user, make_channel):
        channel = make_channel(user)
        browser.get("/hosts/add")
        response = browser.submit("host-form", {"name": "web-1", "silent_after": "5m"})
        assert response.status_code == 201
        key, host = keys(browser), only_host()
        assert (host.name, host.silent_after) == ("web-1", 300)
        assert [item.id for item in host.channels] == [channel.id]
        text = browser.text("main")
        assert "HEARTBEAT_URL=http://localhost/api/heartbeat" in text
        assert f"SECRET_KEY={key}" in text
        assert "sentinelweb agent" in text
        answer = browser.post(
            "/api/heartbeat",
            json={"services": {}},
            headers={"Authorization": f"Bearer {key}"},
        )
        assert answer.json["status"] == "recorded"
        browser.get(f"/hosts/{host.id}")
        assert key not in browser.text()
        assert host.key_hint in browser.text("aside")

    @pytest.mark.settings(site_url="https://monitor.example.com")
    def test_the_lines_hold_the_public_address(self, browser, user):
        browser.get("/hosts/add")
        browser.submit("host-form", {"name": "web-1"})
        assert "HEARTBEAT_URL=https://monitor.example.com/api/heartbeat" in browser.text("main")

    @both_databases
    @pytest.mark.parametrize(
        ("field", "value", "said"),
        [
            ("name", "", "Give it a name."),
            ("name", " ", "Give it a name."),
            ("name", "x" * 201, "Too long."),
            ("name", "a\0b", "Remove the control characters."),
            ("silent_after", "", "Write a duration"),
            ("silent_after", "soon", "Write a duration"),
            ("silent_after", "5", "between 10s and 30d"),
            ("silent_after", "31d", "between 10s and 30d"),
            ("silent_after", "9" * 500, "Write a duration"),
            ("tags", ",".join(map(str, range(21))), "at most 20 tags"),
            ("channels", "999999", "Choose from the list."),
        ],
    )
    def test_bad_input_is_told_beside_its_field(
        self, browser, user, make_channel, field, value, said
    ):
        make_channel(user)
        browser.get("/hosts/add")
        response = browser.submit(
            "host-form", {"name": "web-1", "silent_after": "60", field: value}
        )
        assert response.status_code == 422
        assert said in browser.text("main")
        assert db.session.scalar(sa.select(sa.func.count()).select_from(Host)) == 0


class TestPage:
    def test_it_tells_everything(self, browser, user, make_host, report, make_channel):
        host = make_host(user, description="Serves the shop.", channels=[make_channel(user)])
        service = {"status": "error", "status_code": 503, "target": "https://u:p@shop.example/?k=1"}
        report(host, host=FIGURES, agent="1.2.3")
        body = {"services": {"shop": service}, "host": FIGURES}
        host_reports.record(host.id, parse(json.dumps(body).encode()), NOW + timedelta(seconds=10))
        browser.get(f"/hosts/{host.id}")
        page = browser.text("main")
        for text in ("Serves the shop.", "1d 1h", "7", "not reachable", "143 ms", "1.2.3"):
            assert text in page
        assert "HTTP 503" in browser.text(".host-service-table")
        assert "https://shop.example/" in page
        assert "u:p@" not in browser.page.to_html()
        assert "CPU 42%" in browser.text("#chart-cpu")
        assert "on average 42%, at most 42%" in browser.text("#chart-cpu")
        assert "a report came" in browser.text(".timeline")

    def test_one_that_waits_for_its_first_report(self, browser, user, make_host):
        host = make_host(user)
        browser.get(f"/hosts/{host.id}")
        assert "Waiting for the first report of its agent." in browser.text("#status")
        assert "No service reported yet" in browser.text("main")

    def test_a_silent_one_says_since_when(self, browser, user, make_host, report, clock):
        host = make_host(user)
        report(host, ["api"])
        host_silence.run(clock.advance(minutes=5))
        browser.get(f"/hosts/{host.id}")
        assert "Silent: its last report came" in browser.text("#status")
        assert "the results are those of its last report" in browser.text("main")
        assert "no report came in time" in browser.text(".timeline")
        assert browser.page.query_one("title").to_text().startswith("(Down) web-1")

    @both_databases
    def test_many_services_come_in_pages(self, browser, user, make_host, report):
        host = make_host(user)
        report(host, [f"service-{number:03}" for number in range(60)])
        browser.get(f"/hosts/{host.id}")
        assert len(browser.page.query(".host-service-table tbody tr")) == 50
        browser.get(browser.page.query_one("a[rel=next]").attrs["href"])
        assert len(browser.page.query(".host-service-table tbody tr")) == 10

    @pytest.mark.parametrize("page", ["0", "-1", "x", "9" * 30, "7"])
    def test_any_page_of_an_address_is_bearable(self, browser, user, make_host, page):
        host = make_host(user)
        assert browser.get(f"/hosts/{host.id}?page={page}&before={page}").status_code == 200

    def test_a_poll_is_empty_until_something_changes(self, browser, user, make_host, report):
        host = make_host(user)
        browser.get(f"/hosts/{host.id}")
        poll = live(browser)["hx-get"]
        assert browser.get(poll, headers=HTMX).status_code == 204
        report(host)
        response = browser.get(poll, headers=HTMX)
        assert response.text.lstrip().startswith('<div id="host"')


class TestActions:
    def test_an_edit(self, browser, user, make_host):
        host = make_host(user, silent_after=300)
        browser.get(f"/hosts/{host.id}/edit")
        assert browser.page.query_one("#silent_after").attrs["value"] == "5m"
        response = browser.submit("host-form", {"name": "web-2", "silent_after": "2m"})
        assert response.status_code == 303
        assert (host.name, host.silent_after) == ("web-2", 120)

    def test_a_new_key_asks_first_and_is_shown_once(self, browser, user, make_host):
        host = make_host(user, key_hash=hash_of("sw_old"))
        browser.get(f"/hosts/{host.id}/key")
        assert "stops working at once" in browser.text("main")
        assert browser.submit(f"/hosts/{host.id}/key").status_code == 201
        assert host_reports.host_of(keys(browser)) == host.id
        assert host_reports.host_of("sw_old") is None

    def test_pause_and_resume(self, browser, user, make_host):
        host = make_host(user, last_report_at=NOW)
        browser.get(f"/hosts/{host.id}")
        assert browser.submit(f"/hosts/{host.id}/pause").status_code == 303
        assert host.status == "paused"
        browser.get(f"/hosts/{host.id}")
        browser.submit(f"/hosts/{host.id}/resume")
        assert host.status == "up"

    def test_deletion_asks_first_and_says_what_goes(self, browser, user, make_host, report):
        host = make_host(user)
        report(host, ["api", "db"])
        browser.get(f"/hosts/{host.id}/delete")
        assert "2 services" in browser.text("main")
        response = browser.submit(f"/hosts/{host.id}/delete")
        assert (response.status_code, response.location) == (303, "/hosts")
        browser.get("/hosts")
        assert "“web-1” was deleted." in browser.text("main")
        assert db.session.scalar(sa.select(sa.func.count()).select_from(Service)) == 0

    def test_what_is_no_longer_reported_can_be_deleted(self, browser, user, make_host, report):
        host = make_host(user)
        report(host, ["api", "old"])
        report(host, ["api"], at=NOW + timedelta(minutes=11))
        browser.get(f"/hosts/{host.id}")
        assert "1 service is no longer reported and was paused." in browser.text("main")
        browser.get(f"/hosts/{host.id}/forget")
        assert "old" in browser.text("main li")
        browser.submit(f"/hosts/{host.id}/forget")
        assert [item.name for item in db.session.scalars(sa.select(Service))] == ["api"]


class TestOurOwnMachine:
    def test_it_is_shown_without_what_it_cannot_have(self, browser, user, make_host):
        host = make_host(user, is_local=True, last_report_at=NOW)
        browser.get(f"/hosts/{host.id}")
        assert "The machine that SentinelWeb runs on." in browser.text("#status")
        hrefs = [link.attrs.get("href", "") for link in browser.page.query("a")]
        assert not any(href.endswith(("/delete", "/key")) for href in hrefs)
        browser.get(f"/hosts/{host.id}/edit")
        assert browser.page.query("#silent_after") == []
        browser.submit("host-form", {"name": "home"})
        assert host.name == "home"

    @pytest.mark.parametrize("path", ["key", "delete", "forget"])
    def test_nor_can_an_address_be_typed(self, browser, user, make_host, path):
        host = make_host(user, is_local=True)
        assert browser.get(f"/hosts/{host.id}/{path}").status_code == 404
