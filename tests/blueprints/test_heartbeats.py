"""`/heartbeats` as a browser without JavaScript sees it, and the fragments that htmx asks for."""

import json
import re
from datetime import timedelta
from io import BytesIO

import pytest
import sqlalchemy as sa

from sentinelweb.db import db
from sentinelweb.models import HeartbeatCheck, Outage, StatusChange
from sentinelweb.services import heartbeats, pings
from sentinelweb.services.monitor_list import PAGE_SIZE
from tests.support.databases import both_databases
from tests.support.factories import NOW, team_of
from tests.support.pages import HTMX, errors, live, names

CURL = "curl -fsS -m 10 --retry 5 "


@pytest.fixture
def browser(client, user, login, clock):
    login(client, user)
    return client


def only_heartbeat():
    return db.session.scalars(sa.select(HeartbeatCheck)).one()


class TestWithoutLogin:
    @pytest.mark.parametrize("path", ["/heartbeats", "/heartbeats/add", "/heartbeats/1"])
    def test_pages_lead_to_the_login(self, client, user, path):
        response = client.get(path)
        assert response.status_code == 303
        assert response.location.startswith("/login")

    def test_nothing_is_done(self, client, user, make_heartbeat):
        heartbeat = make_heartbeat(user)
        response = client.post(f"/heartbeats/{heartbeat.id}/pause")
        assert response.status_code in {302, 303, 400}
        assert heartbeat.status == "new"


class TestOthers:
    @pytest.mark.parametrize("path", ["", "/edit", "/delete", "/rotate"])
    def test_pages_of_another_teams_heartbeat_are_not_found(
        self, browser, other_user, make_heartbeat, path
    ):
        heartbeat = make_heartbeat(other_user)
        assert browser.get(f"/heartbeats/{heartbeat.id}{path}").status_code == 404

    @pytest.mark.parametrize("path", ["edit", "delete", "rotate", "test-ping", "pause", "resume"])
    def test_actions_on_another_teams_heartbeat_are_not_found(
        self, browser, other_user, make_heartbeat, path
    ):
        heartbeat = make_heartbeat(other_user)
        slug = heartbeat.slug
        browser.get("/heartbeats/add")
        token = browser.page.query_one("[name=csrf_token]").attrs["value"]
        response = browser.post(
            f"/heartbeats/{heartbeat.id}/{path}",
            data={"csrf_token": token, "name": "Mine", "expected_period": "1", "grace_period": "1"},
        )
        assert response.status_code == 404
        assert (only_heartbeat().status, heartbeat.slug) == ("new", slug)
        assert heartbeat.name == "Nightly backup"

    def test_the_list_shows_none_of_theirs(self, browser, other_user, make_heartbeat):
        make_heartbeat(other_user, name="Secret job", tags=["secret-tag"])
        browser.get("/heartbeats")
        assert "Watch your first job" in browser.text("main")
        assert "ecret" not in browser.text()
        assert team_of(other_user).ping_key not in browser.text()

    @both_databases
    @pytest.mark.parametrize("path", ["/heartbeats/x", "/heartbeats/-1", f"/heartbeats/{2**80}"])
    def test_an_id_that_is_none_is_not_found(self, browser, path):
        assert browser.get(path).status_code == 404


class TestList:
    def test_cards_count_by_status(self, browser, user, make_heartbeat):
        for status in ("up", "up", "late", "down", "new", "paused"):
            make_heartbeat(user, status=status, last_ping=NOW if status != "new" else None)
        browser.get("/heartbeats")
        cards = [" ".join(card.to_text().split()) for card in browser.page.query(".count")]
        assert cards == ["Total 6 1 paused", "Up 2", "Late 1", "Down 1", "New 1"]

    @both_databases
    def test_a_card_filters(self, browser, user, make_heartbeat):
        make_heartbeat(user, name="Fine", last_ping=NOW)
        make_heartbeat(user, name="Broken", status="down", last_ping=NOW)
        browser.get("/heartbeats")
        browser.get(browser.page.query_one(".count.status-down").attrs["href"])
        assert names(browser) == ["Broken"]
        assert browser.page.query_one(".count[aria-current]").to_text().split()[0] == "Down"

    def test_a_row_tells_everything(self, browser, user, make_heartbeat):
        heartbeat = make_heartbeat(
            user, name="Nightly backup", tags=["db"], environment="production", last_ping=NOW
        )
        browser.get("/heartbeats")
        row = browser.text(f"#heartbeat-{heartbeat.id}")
        for text in ("Up", "Nightly backup", "production", "db", "every 1m", heartbeat.slug):
            assert text in row
        times = [time.attrs["datetime"] for time in browser.page.query("tbody time")]
        assert times == ["2026-01-07T12:00:00+00:00", "2026-01-07T12:01:00+00:00"]

    @pytest.mark.settings(site_url="https://monitor.example.com/base")
    def test_the_url_and_a_curl_line_can_be_copied(self, browser, user, make_heartbeat):
        url = f"https://monitor.example.com/base/ping/{make_heartbeat(user).slug}"
        browser.get("/heartbeats")
        copies = [button.attrs["data-copy"] for button in browser.page.query(".cell-url button")]
        assert copies == [url, CURL + url]

    def test_an_environment_is_told_from_a_tag_of_the_same_word(
        self, browser, user, make_heartbeat
    ):
        make_heartbeat(user, tags=["production"], environment="production")
        browser.get("/heartbeats")
        assert browser.text(".tag-environment") == "Environment: production"
        assert browser.text("a.tag") == "production"

    def test_one_that_failed_is_down_before_its_deadline(self, browser, user, make_heartbeat):
        make_heartbeat(user, last_ping=NOW, status="down", failure="exit 3")
        browser.get("/heartbeats")
        [time] = browser.page.query(".cell-next time")
        assert time.attrs["data-relative"] == "until"

    @pytest.mark.settings(site_url="https://monitor.example.com")
    def test_an_empty_list_shows_how_a_job_makes_its_heartbeat(self, browser, user):
        browser.get("/heartbeats")
        [copy] = browser.page.query("main [data-copy]")
        url = f"https://monitor.example.com/ping/{team_of(user).ping_key}/nightly-backup?create=1"
        assert copy.attrs["data-copy"] == f'{CURL}"{url}"'

    @both_databases
    def test_the_search_form_finds_and_keeps_what_was_asked(self, browser, user, make_heartbeat):
        make_heartbeat(user, name="Nightly backup")
        make_heartbeat(user, name="Invoice export", status="down", last_ping=NOW)
        browser.get("/heartbeats")
        browser.submit("filter", {"search": "Export", "status": "down", "sort": "name"})
        assert names(browser) == ["Invoice export"]
        assert browser.page.query_one("#search").attrs["value"] == "Export"
        browser.get("/heartbeats?search=nothing-like-it")
        assert "Nothing matches" in browser.text("main")

    @both_databases
    def test_columns_sort_and_say_so(self, browser, user, make_heartbeat):
        for name in ("b", "a"):
            make_heartbeat(user, name=name)
        browser.get("/heartbeats?sort=-name")
        assert names(browser) == ["b", "a"]
        header = browser.page.query_one("th[aria-sort]")
        assert (header.attrs["aria-sort"], header.to_text().strip()) == ("descending", "Name")
        browser.get(header.query_one("a").attrs["href"])
        assert names(browser) == ["a", "b"]

    @both_databases
    def test_long_lists_have_pages(self, browser, user, make_heartbeat):
        for number in range(PAGE_SIZE + 1):
            make_heartbeat(user, name=f"{number:03}")
        browser.get("/heartbeats?sort=name")
        browser.get(browser.page.query_one("a[rel=next]").attrs["href"])
        assert names(browser) == ["050"]
        assert "Page 2 of 2" in browser.text(".pagination")

    def test_the_title_says_how_many_are_down(self, browser, user, make_heartbeat):
        make_heartbeat(user, status="down", last_ping=NOW)
        browser.get("/heartbeats")
        assert browser.text("title") == "(1) Heartbeats – SentinelWeb"
        assert live(browser)["data-down"] == "1"

    @both_databases
    @pytest.mark.parametrize(
        "query", ["page=x", "page=-1", "status=?", "sort=%00", "search=%00", "tag=%27", "v=%00"]
    )
    def test_an_address_that_makes_no_sense_is_still_a_page(self, browser, query):
        assert browser.get(f"/heartbeats?{query}").status_code == 200


class TestOutages:
    @pytest.fixture(autouse=True)
    def _a_heartbeat(self, user, make_heartbeat):
        make_heartbeat(user)

    def add(self, ended_at, **values):
        began_at = ended_at - timedelta(minutes=5)
        values = {"settled_at": ended_at, "extended_count": 3} | values
        db.session.add(Outage(began_at=began_at, ended_at=ended_at, **values))
        db.session.commit()

    @pytest.mark.parametrize(
        ("values", "sentence"),
        [
            ({}, "The deadlines of 3 heartbeats were extended."),
            ({"extended_count": 0}, "No deadline fell into it."),
            ({"settled_at": None}, "are being extended."),
        ],
    )
    def test_an_administrator_sees_what_they_did(self, browser, user, values, sentence):
        user.is_admin = True
        self.add(NOW - timedelta(hours=2), **values)
        browser.get("/heartbeats")
        note = browser.text(".quiet-note")
        assert "could not receive pings from Jan 7, 9:55" in note.replace("\u202f", " ")
        assert "(5m)" in note
        assert sentence in note

    def test_others_are_not_told_how_many_heartbeats_there_are(self, browser):
        self.add(NOW - timedelta(hours=2))
        browser.get("/heartbeats")
        assert "Deadlines that fell into it were extended." in browser.text(".quiet-note")
        assert "3 heartbeats" not in browser.text(".quiet-note")

    def test_the_latest_is_told_in_full_and_the_others_are_counted(self, browser):
        for hours in (30, 20, 2, 1):
            self.add(NOW - timedelta(hours=hours))
        browser.get("/heartbeats")
        assert "2 more such times in the last 24 hours." in browser.text(".quiet-note")

    def test_a_day_later_it_is_no_news(self, browser):
        self.add(NOW - timedelta(days=1))
        browser.get("/heartbeats")
        assert browser.page.query(".quiet-note") == []

    def test_a_page_that_is_open_shows_it_too(self, browser):
        browser.get("/heartbeats")
        self.add(NOW)
        assert browser.get(live(browser)["hx-get"], headers=HTMX).status_code == 200
        assert len(browser.page.query(".quiet-note")) == 1


class TestRefresh:
    def test_while_nothing_changed_there_is_nothing_to_send(self, browser, user, make_heartbeat):
        make_heartbeat(user)
        browser.get("/heartbeats")
        response = browser.get(live(browser)["hx-get"], headers=HTMX)
        assert (response.status_code, response.data) == (204, b"")

    def test_after_a_ping_the_fragment_shows_the_new_badge(self, browser, user, make_heartbeat):
        heartbeat = make_heartbeat(user)
        browser.get("/heartbeats?sort=name")
        browser.get(f"/ping/{heartbeat.slug}")
        response = browser.get(live(browser)["hx-get"], headers=HTMX)
        assert response.status_code == 200
        assert b"<html" not in response.data
        assert browser.text("tbody .badge") == "Up"
        assert live(browser)["data-url"] == "/heartbeats?sort=name"
        assert browser.get(live(browser)["hx-get"], headers=HTMX).status_code == 204

    def test_a_heartbeats_page_refreshes_too(self, browser, user, make_heartbeat):
        heartbeat = make_heartbeat(user)
        browser.get(f"/heartbeats/{heartbeat.id}")
        address = live(browser)["hx-get"]
        assert browser.get(address, headers=HTMX).status_code == 204
        browser.get(f"/ping/{heartbeat.slug}")
        assert browser.get(address, headers=HTMX).status_code == 200
        assert browser.text("#status .badge") == "Up"

    def test_a_paused_heartbeats_page_shows_the_ping_that_does_not_count(
        self, browser, user, make_heartbeat
    ):
        heartbeat = make_heartbeat(user, status="paused")
        browser.get(f"/heartbeats/{heartbeat.id}")
        browser.get(f"/ping/{heartbeat.slug}")
        assert browser.get(live(browser)["hx-get"], headers=HTMX).status_code == 200
        assert "not counted" in browser.text(".timeline")

    def test_a_fragment_that_there_is_not_is_not_found(self, browser, user):
        assert browser.get("/heartbeats?fragment=../x", headers=HTMX).status_code == 404


FILLED_IN = {"name": "Nightly backup", "expected_period": "1d", "grace_period": "1h"}


class TestAdd:
    def test_a_file_in_the_place_of_a_text_is_no_text(self, browser):
        browser.get("/heartbeats/add")
        token = browser.form("heartbeat-form").query_one("[name=csrf_token]").attrs["value"]
        data = {"csrf_token": token, "name": (BytesIO(b"x"), "name.txt")}

        response = browser.post("/heartbeats/add", data=data, content_type="multipart/form-data")

        assert response.status_code == 422

    def test_what_was_filled_in_becomes_a_heartbeat(self, browser, user, make_channel):
        channel = make_channel(user)
        browser.get("/heartbeats/add")
        response = browser.submit(
            "heartbeat-form",
            {
                "name": "  Nightly backup ",
                "description": "Dump.\r\nCopied off-site.",
                "tags": "db, backup,, db ",
                "environment": "production",
                "expected_period": "1h 30m",
                "grace_period": "600",
            },
        )
        heartbeat = only_heartbeat()
        assert response.status_code == 303
        assert response.location == f"/heartbeats/{heartbeat.id}"
        assert (heartbeat.name, heartbeat.tags) == ("Nightly backup", ["db", "backup"])
        assert (heartbeat.expected_period, heartbeat.grace_period) == (5400, 600)
        assert heartbeat.channels == [channel]  # chosen beforehand
        browser.get(response.location)
        assert "Created." in browser.text("[role=status]")

    def test_an_alias_opens_a_second_url(self, browser, user):
        browser.get("/heartbeats/add")
        browser.submit("heartbeat-form", FILLED_IN | {"alias": " nightly-backup.v2 "})
        assert only_heartbeat().alias == "nightly-backup.v2"
        key = team_of(user).ping_key
        assert browser.get(f"/ping/{key}/nightly-backup.v2/start").status_code == 200
        assert only_heartbeat().runs

    def test_an_alias_that_the_team_has_is_refused_beside_its_field(
        self, browser, user, other_user, make_heartbeat
    ):
        make_heartbeat(user, alias="mine")
        make_heartbeat(other_user, alias="theirs")
        browser.get("/heartbeats/add")
        assert browser.submit("heartbeat-form", FILLED_IN | {"alias": "mine"}).status_code == 422
        assert errors(browser) == {"alias": "Another heartbeat of the team has this alias."}
        assert browser.page.query_one("#alias").attrs["value"] == "mine"
        assert browser.submit("heartbeat-form", {"alias": "theirs"}).status_code == 303

    def test_the_common_periods_are_the_seeds(self, browser):
        browser.get("/heartbeats/add")
        fills = [json.loads(one.attrs["data-fill"]) for one in browser.page.query("[data-fill]")]
        seconds = {"s": 1, "m": 60, "h": 3600, "d": 86400, "w": 604800}

        def read(text):
            return int(text[:-1]) * seconds[text[-1]]

        assert [(read(one["expected_period"]), read(one["grace_period"])) for one in fills] == [
            (60, 30),
            (300, 120),
            (900, 300),
            (3600, 600),
            (21600, 3600),
            (43200, 7200),
            (86400, 3600),
            (604800, 86400),
            (2592000, 86400),
        ]

    def test_by_a_cron_expression_with_its_time_zone(self, browser):
        browser.get("/heartbeats/add")
        browser.submit(
            "heartbeat-form",
            FILLED_IN
            | {
                "schedule_kind": "cron",
                "cron_expression": " 30  3 * * 1-5 ",
                "cron_timezone": "America/Sao_Paulo",
                "expected_period": "what a cron expression does not need",
            },
        )
        heartbeat = only_heartbeat()
        assert heartbeat.cron_expression == "30 3 * * 1-5"
        assert heartbeat.cron_timezone == "America/Sao_Paulo"

    @both_databases
    @pytest.mark.parametrize(
        ("field", "value", "message"),
        [
            ("name", "", "Give it a name."),
            ("name", "   ", "Give it a name."),
            ("name", "x" * 201, "Too long."),
            ("name", "a\0b", "control characters"),
            ("description", "x" * 2001, "Too long."),
            ("description", "\x1b[31m", "control characters"),
            ("tags", ",".join(map(str, range(21))), "at most 20 tags"),
            ("tags", "x" * 51, "at most 50 characters"),
            ("environment", "x" * 51, "Too long."),
            ("expected_period", "", "Write a duration"),
            ("expected_period", "soon", "Write a duration"),
            ("expected_period", "-5", "Write a duration"),
            ("expected_period", "1" * 500, "Write a duration"),
            ("expected_period", "0", "between 1s and"),
            ("expected_period", "367d", "between 1s and"),
            ("alias", "nightly backup", "Use letters"),
            ("alias", "größe", "Use letters"),
            ("alias", "a/b", "Use letters"),
            ("alias", "start", "start, fail or log"),
            ("alias", "255", "no number up to 255"),
            ("alias", "x" * 81, "Too long."),
            ("alias", "a\0b", "control characters"),
            ("grace_period", "1.5h", "Write a duration"),
            ("grace_period", "999w", "between 0s and"),
        ],
    )
    def test_what_is_wrong_is_said_beside_its_field(self, browser, field, value, message):
        browser.get("/heartbeats/add")
        response = browser.submit("heartbeat-form", FILLED_IN | {field: value})
        assert response.status_code == 422
        assert list(errors(browser)) == [field]
        assert message in errors(browser)[field]
        assert db.session.scalars(sa.select(HeartbeatCheck)).all() == []

    @both_databases
    @pytest.mark.parametrize(
        "expression",
        ["", "0 3 * *", "0 99 * * *", "0 0 30 2 *", "x" * 201, "* * * * * * *", "\0", "@reboot"],
    )
    def test_what_is_no_cron_expression_is_said_beside_it(self, browser, expression):
        browser.get("/heartbeats/add")
        values = {"schedule_kind": "cron", "cron_expression": expression}
        response = browser.submit("heartbeat-form", FILLED_IN | values)
        assert response.status_code == 422
        assert "cron_expression" in errors(browser)

    def test_a_grace_of_nothing_is_one(self, browser):
        browser.get("/heartbeats/add")
        browser.submit("heartbeat-form", FILLED_IN | {"grace_period": "0"})
        assert only_heartbeat().grace_period == 0

    def test_input_is_kept_when_something_is_wrong(self, browser, user, make_channel):
        make_channel(user)
        browser.get("/heartbeats/add")
        browser.submit(
            "heartbeat-form",
            {
                "name": "<b>Backup</b>",
                "description": "Text",
                "grace_period": "soon",
                "schedule_kind": "cron",
                "cron_expression": "1 2 3 4 5",
                "channels": [],
            },
        )
        page = browser.page
        assert page.query_one("#name").attrs["value"] == "<b>Backup</b>"
        assert page.query_one("#description").to_text().strip() == "Text"
        assert page.query_one("#grace_period").attrs["value"] == "soon"
        assert page.query_one("#cron_expression").attrs["value"] == "1 2 3 4 5"
        assert "checked" in page.query_one("[name=schedule_kind][value=cron]").attrs
        assert page.query("[name=channels][checked]") == []

    @pytest.mark.parametrize("field", ["channels", "cron_timezone", "schedule_kind"])
    @pytest.mark.parametrize("value", ["999999", "nonsense", "9" * 30])
    def test_only_what_is_offered_can_be_chosen(self, browser, field, value):
        browser.get("/heartbeats/add")
        response = browser.submit("heartbeat-form", FILLED_IN | {field: value})
        assert response.status_code == 422

    def test_the_channel_of_another_team_cannot_be_chosen(self, browser, other_user, make_channel):
        foreign = make_channel(other_user, name="Theirs")
        browser.get("/heartbeats/add")
        assert "Theirs" not in browser.text()
        response = browser.submit("heartbeat-form", FILLED_IN | {"channels": [foreign.id]})
        assert response.status_code == 422

    def test_the_next_runs_of_a_cron_expression_are_shown_while_it_is_typed(self, browser):
        query = {
            "fragment": "preview",
            "schedule_kind": "cron",
            "cron_expression": "0 3 * * *",
            "cron_timezone": "UTC",
        }
        browser.get("/heartbeats/add", query_string=query, headers=HTMX)
        instants = [time.attrs["datetime"] for time in browser.page.query("li time")]
        assert instants[::2] == [f"2026-01-0{day}T03:00:00+00:00" for day in (8, 9)] + [
            "2026-01-10T03:00:00+00:00"
        ]
        query["cron_expression"] = "0 3 * *"
        browser.get("/heartbeats/add", query_string=query, headers=HTMX)
        assert "no cron expression" in browser.text(".help")

    def test_without_a_token_nothing_is_made(self, browser):
        assert browser.post("/heartbeats/add", data=FILLED_IN).status_code == 400
        assert db.session.scalars(sa.select(HeartbeatCheck)).all() == []


class TestEdit:
    def test_the_form_holds_what_is_and_changes_it(self, browser, user, make_heartbeat):
        heartbeat = make_heartbeat(user, tags=["a", "b"], expected_period=5400)
        browser.get(f"/heartbeats/{heartbeat.id}/edit")
        assert browser.page.query_one("#tags").attrs["value"] == "a, b"
        assert browser.page.query_one("#expected_period").attrs["value"] == "1h 30m"
        response = browser.submit("heartbeat-form", {"name": "Changed"})
        assert response.location == f"/heartbeats/{heartbeat.id}"
        assert (heartbeat.name, heartbeat.expected_period) == ("Changed", 5400)
        assert heartbeat.tags == ["a", "b"]

    def test_channels_are_those_of_the_heartbeat(self, browser, user, make_heartbeat, make_channel):
        used, unused = make_channel(user), make_channel(user)
        heartbeat = make_heartbeat(user, channels=[used])
        browser.get(f"/heartbeats/{heartbeat.id}/edit")
        [box] = browser.page.query("[name=channels][checked]")
        assert box.attrs["value"] == str(used.id)
        browser.submit("heartbeat-form", {"channels": [unused.id]})
        assert heartbeat.channels == [unused]

    @both_databases
    def test_an_alias_is_changed_kept_and_taken_away(self, browser, user, make_heartbeat):
        heartbeat = make_heartbeat(user, alias="first")
        make_heartbeat(user, alias="taken")
        page = f"/heartbeats/{heartbeat.id}/edit"
        browser.get(page)
        assert browser.submit("heartbeat-form", {"name": "Changed"}).status_code == 303
        assert (heartbeat.alias, heartbeat.name) == ("first", "Changed")
        browser.get(page)
        assert browser.submit("heartbeat-form", {"alias": "taken"}).status_code == 422
        assert "has this alias" in errors(browser)["alias"]
        assert "Changed" in browser.text("h1")
        browser.submit("heartbeat-form", {"alias": ""})
        assert heartbeat.alias is None

    def test_a_cron_expression_can_become_a_period_again(self, browser, user, make_heartbeat):
        heartbeat = make_heartbeat(user, cron_expression="0 3 * * *", cron_timezone="UTC")
        browser.get(f"/heartbeats/{heartbeat.id}/edit")
        assert "checked" in browser.page.query_one("[name=schedule_kind][value=cron]").attrs
        browser.submit("heartbeat-form", {"schedule_kind": "period", "expected_period": "5m"})
        assert (heartbeat.cron_expression, heartbeat.expected_period) == (None, 300)


class TestDelete:
    def test_it_asks_before_it_deletes(self, browser, user, make_heartbeat):
        heartbeat = make_heartbeat(user, name="Old & <i>unused</i>")
        browser.get(f"/heartbeats/{heartbeat.id}/delete")
        assert "Old & <i>unused</i>" in browser.text("h1")
        assert only_heartbeat()
        response = browser.submit()
        assert response.location == "/heartbeats"
        assert db.session.scalars(sa.select(HeartbeatCheck)).all() == []
        browser.get("/heartbeats")
        assert "was deleted" in browser.text("[role=status]")


class TestActions:
    def test_a_test_ping_from_the_list_leads_back_to_it(self, browser, user, make_heartbeat):
        heartbeat = make_heartbeat(user)
        browser.get("/heartbeats?status=new")
        response = browser.submit(
            f"/heartbeats/{heartbeat.id}/test-ping",
            headers={"Referer": "http://localhost/heartbeats?status=new"},
        )
        assert response.status_code == 303
        assert response.location == "/heartbeats?status=new"
        assert (heartbeat.status, heartbeat.total_pings) == ("up", 1)

    def test_pause_and_resume(self, browser, user, make_heartbeat):
        heartbeat = make_heartbeat(user, last_ping=NOW)
        page = f"/heartbeats/{heartbeat.id}"
        browser.get(page)
        browser.submit(f"{page}/pause")
        assert heartbeat.status == "paused"
        browser.get(page)
        browser.submit(f"{page}/resume")
        assert heartbeat.status == "up"

    def test_htmx_is_told_to_refresh_and_what_to_say(self, browser, user, make_heartbeat):
        heartbeat = make_heartbeat(user, name="Größe")
        browser.get("/heartbeats")
        response = browser.submit(f"/heartbeats/{heartbeat.id}/test-ping", headers=HTMX)
        assert response.status_code == 204
        events = json.loads(response.headers["HX-Trigger"])
        assert "refresh" in events
        assert "Größe" in events["notify"]["text"]
        assert response.headers["HX-Trigger"].isascii()

    def test_a_new_url_is_made_after_asking(self, browser, user, make_heartbeat):
        heartbeat = make_heartbeat(user)
        old = heartbeat.slug
        browser.get(f"/heartbeats/{heartbeat.id}/rotate")
        assert heartbeat.slug == old
        browser.submit()
        assert heartbeat.slug != old
        assert browser.get(f"/ping/{old}").status_code == 404

    @pytest.mark.parametrize("action", ["test-ping", "pause", "resume"])
    def test_an_action_is_no_link(self, browser, user, make_heartbeat, action):
        heartbeat = make_heartbeat(user)
        assert browser.get(f"/heartbeats/{heartbeat.id}/{action}").status_code == 405
        assert browser.post(f"/heartbeats/{heartbeat.id}/{action}").status_code == 400


class TestPage:
    @pytest.mark.parametrize(
        ("values", "text"),
        [
            ({}, "Waiting for the first ping."),
            ({"last_ping": NOW}, "Next ping expected"),
            ({"last_ping": NOW, "status": "late"}, "counts as down"),
            ({"last_ping": NOW, "status": "down"}, "A ping was expected"),
            ({"last_ping": NOW, "status": "paused"}, "Nothing is expected"),
            ({"last_ping": NOW, "status": "down", "failure": "failed"}, "reported a failure"),
            ({"last_ping": NOW, "status": "down", "failure": "exit 3"}, "exit status 3"),
            ({"status": "down"}, "A run did not end"),
            ({"last_ping": NOW, "runs": {"": NOW.isoformat()}}, "A run began"),
            ({"last_ping": NOW, "last_duration_ms": 90_000}, "1m 30s"),
        ],
    )
    def test_it_says_how_things_stand(self, browser, user, make_heartbeat, values, text):
        heartbeat = make_heartbeat(user, **values)
        assert browser.get(f"/heartbeats/{heartbeat.id}").status_code == 200
        assert text in browser.text("#status")

    def test_it_shows_counters_and_schedule(self, browser, user, make_heartbeat, make_channel):
        heartbeat = make_heartbeat(
            user,
            last_ping=NOW,
            description="Line one\nLine two",
            total_pings=12_345,
            missed_pings=3,
            channels=[make_channel(user, name="Operations")],
        )
        browser.get(f"/heartbeats/{heartbeat.id}")
        assert "Total pings 12,345" in browser.text(".counters")
        assert "Times missed 3" in browser.text(".counters")
        assert "every 1m" in browser.text("aside")
        assert "Operations" in browser.text("aside")

    def test_it_warns_when_nobody_is_told(self, browser, user, make_heartbeat):
        browser.get(f"/heartbeats/{make_heartbeat(user).id}")
        assert "Nobody is told" in browser.text("aside")

    def test_a_cron_expression_shows_its_next_three_runs(self, browser, user, make_heartbeat):
        heartbeat = make_heartbeat(user, cron_expression="0 3 * * *", cron_timezone="UTC")
        browser.get(f"/heartbeats/{heartbeat.id}")
        assert len(browser.page.query(".upcoming li")) == 3

    @pytest.mark.settings(site_url="https://monitor.example.com")
    def test_every_example_calls_the_whole_url(self, browser, user, make_heartbeat):
        heartbeat = make_heartbeat(user)
        browser.get(f"/heartbeats/{heartbeat.id}")
        labels = [tab.to_text() for tab in browser.page.query(".tabs .tab")]
        assert labels == [
            *("Bash", "crontab", "Python", "Node.js", "systemd", "PowerShell"),
            *("Exit status", "crontab", "Start and end", "Output", "Python"),
        ]
        for example in browser.page.query(".tab-panel pre"):
            assert f"https://monitor.example.com/ping/{heartbeat.slug}" in example.to_text()

    def test_what_is_copied_is_what_is_shown(self, browser, user, make_heartbeat):
        browser.get(f"/heartbeats/{make_heartbeat(user).id}")
        blocks = browser.page.query(".codeblock")
        assert len(blocks) == 13
        for block in blocks:
            [button] = block.query("[data-copy]")
            assert button.attrs["data-copy"] == block.query_one("code").to_text(strip=False)
        assert any('>"$log" 2>&1' in block.to_text() for block in blocks)

    @pytest.mark.parametrize("alias", [None, "invoices"])
    def test_it_can_be_pinged_by_its_alias(self, browser, user, make_heartbeat, alias):
        heartbeat = make_heartbeat(user, alias=alias)
        browser.get(f"/heartbeats/{heartbeat.id}")
        by_alias = browser.text(".ping-by-alias")
        assert f"/ping/{team_of(user).ping_key}/{alias or 'nightly-backup'}?create=1" in by_alias
        assert ("Give it an alias" in by_alias) == (alias is None)

    def test_the_timeline_tells_what_happened(self, browser, user, make_heartbeat, clock):
        heartbeat = make_heartbeat(user)
        signal = pings.Signal(heartbeat.slug, clock.now, "POST", "10.0.0.7", "<script>alert(1)")
        pings.record([signal])
        heartbeats.pause(user, heartbeat.id)
        browser.get(f"/heartbeats/{heartbeat.id}")
        timeline = browser.text(".timeline")
        assert "POST · 10.0.0.7 · <script>alert(1)" in timeline
        assert "a ping arrived" in timeline
        assert "somebody paused it" in timeline
        browser.get(f"/heartbeats/{heartbeat.id}?show=changes")
        assert "POST" not in browser.text(".timeline")

    def test_the_timeline_has_words_for_every_signal(self, browser, user, make_heartbeat, clock):
        heartbeat = make_heartbeat(user)
        rid = "6a1e4f0c-5b77-4a51-9a56-0f7e4f0c5b77"
        for path in (f"/start?rid={rid}", "/log", "", "/0", "/fail", f"/3?rid={rid}"):
            clock.advance(seconds=2)
            browser.post(f"/ping/{heartbeat.slug}{path}", data=b"x" * 1500)
        browser.get(f"/heartbeats/{heartbeat.id}")
        words = [link.to_text() for link in browser.page.query(".timeline-link")]
        assert words == ["Exit status 3", "Failure", "Success", "Success", "Log", "Start"]
        timeline = browser.text(".timeline")
        assert "Start 6a1e4f0c Body: 1.5 kB POST · 127.0.0.1 · Werkzeug" in timeline

    def test_the_timeline_tells_of_our_own_outages(self, browser, user, make_heartbeat):
        heartbeat = make_heartbeat(user)
        db.session.add(Outage(began_at=NOW, ended_at=NOW + timedelta(minutes=5)))
        db.session.commit()
        browser.get(f"/heartbeats/{heartbeat.id}")
        assert "SentinelWeb could not receive pings for 5m" in browser.text(".timeline")

    def test_runs_are_charted_with_a_table_behind(self, browser, user, make_heartbeat, clock):
        heartbeat = make_heartbeat(user)
        for took, end in ((90, ""), (240, "/7")):
            browser.get(f"/ping/{heartbeat.slug}/start")
            clock.advance(seconds=took)
            browser.get(f"/ping/{heartbeat.slug}{end}")
        browser.get(f"/heartbeats/{heartbeat.id}")
        assert len(browser.page.query(".runs-bars rect")) == 2
        assert len(browser.page.query(".runs-bars .failed")) == 1
        assert "The last 2: usually 1m 30s, at most 4m" in browser.text("#runs-summary")
        rows = [" ".join(row.to_text().split()) for row in browser.page.query("#runs-table tr")]
        assert rows[1].endswith("Exit status 7 4m")
        assert rows[2].endswith("Success 1m 30s")

    def test_without_runs_there_is_no_chart(self, browser, user, make_heartbeat):
        heartbeat = make_heartbeat(user)
        browser.get(f"/ping/{heartbeat.slug}")
        browser.get(f"/heartbeats/{heartbeat.id}")
        assert browser.page.query(".runs-bars") == []

    @both_databases
    def test_the_timeline_has_pages(self, browser, user, make_heartbeat):
        heartbeat = make_heartbeat(user)
        for number in range(35):
            db.session.add(
                StatusChange(
                    monitor_id=heartbeat.id,
                    prev_status="up",
                    new_status="late",
                    note=f"note {number}",
                    created_at=NOW + timedelta(seconds=number),
                )
            )
        db.session.commit()
        browser.get(f"/heartbeats/{heartbeat.id}?show=changes")
        assert len(browser.page.query(".timeline li")) == 30
        browser.get(re.sub("#.*", "", browser.page.query_one("a[rel=next]").attrs["href"]))
        assert [li.attrs["id"].rpartition("-")[0] for li in browser.page.query(".timeline li")] == [
            "entry-change"
        ] * 5
        assert "note 0" in browser.text(".timeline")

    @both_databases
    @pytest.mark.parametrize("query", ["before=x", "before=1-1-1", "before=%00", "show=%00", "v=x"])
    def test_an_address_that_makes_no_sense_is_still_a_page(
        self, browser, user, make_heartbeat, query
    ):
        assert browser.get(f"/heartbeats/{make_heartbeat(user).id}?{query}").status_code == 200

    def test_the_bar_of_days_has_a_text(self, browser, user, make_heartbeat):
        heartbeat = make_heartbeat(
            user, last_ping=NOW, status="down", status_since=NOW, created_at=NOW - timedelta(days=2)
        )
        browser.get(f"/heartbeats/{heartbeat.id}")
        (bar,) = browser.page.query(".days-bar")
        assert "Jan 7: Down" in bar.attrs["aria-label"]
        assert "Jan 7: Down" in browser.text(".days-bar rect title")


class TestPing:
    def open_latest(self, browser, heartbeat):
        browser.get(f"/heartbeats/{heartbeat.id}")
        return browser.get(browser.page.query(".timeline-link")[0].attrs["href"])

    def test_it_tells_what_came_with_it(self, browser, user, make_heartbeat, clock):
        heartbeat = make_heartbeat(user, name="Nightly <i>backup</i>")
        rid = "6a1e4f0c-5b77-4a51-9a56-0f7e4f0c5b77"
        browser.get(f"/ping/{heartbeat.slug}/start?rid={rid}")
        clock.advance(seconds=1.5)
        browser.post(f"/ping/{heartbeat.slug}/3?rid={rid}", headers={"User-Agent": "<b>job</b>"})
        self.open_latest(browser, heartbeat)
        facts = browser.text(".facts")
        for text in ("Exit status 3", "1.5s", rid, "POST", "127.0.0.1", "<b>job</b>"):
            assert text in facts
        assert "Nightly <i>backup</i>" in browser.text(".breadcrumbs")
        assert "The ping had none." in browser.text("main")

    @both_databases
    def test_a_body_is_shown_as_text_and_nothing_else(self, browser, user, make_heartbeat):
        heartbeat = make_heartbeat(user)
        body = "\n<script>alert(1)</script>\x1b[31m € \0 ok"
        browser.post(f"/ping/{heartbeat.slug}", data=body.encode())
        self.open_latest(browser, heartbeat)
        [shown] = browser.page.query(".ping-body")
        assert shown.to_text(strip=False) == "\n<script>alert(1)</script> € \ufffd ok"
        assert browser.page.query("main script") == []

    @both_databases
    def test_a_body_can_be_kept_as_a_file(self, browser, user, make_heartbeat):
        heartbeat = make_heartbeat(user)
        browser.post(f"/ping/{heartbeat.slug}", data=b"\0\xff<html>")
        self.open_latest(browser, heartbeat)
        assert browser.text(".ping-dump") == "00000000 00 ff 3c 68 74 6d 6c 3e ..<html>"
        response = browser.get(browser.page.query_one("section .button").attrs["href"])
        assert response.data == b"\0\xff<html>"
        assert response.mimetype == "application/octet-stream"
        assert response.headers["Content-Disposition"].startswith("attachment")

    @pytest.mark.settings(ping_body_limit=100)
    def test_a_body_that_was_cut_says_so(self, browser, user, make_heartbeat):
        heartbeat = make_heartbeat(user)
        browser.post(f"/ping/{heartbeat.slug}", data=b"x" * 5_000)
        self.open_latest(browser, heartbeat)
        assert "100 B of 5 kB" in browser.text(".notice")
        assert browser.text(".ping-body") == "x" * 100

    @pytest.mark.settings(ping_body_limit=0)
    def test_a_body_that_was_not_kept_says_so(self, browser, user, make_heartbeat):
        heartbeat = make_heartbeat(user)
        browser.post(f"/ping/{heartbeat.slug}", data=b"x" * 5_000)
        self.open_latest(browser, heartbeat)
        assert "It was not kept" in browser.text("main")

    def test_it_leads_to_the_one_before(self, browser, user, make_heartbeat, clock):
        heartbeat = make_heartbeat(user)
        for signal in ("start", "log"):
            browser.get(f"/ping/{heartbeat.slug}/{signal}")
            clock.advance(seconds=1)
        self.open_latest(browser, heartbeat)
        assert browser.text("h1") == "Log"
        browser.get(browser.page.query_one("a[rel=next]").attrs["href"])
        assert browser.text("h1") == "Start"

    @pytest.mark.parametrize("path", ["", "/body"])
    def test_of_another_team_it_is_not_found(self, browser, other_user, make_heartbeat, path):
        heartbeat = make_heartbeat(other_user)
        browser.post(f"/ping/{heartbeat.slug}", data=b"secret")
        assert browser.get(f"/heartbeats/{heartbeat.id}/pings/1{path}").status_code == 404


@pytest.mark.parametrize("locale", ["pt_BR", "es"])
def test_pages_open_in_every_language(browser, user, make_heartbeat, locale):
    heartbeat = make_heartbeat(user, last_ping=NOW, status="late")
    user.locale = locale
    db.session.commit()
    for path in ("/heartbeats", f"/heartbeats/{heartbeat.id}", "/heartbeats/add"):
        assert browser.get(path).status_code == 200
        assert browser.page.query_one("html").attrs["lang"] == locale.replace("_", "-")
