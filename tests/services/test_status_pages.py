"""Status pages as people manage them."""

import pytest
import sqlalchemy as sa

from sentinelweb.db import db
from sentinelweb.models import Monitor, StatusPage, StatusPageItem
from sentinelweb.services import scoping, status_pages
from sentinelweb.services.errors import InvalidInputError, NotFoundError
from sentinelweb.services.scoping import Program
from sentinelweb.services.status_pages import MAX_ITEMS, ItemValues, PageValues
from tests.support.factories import NOW, team_of
from tests.support.parallel import together


def make(user, slug="example", **values):
    return status_pages.create(user, PageValues("Example", slug, **values))


def names(page):
    return [item.monitor.name for item in status_pages.items(page)]


@pytest.fixture
def page(user):
    return make(user)


@pytest.fixture
def three(user, page, make_heartbeat):
    """The page with the monitors A, B and C."""
    ids = [make_heartbeat(user, name=name).id for name in "ABC"]
    status_pages.add_monitors(user, page.id, ids)
    return ids


def test_a_new_page_is_the_teams_of_who_makes_it_and_shows_nothing(user, page):
    assert page.team_id == team_of(user).id
    assert (page.title, page.slug, page.visibility, page.is_first) == (
        "Example",
        "example",
        "public",
        False,
    )
    assert names(page) == []


def test_a_new_page_may_begin_with_all_active_monitors(user, other_user, make_heartbeat, make_host):
    make_heartbeat(user, name="b")
    make_host(user, name="A", last_report_at=NOW)
    make_heartbeat(user, name="Paused", status="paused")
    make_heartbeat(other_user, name="Theirs")
    page = status_pages.create(user, PageValues("All", "all"), with_all_monitors=True)
    assert names(page) == ["A", "b"]


@pytest.mark.parametrize(
    "slug", ["", "Example", "a b", "a--b", "-a", "a-", "ä", "a/b", "a\0", "x" * 81, "a\n"]
)
def test_a_slug_is_of_small_letters_digits_and_hyphens(user, slug):
    with pytest.raises(InvalidInputError) as refused:
        make(user, slug)
    assert refused.value.field == "slug"


def test_a_slug_is_one_pages_on_the_whole_server(user, other_user, page):
    with pytest.raises(InvalidInputError) as refused:
        make(other_user, page.slug)
    assert refused.value.field == "slug"
    theirs = make(other_user, "theirs")
    with pytest.raises(InvalidInputError):
        status_pages.edit(other_user, theirs.id, PageValues("Theirs", page.slug))
    status_pages.edit(user, page.id, PageValues("Renamed", page.slug))
    assert page.title == "Renamed"


def test_of_two_who_want_a_slug_at_once_one_gets_it_and_one_is_told(app, user):
    def attempt():
        try:
            make(user, "wanted")
        except InvalidInputError as error:
            return error.field
        return "made"

    assert sorted(together(app, [attempt] * 4)) == ["made", "slug", "slug", "slug"]
    assert db.session.scalar(sa.select(sa.func.count()).select_from(StatusPage)) == 1


@pytest.mark.parametrize(
    ("title", "slug"),
    [
        ("Página do serviço", "pagina-do-servico"),
        ("  A & B!  ", "a-b"),
        ("日本", ""),
        ("x" * 90, "x" * 80),
    ],
)
def test_a_slug_follows_from_a_title(title, slug):
    assert status_pages.slug_of(title) == slug


def test_administrators_alone_choose_the_first_page(user, admin):
    mine = make(user, "mine", is_first=True)
    assert not mine.is_first
    first = make(admin, "first", is_first=True)
    second = make(admin, "second", is_first=True)
    db.session.refresh(first)
    assert (first.is_first, second.is_first) == (False, True)
    assert status_pages.may_choose_first(Program(None, can_write=True))
    assert not status_pages.may_choose_first(Program(mine.team_id, can_write=True))


@pytest.mark.parametrize("visibility", ["unlisted", "off"])
def test_the_first_page_is_public(admin, visibility):
    with pytest.raises(InvalidInputError) as refused:
        make(admin, is_first=True, visibility=visibility)
    assert refused.value.field == "is_first"
    page = make(admin, is_first=True)
    with pytest.raises(InvalidInputError):
        status_pages.edit(
            admin, page.id, PageValues("A", "a", visibility=visibility, is_first=True)
        )


def test_who_may_not_choose_the_first_page_leaves_it_as_it_is(admin, user):
    page = make(user)
    page.is_first = True
    db.session.commit()
    status_pages.edit(user, page.id, PageValues("Renamed", "example"))
    assert page.is_first


def test_deleting_a_page_leaves_its_monitors(user, page, three):
    assert status_pages.delete(user, page.id) == "Example"
    assert db.session.scalar(sa.select(sa.func.count()).select_from(StatusPageItem)) == 0
    assert db.session.get(Monitor, three[0]) is not None


def test_pages_of_other_teams_are_not_found(other_user, page, three):
    for act in (
        lambda: status_pages.get(other_user, page.id),
        lambda: status_pages.edit(other_user, page.id, PageValues("A", "a")),
        lambda: status_pages.delete(other_user, page.id),
        lambda: status_pages.add_monitors(other_user, page.id, []),
        lambda: status_pages.arrange(other_user, page.id, []),
    ):
        with pytest.raises(NotFoundError):
            act()
    assert status_pages.of_teams(other_user) == []


def test_monitors_of_every_kind_come_to_the_end_in_the_order_given(
    user, page, make_heartbeat, make_service, make_host
):
    ids = [
        make(user, name=name).id
        for make, name in ((make_service, "S"), (make_heartbeat, "H"), (make_host, "M"))
    ]
    assert status_pages.add_monitors(user, page.id, ids[:2], "Shop") == 2
    assert status_pages.add_monitors(user, page.id, [ids[0], ids[2]]) == 1
    assert names(page) == ["S", "H", "M"]
    assert [item.section for item in status_pages.items(page)] == ["Shop", "Shop", ""]
    assert not any(item.shows_last_ping or item.shows_tags for item in status_pages.items(page))


@pytest.mark.parametrize("foreign", [0, -1, 2**31, 10**30, 999_999])
def test_only_monitors_of_the_pages_team_can_be_added(user, page, make_heartbeat, foreign):
    own = make_heartbeat(user).id
    with pytest.raises(NotFoundError):
        status_pages.add_monitors(user, page.id, [own, foreign])
    assert names(page) == []


def test_monitors_of_another_team_are_not_found(user, other_user, page, make_heartbeat):
    with pytest.raises(NotFoundError):
        status_pages.add_monitors(user, page.id, [make_heartbeat(other_user).id])


def test_an_administrator_cannot_put_strangers_monitors_on_a_page(admin, user, make_heartbeat):
    with pytest.raises(NotFoundError):
        status_pages.add_monitors(admin, make(admin).id, [make_heartbeat(user).id])


def test_a_page_has_room_for_so_many(user, page, make_heartbeat, monkeypatch):
    monkeypatch.setattr(status_pages, "MAX_ITEMS", 2)
    ids = [make_heartbeat(user).id for _ in range(3)]
    with pytest.raises(InvalidInputError):
        status_pages.add_monitors(user, page.id, ids)
    status_pages.add_monitors(user, page.id, ids[:2])
    with pytest.raises(InvalidInputError):
        status_pages.add_monitors(user, page.id, ids[2:])
    assert MAX_ITEMS == 100


def test_monitors_are_moved_by_number_named_and_taken_off(user, page, three):
    a, b, c = three
    values = [
        ItemValues(a, 1),
        ItemValues(b, 2),
        ItemValues(c, 1, "Jobs", "Third", shows_tags=True),
    ]
    status_pages.arrange(user, page.id, values, taken_off=[b])
    shown = [(item.monitor_id, item.section, item.label) for item in status_pages.items(page)]
    assert shown == [(c, "Jobs", "Third"), (a, "", "")]
    assert status_pages.items(page)[0].shows_tags


@pytest.mark.parametrize(
    ("numbers", "order"),
    [
        ([1, 2, 3], "ABC"),
        ([1, 2, 1], "CAB"),
        ([1, 2, 2], "ACB"),
        ([3, 2, 3], "BCA"),
        ([2, 2, 3], "BAC"),
        ([9_000, 1, 1], "BCA"),
    ],
)
def test_a_number_that_was_typed_goes_before_or_after_the_one_that_had_it(
    user, page, three, numbers, order
):
    values = [ItemValues(id_, number) for id_, number in zip(three, numbers, strict=True)]
    status_pages.arrange(user, page.id, values)
    assert "".join(names(page)) == order


def test_what_was_added_or_deleted_meanwhile_is_as_it_is(user, page, three, make_heartbeat):
    values = status_pages.values_of(status_pages.items(page))
    status_pages.add_monitors(user, page.id, [make_heartbeat(user, name="D").id], "Late")
    db.session.delete(db.session.get(Monitor, three[1]))
    db.session.commit()
    status_pages.arrange(user, page.id, values)
    assert names(page) == ["A", "C", "D"]
    assert status_pages.items(page)[-1].section == "Late"


def test_arranging_adds_nothing(user, other_user, page, three, make_heartbeat):
    theirs = make_heartbeat(other_user, name="Theirs")
    own = make_heartbeat(user, name="Own")
    status_pages.arrange(user, page.id, [ItemValues(theirs.id, 1), ItemValues(own.id, 1)])
    assert names(page) == ["A", "B", "C"]


def test_each_change_is_a_new_version(user, page, three):
    before = page.version
    status_pages.edit(user, page.id, PageValues("Renamed", "example"))
    status_pages.arrange(user, page.id, [])
    assert page.version == before + 2


def test_the_search_finds_what_the_page_does_not_show_yet(
    user, other_user, page, three, make_service, make_heartbeat
):
    make_service(user, name="Größe")
    make_heartbeat(other_user, name="Grosse theirs")
    assert [found.name for found in status_pages.find_monitors(page, "")] == ["Größe"]
    assert [found.name for found in status_pages.find_monitors(page, "GROSSE")] == ["Größe"]
    assert not status_pages.find_monitors(page, "100%")


def test_the_pages_of_a_team_are_listed_the_first_one_first(admin, other_user):
    make(admin, "b-page")
    make(admin, "z-page", is_first=True)
    make(other_user, "theirs")
    assert [page.slug for page in status_pages.of_teams(admin)] == ["z-page", "b-page"]
    assert scoping.owned(admin, StatusPage, status_pages.of_teams(admin)[0].id)


def test_a_page_can_be_given_all_that_it_shows_at_once(user, page, three, make_heartbeat):
    other = make_heartbeat(user, name="D").id
    wanted = [ItemValues(three[2], 1, section="Shop"), ItemValues(other, 2, shows_tags=True)]
    status_pages.edit(user, page.id, PageValues("Changed", page.slug), wanted)
    assert names(page) == ["C", "D"]
    first, second = status_pages.items(page)
    assert (first.section, first.shows_tags) == ("Shop", False)
    assert (second.section, second.shows_tags) == ("", True)


def test_what_another_team_owns_changes_nothing_of_a_page(user, other_user, page, make_heartbeat):
    theirs = ItemValues(make_heartbeat(other_user).id, 1)
    with pytest.raises(NotFoundError):
        status_pages.edit(user, page.id, PageValues("Changed", page.slug), [theirs])
    with pytest.raises(NotFoundError):
        status_pages.create(user, PageValues("New", "new"), items=[theirs])
    assert [each.title for each in status_pages.of_teams(user)] == ["Example"]
