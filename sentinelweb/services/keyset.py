"""Lists in pages whose cost does not grow: each is asked for by the id that ended the last."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Generic, TypeAlias, TypeVar

import sqlalchemy as sa
from sqlalchemy.sql.base import ExecutableOption

from sentinelweb.db import db
from sentinelweb.models import Delivery, Ping, ServiceCheck, StatusChange
from sentinelweb.services import scoping
from sentinelweb.services.scoping import Actor, Owned

MAX_ID = 2**63 - 1  # a larger one cannot be asked of a database

Row = TypeVar("Row")
Recorded: TypeAlias = type[Delivery | Ping | ServiceCheck | StatusChange]


@dataclass(frozen=True, slots=True)
class Page(Generic[Row]):
    """`following` is the id to ask for the next page with; None on the last one."""

    rows: Sequence[Row]
    following: int | None


def owned(
    actor: Actor,
    model: type[Owned],
    *conditions: sa.ColumnElement[bool],
    after: int,
    limit: int,
    options: Sequence[ExecutableOption] = (),
) -> Page[Owned]:
    """What belongs to the actor's teams, by their ids, from the one after `after`."""
    query = (
        sa.select(model)
        .options(*options)
        .where(model.team_id.in_(scoping.team_ids(actor)), model.id > after, *conditions)
        .order_by(model.id)
        .limit(limit + 1)
    )
    return _page(db.session.scalars(query).all(), limit)


def latest(
    query: sa.Select[Any],
    model: Recorded,
    condition: sa.ColumnElement[bool],
    before: int | None,
    limit: int,
) -> Page[Any]:
    """Records, the latest first: those before the one with the id `before`."""
    query = latest_first(query, model, condition, before).limit(limit + 1)
    return _page(db.session.scalars(query).all(), limit)


def latest_first(
    query: sa.Select[Any],
    model: Recorded,
    condition: sa.ColumnElement[bool],
    before: int | None,
) -> sa.Select[Any]:
    """`query` for all that `latest` cuts into pages. An id that none can have begins none of them.

    Rows may be written later than others of a later time: the place is both time and id.
    """
    query = query.where(condition)
    if before is not None and 0 < before <= MAX_ID:
        at = sa.select(model.created_at).where(model.id == before, condition).scalar_subquery()
        place = sa.tuple_(model.created_at, model.id)
        query = query.where(place < sa.tuple_(at, sa.literal(before, model.id.type)))
    return query.order_by(model.created_at.desc(), model.id.desc())


def _page(rows: Sequence[Any], limit: int) -> Page[Any]:
    """Of `limit` and one more, which tells whether there is a next page."""
    return Page(rows[:limit], rows[limit - 1].id if len(rows) > limit else None)
