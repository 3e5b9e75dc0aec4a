"""Status pages, as programs manage them by `/api/v1`."""

import pytest

from sentinelweb.services import status_pages
from sentinelweb.services.status_pages import MAX_ITEMS, PageValues
from tests.support.databases import both_databases
from tests.support.factories import make_heartbeat, make_service, team_of
from tests.support.problems import fields

ADMIN_TOKEN = "the token of the administrator"
BODY = {"title": "Status of Example"}


@pytest.fixture
def make_page(user):
    return lambda **values: status_pages.create(user, PageValues(**{"title": "Example"} | values))


def test_one_is_made_read_and_deleted(call, user, client):
    shop, backup = make_service(user, name="Shop"), make_heartbeat(user)
    monitors = [
        {"monitor_id": shop.id, "section": "Website", "label": "The shop", "shows_latency": True},
        {"monitor_id": backup.id},
    ]
    made = call("POST", "status-pages", json=BODY | {"monitors": monitors})
    assert made.status_code == 201, made.text
    assert (made.json["slug"], made.json["visibility"]) == ("status-of-example", "public")
    assert made.json["team_id"] == team_of(user).id
    for said, shown in zip(monitors, made.json["monitors"], strict=True):
        assert said.items() <= shown.items()
    path = made.headers["Location"].removeprefix("/api/v1/")
    assert call("GET", path).json == made.json
    public = client.get(made.json["url"].removeprefix("http://localhost"))
    assert "The shop" in public.text
    assert call("DELETE", path).status_code == 204
    assert call("GET", path).status_code == 404


@both_databases
def test_they_come_in_pages(call, make_page):
    ids = [make_page(slug=f"page-{number}").id for number in range(3)]
    page = call("GET", "status-pages?limit=2").json
    rest = call("GET", f"status-pages?after={page['next_after']}").json
    assert [item["id"] for item in page["status_pages"] + rest["status_pages"]] == ids
    assert rest["next_after"] is None


def test_a_change_leaves_what_it_does_not_name(call, user, make_page):
    page = make_page(slug="example", description="What customers see")
    status_pages.add_monitors(user, page.id, [make_heartbeat(user).id], "Jobs")
    before = call("GET", f"status-pages/{page.id}").json
    changed = call("PATCH", f"status-pages/{page.id}", json={"visibility": "unlisted"})
    assert changed.status_code == 200, changed.text
    assert {key for key in before if before[key] != changed.json[key]} <= {
        "visibility",
        "updated_at",
    }


@both_databases
def test_its_monitors_can_be_exchanged_and_ordered(call, user, make_page):
    page = make_page(slug="example")
    first, second, third = (make_heartbeat(user).id for _number in range(3))
    for wanted in ([first, second], [third, second], [second], []):
        items = [{"monitor_id": id_, "section": f"Of {id_}"} for id_ in wanted]
        changed = call("PATCH", f"status-pages/{page.id}", json={"monitors": items})
        shown = [(item["monitor_id"], item["section"]) for item in changed.json["monitors"]]
        assert shown == [(id_, f"Of {id_}") for id_ in wanted]
        assert call("GET", f"status-pages/{page.id}").json["monitors"] == changed.json["monitors"]


def test_a_page_that_is_full_can_show_others(call, user, make_page):
    page = make_page(slug="example")
    ids = [make_heartbeat(user).id for _number in range(2 * MAX_ITEMS)]
    for part in (ids[:MAX_ITEMS], ids[MAX_ITEMS:]):
        items = [{"monitor_id": id_} for id_ in part]
        changed = call("PATCH", f"status-pages/{page.id}", json={"monitors": items}).json
        assert [item["monitor_id"] for item in changed["monitors"]] == part


@both_databases
@pytest.mark.parametrize(
    ("wrong", "field"),
    [
        ({"title": ""}, "title"),
        ({"title": "a\nb"}, "title"),
        ({"title": "a\0b"}, "title"),
        ({"title": "x" * 201}, "title"),
        ({"title": None}, "title"),
        ({"slug": "A page"}, "slug"),
        ({"slug": "page\n"}, "slug"),
        ({"slug": "x" * 81}, "slug"),
        ({"visibility": "secret"}, "visibility"),
        ({"colour": "red"}, "colour"),
        ({"monitors": [{"monitor_id": 7}]}, "monitors"),
        ({"monitors": [{"monitor_id": 2**70}]}, "monitors.0.monitor_id"),
        ({"monitors": [{"monitor_id": 1}, {"monitor_id": 1}]}, "monitors"),
        ({"monitors": [{"monitor_id": 1, "section": "x" * 101}]}, "monitors.0.section"),
        ({"monitors": [{"monitor_id": n} for n in range(1, MAX_ITEMS + 2)]}, "monitors"),
    ],
)
def test_what_cannot_be_used_is_told_by_field(call, make_page, wrong, field):
    path = f"status-pages/{make_page(slug='example').id}"
    for answer in (
        call("POST", "status-pages", json=BODY | wrong),
        call("PATCH", path, json=wrong),
    ):
        assert (answer.status_code, fields(answer)) == (422, [field])


def test_monitors_of_other_teams_cannot_be_shown(call, other_user):
    items = [{"monitor_id": make_heartbeat(other_user).id}]
    answer = call("POST", "status-pages", json=BODY | {"monitors": items})
    assert (answer.status_code, fields(answer)) == (422, ["monitors"])
    assert call("GET", "status-pages").json["status_pages"] == []


@both_databases
def test_a_taken_address_is_a_conflict(call, other_user):
    status_pages.create(other_user, PageValues("Theirs", "example"))
    answer = call("POST", "status-pages", json=BODY | {"slug": "example"})
    assert (answer.status_code, fields(answer)) == (409, ["slug"])


def test_a_teams_key_does_not_choose_the_first_page(call, make_page):
    path = f"status-pages/{make_page(slug='example').id}"
    answer = call("PATCH", path, json={"is_first": True})
    assert (answer.status_code, fields(answer)) == (403, ["is_first"])


@pytest.mark.settings(admin_token=ADMIN_TOKEN)
def test_the_admin_token_chooses_the_first_page(call, user, admin, make_page):
    path = f"status-pages/{make_page(slug='example').id}"
    chosen = call("PATCH", path, json={"is_first": True}, secret=ADMIN_TOKEN)
    assert chosen.json["is_first"]
    # It stays that while its team changes something else.
    assert call("PATCH", path, json={"title": "Changed"}).json["is_first"]
    answer = call("PATCH", path, json={"visibility": "off"})
    assert (answer.status_code, fields(answer)) == (422, ["is_first"])
