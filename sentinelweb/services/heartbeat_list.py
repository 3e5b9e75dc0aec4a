"""The list of heartbeats that a person sees: searched, filtered, sorted, counted, in pages."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import sqlalchemy as sa

from sentinelweb.core.fingerprint import fingerprint
from sentinelweb.core.folding import fold
from sentinelweb.core.status import Status
from sentinelweb.db import db
from sentinelweb.models import HeartbeatCheck, Monitor, Outage, User
from sentinelweb.services import counts, scoping
from sentinelweb.services.heartbeats import KIND

PAGE_SIZE = 50
MAX_SEARCH = 200

# What needs a person comes first.
_URGENCY = sa.case(
    {Status.DOWN: 0, Status.LATE: 1, Status.NEW: 2, Status.UP: 3, Status.PAUSED: 4},
    value=Monitor.status,
)
_SORTS: dict[str, sa.SQLColumnExpression[Any]] = {
    "status": _URGENCY,
    "name": sa.func.lower(Monitor.name),
    "last": HeartbeatCheck.last_ping,
    "next": HeartbeatCheck.next_expected_ping,
}


@dataclass(frozen=True, slots=True)
class ListQuery:
    """What the address of the list asks for. A `-` before the key of `sort` reverses it."""

    search: str = ""
    status: str = ""
    tag: str = ""
    sort: str = "status"
    page: int = 1

    @classmethod
    def parse(cls, args: Mapping[str, str]) -> ListQuery:
        """Make the best of an address that somebody typed: unknown values count as not given."""
        status, sort, page = args.get("status", ""), args.get("sort", ""), args.get("page", "")
        return cls(
            search=_clean(args.get("search", ""), MAX_SEARCH),
            status=status if status in set(Status) else "",
            tag=_clean(args.get("tag", ""), MAX_SEARCH),
            sort=sort if sort.removeprefix("-") in _SORTS else "status",
            page=max(1, int(page)) if page.isascii() and page.isdigit() and len(page) < 9 else 1,
        )

    @property
    def narrows(self) -> bool:
        return bool(self.search or self.status or self.tag)

    def args(self, **changes: str | int) -> dict[str, str | int]:
        """The query string of this list with `changes`; what is as by default is left out."""
        defaults = asdict(ListQuery())
        values = asdict(self) | changes
        return {key: value for key, value in values.items() if value != defaults[key]}


@dataclass(frozen=True, slots=True)
class HeartbeatList:
    """One page of the list; `counts` are of all heartbeats, whatever the query."""

    heartbeats: Sequence[HeartbeatCheck]
    matching: int
    counts: dict[Status, int]
    tags: list[str]

    @property
    def total(self) -> int:
        return sum(self.counts.values())

    @property
    def pages(self) -> int:
        return max(1, -(-self.matching // PAGE_SIZE))


def find(user: User, query: ListQuery) -> HeartbeatList:
    teams = scoping.team_ids(user)
    conditions = [HeartbeatCheck.team_id.in_(teams), *_conditions(query)]
    key = _SORTS[query.sort.removeprefix("-")]
    order = key.desc() if query.sort.startswith("-") else key.asc()
    heartbeats = db.session.scalars(
        sa.select(HeartbeatCheck)
        .where(*conditions)
        .order_by(order.nulls_last(), sa.func.lower(Monitor.name), Monitor.id)
        .limit(PAGE_SIZE)
        .offset((query.page - 1) * PAGE_SIZE)
    ).all()
    matching = db.session.scalar(
        sa.select(sa.func.count()).select_from(HeartbeatCheck).where(*conditions)
    )
    return HeartbeatList(heartbeats, matching or 0, counts.by_status(KIND, teams), _tags(teams))


def state(user: User) -> str:
    """A text that changes when anything in the list does. Cheap: asked every few seconds."""
    row = db.session.execute(
        sa.select(
            sa.func.count(),
            sa.func.max(HeartbeatCheck.updated_at),
            sa.func.sum(HeartbeatCheck.total_pings),
            sa.func.max(HeartbeatCheck.last_ping),
            sa.func.max(HeartbeatCheck.down_at),
        ).where(HeartbeatCheck.team_id.in_(scoping.team_ids(user)))
    ).one()
    outage = sa.select(Outage.id, Outage.extended_count, Outage.settled_at)
    latest = db.session.execute(outage.order_by(Outage.id.desc()).limit(1)).one_or_none()
    return fingerprint(*row, *(latest or ()))


def _clean(text: str, limit: int) -> str:
    return text.replace("\0", "").strip()[:limit]


def _conditions(query: ListQuery) -> list[sa.ColumnElement[bool]]:
    conditions: list[sa.ColumnElement[bool]] = []
    if query.status:
        conditions.append(Monitor.status == query.status)
    if query.tag:
        conditions.append(_has_tag(query.tag))
    if query.search:
        conditions.append(Monitor.search_text.contains(fold(query.search), autoescape=True))
    return conditions


def _each_tag() -> sa.TableValuedAlias:
    """The tags of a monitor as rows of one column, `value`."""
    postgres = db.engine.dialect.name == "postgresql"
    function = sa.func.jsonb_array_elements_text if postgres else sa.func.json_each
    return function(Monitor.tags).table_valued(sa.column("value", sa.Text))


def _has_tag(name: str) -> sa.Exists:
    tag = _each_tag()
    found = sa.select(sa.literal(1)).select_from(tag).where(tag.c.value == name)
    return found.correlate(Monitor).exists()


def _tags(teams: Sequence[int]) -> list[str]:
    """Every tag in use."""
    tag = _each_tag()
    query = (
        sa.select(tag.c.value)
        .select_from(sa.join(Monitor, tag, sa.true()))
        .where(Monitor.team_id.in_(teams), Monitor.kind == KIND)
        .distinct()
        .order_by(tag.c.value)
    )
    return list(db.session.scalars(query))
