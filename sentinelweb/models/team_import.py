"""A file that is imported into a team, and how far that is."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column

from sentinelweb.db import Base, JSONText


class ImportState(StrEnum):
    """First it is `looking`, which changes nothing; `looked` waits for a person to want it."""

    UPLOADING = "uploading"
    LOOKING = "looking"
    LOOKED = "looked"
    IMPORTING = "importing"
    DONE = "done"
    FAILED = "failed"


class TeamImport(Base):
    """The promise to look at a file, and to import it once that is wanted.

    `due_at` is when a worker may take it next, and NULL while nothing is to be done. Taking it
    moves `due_at` to the end of the worker's lease, whose token is `claimed_at`; each step renews
    it. `position` is how many entries are dealt with: it is written in the transaction that deals
    with them, so that whoever takes up an import that was cut short goes on behind them.
    `attempts` is how often it was taken since it last got on.

    `counted` is how many entries became what, `told` the first lines worth telling of `told_count`,
    and `error` why it failed, in the language `locale` of whoever sent the file.
    """

    __tablename__ = "team_imports"
    __table_args__ = (
        sa.Index(
            "ix_team_imports_due_at",
            "due_at",
            sqlite_where=sa.text("due_at IS NOT NULL"),
            postgresql_where=sa.text("due_at IS NOT NULL"),
        ),
    )

    id: Mapped[str] = mapped_column(sa.String(22), primary_key=True)
    team_id: Mapped[int] = mapped_column(sa.ForeignKey("teams.id", ondelete="CASCADE"), index=True)
    user_id: Mapped[int] = mapped_column(sa.ForeignKey("users.id", ondelete="CASCADE"), index=True)
    filename: Mapped[str] = mapped_column(sa.String(200))
    locale: Mapped[str] = mapped_column(sa.String(20))
    state: Mapped[str] = mapped_column(sa.String(10), default=ImportState.UPLOADING)
    created_at: Mapped[datetime]
    updated_at: Mapped[datetime]
    due_at: Mapped[datetime | None]
    claimed_at: Mapped[datetime | None]
    resumed_at: Mapped[datetime | None]
    attempts: Mapped[int] = mapped_column(default=0)
    total: Mapped[int] = mapped_column(default=0)
    position: Mapped[int] = mapped_column(default=0)
    counted: Mapped[dict[str, Any]] = mapped_column(default=dict)
    told: Mapped[list[dict[str, Any]]] = mapped_column(JSONText, default=list)
    told_count: Mapped[int] = mapped_column(default=0)
    error: Mapped[str] = mapped_column(sa.String(500), default="")


class UploadPart(Base):
    """A piece of the file, compressed: web and worker need not share a disk."""

    __tablename__ = "upload_parts"

    import_id: Mapped[str] = mapped_column(
        sa.ForeignKey("team_imports.id", ondelete="CASCADE"), primary_key=True
    )
    number: Mapped[int] = mapped_column(primary_key=True)
    content: Mapped[bytes]
