"""`/status` as strangers see it."""

import contextlib
import gzip
from datetime import timedelta

import pytest
from flask.testing import FlaskClient
from sqlalchemy import event
from sqlalchemy.exc import OperationalError

from sentinelweb.db import db
from sentinelweb.models import StatusChange
from sentinelweb.services import public_history, public_status, status_pages
from sentinelweb.services.status_pages import PageValues
from tests.support.databases import both_databases
from tests.support.factories import NOW


@pytest.fixture(autouse=True)
def always_looking(monkeypatch, clock):
    monkeypatch.setattr(public_status, "FRESH_FOR", 0)


@pytest.fixture
def page(admin):
    values = PageValues("Status of Example", "example", "How it is.", is_first=True)
    return status_pages.create(admin, values)


@pytest.fixture
def show(admin, page):
    """`show(*monitors, section="", **flags)` puts them on the page."""

    def show(*monitors, section="", **flags):
        status_pages.add_monitors(admin, page.id, [each.id for each in monitors], section)
        for item in status_pages.items(page)[-len(monitors) :]:
            for name, value in flags.items():
                setattr(item, name, value)
        db.session.commit()

    return show


def test_before_anything_is_published_it_says_so(client, admin, make_heartbeat):
    make_heartbeat(admin, name="Backup")
    answer = client.get("/status")
    assert answer.status_code == 200
    assert "Nothing is published here yet" in client.text("h1")
    assert "Backup" not in client.text()
    assert client.page.query("a[href='/status-pages']")
    assert "noindex" in answer.headers["X-Robots-Tag"]


def test_the_first_page_has_the_titles_of_both(client, page):
    for path in ("/status", "/status/example"):
        client.get(path)
        assert client.text("h1") == client.text("title") == "Status of Example"


@pytest.mark.settings(public_status_title="Status — Minha Empresa")
def test_the_server_may_give_the_first_page_a_title(client, page):
    client.get("/status")
    assert client.text("h1") == client.text("title") == "Status — Minha Empresa"
    client.get("/status/example")
    assert client.text("h1") == "Status of Example"


@pytest.mark.parametrize(
    ("statuses", "sentence", "look"),
    [
        ([], "Nothing is shown here yet", "new"),
        (["up"], "Everything is up", "up"),
        (["up", "paused"], "Everything that is watched is up", "up"),
        (["up", "late"], "1 of 2 is late", "late"),
        (["up", "late", "late"], "2 of 3 are late", "late"),
        (["up", "late", "down"], "1 of 3 is down", "down"),
        (["up", "down", "down"], "2 of 3 are down", "down"),
        (["down", "down"], "Everything is down", "down"),
        (["down"], "1 of 1 is down", "down"),
        (["new", "paused"], "Nothing is watched at the moment", "new"),
    ],
)
def test_one_sentence_says_how_things_are(
    client, admin, show, make_heartbeat, statuses, sentence, look
):
    for status in statuses:
        show(make_heartbeat(admin, status=status))
    client.get("/status")
    assert client.text("#sentence p[role=status]") == sentence
    assert client.page.query(f"#sentence.status-{look}")


def test_a_monitor_has_its_state_in_words_and_its_history(client, admin, show, make_heartbeat):
    job = make_heartbeat(admin, name="Backup", last_ping=NOW, created_at=NOW - timedelta(days=200))
    for at, previous, status in (
        (NOW - timedelta(days=2), "up", "down"),
        (NOW - timedelta(days=2) + timedelta(hours=3), "down", "up"),
    ):
        db.session.add(
            StatusChange(monitor_id=job.id, prev_status=previous, new_status=status, created_at=at)
        )
    db.session.commit()
    show(job)
    client.get("/status")
    row = f"#monitor-{job.id}"
    assert client.text(f"{row} .badge") == "Up"
    assert client.text(f"{row} .public-since") == "since Jan 7, 12:00 PM"
    (bar,) = client.page.query(f"{row} svg.days-bar")
    assert bar.attrs["aria-label"] == "The last 90 days: Jan 5: Down (3h)"
    assert client.text(f"{row} rect title") == "Jan 5: Down (3h)"
    assert client.text(f"{row} .public-uptime") == (
        "24 hours 100% 7 days 98.21% 30 days 99.58% 90 days 99.86%"
    )
    assert not client.page.query(f"{row} .public-facts")


def test_what_was_chosen_is_there(client, admin, show, make_heartbeat, make_service):
    service = make_service(
        admin,
        name="Shop",
        last_check_at=NOW,
        last_latency_ms=12.4,
        tags=["web"],
        environment="prod",
    )
    job = make_heartbeat(
        admin, alias="backup-noite", cron_expression="0 3 * * *", cron_timezone="UTC"
    )
    flags = ("shows_alias", "shows_last_ping", "shows_interval", "shows_latency", "shows_tags")
    show(service, job, **dict.fromkeys(flags, True))
    client.get("/status")
    said = client.text(f"#monitor-{service.id}")
    assert all(word in said for word in ("12 ms", "every 1m", "Last ping", "web", "prod"))
    said = client.text(f"#monitor-{job.id}")
    assert "backup-noite" in said
    assert "0 3 * * *" in said


@both_databases
def test_it_is_filtered_by_tag_and_environment(client, admin, show, make_heartbeat):
    show(
        make_heartbeat(admin, name="A", tags=["web"], environment="prod", status="down"),
        make_heartbeat(admin, name="B", tags=["jobs"], environment="dev", status="up"),
        shows_tags=True,
    )
    client.get("/status")
    client.submit("filter", {"tag": "jobs"})
    assert client.text(".public-name h3") == "B"
    assert client.text("#sentence p[role=status]") == "Everything is up"
    client.get("/status?environment=prod")
    assert client.text(".public-name h3") == "A"
    client.get("/status?tag=unknown&environment=%00")
    assert client.text(".public-name h3") == "A B"
    assert "tag=unknown" not in client.page.to_html()


@both_databases
def test_a_page_that_hides_tags_cannot_be_searched_for_them(client, admin, show, make_heartbeat):
    show(make_heartbeat(admin, name="A", tags=["secret"]), make_heartbeat(admin, name="B"))
    client.get("/status?tag=secret")
    assert client.text(".public-name h3") == "A B"


class TestIncidents:
    @pytest.fixture
    def job(self, admin, show, make_heartbeat):
        job = make_heartbeat(
            admin, name="Backup", last_ping=NOW, created_at=NOW - timedelta(days=200)
        )
        show(job, label="Nightly copy")
        return job

    def change(self, job, ago, previous, status, note=""):
        at = NOW - ago
        db.session.add(
            StatusChange(
                monitor_id=job.id, prev_status=previous, new_status=status, created_at=at, note=note
            )
        )
        job.status, job.status_since = status, at
        db.session.commit()

    def test_each_has_its_day_name_times_and_length_and_nothing_else(self, client, job):
        self.change(job, timedelta(days=2), "up", "down", "refused by 10.1.2.3")
        self.change(job, timedelta(days=2, minutes=-34), "down", "up")
        client.get("/status")
        assert client.text(".incident-day h3") == "Jan 5"
        said = client.text(".incident").replace("\u202f", " ")
        assert said == "Nightly copy 12:00 PM – 12:34 PM 34m"
        assert "10.1.2.3" not in client.page.to_html()

    def test_one_that_goes_on_says_so(self, client, job):
        self.change(job, timedelta(hours=2), "up", "down")
        client.get("/status")
        said = client.text(".incident").replace("\u202f", " ")
        assert said == "Nightly copy 10:00 AM – ongoing 2h"

    def test_an_end_on_another_day_names_it(self, client, job):
        self.change(job, timedelta(days=3), "up", "down")
        self.change(job, timedelta(days=1), "down", "up")
        client.get("/status?lang=es")
        assert client.text(".incident-day h3") == "4 ene"
        assert client.text(".incident-when") == "12:00 – 6 ene, 12:00"

    def test_without_any_it_says_so(self, client, job):
        client.get("/status")
        assert client.text("#incidents p") == "None in the last 30 days."

    def test_too_many_are_not_passed_off_as_all(self, client, job, monkeypatch):
        monkeypatch.setattr(public_history, "MAX_INCIDENTS", 1)
        for days in (3, 2):
            self.change(job, timedelta(days=days), "up", "down")
            self.change(job, timedelta(days=days - 0.5), "down", "up")
        client.get("/status")
        assert len(client.page.query(".incident")) == 1
        assert client.text("#incidents p") == "There were more of them than are listed."

    def test_a_filter_narrows_them_too(self, client, admin, show, make_heartbeat, job):
        show(make_heartbeat(admin, name="Other", tags=["web"]), shows_tags=True)
        self.change(job, timedelta(hours=2), "up", "down")
        client.get("/status?tag=web")
        assert client.text("#incidents p") == "None in the last 30 days."

    def test_an_incident_that_ends_renews_the_page(self, client, job):
        self.change(job, timedelta(hours=2), "up", "down")
        etag = client.get("/status").headers["ETag"]
        self.change(job, timedelta(), "down", "up")
        answer = client.get("/status", headers={"If-None-Match": etag})
        assert answer.status_code == 200
        assert "ongoing" not in client.text(".incident")

    def test_a_page_without_monitors_has_none(self, client, page):
        client.get("/status")
        assert not client.page.query("#incidents")


class TestWhileTheDatabaseIsAway:
    @pytest.fixture
    def away(self, app, monkeypatch):
        """`with away():` every statement fails, as if a while had passed since the last look."""

        def fail(*_args):
            raise OperationalError("SELECT", {}, Exception("the server closed the connection"))

        @contextlib.contextmanager
        def away():
            with monkeypatch.context() as patched:
                patched.setattr(public_status, "OLD_AFTER", -1)
                event.listen(db.engine, "before_cursor_execute", fail)
                yield
                event.remove(db.engine, "before_cursor_execute", fail)
            db.session.rollback()

        return away

    @pytest.mark.parametrize("path", ["/status", "/status/example"])
    def test_the_last_page_is_shown_and_says_that_it_may_be_old(
        self, client, admin, show, make_heartbeat, away, path
    ):
        show(make_heartbeat(admin, name="Backup", status="up"))
        before = client.get(path)
        assert not client.page.query("#is-old")
        with away():
            answer = client.get(path)
            assert answer.status_code == 200
            assert "may be out of date" in client.text("#is-old")
            assert client.text(".public-name h3") == "Backup"
            assert client.page.query("#sentence.status-new")
            assert answer.headers["ETag"] != before.headers["ETag"]
            again = client.get(path, headers={"If-None-Match": answer.headers["ETag"]})
            assert again.status_code == 304
        answer = client.get(path, headers={"If-None-Match": answer.headers["ETag"]})
        assert answer.status_code == 200
        assert not client.page.query("#is-old")
        assert client.page.query("#sentence.status-up")

    def test_a_page_that_is_open_learns_of_both(self, client, page, away):
        client.get("/status")
        headers = {"HX-Request": "true"}
        with away():
            client.get(client.page.query_one("#live").attrs["hx-get"], headers=headers)
            assert client.page.query("#is-old")
            address = client.page.query_one("#live").attrs["hx-get"]
            assert client.get(address, headers=headers).status_code == 204
        client.get(address, headers=headers)
        assert client.page.query("#live")
        assert not client.page.query("#is-old")

    @pytest.mark.parametrize("path", ["/status", "/status/example", "/status/none"])
    def test_without_one_it_says_in_plain_words_that_there_is_nothing_to_show(
        self, client, page, away, path
    ):
        with away():
            answer = client.get(path, headers={"Accept-Language": "en"})
        assert answer.status_code == 503
        assert answer.headers["Retry-After"] == "10"
        assert answer.headers["Cache-Control"] == "public, max-age=2"
        assert "Set-Cookie" not in answer.headers
        assert client.text("h1") == "How things are cannot be shown right now"
        assert "database" not in client.text().lower()
        assert not client.page.query("a[href='/status-pages']")

    def test_nothing_is_published_before_there_is_a_user(self, client):
        assert client.get("/status").status_code == 200
        assert client.text("h1") == "Nothing is published here yet"


class TestForWhom:
    def test_off_is_not_found(self, client, admin, page):
        values = PageValues("Example", "example", visibility="off")
        status_pages.edit(admin, page.id, values)
        assert client.get("/status/example").status_code == 404
        assert "Nothing is published" in client.get("/status").get_data(as_text=True)

    @both_databases
    @pytest.mark.parametrize("slug", ["other", "EXAMPLE", "a%00b", "x" * 2_000, "..", "%F0%9F"])
    def test_others_are_not_found(self, client, page, slug):
        answer = client.get(f"/status/{slug}")
        assert answer.status_code == 404
        assert "Set-Cookie" not in answer.headers

    def test_robots_are_sent_away_from_unlisted_pages_alone(self, client, admin, page):
        status_pages.create(admin, PageValues("Inside", "inside", visibility="unlisted"))
        answer = client.get("/status/inside")
        assert answer.headers["X-Robots-Tag"] == "noindex, nofollow"
        assert client.page.query("meta[name=robots]")
        answer = client.get("/status/example")
        assert "X-Robots-Tag" not in answer.headers
        assert not client.page.query("meta[name=robots]")
        assert "inside" not in client.page.to_html().lower()

    def test_strangers_get_no_cookie(self, client, page):
        for path in ("/status", "/status/example", "/status/none"):
            assert "Set-Cookie" not in client.get(path).headers

    def test_whoever_is_logged_in_sees_what_strangers_see(
        self, app, client, admin, login, page, show, make_heartbeat
    ):
        show(make_heartbeat(admin))
        login(client, admin)
        with client.session_transaction() as session:
            session.permanent = True
        answer = client.get("/status")
        assert answer.data == app.test_client().get("/status").data
        assert "Set-Cookie" not in answer.headers

    @pytest.mark.parametrize(
        ("path", "headers", "language"),
        [
            ("/status", {"Accept-Language": "es-MX"}, "es"),
            ("/status?lang=pt_BR", {"Accept-Language": "es"}, "pt-BR"),
            ("/status", {}, "en"),
        ],
    )
    def test_it_speaks_the_readers_language(self, client, page, path, headers, language):
        client.get(path, headers=headers)
        assert client.page.query_one("html").attrs["lang"] == language

    def test_the_language_that_was_chosen_on_other_pages_is_kept(self, client, page):
        client.set_cookie("locale", "es")
        client.get("/status?lang=xx", headers={"Accept-Language": "pt"})
        assert client.page.query_one("html").attrs["lang"] == "es"

    def test_the_theme_of_other_pages_is_kept(self, client, page):
        client.set_cookie("theme", "dark")
        client.get("/status")
        assert client.page.query_one("html").attrs["data-theme"] == "dark"
        client.set_cookie("theme", '"><script>')
        client.get("/status")
        assert "data-theme" not in client.page.query_one("html").attrs


class TestCaching:
    @pytest.fixture(autouse=True)
    def job(self, admin, show, make_heartbeat):
        job = make_heartbeat(admin, name="Backup", last_ping=NOW)
        show(job)
        return job

    def test_caches_on_the_way_may_keep_it_for_a_moment(self, client):
        answer = client.get("/status")
        assert answer.headers["Cache-Control"] == "public, max-age=2"
        assert "Accept-Language" in answer.headers["Vary"]

    def test_who_has_it_already_is_told_so(self, client, job):
        etag = client.get("/status").headers["ETag"]
        answer = client.get("/status", headers={"If-None-Match": etag})
        assert (answer.status_code, answer.data) == (304, b"")
        job.name = "Renamed"
        db.session.commit()
        answer = client.get("/status", headers={"If-None-Match": etag})
        assert answer.status_code == 200
        assert answer.headers["ETag"] != etag

    @both_databases
    def test_each_language_theme_and_filter_has_a_tag_of_its_own(
        self, client, admin, show, make_heartbeat
    ):
        show(make_heartbeat(admin, tags=["web"]), shows_tags=True)
        tags = [client.get(path).headers["ETag"] for path in ("/status", "/status?tag=web")]
        tags.append(client.get("/status", headers={"Accept-Language": "es"}).headers["ETag"])
        client.set_cookie("theme", "dark")
        tags.append(client.get("/status").headers["ETag"])
        assert len(set(tags)) == 4

    def test_it_is_compressed_for_whoever_takes_that(self, app, client):
        plain = client.get("/status")
        browser = FlaskClient(app, app.response_class)
        packed = browser.get("/status", headers={"Accept-Encoding": "br, gzip"})
        assert packed.headers["Content-Encoding"] == "gzip"
        assert packed.headers["ETag"] != plain.headers["ETag"]
        assert gzip.decompress(packed.data) == plain.data

    def test_an_open_page_asks_for_what_is_new(self, client, job):
        client.get("/status")
        address = client.page.query_one("#live").attrs["hx-get"]
        headers = {"HX-Request": "true"}
        answer = client.get(address, headers=headers)
        assert (answer.status_code, answer.data) == (204, b"")
        assert answer.headers["Cache-Control"] == "public, max-age=2"

        job.status = "down"
        db.session.commit()
        answer = client.get(address, headers=headers)
        assert answer.status_code == 200
        assert client.text("#sentence p[role=status]") == "1 of 1 is down"
        assert not client.page.query("h1")
        (live,) = client.page.query("#live")
        assert live.attrs["data-title"] == "(1) Status of Example"
        assert live.attrs["hx-get"] != address

    @both_databases
    def test_a_filter_stays_while_the_page_refreshes_itself(
        self, client, admin, show, make_heartbeat
    ):
        show(make_heartbeat(admin, name="Tagged", tags=["web"]), shows_tags=True)
        client.get("/status?tag=web&lang=es")
        address = client.page.query_one("#live").attrs["hx-get"]
        client.get(address.replace("v=", "v=x"), headers={"HX-Request": "true"})
        assert client.text(".public-name h3") == "Tagged"
        assert "lang=es" in address

    def test_a_fragment_that_is_no_ones_is_the_page(self, client):
        client.get("/status?fragment=nothing")
        assert client.text("h1")
