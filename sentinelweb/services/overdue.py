"""Who must be heard every so many seconds, and was not: hosts and processes."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Session

from sentinelweb.core import silence
from sentinelweb.db import among, earliest, writing
from sentinelweb.models import Monitor
from sentinelweb.services import outages
from sentinelweb.services.facts import MONITOR_COLUMNS

BATCH = 500

_monitors = Monitor.__table__

Row = sa.Row[*tuple[Any, ...]]
Judge = Callable[[Session, list[Row], datetime], None]


@dataclass(frozen=True, slots=True)
class Watch:
    """Over the rows of `table` by its indexed `overdue_at`, NULL for whom nobody waits for.

    `patience` is the column that says for how many seconds they may be silent, and `facts` are
    those that an alert is made of, beside MONITOR_COLUMNS. Who is heard `through_pages` is not
    missed while those are away.
    """

    table: sa.Table
    patience: sa.Column[int]
    facts: tuple[sa.Column[Any], ...]
    through_pages: bool = False

    def next_due(self) -> datetime | None:
        """The earliest moment at which one of them becomes overdue."""
        return earliest(self.table.c.overdue_at)

    def is_due(self, now: datetime) -> bool:
        """Whether a look at `now` would find something to judge."""
        due = self.next_due()
        return due is not None and due < self._judged_until(now)

    def look(self, now: datetime, judge: Judge) -> int:
        """Let `judge` decide about all who are overdue at `now`, a batch in each transaction.

        Return how many were overdue; to those whom we could not hear more patience is granted
        instead. Any number of looks may take place at once.
        """
        # Before the outages are read: if the web comes back in between, we still judge as of its
        # last sign.
        until = self._judged_until(now)
        total, taken = 0, BATCH
        while taken == BATCH:
            with writing() as session:
                rows = self._take(session, until)
                silent = self._silent(session, rows, until)
                if silent:
                    judge(session, silent, until)
            taken = len(rows)
            total += taken
        return total

    def shorten_waits(self, session: Session, now: datetime) -> None:
        """Let nobody be waited for longer than if they were heard at `now`."""
        overdue_at = self.table.c.overdue_at
        rows = session.execute(
            sa.select(self.table.c.id, self.patience, overdue_at).where(overdue_at > now)
        )
        limits = ((row, now + timedelta(seconds=row[1])) for row in rows)
        shortened = [{"key": row.id, "at": limit} for row, limit in limits if row[2] > limit]
        if shortened:
            session.connection().execute(
                sa.update(self.table)
                .where(self.table.c.id == sa.bindparam("key"))
                .values(overdue_at=sa.bindparam("at")),
                shortened,
            )

    def stop_waiting(self, session: Session, ids: list[int], **values: Any) -> None:
        """Wait no more for those that have just gone down or ended, and set `values` too."""
        if ids:
            session.execute(
                sa.update(self.table)
                .where(among(self.table.c.id, ids))
                .values(overdue_at=None, **values)
            )

    def _judged_until(self, now: datetime) -> datetime:
        return outages.judged_until(now, through_pages=self.through_pages)

    def _take(self, session: Session, now: datetime) -> list[Row]:
        overdue_at = self.table.c.overdue_at
        query = (
            sa.select(*MONITOR_COLUMNS, overdue_at, self.patience.label("patience"), *self.facts)
            .join(self.table, self.table.c.id == _monitors.c.id)
            .where(overdue_at < now)
            .order_by(overdue_at)
            .limit(BATCH)
            # Another look holds what is skipped, and judges it.
            .with_for_update(skip_locked=True)
        )
        return list(session.execute(query))

    def _silent(self, session: Session, rows: list[Row], now: datetime) -> list[Row]:
        """Those of `rows` whom we could have heard."""
        heard_at = [row.overdue_at - timedelta(seconds=row.patience) for row in rows]
        silent: list[Row] = []
        if not rows:
            return silent
        deaf = outages.deaf_spans(min(heard_at), through_pages=self.through_pages)
        for row, heard in zip(rows, heard_at, strict=True):
            overdue_at = silence.overdue_at(heard, timedelta(seconds=row.patience), deaf)
            if overdue_at < now:
                silent.append(row)
            else:
                own = self.table.c.id == row.id
                session.execute(sa.update(self.table).where(own).values(overdue_at=overdue_at))
        return silent
