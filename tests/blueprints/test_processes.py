"""`/processes` as a browser without JavaScript sees it, and the fragments that htmx asks for."""

import pytest

from sentinelweb.core.beats import Beat
from sentinelweb.db import db
from sentinelweb.services import process_beats, process_watch, processes
from sentinelweb.services.processes import End, ProcessValues
from tests.support.databases import both_databases
from tests.support.pages import HTMX, live


@pytest.fixture
def browser(client, user, login, clock):
    login(client, user)
    return client


@pytest.fixture
def register(user, clock):
    def register(name="Import", *, owner=user, keep_alive=True, **values):
        return processes.register(owner, ProcessValues(name=name, **values), keep_alive=keep_alive)

    return register


class TestList:
    def test_it_is_for_those_who_are_logged_in(self, client, user):
        assert client.get("/processes").location.startswith("/login")

    def test_without_any_it_says_how_to_register_one(self, browser):
        browser.get("/processes")
        assert "No process has registered yet" in browser.text("main")
        assert "/process/long-lived" in browser.text("main")

    def test_every_page_leads_to_it(self, browser):
        browser.get("/channels")
        assert browser.page.query_one(".site-nav a[href='/processes']")

    def test_it_shows_how_far_each_is_and_what_it_said(self, browser, register, clock):
        process = register(tags=["nightly"], host="worker-1", pid=12)
        process_beats.record([Beat(process.slug, clock.now, progress=40.0, message="Row <4,000>")])
        db.session.expire_all()
        browser.get("/processes")
        text = browser.text(f"#process-{process.id}")
        for part in ("Up", "Import", "long-lived", "worker-1:12", "40%", "Row <4,000>", "nightly"):
            assert part in text
        assert browser.page.query_one("progress").attrs["value"] == "40.0"

    def test_what_ended_is_shown_when_asked_for(self, browser, register, user, clock):
        register("Import")
        ended = register("Export")
        processes.end(user, ended.slug, End())
        for query, expected in [("", ["Import"]), ("?show=ended", ["Export"])]:
            browser.get(f"/processes{query}")
            assert browser.text(".process-table .monitor-name") == expected[0]
        browser.get("/processes?show=all")
        assert "Ended" in browser.text(f"#process-{ended.id}")
        assert "Import" in browser.text(".process-table")

    @both_databases
    def test_it_is_searched_and_filtered(self, browser, register):
        register("Import", tags=["nightly"])
        register("Export")
        for query in ("search=impo", "tag=nightly", "sort=name&search=IMPORT"):
            browser.get(f"/processes?{query}")
            assert browser.text(".process-table .monitor-name") == "Import"
        browser.get("/processes?search=nothing")
        assert "Nothing matches" in browser.text("main")
        assert browser.get("/processes?sort=%00&show=x&page=999999999999").status_code == 200

    def test_a_poll_is_answered_when_something_changed(self, browser, register, clock):
        process = register()
        browser.get("/processes")
        address = live(browser)["hx-get"]
        assert browser.get(address, headers=HTMX).status_code == 204
        clock.advance(seconds=5)
        process_beats.record([Beat(process.slug, clock.now)])
        answer = browser.get(address, headers=HTMX)
        assert answer.status_code == 200
        assert "<html" not in answer.text

    def test_those_of_other_teams_are_not_shown(self, browser, register, other_user):
        register("Their job", owner=other_user)
        browser.get("/processes")
        assert "Their job" not in browser.text()


class TestPage:
    def test_it_shows_everything(self, browser, register, user, make_channel):
        make_channel(user, name="Team chat")
        process = register(description="Reads the files", host="worker-1")
        browser.get(f"/processes/{process.id}")
        text = browser.text("main")
        for part in ("Import", "It is alive.", "Reads the files", "worker-1", "Team chat", "30s"):
            assert part in text
        assert process.slug in text

    def test_a_silent_one_says_so_with_its_alert(
        self, browser, register, user, make_channel, clock
    ):
        make_channel(user, name="Team chat")
        process = register()
        clock.advance(seconds=31)
        process_watch.run(clock.now)
        db.session.expire_all()
        browser.get(f"/processes/{process.id}")
        assert "It has fallen silent." in browser.text("#status")
        assert "no heartbeat came" in browser.text(".timeline")
        assert "Alert to Team chat" in browser.text(".timeline")

    def test_a_failed_one_shows_its_output(self, browser, register, user):
        process = register()
        processes.end(user, process.slug, End(exit_status=3, output="no such file"))
        browser.get(f"/processes/{process.id}")
        assert "It ended with exit status 3." in browser.text("#status")
        assert "no such file" in browser.text(".process-output")

    def test_it_is_ended_after_asking(self, browser, register):
        process = register()
        browser.get(f"/processes/{process.id}/end")
        assert process.ended_at is None
        assert browser.submit().location == f"/processes/{process.id}"
        db.session.refresh(process)
        assert (process.status, process.is_removed) == ("paused", True)
        assert browser.get(f"/processes/{process.id}/end").status_code == 200
        assert browser.submit().status_code == 404

    def test_the_dead_are_deleted_after_asking_and_the_living_are_not(
        self, browser, register, user
    ):
        process = register()
        address = f"/processes/{process.id}"
        browser.get(f"{address}/delete")
        assert browser.submit().status_code == 404
        processes.end(user, process.slug, End())
        browser.get(f"{address}/delete")
        assert browser.submit().location == "/processes"
        assert browser.get(address).status_code == 404

    @pytest.mark.parametrize("path", ["", "/end", "/delete"])
    def test_those_of_other_teams_are_not_found(self, browser, register, other_user, path):
        process = register(owner=other_user)
        browser.get("/channels")
        token = browser.page.query_one("[name=csrf_token]").attrs["value"]
        for id_ in (process.id, 0, 2**70):
            assert browser.get(f"/processes/{id_}{path}").status_code == 404
            if path:
                answer = browser.post(f"/processes/{id_}{path}", data={"csrf_token": token})
                assert answer.status_code == 404
