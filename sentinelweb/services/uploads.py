"""Files that a person sent to be imported, kept until they have seen what would happen.

They hold secrets: nobody needs them any more once they are imported, and one that nobody wants
after all is forgotten after an hour. They are in the database, because web and worker need not
share a disk, in pieces, because a large transaction would hold up pings.
"""

from __future__ import annotations

import contextlib
import secrets
import tempfile
import zlib
from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path
from typing import IO

import sqlalchemy as sa
from sqlalchemy.orm import Session

from sentinelweb import clock, i18n
from sentinelweb.db import db, writing
from sentinelweb.i18n import gettext as _
from sentinelweb.models import ImportState, TeamImport, UploadPart, User
from sentinelweb.services import scoping
from sentinelweb.services.errors import InvalidInputError

MAX_BYTES = 50_000_000
KEPT_FOR = timedelta(hours=1)
RESULTS_KEPT_FOR = timedelta(days=1)
MAX_KEPT = 5  # of a user
PART = 524_288

_UNWANTED = (ImportState.UPLOADING, ImportState.LOOKING, ImportState.LOOKED)
_OVER = (ImportState.DONE, ImportState.FAILED)


def keep(user: User, stream: IO[bytes], filename: str) -> str:
    """Store what `stream` holds, to be looked at; return the id of its import.

    Raise InvalidInputError if it is empty or too large, and NotAllowedError for whoever may not
    make all that it may hold.
    """
    now, team_id = clock.now(), scoping.administered_home(user)
    upload = TeamImport(
        id=secrets.token_urlsafe(16),
        team_id=team_id,
        user_id=user.id,
        filename=filename[:200].replace("\0", ""),
        locale=i18n.reader().locale,
        created_at=now,
        updated_at=now,
    )
    with writing() as session:
        _forget_oldest(session, user)
        session.add(upload)
    try:
        _store(upload.id, stream)
    except BaseException:
        forget(upload.id)
        raise
    with writing() as session:
        upload.state, upload.due_at = ImportState.LOOKING, clock.now()
    return upload.id


def _store(import_id: str, stream: IO[bytes]) -> None:
    size = number = 0
    while part := stream.read(PART):
        size += len(part)
        if size > MAX_BYTES:
            message = _("The file is too large for this page: use the command instead.")
            raise InvalidInputError("file", message)
        content = zlib.compress(part, 1)
        with writing() as session:
            session.add(UploadPart(import_id=import_id, number=number, content=content))
        number += 1
    if not size:
        raise InvalidInputError("file", _("The file is empty."))


@contextlib.contextmanager
def as_file(import_id: str) -> Iterator[Path]:
    """The file itself, for a while, for this user of the machine alone."""
    with tempfile.NamedTemporaryFile(prefix="sentinelweb-upload-") as file:
        number = 0
        while content := db.session.scalar(
            sa.select(UploadPart.content).where(
                UploadPart.import_id == import_id, UploadPart.number == number
            )
        ):
            file.write(zlib.decompress(content))
            number += 1
        db.session.commit()  # not to hold an old snapshot while it is read
        file.flush()
        yield Path(file.name)


def forget(import_id: str) -> None:
    with writing() as session:
        session.execute(sa.delete(TeamImport).where(TeamImport.id == import_id))


def forget_content(session: Session, import_id: str) -> None:
    """Delete the file of an import that is over."""
    session.execute(sa.delete(UploadPart).where(UploadPart.import_id == import_id))


def _forget_oldest(session: Session, user: User) -> None:
    too_many = (
        sa.select(TeamImport.id)
        .where(TeamImport.user_id == user.id, TeamImport.state == ImportState.LOOKED)
        .order_by(TeamImport.created_at.desc())
        .offset(MAX_KEPT - 1)
    )
    session.execute(sa.delete(TeamImport).where(TeamImport.id.in_(too_many)))


def prune(now: datetime) -> int:
    """Delete the files that nobody wanted imported, and old results; return how many."""
    old = sa.or_(
        sa.and_(TeamImport.state.in_(_UNWANTED), TeamImport.updated_at < now - KEPT_FOR),
        sa.and_(TeamImport.state.in_(_OVER), TeamImport.updated_at < now - RESULTS_KEPT_FOR),
    )
    with writing() as session:
        return len(session.scalars(sa.delete(TeamImport).where(old).returning(TeamImport.id)).all())
