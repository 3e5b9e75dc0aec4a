"""What strangers see of a status page: what was chosen, how it did, and nothing else."""

import dataclasses
from datetime import UTC, datetime, timedelta

import pytest
import sqlalchemy as sa
from sqlalchemy import event

from sentinelweb.core.status import Status
from sentinelweb.db import db
from sentinelweb.models import StatusChange, Team
from sentinelweb.services import public_status, status_pages
from sentinelweb.services.errors import NotFoundError
from sentinelweb.services.public_status import (
    PublicDay,
    PublicMonitor,
    PublicPage,
    PublicSection,
)
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
            for each in (PublicPage, PublicSection, PublicMonitor, PublicDay)
        }
        assert fields == {
            "PublicPage": ["slug", "title", "description", "is_listed", "as_of", "sections"],
            "PublicSection": ["name", "monitors"],
            "PublicMonitor": [
                "id",
                "name",
                "status",
                "since",
                "days",
                "uptime",
                "alias",
                "last_ping",
                "interval",
                "latency_ms",
                "tags",
                "environment",
            ],
            "PublicDay": ["start", "worst", "down"],
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
        assert counts[0] == counts[1] <= 5


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
