"""Imports that workers carry out, with their progress: looked at first, then confirmed.

What is to be done stands in the database; RQ is only the messenger. A worker that dies gives its
import back at the end of its lease, and whoever takes it up goes on behind what is done. A team has
one at a time, so that two of its members cannot mix their files up.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any

import sqlalchemy as sa
import structlog
from sqlalchemy.orm import Session

from config import Settings
from sentinelweb import clock, i18n
from sentinelweb.db import db, writing
from sentinelweb.i18n import Reader
from sentinelweb.i18n import gettext as _
from sentinelweb.models import ImportState, Role, Team, TeamImport, User
from sentinelweb.services import imports, liveness, scoping, uploads
from sentinelweb.services.errors import InvalidInputError, NotAllowedError, NotFoundError
from sentinelweb.services.import_report import Became, Line, Report

LEASE = timedelta(seconds=60)
WAIT = timedelta(seconds=2)  # for another import of the team
MAX_ATTEMPTS = 3  # without getting on
QUIET_AFTER = timedelta(seconds=15)  # without a sign of progress
SAVE_EVERY = 0.5  # seconds between two signs of progress
MAX_LINES = 200
RECENT = 10

log = structlog.get_logger(__name__)


class LeaseLostError(Exception):
    """Another worker has taken the import up: it seemed that nobody was at it any more."""


# What people see and do


def get(user: User, import_id: str) -> TeamImport:
    """An import of the user's teams; raise NotFoundError."""
    found = db.session.scalar(_of(user).where(TeamImport.id == import_id))
    if found is None:
        raise NotFoundError
    return found


def recent(user: User) -> Sequence[TeamImport]:
    """Those of the last day, the latest first."""
    query = _of(user).order_by(TeamImport.created_at.desc(), TeamImport.id).limit(RECENT)
    return db.session.scalars(query).all()


class HeldUp(StrEnum):
    """Why nothing happens just now: another one of the team, no worker, or one that was killed."""

    ANOTHER = "another"
    NOBODY = "nobody"
    CUT_SHORT = "cut short"


def held_up(run: TeamImport) -> HeldUp | None:
    if run.due_at is None:
        return None
    if run.claimed_at is not None:
        return HeldUp.CUT_SHORT if clock.now() - run.updated_at > QUIET_AFTER else None
    if _is_busy(db.session(), run):
        return HeldUp.ANOTHER
    nobody = liveness.recent_readiness().silent("redis", liveness.SCHEDULER, liveness.WORKER)
    return HeldUp.NOBODY if nobody else None


def confirm(user: User, import_id: str) -> TeamImport:
    """Have it imported for good; a second time, nothing. Raise NotFoundError."""
    with writing() as session:
        run = _to_change(session, user, import_id)
        if run.state == ImportState.LOOKED:
            run.state = ImportState.IMPORTING
            _begin_anew(run)
            run.due_at = run.updated_at = clock.now()
    return run


def cancel(user: User, import_id: str) -> None:
    """Forget one that nobody wants, unless it is being imported. Raise NotFoundError."""
    with writing() as session:
        run = _to_change(session, user, import_id)
        if run.state != ImportState.IMPORTING:
            session.delete(run)


def _to_change(session: Session, user: User, import_id: str) -> TeamImport:
    """Locked until the transaction ends; raise NotFoundError or NotAllowedError."""
    run = session.scalar(_of(user).where(TeamImport.id == import_id).with_for_update())
    if run is None:
        raise NotFoundError
    scoping.require(user, run.team_id, Role.ADMIN)
    return run


def _of(user: User) -> sa.Select[TeamImport]:
    return (
        sa.select(TeamImport)
        .where(
            TeamImport.team_id.in_(scoping.team_ids(user)),
            TeamImport.state != ImportState.UPLOADING,
        )
        .execution_options(populate_existing=True)
    )


# What workers do


def is_due(now: datetime) -> bool:
    """Whether there is anything for a worker: one read of an index."""
    return db.session.scalar(sa.select(TeamImport.id).where(TeamImport.due_at <= now)) is not None


def release(now: datetime) -> int:
    """Let be due at `now` what was under way: its workers are gone. Return how many."""
    with writing() as session:
        released = session.scalars(
            sa.update(TeamImport)
            .where(TeamImport.claimed_at.is_not(None), TeamImport.due_at > now)
            .values(due_at=now)
            .returning(TeamImport.id)
        )
        return len(released.all())


def run(settings: Settings) -> int:
    """Carry out what is due, one import after the other; return how many."""
    count = 0
    while (claimed := _claim(clock.now())) is not None:
        _carry_out(claimed, settings)
        count += 1
    return count


def _claim(now: datetime) -> TeamImport | None:
    with writing() as session:
        due = session.scalars(
            sa.select(TeamImport)
            .where(TeamImport.due_at <= now)
            .order_by(TeamImport.due_at)
            .with_for_update(skip_locked=True)
            .execution_options(populate_existing=True)
        )
        for run in due.all():
            # Two workers that claim at once must see each other.
            team = sa.select(Team.id).where(Team.id == run.team_id)
            session.execute(team.with_for_update(key_share=True))
            if _is_busy(session, run):
                run.due_at = now + WAIT
            elif run.attempts >= MAX_ATTEMPTS:
                _end(session, run, ImportState.FAILED, _cut_short(run))
            else:
                if run.claimed_at is not None:
                    run.resumed_at = now
                    log.warning("import_taken_up_again", id=run.id, position=run.position)
                if run.state == ImportState.LOOKING:
                    _begin_anew(run)  # what it found is nowhere but in its memory
                run.claimed_at = run.updated_at = now
                run.due_at = now + LEASE
                run.attempts += 1
                return run
    return None


def _is_busy(session: Session, run: TeamImport) -> bool:
    """Whether another import of the team is under way, or to be taken up again."""
    other = sa.select(TeamImport.id).where(
        TeamImport.team_id == run.team_id,
        TeamImport.id != run.id,
        TeamImport.claimed_at.is_not(None),
    )
    return session.scalar(other.limit(1)) is not None


def _begin_anew(run: TeamImport) -> None:
    run.position = run.told_count = 0
    run.counted, run.told = {}, []
    if run.state == ImportState.IMPORTING:
        run.attempts, run.claimed_at, run.resumed_at = 0, None, None


def _cut_short(run: TeamImport) -> str:
    with i18n.reading_as(Reader(run.locale)):
        text = _("It was cut short %(n)s times at the same place.", n=MAX_ATTEMPTS)
        if run.state == ImportState.IMPORTING:
            text += " " + _("What is imported already stays.")
        return text


def _carry_out(run: TeamImport, settings: Settings) -> None:
    user = db.session.get_one(User, run.user_id)
    looking = run.state == ImportState.LOOKING
    report = _StoredReport.of(run)
    reader = Reader(run.locale, user.timezone or settings.tz)
    error, state = "", ImportState.LOOKED if looking else ImportState.DONE
    try:
        with i18n.reading_as(reader), uploads.as_file(run.id) as path:
            try:
                _check_rights(run, user)
                imports.read_file(
                    path, user, settings, dry_run=looking, team_id=run.team_id, report=report
                )
            except InvalidInputError as refusal:
                error, state = refusal.message, ImportState.FAILED
            except (NotFoundError, NotAllowedError):  # they were removed from the team meanwhile
                error = _("Whoever sent it may not change this team any more.")
                state = ImportState.FAILED
        with writing() as session:
            report.save(session)
            ended = session.get_one(TeamImport, run.id, populate_existing=True)
            _end(session, ended, state, error)
    except LeaseLostError:
        log.warning("import_lost", id=run.id)


def _check_rights(run: TeamImport, user: User) -> None:
    """Their role may be another one since they sent the file. Raise NotAllowedError."""
    scoping.require(user, run.team_id, Role.ADMIN)


def _end(session: Session, run: TeamImport, state: ImportState, error: str) -> None:
    run.state, run.error = state, error[:500]
    run.due_at = run.claimed_at = None
    run.updated_at = clock.now()
    if state != ImportState.LOOKED:
        uploads.forget_content(session, run.id)


@dataclass
class _StoredReport(Report):
    """Keeps in the import's row how far it is, and renews the lease."""

    import_id: str = ""
    token: datetime | None = None
    all_counted: Counter[str] = field(default_factory=Counter)
    told: list[dict[str, Any]] = field(default_factory=list)
    told_count: int = 0
    _told_stored: int = 0
    _saved_at: float = field(default_factory=time.monotonic)

    @classmethod
    def of(cls, run: TeamImport) -> _StoredReport:
        return cls(
            import_id=run.id,
            token=run.claimed_at,
            position=run.position,
            all_counted=Counter(run.counted),
            told=list(run.told),
            told_count=run.told_count,
            _told_stored=len(run.told),
        )

    def add(self, lines: Sequence[Line]) -> None:
        self.position += len(lines)
        self.all_counted.update(line.became.value for line in lines)
        worth_telling = [asdict(line) for line in lines if line.text]
        self.told_count += len(worth_telling)
        self.told += worth_telling[: MAX_LINES - len(self.told)]

    def save(self, session: Session) -> None:
        now = clock.now()
        # What is looked at is begun anew each time.
        gets_on = sa.and_(
            TeamImport.state == ImportState.IMPORTING, TeamImport.position < self.position
        )
        values = {
            "total": self.total,
            "position": self.position,
            "counted": {became.value: self.all_counted[became.value] for became in Became},
            "told_count": self.told_count,
            "due_at": now + LEASE,
            "updated_at": now,
            "attempts": sa.case((gets_on, 1), else_=TeamImport.attempts),
        }
        if len(self.told) > self._told_stored:  # large, and soon as long as it may be
            values["told"] = self.told
        held = session.scalar(
            sa.update(TeamImport)
            .where(TeamImport.id == self.import_id, TeamImport.claimed_at == self.token)
            .values(values)
            .returning(TeamImport.id)
            .execution_options(synchronize_session=False)
        )
        if held is None:
            raise LeaseLostError
        self._told_stored = len(self.told)
        self._saved_at = time.monotonic()

    def tick(self) -> None:
        if time.monotonic() - self._saved_at > SAVE_EVERY:
            with writing() as session:
                self.save(session)
