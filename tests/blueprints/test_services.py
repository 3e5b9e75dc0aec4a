"""`/services` as a browser without JavaScript sees it, and the fragments that htmx asks for."""

import json
from datetime import timedelta

import pytest
import sqlalchemy as sa

from sentinelweb import probes
from sentinelweb.core.results import ProbeResult, Result
from sentinelweb.db import db
from sentinelweb.forms.services import ServiceForm
from sentinelweb.models import Service, StatusChange
from sentinelweb.services import probing, services
from sentinelweb.services.masking import MASK
from sentinelweb.services.monitor_list import PAGE_SIZE
from sentinelweb.services.probing import Found
from tests.support.databases import both_databases
from tests.support.factories import NOW
from tests.support.pages import HTMX, errors, live, names

FILLED_IN = {"target": "https://example.com/health"}


@pytest.fixture
def browser(client, user, login, clock):
    login(client, user)
    return client


def only_service():
    return db.session.scalars(sa.select(Service)).one()


def events(response):
    return json.loads(response.headers["HX-Trigger"])


class TestWithoutLogin:
    @pytest.mark.parametrize("path", ["/services", "/services/add", "/services/1"])
    def test_pages_lead_to_the_login(self, client, user, path):
        response = client.get(path)
        assert response.status_code == 303
        assert response.location.startswith("/login")

    def test_nothing_is_done(self, client, user, make_service):
        service = make_service(user)
        assert client.post(f"/services/{service.id}/pause").status_code in {302, 303, 400}
        assert service.status == "new"


class TestOthers:
    @pytest.mark.parametrize("path", ["", "/edit", "/delete", "?fragment=check&since=1"])
    def test_pages_of_another_teams_service_are_not_found(
        self, browser, other_user, make_service, path
    ):
        service = make_service(other_user)
        response = browser.get(f"/services/{service.id}{path}", headers=HTMX)
        assert response.status_code == 404

    @pytest.mark.parametrize("path", ["edit", "delete", "pause", "resume", "check-now"])
    def test_actions_on_another_teams_service_are_not_found(
        self, browser, other_user, make_service, path
    ):
        service = make_service(other_user)
        browser.get("/services/add")
        token = browser.page.query_one("[name=csrf_token]").attrs["value"]
        data = {"csrf_token": token, "target": "https://mine.example.com", "interval": "60"}
        assert browser.post(f"/services/{service.id}/{path}", data=data).status_code == 404
        assert (only_service().status, only_service().name) == ("new", "Website")

    def test_the_list_shows_none_of_theirs(self, browser, other_user, make_service):
        make_service(other_user, name="Secret service", tags=["secret-tag"])
        browser.get("/services")
        assert "Watch your first service" in browser.text("main")
        assert "ecret" not in browser.text()

    @both_databases
    @pytest.mark.parametrize("path", ["/services/x", "/services/-1", f"/services/{2**80}"])
    def test_an_id_that_is_none_is_not_found(self, browser, path):
        assert browser.get(path).status_code == 404


class TestList:
    @both_databases
    def test_cards_count_by_status_and_filter(self, browser, user, make_service):
        for status in ("up", "up", "down", "new", "paused"):
            make_service(user, name=status, status=status)
        browser.get("/services")
        cards = [" ".join(card.to_text().split()) for card in browser.page.query(".count")]
        assert cards == ["Total 5", "Up 2", "Down 1", "New 1", "Paused 1"]
        browser.get(browser.page.query_one(".count.status-down").attrs["href"])
        assert names(browser) == ["down"]

    def test_a_row_tells_everything_but_secrets(self, browser, user, make_service):
        service = make_service(
            user,
            name="Shop",
            target="https://me:geheim@shop.example.com/health?token=geheim",
            tags=["core"],
            environment="production",
            status="down",
            last_check_at=NOW,
            last_result="error",
            last_error="HTTP 503",
            last_latency_ms=37.4,
            recent="h" * 38 + "ee",
            certificate_expires_at=NOW + timedelta(days=5, hours=1),
            created_at=NOW - timedelta(days=60),
        )
        db.session.add(
            StatusChange(
                monitor_id=service.id,
                prev_status="up",
                new_status="down",
                created_at=NOW - timedelta(hours=6),
            )
        )
        db.session.commit()
        browser.get("/services")
        row = browser.text(f"#service-{service.id}")
        for text in (
            "Down",
            "Shop",
            "https://shop.example.com/health",
            "production",
            "core",
            "Error",
            "37 ms",
            "HTTP 503",
            "Certificate: 5 days left",
            "75%",
            "96.42%",
            "99.16%",
        ):
            assert text in row
        assert "geheim" not in browser.page.to_html()
        [bar] = browser.page.query(".result-bar")
        assert bar.attrs["aria-label"] == "The last 40 results: 38 healthy, 2 error"

    def test_one_that_was_never_looked_at_says_so(self, browser, user, make_service):
        make_service(user)
        browser.get("/services")
        assert "not checked yet" in browser.text(".cell-result")
        assert browser.page.query_one(".result-bar").attrs["aria-label"] == "No result yet"

    @both_databases
    def test_it_is_searched_filtered_and_sorted_by_its_form(self, browser, user, make_service):
        make_service(user, name="b", target="https://shop.example.com/", last_latency_ms=5)
        make_service(user, name="a", target="https://shop.example.com/", last_latency_ms=9)
        make_service(user, name="c", probe="tcp", target="tcp://shop.example.com:1")
        browser.get("/services")
        browser.submit("filter", {"search": "Shop", "probe": "http", "sort": "-latency"})
        assert names(browser) == ["a", "b"]
        assert browser.page.query_one("#search").attrs["value"] == "Shop"
        browser.get("/services?search=nothing-like-it")
        assert "Nothing matches" in browser.text("main")

    @both_databases
    def test_long_lists_have_pages(self, browser, user, make_service):
        for number in range(PAGE_SIZE + 1):
            make_service(user, name=f"{number:03}")
        browser.get("/services?sort=name")
        browser.get(browser.page.query_one("a[rel=next]").attrs["href"])
        assert names(browser) == ["050"]

    @both_databases
    @pytest.mark.parametrize(
        "query", ["page=x", "status=?", "sort=%00", "search=%00", "probe=%27", "v=%00&shown=%00"]
    )
    def test_an_address_that_makes_no_sense_is_still_a_page(self, browser, query):
        assert browser.get(f"/services?{query}").status_code == 200

    def test_what_is_managed_elsewhere_is_marked(self, browser, user, make_service, make_host):
        make_service(user, name="a", from_environment=True)
        make_service(user, name="b", host_id=make_host(user).id, probe="agent")
        browser.get("/services?sort=name")
        notes = [note.to_text().strip() for note in browser.page.query(".service-notes")]
        assert notes == ["environment", "agent"]
        assert browser.page.query("a.menu-item-danger") == []


class TestRefresh:
    def test_an_unchanged_list_is_not_sent_again(self, browser, user, make_service):
        make_service(user, last_check_at=NOW)
        browser.get("/services")
        response = browser.get(live(browser)["hx-get"], headers=HTMX)
        assert (response.status_code, response.data) == (204, b"")

    def test_a_new_result_is_shown(self, browser, user, make_service, clock):
        service = make_service(user, last_check_at=NOW)
        browser.get("/services")
        later = clock.advance(seconds=10)
        found = ProbeResult(Result.TIMEOUT, reason="Timeout")
        probing.record([Found(service.id, found, later)])
        response = browser.get(live(browser)["hx-get"], headers=HTMX)
        assert response.status_code == 200
        assert "Timeout" in browser.text(".cell-result")
        assert browser.page.query("h1") == []

    @both_databases
    def test_filters_stay_in_the_address(self, browser, user, make_service):
        make_service(user)
        browser.get("/services?status=new&sort=-name&probe=http")
        for key in ("hx-get", "data-url"):
            assert "status=new&sort=-name&probe=http" in live(browser)[key]


class TestAdd:
    @pytest.mark.parametrize("typed", ["example.com/health", " www.example.com:8443/?a=b "])
    def test_an_address_without_its_beginning_is_one_of_the_web(self, browser, typed):
        browser.get("/services/add")
        assert "example.com is taken as https://example.com" in browser.text("#service-form")

        browser.submit("service-form", {"target": typed, "keyword": "ok"})

        service = only_service()
        assert (service.target, service.probe) == (f"https://{typed.strip()}", "http")
        assert service.options["keyword"] == "ok"

    def test_what_was_filled_in_becomes_a_service(self, browser, user, make_channel):
        channel = make_channel(user)
        browser.get("/services/add")
        response = browser.submit(
            "service-form",
            {
                "target": " https://example.com/health ",
                "name": " Shop ",
                "tags": "web, core",
                "interval": "30s",
                "timeout": "5",
                "threshold": "2",
                "method": "GET",
                "headers": "X-Key: secret",
                "keyword": "ok",
            },
        )
        service = only_service()
        assert response.status_code == 303
        assert response.location.startswith(f"/services/{service.id}?since=")
        assert (service.name, service.target) == ("Shop", "https://example.com/health")
        assert (service.interval, service.timeout, service.threshold) == (30, 5, 2)
        assert service.options == {"method": "GET", "headers": "X-Key: secret", "keyword": "ok"}
        assert service.channels == [channel]  # chosen beforehand
        browser.get(response.location)
        assert "Created." in browser.text("[role=status]")

    def test_an_address_is_enough(self, browser):
        browser.get("/services/add")
        browser.submit("service-form", FILLED_IN)
        service = only_service()
        assert (service.name, service.interval, service.options) == ("example.com", 60, {})
        assert service.timeout is service.threshold is None

    def test_the_address_decides_whatever_kind_the_page_was_for(self, browser):
        browser.get("/services/add?kind=http")
        browser.submit("service-form", {"target": "dns:example.com", "keyword": "unused"})
        assert (only_service().probe, only_service().options) == ("dns", {})

    def test_options_that_only_an_error_brought_up_count_from_then_on(self, browser):
        browser.get("/services/add?kind=tcp")
        response = browser.submit("service-form", FILLED_IN | {"interval": "soon"})
        assert response.status_code == 422
        assert "checked" in browser.page.query_one("#verify_tls").attrs
        browser.submit("service-form", {"interval": "1m", "keyword": "ok", "verify_tls": None})
        assert only_service().options == {"keyword": "ok", "verify_tls": False}

    def test_a_flag_is_set_unless_it_is_taken_away(self, browser):
        browser.get("/services/add")
        assert "checked" in browser.page.query_one("#verify_tls").attrs
        browser.submit("service-form", FILLED_IN | {"verify_tls": None})
        assert only_service().options == {"verify_tls": False}

    def test_each_kind_has_a_form_of_its_own(self, browser, user):
        user.is_admin = True
        for probe in probes.registered().values():
            assert browser.get(f"/services/add?kind={probe.kind}").status_code == 200
            [current] = browser.page.query(".kind-choice[aria-current]")
            assert str(probe.label) in current.to_text()
            for option in probe.options:
                assert browser.page.query(f"[name={option.name}]"), option.name

    def test_options_are_not_called_like_what_all_kinds_have(self):
        own = {name for name in dir(ServiceForm) if not name.startswith("_")}
        for probe in probes.registered().values():
            assert {option.name for option in probe.options}.isdisjoint(own)

    def test_only_administrators_are_offered_containers(self, browser, user):
        browser.get("/services/add?kind=docker")
        assert "docker" not in browser.text("main").lower()
        browser.submit("service-form", {"target": "docker:nginx"})
        assert "Only administrators" in errors(browser)["target"]
        user.is_admin = True
        browser.get("/services/add")
        browser.submit("service-form", {"target": "docker:nginx"})
        assert only_service().probe == "docker"

    @both_databases
    @pytest.mark.parametrize(
        ("field", "value", "message"),
        [
            ("target", "", "Begin with"),
            ("target", "nginx", "Begin with"),
            ("target", "ftp://example.com", "Begin with"),
            ("target", "https://", "Enter it as in"),
            ("target", "https://exam ple.com", "Spaces"),
            ("target", "https://example.com/\0", "control characters"),
            ("target", "https://example.com/" + "x" * 5_000, "at most"),
            ("name", "x" * 201, "Too long."),
            ("tags", ",".join(map(str, range(21))), "at most 20 tags"),
            ("interval", "4s", "between 5s and 1d"),
            ("interval", "25h", "between 5s and 1d"),
            ("interval", "often", "Write a duration"),
            ("timeout", "61", "between 1s and 1m"),
            ("timeout", "0", "between 1s and 1m"),
            ("threshold", "0", "from 1 to 100"),
            ("threshold", "101", "from 1 to 100"),
            ("threshold", "9" * 500, "from 1 to 100"),
            ("threshold", "٣", "from 1 to 100"),
            ("headers", "no colon", "one header a line"),
            ("headers", f"X-Key: {MASK}", "Write the value of X-Key."),
            ("accepted_codes", "all", "Write codes"),
            ("json_path", "status", "JSON path"),
            ("certificate_days", "many", "whole number"),
            ("json_value", "ok", "JSON path too"),
            ("body", "{}", "POST"),
        ],
    )
    def test_what_is_wrong_is_said_beside_its_field(self, browser, field, value, message):
        browser.get("/services/add")
        response = browser.submit("service-form", FILLED_IN | {field: value})
        assert response.status_code == 422
        assert list(errors(browser)) == [field]
        assert message in errors(browser)[field]
        assert db.session.scalars(sa.select(Service)).all() == []

    def test_a_timeout_must_be_over_before_the_next_look(self, browser):
        browser.get("/services/add")
        browser.submit("service-form", FILLED_IN | {"interval": "10s", "timeout": "10s"})
        assert "longer than the time limit, which is 10s" in errors(browser)["interval"]

    def test_input_is_kept_when_something_is_wrong_but_no_secret(self, browser):
        browser.get("/services/add")
        typed = {"keyword": "<b>", "verify_tls": None, "token": "geheim", "interval": "soon"}
        browser.submit("service-form", FILLED_IN | typed)
        assert browser.page.query_one("#keyword").attrs["value"] == "<b>"
        assert "checked" not in browser.page.query_one("#verify_tls").attrs
        assert "geheim" not in browser.page.to_html()

    @pytest.mark.parametrize(("field", "value"), [("channels", "999999"), ("method", "BREW")])
    def test_only_what_is_offered_can_be_chosen(self, browser, field, value):
        browser.get("/services/add")
        assert browser.submit("service-form", FILLED_IN | {field: value}).status_code == 422

    def test_the_options_follow_the_address_while_it_is_typed(self, browser):
        query = {"fragment": "kind", "target": "tls:example.com", "kind": "http"}
        assert browser.get("/services/add", query_string=query, headers=HTMX).status_code == 200
        assert browser.page.query_one("[name=kind]").attrs["value"] == "tls"
        query["kind"] = "tls"
        assert browser.get("/services/add", query_string=query, headers=HTMX).status_code == 204

    def test_without_a_token_nothing_is_made(self, browser):
        assert browser.post("/services/add", data=FILLED_IN).status_code == 400
        assert db.session.scalars(sa.select(Service)).all() == []


class TestEdit:
    @pytest.fixture
    def service(self, user, make_service):
        return make_service(
            user,
            target="https://example.com/",
            interval=90,
            timeout=5,
            threshold=3,
            options={"token": "geheim", "headers": "X-Key: geheim", "verify_tls": False},
        )

    def test_the_form_holds_what_is_and_changes_it(self, browser, service):
        browser.get(f"/services/{service.id}/edit")
        value_of = {
            name: browser.page.query_one(f"#{name}").attrs["value"]
            for name in ("target", "interval", "timeout", "threshold")
        }
        assert value_of == {
            "target": "https://example.com/",
            "interval": "1m 30s",
            "timeout": "5s",
            "threshold": "3",
        }
        response = browser.submit("service-form", {"name": "Changed"})
        assert response.location == f"/services/{service.id}"
        assert (service.name, service.interval, service.timeout) == ("Changed", 90, 5)

    def test_secrets_are_never_shown_kept_when_left_alone_and_can_go(self, browser, service):
        browser.get(f"/services/{service.id}/edit")
        assert "geheim" not in browser.page.to_html()
        assert f"X-Key: {MASK}" in browser.text("textarea")
        before = dict(service.options)
        browser.submit("service-form")
        assert service.options == before
        browser.get(f"/services/{service.id}/edit")
        browser.submit("service-form", {"remove_token": "y", "headers": ""})
        assert service.options == {"verify_tls": False}

    def test_the_user_and_password_of_its_address_are_kept_by_their_mask(
        self, browser, user, make_service
    ):
        service = make_service(user, target="https://me:geheim@example.com/a")
        browser.get(f"/services/{service.id}/edit")
        assert "geheim" not in browser.page.to_html()
        assert "me:" not in browser.page.query_one("#target").attrs["value"]

        browser.submit("service-form", {"name": "Changed"})
        assert (service.name, service.target) == ("Changed", "https://me:geheim@example.com/a")
        for typed, stored in (
            (f"https://{MASK}@example.com/b", "https://me:geheim@example.com/b"),
            ("https://you:new@example.com/b", "https://you:new@example.com/b"),
            ("https://example.com/b", "https://example.com/b"),
        ):
            browser.get(f"/services/{service.id}/edit")
            browser.submit("service-form", {"target": typed})
            assert service.target == stored

    @pytest.mark.parametrize(
        "typed",
        [
            f"https://{MASK}@evil.example.net/",
            f"http://{MASK}@example.com/",
            f"https://you:{MASK}@example.com/",
            f"https://{MASK}@example.com:444/",
        ],
    )
    def test_the_mask_sends_a_password_nowhere_else(self, browser, user, make_service, typed):
        service = make_service(user, target="https://me:geheim@example.com/a")
        browser.get(f"/services/{service.id}/edit")

        assert browser.submit("service-form", {"target": typed}).status_code == 422

        assert "Write the value of user:password@." in browser.text(".field-error")
        assert service.target == "https://me:geheim@example.com/a"

    def test_a_look_at_the_options_of_another_kind_changes_none(self, browser, service):
        before = dict(service.options)
        browser.get(f"/services/{service.id}/edit?kind=dns")
        assert browser.page.query("[name=token]") == []
        browser.submit("service-form", {"name": "Changed"})
        assert (service.name, service.probe, service.options) == ("Changed", "http", before)

    def test_the_page_shows_neither_secrets_nor_how_to_log_in(self, browser, user, make_service):
        service = make_service(
            user,
            target="https://me:geheim@example.com/?token=geheim",
            options={"token": "geheim", "headers": "X-Key: geheim", "password": "geheim"},
        )
        browser.get(f"/services/{service.id}")
        assert "geheim" not in browser.page.to_html()
        assert "https://example.com/" in browser.text(".service-address")
        assert "stored" in browser.text(".facts")

    @pytest.mark.parametrize("values", [{"from_environment": True}, {"probe": "agent"}])
    def test_of_what_is_managed_elsewhere_the_channels_are_chosen(
        self, browser, user, make_service, make_channel, make_host, values
    ):
        if "probe" in values:
            values = values | {"host_id": make_host(user).id}
        channel = make_channel(user)
        service = make_service(user, **values)
        browser.get(f"/services/{service.id}/edit")
        assert "is changed there" in browser.text(".notice").replace("are changed", "is changed")
        assert browser.page.query("#target") == []
        assert browser.submit("service-form", {"channels": [channel.id]}).status_code == 303
        assert service.channels == [channel]
        response = browser.get(f"/services/{service.id}/delete")
        assert (response.status_code, response.location) == (303, f"/services/{service.id}")
        browser.get(f"/services/{service.id}")
        assert "changed only there" in browser.text("[role=alert]")


class TestActions:
    def test_it_asks_before_it_deletes(self, browser, user, make_service):
        service = make_service(user, name="Old & <i>unused</i>")
        browser.get(f"/services/{service.id}/delete")
        assert "Old & <i>unused</i>" in browser.text("h1")
        assert only_service()
        assert browser.submit().location == "/services"
        assert db.session.scalars(sa.select(Service)).all() == []

    def test_pause_and_resume(self, browser, user, make_service):
        service = make_service(user, last_check_at=NOW)
        page = f"/services/{service.id}"
        browser.get(page)
        browser.submit(f"{page}/pause")
        assert service.status == "paused"
        browser.get(page)
        assert browser.page.query(f'form[action="{page}/check-now"]') == []
        response = browser.submit(f"{page}/resume", headers=HTMX)
        assert service.status == "new"
        assert "refresh" in events(response)

    @pytest.mark.parametrize("action", ["pause", "resume", "check-now"])
    def test_an_action_is_no_link(self, browser, user, make_service, action):
        service = make_service(user)
        assert browser.get(f"/services/{service.id}/{action}").status_code == 405
        assert browser.post(f"/services/{service.id}/{action}").status_code == 400


class TestCheckNow:
    @pytest.fixture
    def service(self, user, make_service):
        return make_service(user, last_check_at=NOW - timedelta(minutes=1))

    def test_without_a_script_the_page_tells_how_far_it_is(self, browser, service, clock):
        browser.get(f"/services/{service.id}")
        response = browser.submit(f"/services/{service.id}/check-now")
        assert response.status_code == 303
        browser.get(response.location)
        assert len(browser.page.query("#check-since")) == 1
        probing.record([Found(service.id, ProbeResult(Result.HEALTHY, 1.0), NOW)])
        browser.get(response.location)
        assert browser.page.query("#check-since") == []

    def test_htmx_asks_until_there_is_a_result(self, browser, service, clock):
        browser.get(f"/services/{service.id}")
        token = browser.page.query_one("[name=csrf_token]").attrs["value"]
        url = f"/services/{service.id}/check-now?fragment=check"
        response = browser.post(url, data={"csrf_token": token}, headers=HTMX)
        assert response.status_code == 200
        assert browser.page.query("h1") == []
        poll = browser.page.query_one("#check").attrs["hx-get"]
        assert browser.get(poll, headers=HTMX).status_code == 204
        clock.advance(seconds=60)
        browser.get(poll, headers=HTMX)
        assert browser.text("#check").startswith(("It takes longer", "No worker is running"))
        probing.record([Found(service.id, ProbeResult(Result.HEALTHY, 1.0), clock.now)])
        response = browser.get(poll, headers=HTMX)
        assert response.status_code == 200
        assert "refresh" in events(response)
        assert browser.page.query("[hx-get]") == []

    def test_from_the_list_it_is_told(self, browser, service):
        browser.get("/services")
        response = browser.submit(f"/services/{service.id}/check-now", headers=HTMX)
        assert "being checked" in events(response)["notify"]["text"]

    def test_why_nobody_could_be_asked_is_told(self, browser, service, user, app):
        browser.get(f"/services/{service.id}")
        services.pause(user, service.id)
        response = browser.submit(f"/services/{service.id}/check-now", headers=HTMX)
        assert "paused" in events(response)["notify"]["text"]

    @both_databases
    @pytest.mark.parametrize("since", ["x", "-1", "9" * 17, "٣", "", "%00"])
    def test_a_time_that_is_none_shows_the_page(self, browser, service, since):
        assert browser.get(f"/services/{service.id}?since={since}").status_code == 200
        assert browser.page.query("#check-since") == []


class TestPage:
    @pytest.mark.parametrize(
        ("values", "text"),
        [
            ({}, "Waiting for the first result."),
            ({"last_check_at": NOW}, "It answers as it should."),
            ({"status": "paused"}, "not checked until it is resumed"),
            (
                {
                    "last_check_at": NOW,
                    "last_result": "timeout",
                    "last_error": "Timeout",
                    "failures": 2,
                },
                "2 of 4 failures until it counts as down",
            ),
            (
                {
                    "last_check_at": NOW,
                    "status": "down",
                    "last_result": "error",
                    "last_error": "HTTP 500",
                },
                "HTTP 500",
            ),
            (
                {
                    "last_check_at": NOW,
                    "last_result": "unknown",
                    "last_error": "Docker not reachable",
                },
                "It could not be checked: Docker not reachable",
            ),
        ],
    )
    def test_it_says_how_things_stand(self, browser, user, make_service, values, text):
        service = make_service(user, **values)
        assert browser.get(f"/services/{service.id}").status_code == 200
        assert text in browser.text("#status")

    def test_it_shows_results_settings_and_whom_it_tells(
        self, browser, user, make_service, make_channel, clock
    ):
        service = make_service(
            user,
            interval=30,
            description="Line one",
            created_at=NOW - timedelta(days=1),
            channels=[make_channel(user, name="Operations")],
        )
        for seconds, result, reason in ((1, "healthy", ""), (2, "error", "HTTP 500")):
            found = ProbeResult(Result(result), 12.5, 200, reason)
            probing.record([Found(service.id, found, clock.now + timedelta(seconds=seconds))])
        clock.advance(seconds=3)
        browser.get(f"/services/{service.id}")
        page = browser.text("main")
        for text in (
            "Line one",
            "Operations",
            "30s",
            "HTTP 500",
            "12 ms",
            "Results",
            "it answered",
        ):
            assert text in page
        assert len(browser.page.query(".result-table tbody tr")) == 2
        assert len(browser.page.query(".latency-chart")) == 1
        assert browser.page.query_one(".recent svg").attrs["aria-label"] == (
            "The last 2 results: 1 healthy, 1 error"
        )

    def test_without_channels_it_warns(self, browser, user, make_service):
        service = make_service(user)
        browser.get(f"/services/{service.id}")
        assert "Nobody is told" in browser.text("aside")

    def test_an_unchanged_page_is_not_sent_again(self, browser, user, make_service, clock):
        service = make_service(user, last_check_at=NOW)
        browser.get(f"/services/{service.id}")
        poll = live(browser)["hx-get"]
        assert browser.get(poll, headers=HTMX).status_code == 204
        probing.record(
            [Found(service.id, ProbeResult(Result.HEALTHY, 1.0), clock.advance(seconds=5))]
        )
        assert browser.get(poll, headers=HTMX).status_code == 200

    @both_databases
    def test_results_have_pages(self, browser, user, make_service, clock):
        service = make_service(user)
        for second in range(25):
            at = NOW + timedelta(seconds=second)
            probing.record([Found(service.id, ProbeResult(Result.HEALTHY, 1.0), at)])
        browser.get(f"/services/{service.id}")
        browser.get(browser.page.query_one("a[rel=next]").attrs["href"])
        assert len(browser.page.query(".result-table tbody tr")) == 5

    @both_databases
    @pytest.mark.parametrize(
        "query", ["before=x", "after=-1", f"after={2**80}", "after=%00", "v=x"]
    )
    def test_an_address_that_makes_no_sense_is_still_a_page(
        self, browser, user, make_service, query
    ):
        service = make_service(user)
        assert browser.get(f"/services/{service.id}?{query}").status_code == 200
