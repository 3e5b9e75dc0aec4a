"""Status pages as people manage them: made, changed, filled with monitors, deleted.

Every function takes who asks, and finds nothing of other teams: NotFoundError. What strangers see
is made by services/public_status.py.
"""

from __future__ import annotations

import contextlib
import re
import unicodedata
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session, selectinload

from sentinelweb import clock
from sentinelweb.core.folding import fold
from sentinelweb.db import db, writing
from sentinelweb.i18n import gettext as _
from sentinelweb.models import Monitor, Process, StatusPage, StatusPageItem, User, Visibility
from sentinelweb.services import scoping
from sentinelweb.services.errors import InvalidInputError, NotFoundError
from sentinelweb.services.scoping import Actor

MAX_SLUG = 80
MAX_PAGES = 100  # of a team
# A page is drawn as a whole, with ninety days of each.
MAX_ITEMS = 100
MAX_FOUND = 50
SLUG = re.compile(r"[a-z0-9]+(-[a-z0-9]+)*", re.ASCII)


@dataclass(frozen=True, slots=True)
class PageValues:
    """What a person decides about a page; its monitors are chosen apart."""

    title: str
    slug: str
    description: str = ""
    visibility: str = Visibility.PUBLIC
    is_first: bool = False


@dataclass(frozen=True, slots=True)
class ItemValues:
    """What a person decides about a monitor on a page. `number` is its place, counted from 1."""

    monitor_id: int
    number: int
    section: str = ""
    label: str = ""
    shows_alias: bool = False
    shows_last_ping: bool = False
    shows_interval: bool = False
    shows_latency: bool = False
    shows_tags: bool = False

    def columns(self) -> dict[str, Any]:
        names = (name for name in self.__slots__ if name not in {"monitor_id", "number"})
        return {name: getattr(self, name) for name in names}


def of_teams(actor: Actor) -> list[StatusPage]:
    """The pages of the actor's teams with their items: the first one, then by title."""
    query = (
        sa.select(StatusPage)
        .where(StatusPage.team_id.in_(scoping.team_ids(actor)))
        .order_by(StatusPage.is_first.desc(), sa.func.lower(StatusPage.title), StatusPage.id)
        .options(selectinload(StatusPage.items))
    )
    return list(db.session.scalars(query))


def get(actor: Actor, page_id: int, *, to_change: bool = False) -> StatusPage:
    return scoping.owned(actor, StatusPage, page_id, to_change=to_change)


def may_choose_first(actor: Actor) -> bool:
    """`/status` is the server's, not a team's: administrators alone say what it shows."""
    if isinstance(actor, User):
        return actor.is_admin
    return actor.team_id is None


def has_first() -> bool:
    """Whether `/status` shows a page of anybody's."""
    return db.session.scalar(sa.select(StatusPage.id).where(StatusPage.is_first)) is not None


def create(
    actor: Actor,
    values: PageValues,
    *,
    items: Sequence[ItemValues] = (),
    with_all_monitors: bool = False,
) -> StatusPage:
    """Make a page of the actor's own team, with `items` or with all active monitors that it has.

    Raise NotFoundError if one of `items` is a monitor of another team.
    """
    now = clock.now()
    with _taken_slugs_told(), writing() as session:
        team_id = scoping.home_team(actor)
        pages = sa.select(sa.func.count()).where(StatusPage.team_id == team_id)
        if (session.scalar(pages) or 0) >= MAX_PAGES:
            raise InvalidInputError("title", _("Delete pages that nobody needs first."))
        page = StatusPage(team_id=team_id, created_at=now, updated_at=now)
        _fill(session, actor, page, values)
        session.add(page)
        session.flush()
        _show_exactly(session, page, items)
        if with_all_monitors:
            active = sa.and_(Monitor.is_active, *_addable(page))
            query = sa.select(Monitor.id).where(active).order_by(sa.func.lower(Monitor.name))
            _append(session, page, session.scalars(query.limit(MAX_ITEMS)).all(), section="")
    return page


def edit(
    actor: Actor, page_id: int, values: PageValues, items: Sequence[ItemValues] | None = None
) -> StatusPage:
    """Change a page; with `items` also what it shows: these, in their order, and no others."""
    with _taken_slugs_told(), writing() as session:
        page = scoping.owned_for_update(actor, StatusPage, page_id, session)
        _fill(session, actor, page, values)
        if items is not None:
            _show_exactly(session, page, items)
        _touch(page)
    return page


def delete(actor: Actor, page_id: int) -> str:
    """Delete a page; its monitors stay. Return its title."""
    with writing() as session:
        page = scoping.owned_for_update(actor, StatusPage, page_id, session)
        session.delete(page)
    return page.title


def find_monitors(page: StatusPage, search: str) -> Sequence[Monitor]:
    """The first MAX_FOUND monitors of the page's team that it does not show yet, by name."""
    query = sa.select(Monitor).where(*_addable(page))
    if search:
        query = query.where(Monitor.search_text.contains(fold(search), autoescape=True))
    order = (sa.func.lower(Monitor.name), Monitor.id)
    return db.session.scalars(query.order_by(*order).limit(MAX_FOUND)).all()


def items(page: StatusPage) -> Sequence[StatusPageItem]:
    """The monitors of a page in their order, read by one query."""
    query = (
        sa.select(StatusPageItem)
        .where(StatusPageItem.page_id == page.id)
        .order_by(StatusPageItem.position, StatusPageItem.monitor_id)
        .options(selectinload(StatusPageItem.monitor))
        .execution_options(populate_existing=True)
    )
    return db.session.scalars(query).all()


def add_monitors(actor: Actor, page_id: int, ids: Sequence[int], section: str = "") -> int:
    """Put monitors at the end of a page; those that it shows already stay where they are.

    Return how many were added. Raise NotFoundError if one is not of the page's team.
    """
    with writing() as session:
        page = scoping.owned_for_update(actor, StatusPage, page_id, session)
        wanted = dict.fromkeys(ids)
        _check_team(session, page, wanted)
        added = _append(session, page, list(wanted), section)
        _touch(page)
    return added


def arrange(
    actor: Actor, page_id: int, values: Sequence[ItemValues], taken_off: Collection[int] = ()
) -> StatusPage:
    """Change monitors of a page and their order; take some off.

    `values` stand in the order that the page had. What was put on it meanwhile comes after them;
    what was taken off or deleted meanwhile stays off.
    """
    with writing() as session:
        page = scoping.owned_for_update(actor, StatusPage, page_id, session)
        rows = {item.monitor_id: item for item in items(page)}
        wanted = {item.monitor_id: item for item in ordered(values) if item.monitor_id in rows}
        rest = [row for monitor_id, row in rows.items() if monitor_id not in wanted]
        wanted |= {item.monitor_id: item for item in values_of(rest)}
        for monitor_id in rows.keys() & set(taken_off):
            session.delete(rows[monitor_id])
            del wanted[monitor_id]
        for position, (monitor_id, item) in enumerate(wanted.items(), start=1):
            rows[monitor_id].position = position
            for name, value in item.columns().items():
                setattr(rows[monitor_id], name, value)
        _touch(page)
    session.expire(page, ["items"])
    return page


def values_of(items: Sequence[StatusPageItem]) -> list[ItemValues]:
    """As they stand, numbered from 1."""
    names = [name for name in ItemValues.__slots__ if name != "number"]
    return [
        ItemValues(**{name: getattr(item, name) for name in names}, number=number)
        for number, item in enumerate(items, start=1)
    ]


def ordered(values: Sequence[ItemValues]) -> list[ItemValues]:
    """Sorted by their numbers. Who types 2 for the fifth of them wants it before the second."""

    def key(placed: tuple[int, ItemValues]) -> tuple[int, int, int]:
        place, item = placed
        moved = (item.number > place) - (item.number < place)
        return item.number, moved, place

    return [item for _place, item in sorted(enumerate(values, start=1), key=key)]


def is_slug(text: str) -> bool:
    return len(text) <= MAX_SLUG and SLUG.fullmatch(text) is not None


def slug_of(title: str) -> str:
    """A slug that suits a title, or an empty one: `Página do serviço` is `pagina-do-servico`."""
    plain = unicodedata.normalize("NFKD", title).encode("ascii", "ignore").decode().lower()
    return "-".join(re.findall(r"[a-z0-9]+", plain))[:MAX_SLUG].strip("-")


def _fill(session: Session, actor: Actor, page: StatusPage, values: PageValues) -> None:
    if not is_slug(values.slug):
        raise InvalidInputError("slug", _("Use small letters, digits and single hyphens."))
    taken = sa.select(StatusPage.id).where(StatusPage.slug == values.slug)
    if session.scalar(taken) not in {None, page.id}:
        raise _slug_is_taken()
    page.title, page.slug = values.title, values.slug
    page.description = values.description
    page.visibility = Visibility(values.visibility)
    if may_choose_first(actor):
        page.is_first = values.is_first
    if page.is_first:
        if page.visibility != Visibility.PUBLIC:
            raise InvalidInputError("is_first", _("Only a public page can be the first one."))
        others = sa.update(StatusPage).where(StatusPage.is_first)
        with session.no_autoflush:
            session.execute(others.where(StatusPage.id != (page.id or 0)).values(is_first=False))


@contextlib.contextmanager
def _taken_slugs_told() -> Iterator[None]:
    """Two at once may have found a slug free: the database lets one of them have it."""
    try:
        yield
    except IntegrityError as error:
        raise _slug_is_taken() from error


def _slug_is_taken() -> InvalidInputError:
    return InvalidInputError("slug", _("Another page has this address. Choose another one."))


def _touch(page: StatusPage) -> None:
    page.version += 1
    page.updated_at = clock.now()


def _addable(page: StatusPage) -> tuple[sa.ColumnElement[bool], ...]:
    """The monitors of the page's team that it does not show yet; those that still run."""
    shown = sa.select(StatusPageItem.monitor_id).where(StatusPageItem.page_id == page.id)
    over = sa.select(Process.__table__.c.id).where(Process.__table__.c.ended_at.is_not(None))
    return Monitor.team_id == page.team_id, Monitor.id.not_in(shown), Monitor.id.not_in(over)


def _check_team(session: Session, page: StatusPage, ids: Collection[int]) -> None:
    """Raise NotFoundError unless all of `ids` are monitors of the page's team."""
    _check_room(len(ids))
    if not all(0 < id_ <= scoping.MAX_ID for id_ in ids):
        raise NotFoundError
    query = sa.select(Monitor.id).where(Monitor.id.in_(ids), Monitor.team_id == page.team_id)
    if len(session.scalars(query).all()) != len(ids):
        raise NotFoundError


def _show_exactly(session: Session, page: StatusPage, values: Sequence[ItemValues]) -> None:
    wanted = {item.monitor_id: item.columns() for item in values}
    _check_team(session, page, wanted)
    page.items = [
        StatusPageItem(monitor_id=monitor_id, position=position, **columns)
        for position, (monitor_id, columns) in enumerate(wanted.items(), start=1)
    ]


def _append(session: Session, page: StatusPage, ids: Sequence[int], section: str) -> int:
    shown = {item.monitor_id: item.position for item in items(page)}
    new = [id_ for id_ in ids if id_ not in shown]
    _check_room(len(shown) + len(new))
    last = max(shown.values(), default=0)
    session.add_all(
        StatusPageItem(page_id=page.id, monitor_id=id_, position=last + place, section=section)
        for place, id_ in enumerate(new, start=1)
    )
    session.flush()
    session.expire(page, ["items"])
    return len(new)


def _check_room(count: int) -> None:
    if count > MAX_ITEMS:
        raise InvalidInputError("monitors", _("A page shows at most %(n)s monitors.", n=MAX_ITEMS))
