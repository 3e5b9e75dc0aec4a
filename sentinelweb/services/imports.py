"""A document (core/export_document.py) read into a team: first what would happen, then for good.

Each step is a transaction that leaves nothing half done. Where its report is kept in the same
transaction (import_runs.py), an import that was cut short goes on behind what is done; elsewhere it
is done once more, and what is there already is not made again.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterable, Iterator
from pathlib import Path

import sqlalchemy as sa
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from config import Settings
from sentinelweb import clock
from sentinelweb.core import export_document
from sentinelweb.core.export_document import (
    ChannelEntry,
    DocumentError,
    MonitorEntry,
    PageItemEntry,
    Read,
    StatusPageEntry,
    TeamEntry,
)
from sentinelweb.db import db, writing
from sentinelweb.i18n import gettext as _
from sentinelweb.models import Monitor, StatusPage, StatusPageItem, Team, User, Visibility
from sentinelweb.services import channel_imports, pulsemon_import, scoping, status_pages
from sentinelweb.services.channel_imports import ChannelImport
from sentinelweb.services.errors import InvalidInputError
from sentinelweb.services.import_report import Became, Line, Report
from sentinelweb.services.monitor_imports import BATCH, MonitorImport

MAX_BYTES = 200_000_000  # it is read into memory


def read(
    content: bytes,
    user: User,
    settings: Settings,
    *,
    dry_run: bool,
    team_id: int | None = None,
    report: Report | None = None,
) -> Report:
    """Import a JSON document into a team, the user's own if none is named.

    Raise InvalidInputError for another file.
    """
    report = report or Report()
    try:
        found = export_document.parse(content)
    except DocumentError as error:
        raise InvalidInputError("file", _sentence(error)) from error
    report.total = export_document.count(found)
    importing = _Import(user, team_id, settings, report, dry_run=dry_run)
    return importing.take(export_document.read(found))


def read_file(
    path: Path,
    user: User,
    settings: Settings,
    *,
    dry_run: bool,
    team_id: int | None = None,
    report: Report | None = None,
) -> Report:
    """Import an export or a PulseMon database; raise InvalidInputError for what is neither."""
    report = report or Report()
    try:
        with path.open("rb") as file:
            if file.read(len(pulsemon_import.MAGIC)) == pulsemon_import.MAGIC:
                reads = pulsemon_import.read(path)
                report.total = len(reads)
                return _Import(user, team_id, settings, report, dry_run=dry_run).take(reads)
            file.seek(0)
            content = file.read(MAX_BYTES + 1)
    except FileNotFoundError:
        raise InvalidInputError("file", _("There is no such file.")) from None
    except OSError as error:
        reason = _("The file cannot be read: %(reason)s.", reason=error.strerror)
        raise InvalidInputError("file", reason) from error
    if len(content) > MAX_BYTES:
        raise InvalidInputError("file", _("The file is larger than %(n)s bytes.", n=MAX_BYTES))
    return read(content, user, settings, dry_run=dry_run, team_id=team_id, report=report)


class _Import:
    def __init__(
        self, user: User, team_id: int | None, settings: Settings, report: Report, *, dry_run: bool
    ) -> None:
        self._user, self._settings, self._report, self._dry_run = user, settings, report, dry_run
        self._team_id = scoping.home_team(user) if team_id is None else team_id
        self._channels = ChannelImport(self._team_id, settings)
        self._monitors = MonitorImport(user, self._team_id, report, dry_run, self._channels.ids)
        self._waiting: list[Read] = []
        self._recalled: list[Read] = []

    def take(self, reads: Iterable[Read]) -> Report:
        """Import entries in the order of a document, behind what the report says is done."""
        begin_at = self._report.position
        for index, entry in enumerate(reads):
            if index < begin_at:
                self.recall(entry)
            else:
                self.add(entry)
        self.finish()
        return self._report

    def add(self, read: Read) -> None:
        if not isinstance(read.entry, MonitorEntry):
            self.finish()
        if read.entry is None:
            self._tell(read, Became.SKIPPED, read.wrong)
        elif isinstance(read.entry, TeamEntry):
            self._team(read, read.entry)
        elif isinstance(read.entry, ChannelEntry):
            self._channel(read, read.entry)
        elif isinstance(read.entry, StatusPageEntry):
            self._page(read, read.entry)
        else:
            if self._waiting and type(self._waiting[0].entry) is not type(read.entry):
                self.finish()
            self._waiting.append(read)
            if len(self._waiting) == BATCH:
                self.finish()
        self._report.tick()

    def recall(self, read: Read) -> None:
        """Know what has become of an entry that was dealt with before."""
        if isinstance(read.entry, ChannelEntry):
            with contextlib.suppress(InvalidInputError):
                self._channels.find(read.entry)
        elif isinstance(read.entry, MonitorEntry):
            if self._recalled and type(self._recalled[0].entry) is not type(read.entry):
                self._recall_batch()
            self._recalled.append(read)
            if len(self._recalled) == BATCH:
                self._recall_batch()

    def _recall_batch(self) -> None:
        if self._recalled:
            self._monitors.recall(self._recalled)
            self._recalled = []

    def finish(self) -> None:
        """Import the monitors that wait for their batch to be full."""
        self._recall_batch()
        if self._waiting:
            self._monitors.take(self._waiting)
            self._waiting = []

    def _tell(self, read: Read, became: Became, text: str = "") -> None:
        self._report.add([Line(read.place, read.name, became, text)])

    @contextlib.contextmanager
    def _step(self, read: Read, became: Became, text: str = "") -> Iterator[Session]:
        """A transaction in which an entry becomes something, and that is told."""
        with writing() as session:
            yield session
            self._tell(read, became, text)
            self._report.save(session)

    def _team(self, read: Read, entry: TeamEntry) -> None:
        """An empty team gets the ping key, so that the jobs of a moved one go on working."""
        team = db.session.get_one(Team, self._team_id)
        if entry.ping_key is None or entry.ping_key == team.ping_key:
            self._report.pass_over()
            return
        taken = sa.select(Team.id).where(Team.ping_key == entry.ping_key)
        watched = sa.select(Monitor.id).where(Monitor.team_id == team.id).limit(1)
        if db.session.scalar(taken) is not None or db.session.scalar(watched) is not None:
            text = _("The team keeps its own ping key: it has monitors, or the key is in use.")
            self._tell(read, Became.SKIPPED, text)
            return
        text = _("The team gets the ping key of the document.")
        if self._dry_run:
            self._tell(read, Became.UPDATED, text)
            return
        with self._step(read, Became.UPDATED, text) as session:
            session.execute(
                sa.update(Team).where(Team.id == team.id).values(ping_key=entry.ping_key)
            )

    def _channel(self, read: Read, entry: ChannelEntry) -> None:
        try:
            settings = self._channels.find(entry)
        except InvalidInputError as error:
            field = f"{error.field}: " if error.field else ""
            self._tell(read, Became.SKIPPED, field + error.message)
            return
        if settings is None:
            self._tell(read, Became.PRESENT)
            return
        fault = channel_imports.fault(entry)
        if self._dry_run:
            self._channels.ids[entry.number] = 0
            self._tell(read, Became.CREATED, fault)
            return
        with self._step(read, Became.CREATED, fault) as session:
            self._channels.create(session, entry, settings, fault)

    def _page(self, read: Read, entry: StatusPageEntry) -> None:
        owner = db.session.scalar(
            sa.select(StatusPage.team_id).where(StatusPage.slug == entry.slug)
        )
        if owner == self._team_id:
            text = _("There is a page at this address already: it stays as it is.")
            self._tell(read, Became.PRESENT, text)
            return
        if owner is not None:
            text = _("Another page has this address. Choose another one.")
            self._tell(read, Became.SKIPPED, text)
            return
        known = [item for item in entry.monitors if item.monitor in self._monitors.ids]
        unique = list({item.monitor: item for item in known}.values())[: status_pages.MAX_ITEMS]
        left = len(entry.monitors) - len(unique)
        text = _("It goes without monitors that are not there: %(n)s.", n=left) if left else ""
        if self._dry_run:
            self._tell(read, Became.CREATED, text)
            return
        try:
            with self._step(read, Became.CREATED, text) as session:
                self._add_page(session, entry, unique)
        except IntegrityError:
            self._tell(read, Became.SKIPPED, _("Another page has this address."))

    def _add_page(
        self, session: Session, entry: StatusPageEntry, items: list[PageItemEntry]
    ) -> None:
        now = clock.now()
        may_be_first = status_pages.may_choose_first(self._user) and not status_pages.has_first()
        is_public = Visibility(entry.visibility) is Visibility.PUBLIC
        page = StatusPage(
            team_id=self._team_id,
            **entry.model_dump(include={"slug", "title", "description", "visibility"}),
            is_first=entry.is_first and may_be_first and is_public,
            created_at=now,
            updated_at=now,
        )
        session.add(page)
        session.flush()
        session.add_all(
            StatusPageItem(
                page_id=page.id,
                monitor_id=self._monitors.ids[item.monitor],
                position=position,
                **item.model_dump(exclude={"monitor"}),
            )
            for position, item in enumerate(items, start=1)
        )
        session.flush()


def _sentence(error: DocumentError) -> str:
    return {
        DocumentError.EMPTY: _("The file is empty."),
        DocumentError.NOT_JSON: _("The file is neither JSON nor PulseMon's database."),
        DocumentError.OTHER_FORMAT: _("The file is no export of SentinelWeb."),
        DocumentError.OTHER_VERSION: _("The file is of a version that is not known here."),
    }[error.problem]
