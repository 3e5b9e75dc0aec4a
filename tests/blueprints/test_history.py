"""`/history/<monitor>` as a browser without JavaScript sees it, and its CSV."""

import csv
import io
from datetime import timedelta

import pytest
import sqlalchemy as sa

from sentinelweb.db import db, writing
from sentinelweb.models import Outage, StatusChange
from sentinelweb.services import history
from tests.support.databases import both_databases
from tests.support.factories import NOW


@pytest.fixture
def browser(client, user, login, clock):
    login(client, user)
    return client


@pytest.fixture
def heartbeat(user, make_heartbeat):
    """Made 20 days ago; down for two hours five days ago."""
    found = make_heartbeat(user, name="Backup", created_at=NOW - timedelta(days=20), status="up")
    change(found, 20 * 24 - 1, "new", "up", "pinged")
    change(found, 5 * 24, "up", "down", "missed")
    change(found, 5 * 24 - 2, "down", "up", "pinged")
    return found


def change(monitor, hours_ago, previous, new, note):
    db.session.execute(
        sa.insert(StatusChange.__table__).values(
            monitor_id=monitor.id,
            prev_status=previous,
            new_status=new,
            note=note,
            created_at=NOW - timedelta(hours=hours_ago),
        )
    )
    db.session.commit()


def test_it_is_for_those_who_are_logged_in(client, user, heartbeat):
    assert client.get(f"/history/{heartbeat.id}").location.startswith("/login")


def test_it_tells_uptime_outages_and_what_is_not_known(browser, heartbeat):
    browser.get(f"/history/{heartbeat.id}")
    week = browser.text(".history-spans section:nth-child(1)")
    month = browser.text(".history-spans section:nth-child(2)")
    assert "98.8%" in week
    assert "2h" in week
    assert "99.58%" in month
    assert "33" in month  # percent of the month, before it was made
    assert "no ping within the grace" in browser.text("main")


def test_our_own_outages_are_not_passed_off_as_up(user, heartbeat, clock):
    with writing() as session:
        for began, ended in ((60, 40), (50, 30)):
            session.add(
                Outage(began_at=NOW - timedelta(hours=began), ended_at=NOW - timedelta(hours=ended))
            )
    week = history.reliability(heartbeat, clock.now, "UTC").last_7_days
    assert week.time_in("unknown") == timedelta(hours=30)


def test_an_agreement_shows_the_budget_that_is_left(browser, heartbeat):
    browser.get(f"/history/{heartbeat.id}")
    assert browser.submit("agreement-form", {"sla_target": "99.5"}).status_code == 303
    browser.get(f"/history/{heartbeat.id}")
    assert "overdrawn by" in browser.text(".history-spans section:nth-child(1)")
    assert "overdrawn by" not in browser.text(".history-spans section:nth-child(2)")
    browser.submit("agreement-form", {"sla_target": ""})
    db.session.refresh(heartbeat)
    assert heartbeat.sla_target is None


@pytest.mark.parametrize("value", ["49", "100.1", "much", "NaN", "-1", "1e400", "Infinity"])
def test_what_is_no_percentage_is_refused(browser, heartbeat, value):
    browser.get(f"/history/{heartbeat.id}")
    assert browser.submit("agreement-form", {"sla_target": value}).status_code == 422
    assert browser.text("#sla_target-error")
    db.session.refresh(heartbeat)
    assert heartbeat.sla_target is None


def test_the_csv_has_every_change(browser, heartbeat, monkeypatch):
    monkeypatch.setattr(history, "EXPORTED_AT_ONCE", 2)
    change(heartbeat, 1, "up", "down", "=cmd()")
    answer = browser.get(f"/history/{heartbeat.id}.csv")
    assert answer.content_type == "text/csv; charset=utf-8"
    first, *rows = csv.reader(io.StringIO(answer.text))
    assert first == ["time", "previous", "new", "note"]
    assert [row[1:3] for row in rows] == [
        ["new", "up"],
        ["up", "down"],
        ["down", "up"],
        ["up", "down"],
    ]
    assert rows[1][0].endswith("Z")
    assert rows[3][3] == "'=cmd()"


@both_databases
def test_changes_go_on_page_by_page(browser, heartbeat, monkeypatch):
    monkeypatch.setattr(history, "PAGE_SIZE", 2)
    found, older = [], None
    while True:
        page = history.changes(heartbeat, older)
        found += [row.new_status for row in page.rows]
        older = page.following
        if older is None:
            break
    assert found == ["up", "down", "up"]
    browser.get(f"/history/{heartbeat.id}")
    assert "Older" in browser.text(".pagination")
    assert browser.get(f"/history/{heartbeat.id}?before=99999999999999999999").status_code == 200


def test_every_kind_of_monitor_has_one(browser, user, make_service, make_host):
    pages = {"services": make_service(user), "hosts": make_host(user)}
    for place, monitor in pages.items():
        browser.get(f"/{place}/{monitor.id}")
        assert browser.page.query_one(f"a[href='/history/{monitor.id}']")
        assert browser.get(f"/history/{monitor.id}").status_code == 200


@pytest.mark.parametrize("path", ["/history/{}", "/history/{}.csv"])
def test_those_of_other_teams_are_not_found(browser, other_user, make_heartbeat, path):
    theirs = make_heartbeat(other_user)
    for id_ in (theirs.id, 0, 2**70):
        assert browser.get(path.format(id_)).status_code == 404


def test_a_month_of_flapping_is_bounded(user, heartbeat, clock, monkeypatch):
    monkeypatch.setattr(history, "MAX_CHANGES", 2)
    month = history.reliability(heartbeat, clock.now, "UTC").last_30_days
    assert month.time_in("unknown") == timedelta(days=25)
