"""What strangers see of a status page: what was chosen, how it did, and nothing else."""

import contextlib
import dataclasses
import threading
from datetime import UTC, datetime, timedelta

import pytest
import sqlalchemy as sa
from sqlalchemy import event
from sqlalchemy.exc import OperationalError, ProgrammingError

from sentinelweb.core.public_page import PublicDay, PublicMonitor, PublicPage, PublicSection
from sentinelweb.core.reliability import Incident
from sentinelweb.core.status import Status
from sentinelweb.db import db
from sentinelweb.models import StatusChange, Team
from sentinelweb.services import public_history, public_status, status_pages
from sentinelweb.services.errors import NotFoundError, UnavailableError
from sentinelweb.services.status_pages import PageValues
from tests.support.factories import NOW

SECRET = "nobody-may-see-this"
FLAGS = ("shows_alias", "shows_last_ping", "shows_interval", "shows_latency", "shows_tags")


@pytest.fixture(autouse=True)
def always_looking(monkeypatch, clock):
    """No test waits for a second to pass."""
    monkeypatch.setattr(public_status, "FRESH_FOR", 0)


@pytest.fixture
def page(admin):
    return status_pages.create(admin, PageValues("Example", "example", is_first=True))


@pytest.fixture
def show(admin, page):
    """`show(*monitors, section="", **flags)` puts them on the page."""

    def show(*monitors, section="", **values):
        status_pages.add_monitors(admin, page.id, [each.id for each in monitors], section)
        for item in status_pages.items(page):
            if item.monitor_id in {each.id for each in monitors}:
                for name, value in values.items():
                    setattr(item, name, value)
        db.session.commit()

    return show


def seen(slug="example"):
    return public_status.find(slug).page


def change(monitor, at, previous, status):
    db.session.add(
        StatusChange(monitor_id=monitor.id, prev_status=previous, new_status=status, created_at=at)
    )
    monitor.status, monitor.status_since = status, at
    db.session.commit()


@pytest.fixture
def queries(app):
    """The statements that were run."""
    found = []
    listener = lambda *args: found.append(args[2])  # noqa: E731
    event.listen(db.engine, "before_cursor_execute", listener)
    yield found
    event.remove(db.engine, "before_cursor_execute", listener)


class TestWhatIsShown:
    def test_the_data_of_a_page_are_these_and_no_others(self):
        """Whoever adds a field decides here that strangers may see it."""
        fields = {
            each.__name__: [field.name for field in dataclasses.fields(each)]
            for each in (PublicPage, PublicSection, PublicMonitor, PublicDay, Incident)
        }
        assert fields == {
            "PublicPage": [
                "slug",
                "title",
                "description",
                "is_listed",
                "as_of",
                "sections",
                "has_all_incidents",
            ],
            "PublicSection": ["name", "monitors"],
            "PublicMonitor": [
                "id",
                "name",
                "status",
                "since",
                "days",
                "uptime",
                "incidents",
                "alias",
                "last_ping",
                "interval",
                "latency_ms",
                "tags",
                "environment",
            ],
            "PublicDay": ["start", "worst", "down"],
            "Incident": ["began_at", "ended_at"],
        }

    def test_nothing_else_of_a_monitor_is_in_them(
        self, admin, show, make_heartbeat, make_service, make_host
    ):
        hidden = {"description": SECRET, "tags": [SECRET], "environment": SECRET}
        monitors = [
            make_heartbeat(
                admin, name="A", slug=SECRET, alias=SECRET, failure=SECRET[:20], last_ping=NOW,
                token=SECRET, cron_expression="1 2 3 4 *", cron_timezone="UTC", **hidden,
            ),
            make_service(
                admin, name="B", target=f"https://{SECRET}.example.com", last_error=SECRET,
                last_check_at=NOW, last_latency_ms=4_711.0, options={"password": SECRET}, **hidden,
            ),
            make_host(admin, name=SECRET, last_report_at=NOW, agent=SECRET, **hidden),
        ]  # fmt: skip
        db.session.add(
            StatusChange(
                monitor_id=monitors[0].id, prev_status="up", new_status="down", note=SECRET,
                created_at=NOW - timedelta(hours=1),
            )
        )  # fmt: skip
        show(*monitors)
        show(monitors[2], label="C")
        shown = seen()
        assert SECRET not in repr(shown)
        assert [monitor.name for monitor in shown.monitors] == ["A", "B", "C"]
        for monitor in shown.monitors:
            assert (monitor.alias, monitor.last_ping, monitor.interval) == (None, None, None)
            assert (monitor.latency_ms, monitor.tags, monitor.environment) == (None, (), "")

    def test_what_was_chosen_is_shown(self, admin, show, make_heartbeat, make_service):
        job = make_heartbeat(
            admin, alias="backup", last_ping=NOW, tags=["a", "b"], environment="prod"
        )
        by_cron = make_heartbeat(
            admin, last_ping=NOW, cron_expression="0 3 * * *", cron_timezone="UTC"
        )
        service = make_service(admin, last_check_at=NOW, last_latency_ms=12.5, interval=10)
        show(job, by_cron, service, **dict.fromkeys(FLAGS, True))
        first, second, third = seen().monitors
        assert (first.alias, first.last_ping, first.interval) == ("backup", NOW, 60)
        assert (first.tags, first.environment) == (("a", "b"), "prod")
        assert second.interval == "0 3 * * *"
        assert (third.last_ping, third.interval, third.latency_ms) == (NOW, 10, 12.5)

    def test_sections_come_in_the_order_of_their_first_monitors(self, admin, show, make_heartbeat):
        a, b, c = (make_heartbeat(admin, name=name) for name in "ABC")
        show(a, section="Jobs")
        show(b, section="Shop")
        show(c, section="Jobs")
        sections = [
            (section.name, [monitor.name for monitor in section.monitors])
            for section in seen().sections
        ]
        assert sections == [("Jobs", ["A", "C"]), ("Shop", ["B"])]

    def test_it_is_narrowed_by_what_it_shows_of_tags_and_environments(
        self, admin, show, make_heartbeat
    ):
        show(
            make_heartbeat(admin, name="A", tags=["web"], environment="prod"),
            make_heartbeat(admin, name="B", tags=["web"], environment="dev"),
            section="One",
            shows_tags=True,
        )
        show(make_heartbeat(admin, name="C", tags=["web"], environment="prod"), section="Two")
        page = seen()
        assert (page.tags, page.environments) == (["web"], ["dev", "prod"])
        narrowed = page.narrowed("web", "prod")
        assert [monitor.name for monitor in narrowed.monitors] == ["A"]
        assert len(narrowed.sections) == 1
        assert page.narrowed("", "") == page

    def test_counts_tell_how_things_are(self, admin, show, make_heartbeat):
        show(*(make_heartbeat(admin, status=status) for status in ("up", "down", "down", "late")))
        page = seen()
        assert (page.count("down"), page.count("up", "late"), page.count("new")) == (2, 2, 0)


class TestHistory:
    def test_ninety_days_end_today(self, admin, show, make_heartbeat):
        job = make_heartbeat(admin, last_ping=NOW, created_at=NOW - timedelta(days=10))
        change(job, NOW - timedelta(days=2), "up", "down")
        change(job, NOW - timedelta(days=2) + timedelta(hours=3), "down", "up")
        show(job)
        (monitor,) = seen().monitors
        assert len(monitor.days) == 90
        assert monitor.days[-1].start == datetime(2026, 1, 7, tzinfo=UTC)
        assert monitor.days[0].worst is None
        assert [day.down for day in monitor.days if day.worst == "down"] == [timedelta(hours=3)]

    def test_uptime_is_of_a_day_a_week_a_month_and_ninety_days(self, admin, show, make_heartbeat):
        job = make_heartbeat(admin, last_ping=NOW, created_at=NOW - timedelta(days=100))
        change(job, NOW - timedelta(days=20), "up", "down")
        change(job, NOW - timedelta(days=17), "down", "up")
        new = make_heartbeat(admin)
        show(job, new)
        first, second = seen().monitors
        assert first.uptime == (1.0, 1.0, pytest.approx(27 / 30), pytest.approx(87 / 90))
        assert second.uptime == (None,) * 4

    def test_all_monitors_are_read_by_the_same_few_queries(
        self, admin, show, make_heartbeat, queries
    ):
        counts = []
        for _round in range(2):
            show(*(make_heartbeat(admin, last_ping=NOW) for _ in range(10)))
            queries.clear()
            seen()
            counts.append(len([each for each in queries if each.startswith("SELECT")]))
        assert counts[0] == counts[1] <= 6


class TestIncidents:
    @pytest.fixture
    def job(self, admin, make_heartbeat):
        return make_heartbeat(admin, last_ping=NOW, created_at=NOW - timedelta(days=200))

    @pytest.fixture
    def was_down(self):
        """`was_down(monitor, days_ago, until)`: from then on, until so many days ago."""

        def was_down(monitor, days_ago, until, then=Status.UP):
            change(monitor, NOW - timedelta(days=days_ago), Status.UP, Status.DOWN)
            change(monitor, NOW - timedelta(days=until), Status.DOWN, then)

        return was_down

    def test_they_have_a_beginning_and_an_end_if_they_are_over(self, job, show, was_down):
        was_down(job, 3, 2)
        change(job, NOW - timedelta(hours=1), Status.UP, Status.DOWN)
        show(job)
        assert seen().monitors[0].incidents == (
            Incident(NOW - timedelta(hours=1), None),
            Incident(NOW - timedelta(days=3), NOW - timedelta(days=2)),
        )

    def test_late_is_none_and_a_pause_ends_one(self, job, show, was_down):
        change(job, NOW - timedelta(days=4), Status.UP, Status.LATE)
        change(job, NOW - timedelta(days=3), Status.LATE, Status.DOWN)
        change(job, NOW - timedelta(days=2), Status.DOWN, Status.PAUSED)
        show(job)
        expected = Incident(NOW - timedelta(days=3), NOW - timedelta(days=2))
        assert seen().monitors[0].incidents == (expected,)

    def test_one_that_began_before_those_days_is_told_with_its_beginning(self, job, show, was_down):
        was_down(job, 120, 119)
        was_down(job, 110, 2)
        show(job)
        expected = Incident(NOW - timedelta(days=110), NOW - timedelta(days=2))
        assert seen().monitors[0].incidents == (expected,)

    def test_one_whose_beginning_is_no_longer_kept_is_not_told(self, job, show):
        change(job, NOW - timedelta(days=2), Status.DOWN, Status.UP)
        show(job)
        assert seen().monitors[0].incidents == ()

    def test_those_of_monitors_that_it_does_not_show_are_not_told(
        self, admin, job, show, was_down, make_heartbeat
    ):
        other = make_heartbeat(admin, created_at=NOW - timedelta(days=9))
        was_down(other, 3, 2)
        show(job)
        assert seen().incident_days("UTC") == []

    def test_one_that_flaps_leaves_room_for_the_others(
        self, admin, job, show, was_down, make_heartbeat
    ):
        calm = make_heartbeat(admin, created_at=NOW - timedelta(days=9))
        was_down(calm, 8, 7)
        for number in range(12, 0, -1):
            was_down(job, number / 10, number / 10 - 0.05)
        show(job, calm)
        page = seen()
        flapping, calm = page.monitors
        assert len(flapping.incidents) == public_history.MAX_INCIDENTS_EACH == 10
        assert flapping.incidents[0].began_at == NOW - timedelta(days=0.1)
        assert len(calm.incidents) == 1
        assert not page.has_all_incidents

    def test_a_page_lists_the_last_of_them(
        self, admin, show, was_down, make_heartbeat, monkeypatch
    ):
        monkeypatch.setattr(public_history, "MAX_INCIDENTS", 3)
        jobs = [make_heartbeat(admin, created_at=NOW - timedelta(days=9)) for _ in range(4)]
        for number, job in enumerate(jobs[:3]):
            was_down(job, number + 1, number + 0.5)
        show(*jobs)
        assert seen().has_all_incidents
        was_down(jobs[3], 0.2, 0.1)
        page = seen()
        assert not page.has_all_incidents
        assert [len(monitor.incidents) for monitor in page.monitors] == [1, 1, 0, 1]

    def test_the_days_of_a_zones_clocks_divide_them(self, job, show, was_down):
        for days in (3.0, 2.5, 2.0):
            was_down(job, days, days - 0.1)
        show(job)

        def hours(timezone):
            days = seen().incident_days(timezone)
            return [[incident.began_at.hour for _monitor, incident in day] for day in days]

        assert hours("UTC") == [[12, 0], [12]]
        assert hours("Pacific/Auckland") == [[12], [0, 12]]


class TestWhoMaySee:
    @pytest.mark.parametrize("visibility", ["public", "unlisted"])
    def test_it_is_there_unless_it_is_off(self, admin, visibility):
        values = PageValues("A", "a", visibility=visibility)
        page = status_pages.create(admin, values)
        assert seen("a").is_listed == (visibility == "public")
        status_pages.edit(admin, page.id, dataclasses.replace(values, visibility="off"))
        with pytest.raises(NotFoundError):
            seen("a")

    @pytest.mark.parametrize("slug", ["other", "", "a\0b", "x" * 5_000, "EXAMPLE", "%"])
    def test_there_is_no_other(self, page, slug):
        with pytest.raises(NotFoundError):
            seen(slug)

    def test_the_first_page_is_the_one_that_was_chosen(self, admin, page):
        assert seen(None).slug == "example"
        status_pages.create(admin, PageValues("Other", "other", is_first=True))
        assert seen(None).slug == "other"

    def test_there_may_be_no_first_page(self, user):
        status_pages.create(user, PageValues("Mine", "mine"))
        with pytest.raises(NotFoundError):
            seen(None)

    def test_the_page_goes_with_its_team(self, user):
        page = status_pages.create(user, PageValues("Mine", "mine"))
        seen("mine")
        db.session.execute(sa.delete(Team).where(Team.id == page.team_id))
        db.session.commit()
        with pytest.raises(NotFoundError):
            seen("mine")


class TestTheCache:
    @pytest.fixture
    def job(self, admin, show, make_heartbeat):
        job = make_heartbeat(admin, last_ping=NOW, created_at=NOW - timedelta(days=1))
        show(job)
        return job

    def test_a_crowd_asks_the_database_once_a_second(self, job, queries, monkeypatch):
        monkeypatch.setattr(public_status, "FRESH_FOR", 60)
        first = public_status.find("example")
        queries.clear()
        assert all(public_status.find("example") is first for _ in range(100))
        assert queries == []

    def test_nothing_is_made_anew_while_nothing_changes(self, job, clock):
        first = public_status.find("example")
        clock.advance(seconds=5)
        assert public_status.find("example") is first

    def test_texts_are_written_once_for_all(self, job):
        written = []

        def write():
            written.append(1)
            return b"text"

        snapshot = public_status.find("example")
        assert [snapshot.text("variant", write) for _ in range(3)] == [b"text"] * 3
        assert len(written) == 1

    def test_a_status_that_changes_renews_it(self, job, clock):
        before = public_status.find("example")
        change(job, clock.advance(seconds=1), "up", Status.DOWN)
        clock.advance(seconds=1)
        after = public_status.find("example")
        assert after.state != before.state
        assert after.page.count("down") == 1
        assert after.page.monitors[0].days[-1].worst == "down"

    def test_a_ping_renews_it_only_where_it_is_shown(self, job, show, clock):
        before = public_status.find("example")
        job.last_ping = clock.advance(seconds=1)
        db.session.commit()
        assert public_status.find("example").state == before.state
        show(job, shows_last_ping=True)
        shown = public_status.find("example")
        assert shown.page.monitors[0].last_ping == job.last_ping
        assert shown.state != before.state

    def test_a_change_of_the_page_renews_it(self, admin, job, page):
        before = public_status.find("example")
        status_pages.edit(admin, page.id, PageValues("Renamed", "example"))
        assert public_status.find("example").page.title == "Renamed"
        assert public_status.find("example").state != before.state

    def test_the_days_go_on_while_nothing_happens(self, job, clock):
        seen()
        clock.advance(days=1)
        assert seen().monitors[0].days[-1].start == datetime(2026, 1, 8, tzinfo=UTC)

    def test_a_monitor_that_is_deleted_leaves_it(self, job):
        assert len(seen().monitors) == 1
        db.session.delete(job)
        db.session.commit()
        assert seen().monitors == []

    def test_addresses_that_lead_nowhere_are_not_remembered(self, app, page):
        for number in range(50):
            with pytest.raises(NotFoundError):
                seen(f"none-{number}")
        assert set(app.extensions["public_status"]._entries) <= {"example", None}


class TestWhileTheDatabaseIsAway:
    @pytest.fixture(autouse=True)
    def job(self, admin, show, make_heartbeat):
        job = make_heartbeat(admin, last_ping=NOW)
        show(job)
        return job

    @pytest.fixture
    def refuse(self, app, monkeypatch):
        """`refuse(error)` for every statement, as if a while had passed since the last look."""

        def refuse(error=OperationalError):
            def fail(*_args):
                raise error("SELECT", {}, Exception("the server closed the connection"))

            monkeypatch.setattr(public_status, "OLD_AFTER", -1)
            event.listen(db.engine, "before_cursor_execute", fail)
            listeners.append(fail)

        listeners = []
        yield refuse
        for each in listeners:
            if event.contains(db.engine, "before_cursor_execute", each):
                event.remove(db.engine, "before_cursor_execute", each)
        db.session.rollback()

    def test_what_was_seen_last_is_shown_as_old(self, refuse):
        before = public_status.find("example")
        refuse()
        old = public_status.find("example")
        assert (before.is_old, old.is_old) == (False, True)
        assert old.page == before.page
        assert old.state != before.state
        assert public_status.find("example").state == old.state

    def test_texts_of_the_old_one_are_its_own(self, refuse):
        before = public_status.find("example")
        assert before.text("variant", lambda: b"new") == b"new"
        refuse()
        assert public_status.find("example").text("variant", lambda: b"old") == b"old"

    def test_for_a_moment_it_is_not_old_yet(self, refuse, monkeypatch):
        public_status.find("example")
        refuse()
        monkeypatch.setattr(public_status, "OLD_AFTER", 60)
        assert not public_status.find("example").is_old

    def test_a_page_that_was_never_seen_cannot_be_shown(self, app, refuse):
        refuse()
        for slug in ("example", "none", None):
            with pytest.raises(UnavailableError):
                public_status.find(slug)
        assert app.extensions["public_status"]._entries == {}

    def test_what_was_seen_long_ago_may_have_been_taken_down(self, refuse, monkeypatch):
        public_status.find("example")
        refuse()
        monkeypatch.setattr(public_status, "KEPT_FOR", 0)
        with pytest.raises(UnavailableError):
            public_status.find("example")

    def test_it_is_asked_once_a_second_whether_it_is_back(self, refuse, monkeypatch):
        public_status.find("example")
        refuse()
        monkeypatch.setattr(public_status, "FRESH_FOR", 60)
        entry = public_status._cache()._entries["example"]
        entry.looked_at = float("-inf")
        public_status.find("example")
        looked_at = entry.looked_at
        assert public_status.find("example").is_old
        assert entry.looked_at == looked_at > float("-inf")

    def test_a_statement_that_makes_no_sense_is_an_error_of_ours(self, refuse):
        public_status.find("example")
        refuse(ProgrammingError)
        with pytest.raises(ProgrammingError):
            public_status.find("example")

    def test_a_look_that_hangs_is_not_waited_for_for_ever(self, monkeypatch):
        """A database may swallow what it is asked. Whoever comes meanwhile gets the old page."""
        monkeypatch.setattr(public_status, "PATIENCE", 0.1)
        monkeypatch.setattr(public_status, "OLD_AFTER", -1)
        with pytest.raises(UnavailableError), _looking("example"):
            public_status.find("example")
        monkeypatch.setattr(public_status, "OLD_AFTER", 60)
        public_status.find("example")
        monkeypatch.setattr(public_status, "OLD_AFTER", -1)
        with _looking("example"):
            assert public_status.find("example").is_old


@contextlib.contextmanager
def _looking(slug):
    """Somebody else looks whether the page changed, and gets no answer."""
    entry = public_status._cache()._entries.setdefault(slug, public_status._Entry())
    taken, done = threading.Event(), threading.Event()

    def hang():
        with entry.lock:
            taken.set()
            done.wait(30)

    thread = threading.Thread(target=hang)
    thread.start()
    taken.wait(30)
    try:
        yield
    finally:
        done.set()
        thread.join()
