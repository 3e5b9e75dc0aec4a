"""`/status-pages` as a browser without JavaScript sees it."""

import pytest

from sentinelweb.services import status_pages
from sentinelweb.services.status_pages import PageValues
from tests.support.databases import both_databases
from tests.support.factories import NOW


@pytest.fixture
def browser(client, admin, login):
    login(client, admin)
    return client


@pytest.fixture
def page(admin):
    return status_pages.create(admin, PageValues("Example", "example"))


def add(browser, page, *monitors, section=""):
    browser.get(f"/status-pages/{page.id}")
    ids = [monitor.id for monitor in monitors]
    return browser.submit("add-form", {"monitors": ids, "section": section})


def token(browser):
    return browser.page.query_one("[name=csrf_token]").attrs["value"]


def test_they_are_for_those_who_are_logged_in(client, admin, page):
    for path in ("", "/add", f"/{page.id}", f"/{page.id}/edit", f"/{page.id}/delete"):
        assert client.get(f"/status-pages{path}").location.startswith("/login")


def test_every_page_leads_to_them(browser):
    browser.get("/channels")
    assert "Status pages" in browser.text("#user-menu a[href='/status-pages']")


def test_a_page_is_made_filled_and_seen_by_strangers(app, browser, admin, make_service):
    make_service(admin, name="Shop", last_check_at=NOW)
    browser.get("/status-pages")
    assert "No status page yet" in browser.text()
    browser.get("/status-pages/add")
    form = {"title": "Status of Example", "description": "How it is"}
    answer = browser.submit("page-form", form)
    assert answer.status_code == 303
    browser.get(answer.location)
    (page,) = status_pages.of_teams(admin)
    assert (page.slug, page.is_first) == ("status-of-example", True)

    shop = status_pages.find_monitors(page, "")[0]
    browser.submit("add-form", {"monitors": [shop.id], "section": "Website"})
    browser.get(f"/status-pages/{page.id}")
    assert "1 monitor was added." in browser.text(".messages")
    assert "Shop" in browser.text(".page-item")

    stranger = app.test_client()
    stranger.get("/status")
    assert stranger.text("h1") == "Status of Example"
    assert "How it is" in stranger.text()
    assert "Shop" in stranger.text("section[aria-labelledby=section-1]")
    assert "Website" in stranger.text("h2")


def test_the_second_page_is_not_the_first_unless_that_is_chosen(browser, admin):
    status_pages.create(admin, PageValues("First", "first", is_first=True))
    browser.get("/status-pages/add")
    browser.submit("page-form", {"title": "Second"})
    assert [page.is_first for page in status_pages.of_teams(admin)] == [True, False]


def test_a_page_may_begin_with_everything(browser, admin, make_heartbeat):
    make_heartbeat(admin)
    browser.get("/status-pages/add")
    browser.submit("page-form", {"title": "All", "with_all_monitors": "y"})
    assert len(status_pages.items(status_pages.of_teams(admin)[0])) == 1


def test_users_who_are_no_administrators_are_not_asked_about_the_first_page(client, user, login):
    login(client, user)
    client.get("/status-pages/add")
    assert not client.page.query("#is_first")
    client.submit("page-form", {"title": "Mine", "is_first": "y"})
    assert not status_pages.of_teams(user)[0].is_first


@both_databases
@pytest.mark.parametrize(
    ("field", "values"),
    [
        ("title", {"title": " "}),
        ("title", {"title": "x" * 201}),
        ("title", {"title": "a\0b"}),
        ("slug", {"slug": "Not A Slug"}),
        ("slug", {"slug": "x" * 81}),
        ("slug", {"slug": "example"}),
        ("description", {"description": "x" * 2_001}),
        ("visibility", {"visibility": "secret"}),
        ("is_first", {"visibility": "off", "is_first": "y"}),
    ],
)
def test_what_is_wrong_is_told_beside_its_field(browser, page, field, values):
    browser.get("/status-pages/add")
    answer = browser.submit("page-form", {"title": "A", "slug": "a", "is_first": None} | values)
    assert answer.status_code == 422
    assert browser.text(f"#{field}-error")
    browser.get(f"/status-pages/{page.id}/edit")
    if values != {"slug": "example"}:  # its own
        assert browser.submit("page-form", values).status_code == 422
        assert browser.text(f"#{field}-error")


def test_a_page_is_edited(browser, page):
    browser.get(f"/status-pages/{page.id}/edit")
    answer = browser.submit(
        "page-form", {"title": "Renamed", "slug": "renamed", "visibility": "unlisted"}
    )
    assert answer.location == f"/status-pages/{page.id}"
    assert (page.title, page.slug, page.visibility) == ("Renamed", "renamed", "unlisted")
    assert browser.get("/status/example").status_code == 404


def test_a_page_is_deleted_after_asking(browser, admin, page):
    browser.get(f"/status-pages/{page.id}/delete")
    assert "Delete “Example”?" in browser.text("h1")
    assert status_pages.of_teams(admin) == [page]
    assert browser.submit().location == "/status-pages"
    assert status_pages.of_teams(admin) == []


@both_databases
def test_monitors_are_ordered_named_and_taken_off(browser, admin, page, make_heartbeat):
    a, b, c = (make_heartbeat(admin, name=name, alias=name.lower()) for name in "ABC")
    add(browser, page, a, b, c)
    browser.get(f"/status-pages/{page.id}")
    answer = browser.submit(
        "items-form",
        {
            "items-2-number": 1,
            "items-2-section": "Jobs",
            "items-2-label": "Third",
            "items-2-shows_alias": "y",
            "items-2-shows_interval": "y",
            "items-0-is_taken_off": "y",
        },
    )
    assert answer.status_code == 303
    items = status_pages.items(page)
    assert [(item.monitor_id, item.section, item.label) for item in items] == [
        (c.id, "Jobs", "Third"),
        (b.id, "", ""),
    ]
    assert (items[0].shows_alias, items[0].shows_interval, items[0].shows_tags) == (
        True,
        True,
        False,
    )


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("number", "first"),
        ("number", "0"),
        ("number", ""),
        ("number", "9" * 30),
        ("section", "x" * 101),
        ("label", "x" * 201),
    ],
)
def test_what_is_wrong_about_a_monitor_is_told_beside_it(
    browser, admin, page, make_heartbeat, field, value
):
    add(browser, page, make_heartbeat(admin))
    browser.get(f"/status-pages/{page.id}")
    assert browser.submit("items-form", {f"items-0-{field}": value}).status_code == 422
    assert browser.text(f"#items-0-{field}-error")


@both_databases
def test_control_characters_are_left_out_of_names(browser, admin, page, make_heartbeat):
    add(browser, page, make_heartbeat(admin))
    browser.get(f"/status-pages/{page.id}")
    assert browser.submit("items-form", {"items-0-label": "A\0B\x1b"}).status_code == 303
    assert status_pages.items(page)[0].label == "AB"


@pytest.mark.parametrize("sent", [{}, {"items-0-monitor_id": "x"}, {"items-0-number": "1"}])
def test_nonsense_breaks_nothing(browser, admin, page, make_heartbeat, sent):
    add(browser, page, make_heartbeat(admin))
    browser.get(f"/status-pages/{page.id}")
    address = f"/status-pages/{page.id}/monitors"
    answer = browser.post(address, data={"csrf_token": token(browser), **sent})
    assert answer.status_code in {303, 422}
    assert len(status_pages.items(page)) == 1


def test_monitors_of_other_teams_cannot_be_chosen(browser, admin, other_user, page, make_heartbeat):
    make_heartbeat(admin)
    theirs = make_heartbeat(other_user, name="Theirs")
    browser.get(f"/status-pages/{page.id}")
    assert "Theirs" not in browser.text()
    for chosen in (theirs.id, 999_999, -1, 2**40):
        address = f"/status-pages/{page.id}/monitors/add"
        data = {"csrf_token": token(browser), "monitors": [chosen]}
        assert browser.post(address, data=data).status_code == 404
        browser.get(f"/status-pages/{page.id}")
    assert not status_pages.items(page)


def test_what_is_no_monitor_is_told(browser, admin, page, make_heartbeat):
    assert add(browser, page, make_heartbeat(admin), section="x" * 101).status_code == 422
    assert browser.text("#section-error")
    data = {"csrf_token": token(browser), "monitors": ["x"]}
    answer = browser.post(f"/status-pages/{page.id}/monitors/add", data=data)
    assert answer.status_code == 422
    assert browser.text("#monitors-error")


@both_databases
def test_monitors_are_searched(browser, admin, page, make_service, make_heartbeat):
    make_service(admin, name="Shop")
    make_heartbeat(admin, name="Backup")
    browser.get(f"/status-pages/{page.id}")
    browser.submit("search-form", {"search": "shop\0"})
    assert "Shop" in browser.text(".page-choices")
    assert "Backup" not in browser.text(".page-choices")
    browser.get(f"/status-pages/{page.id}?search=nothing")
    assert "Nothing was found." in browser.text("#add")


def test_pages_of_other_teams_are_not_found(client, other_user, page, login):
    login(client, other_user)
    client.get("/status-pages/add")
    secret = token(client)
    for path in ("", "/edit", "/delete"):
        assert client.get(f"/status-pages/{page.id}{path}").status_code == 404
    client.get("/status-pages/add")
    for path in ("/edit", "/delete", "/monitors", "/monitors/add"):
        data = {"csrf_token": secret, "title": "Stolen"}
        assert client.post(f"/status-pages/{page.id}{path}", data=data).status_code == 404
    assert page.title == "Example"


def test_a_pages_badges_can_be_copied(browser, admin, page, make_service):
    add(browser, page, make_service(admin, name="Shop", last_check_at=NOW))
    browser.get(f"/status-pages/{page.id}")
    images = [image.attrs["src"] for image in browser.page.query(".badge-line img")]
    assert images
    for image in images:
        assert browser.get(image).mimetype == "image/svg+xml"


def test_a_page_that_is_off_has_neither_address_nor_badges(browser, admin, page, make_heartbeat):
    add(browser, page, make_heartbeat(admin))
    status_pages.edit(admin, page.id, PageValues("Example", "example", visibility="off"))
    browser.get(f"/status-pages/{page.id}")
    assert "/status/example" not in browser.page.to_html()
    assert not browser.page.query(".badge-line")
    assert "Off" in browser.text(".status-page-address")
