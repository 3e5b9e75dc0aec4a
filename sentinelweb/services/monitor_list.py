"""Lists of monitors that a person sees: searched, filtered, sorted, counted, in pages."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, ClassVar, Generic, Self, TypeVar

import sqlalchemy as sa

from sentinelweb.core.folding import fold
from sentinelweb.core.status import Status
from sentinelweb.db import db
from sentinelweb.models import Monitor
from sentinelweb.services import counts

PAGE_SIZE = 50
MAX_SEARCH = 200

Sorts = Mapping[str, sa.SQLColumnExpression[Any]]
Found = TypeVar("Found", bound=Monitor)

NAME = sa.func.lower(Monitor.name)
# What needs a person comes first.
URGENCY = sa.case(
    {Status.DOWN: 0, Status.LATE: 1, Status.NEW: 2, Status.UP: 3, Status.PAUSED: 4},
    value=Monitor.status,
)


@dataclass(frozen=True)
class ListQuery:
    """What the address of a list asks for. A `-` before the key of `sort` reverses it.

    `team` is an id, 0 for all teams.
    """

    sorts: ClassVar[Sorts] = {"status": URGENCY, "name": NAME}

    search: str = ""
    status: str = ""
    tag: str = ""
    team: int = 0
    sort: str = "status"
    page: int = 1

    @classmethod
    def parse(cls, args: Mapping[str, str]) -> Self:
        """Make the best of an address that somebody typed: unknown values count as not given."""
        status, sort = args.get("status", ""), args.get("sort", "")
        return cls(
            search=clean(args.get("search", "")),
            status=status if status in set(Status) else "",
            tag=clean(args.get("tag", "")),
            sort=sort if sort.removeprefix("-") in cls.sorts else "status",
            team=_number(args.get("team", "")),
            page=max(1, _number(args.get("page", ""))),
        )

    @property
    def narrows(self) -> bool:
        return self.cleared() != self.args(page=1)

    def cleared(self) -> dict[str, str | int]:
        """The query string of the whole list, in the same order."""
        return type(self)(sort=self.sort).args()

    @property
    def order(self) -> sa.ColumnElement[Any]:
        key = self.sorts[self.sort.removeprefix("-")]
        return (key.desc() if self.sort.startswith("-") else key.asc()).nulls_last()

    def conditions(self) -> list[sa.ColumnElement[bool]]:
        conditions: list[sa.ColumnElement[bool]] = []
        if self.status:
            conditions.append(Monitor.status == self.status)
        if self.tag:
            conditions.append(_has_tag(self.tag))
        if self.team:
            conditions.append(Monitor.team_id == self.team)
        if self.search:
            conditions.append(Monitor.search_text.contains(fold(self.search), autoescape=True))
        return conditions

    def args(self, **changes: str | int) -> dict[str, str | int]:
        """The query string of this list with `changes`; what is as by default is left out."""
        defaults = asdict(type(self)())
        values = asdict(self) | changes
        return {key: value for key, value in values.items() if value != defaults[key]}


@dataclass(frozen=True, slots=True)
class MonitorList(Generic[Found]):
    """One page of a list; `counts` are of all monitors of its kind, whatever the query."""

    monitors: Sequence[Found]
    matching: int
    counts: dict[Status, int]
    tags: list[str]

    @property
    def total(self) -> int:
        return sum(self.counts.values())

    @property
    def pages(self) -> int:
        return max(1, -(-self.matching // PAGE_SIZE))


def find(
    model: type[Found], kind: str, teams: Sequence[int], query: ListQuery
) -> MonitorList[Found]:
    """The page of monitors of `teams` that `query` asks for; `kind` is that of `model`."""
    conditions = [model.team_id.in_(teams), *query.conditions()]
    monitors = db.session.scalars(
        sa.select(model)
        .where(*conditions)
        .order_by(query.order, NAME, Monitor.id)
        .limit(PAGE_SIZE)
        .offset((query.page - 1) * PAGE_SIZE)
    ).all()
    matching = db.session.scalar(sa.select(sa.func.count()).select_from(model).where(*conditions))
    return MonitorList(
        monitors, matching or 0, counts.by_status(kind, teams), tags_in_use(kind, teams)
    )


def _number(text: str) -> int:
    """0 for what is none, or too large for any use."""
    return int(text) if text.isascii() and text.isdigit() and len(text) < 9 else 0


def clean(text: str) -> str:
    """A text of an address, as it may be compared with what is stored."""
    return text.replace("\0", "").strip()[:MAX_SEARCH]


def tags_in_use(kind: str, teams: Sequence[int]) -> list[str]:
    tag = _each_tag()
    query = (
        sa.select(tag.c.value)
        .select_from(sa.join(Monitor, tag, sa.true()))
        .where(Monitor.team_id.in_(teams), Monitor.kind == kind)
        .distinct()
        .order_by(tag.c.value)
    )
    return list(db.session.scalars(query))


def _each_tag() -> sa.TableValuedAlias:
    """The tags of a monitor as rows of one column, `value`."""
    postgres = db.engine.dialect.name == "postgresql"
    function = sa.func.jsonb_array_elements_text if postgres else sa.func.json_each
    return function(Monitor.tags).table_valued(sa.column("value", sa.Text))


def _has_tag(name: str) -> sa.Exists:
    tag = _each_tag()
    found = sa.select(sa.literal(1)).select_from(tag).where(tag.c.value == name)
    return found.correlate(Monitor).exists()
