"""A document (core/export_document.py) read into a team: first what would happen, then for good.

Each step is a transaction that leaves nothing half done, and what is there already is not made
again: an import that was cut short is finished by doing it once more.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import sqlalchemy as sa
from sqlalchemy.exc import IntegrityError

from config import Settings
from sentinelweb import clock, i18n, notifiers
from sentinelweb.core import export_document
from sentinelweb.core.export_document import (
    ChannelEntry,
    DocumentError,
    MonitorEntry,
    Read,
    StatusPageEntry,
    TeamEntry,
)
from sentinelweb.db import db, writing
from sentinelweb.i18n import gettext as _
from sentinelweb.models import (
    Channel,
    Monitor,
    StatusPage,
    StatusPageItem,
    Team,
    User,
    Visibility,
)
from sentinelweb.notifiers.base import InvalidValueError, Notifier
from sentinelweb.services import channels, pulsemon_import, scoping, status_pages
from sentinelweb.services.errors import InvalidInputError
from sentinelweb.services.monitor_imports import BATCH, Became, Line, MonitorImport

MAX_BYTES = 200_000_000  # it is read into memory


@dataclass(slots=True)
class Report:
    """What became of every entry, or would become of it."""

    lines: list[Line] = field(default_factory=list)

    @property
    def counted(self) -> dict[Became, int]:
        found = Counter(line.became for line in self.lines)
        return {became: found[became] for became in Became}

    @property
    def told(self) -> list[Line]:
        """The lines that say something."""
        return [line for line in self.lines if line.text]


def read(
    content: bytes,
    user: User,
    settings: Settings,
    *,
    dry_run: bool,
    max_entries: int | None = None,
) -> Report:
    """Import a JSON document into the user's own team; raise InvalidInputError for another file."""
    try:
        found = export_document.parse(content)
    except DocumentError as error:
        raise InvalidInputError("file", _sentence(error)) from error
    lists = (found.get(name, ()) for name in export_document.LISTS)
    _refuse_more(sum(len(entries) for entries in lists if isinstance(entries, list)), max_entries)
    team = export_document.read_team(found)
    return take([team, *export_document.read(found)], user, settings, dry_run=dry_run)


def _refuse_more(count: int, most: int | None) -> None:
    if most is not None and count > most:
        message = _(
            "The file has %(count)s entries, too many for this page: use the command "
            "“flask team import”.",
            count=i18n.format_number(count),
        )
        raise InvalidInputError("file", message)


def read_file(
    path: Path, user: User, settings: Settings, *, dry_run: bool, max_entries: int | None = None
) -> Report:
    """Import an export or a PulseMon database.

    Raise InvalidInputError for what is neither, and for one of more than `max_entries`.
    """
    try:
        with path.open("rb") as file:
            if file.read(len(pulsemon_import.MAGIC)) == pulsemon_import.MAGIC:
                reads = pulsemon_import.read(path)
                _refuse_more(len(reads), max_entries)
                return take(reads, user, settings, dry_run=dry_run)
            file.seek(0)
            content = file.read(MAX_BYTES + 1)
    except FileNotFoundError:
        raise InvalidInputError("file", _("There is no such file.")) from None
    except OSError as error:
        reason = _("The file cannot be read: %(reason)s.", reason=error.strerror)
        raise InvalidInputError("file", reason) from error
    if len(content) > MAX_BYTES:
        raise InvalidInputError("file", _("The file is larger than %(n)s bytes.", n=MAX_BYTES))
    return read(content, user, settings, dry_run=dry_run, max_entries=max_entries)


def take(reads: Iterable[Read], user: User, settings: Settings, *, dry_run: bool) -> Report:
    """Import entries in the order of a document into the user's own team."""
    importing = _Import(user, settings, dry_run=dry_run)
    for read in reads:
        importing.add(read)
    importing.finish()
    return importing.report


class _Import:
    def __init__(self, user: User, settings: Settings, *, dry_run: bool) -> None:
        self._user, self._settings, self._dry_run = user, settings, dry_run
        self._team_id = scoping.home_team(user)
        self._monitors = MonitorImport(user, self._team_id, dry_run)
        self._waiting: list[Read] = []
        self._matched: set[int] = set()
        self.report = Report()

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

    def finish(self) -> None:
        """Import the monitors that wait for their batch to be full."""
        if self._waiting:
            self.report.lines += self._monitors.take(self._waiting)
            self._waiting = []

    def _tell(self, read: Read, became: Became, text: str = "") -> None:
        self.report.lines.append(Line(read.place, read.name, became, text))

    def _team(self, read: Read, entry: TeamEntry) -> None:
        """An empty team gets the ping key, so that the jobs of a moved one go on working."""
        team = db.session.get_one(Team, self._team_id)
        if entry.ping_key is None or entry.ping_key == team.ping_key:
            return
        taken = sa.select(Team.id).where(Team.ping_key == entry.ping_key)
        watched = sa.select(Monitor.id).where(Monitor.team_id == team.id).limit(1)
        if db.session.scalar(taken) is not None or db.session.scalar(watched) is not None:
            text = _("The team keeps its own ping key: it has monitors, or the key is in use.")
            self._tell(read, Became.SKIPPED, text)
            return
        if not self._dry_run:
            with writing() as session:
                session.execute(
                    sa.update(Team).where(Team.id == team.id).values(ping_key=entry.ping_key)
                )
        self._tell(read, Became.UPDATED, _("The team gets the ping key of the document."))

    # Channels

    def _channel(self, read: Read, entry: ChannelEntry) -> None:
        known = notifiers.registered().get(entry.kind)
        if known is None:
            self._tell(read, Became.SKIPPED, _("There is no kind of channel of this name."))
            return
        if entry.number in self._monitors.channels:
            self._tell(read, Became.SKIPPED, _("The document has this number twice."))
            return
        try:
            settings = self._cleaned(known, entry)
        except InvalidInputError as error:
            self._tell(read, Became.SKIPPED, f"{error.field}: {error.message}")
            return
        id_ = self._same_channel(entry, settings)
        became, text = Became.PRESENT, ""
        if id_ is None:
            became = Became.CREATED
            if entry.left_out:
                names = ", ".join(entry.left_out)
                text = _("Fill in what the document does not hold: %(names)s.", names=names)
            id_ = 0 if self._dry_run else self._add_channel(entry, settings, text)
        if id_:
            self._matched.add(id_)
        self._monitors.channels[entry.number] = id_
        self._tell(read, became, text)

    def _cleaned(self, known: Notifier, entry: ChannelEntry) -> dict[str, Any]:
        """The settings to store; those that were left out stay empty. Raise InvalidInputError."""
        fields = {known_field.name: known_field for known_field in known.fields}
        if unknown := entry.settings.keys() - fields.keys():
            raise InvalidInputError(min(unknown)[:80], _("There is no setting of this name."))
        cleaned = {}
        for name, known_field in fields.items():
            if name in entry.left_out and name not in entry.settings:
                cleaned[name] = ""
                continue
            absent = known_field.default if known_field.required else ""
            said = entry.settings.get(name, absent)
            try:
                cleaned[name] = channels.clean_value(known_field, said, "", self._settings)
            except InvalidValueError as error:
                raise InvalidInputError(name, str(error)) from error
        if entry.locale not in {None, *i18n.LOCALES}:
            raise InvalidInputError("locale", _("Choose from the list."))
        if entry.timezone not in {None, *i18n.timezone_names()}:
            raise InvalidInputError("timezone", _("Choose from the list."))
        return cleaned

    def _same_channel(self, entry: ChannelEntry, settings: dict[str, Any]) -> int | None:
        """A channel of the team that is as the entry says, and stands for no other entry."""
        query = sa.select(Channel).where(
            Channel.team_id == self._team_id,
            Channel.kind == entry.kind,
            Channel.name == entry.name,
        )
        for channel in db.session.scalars(query.order_by(Channel.id)):
            told = settings.keys() - set(entry.left_out)
            same = all(channel.settings.get(name, "") == settings[name] for name in told)
            if same and channel.id not in self._matched:
                return channel.id
        return None

    def _add_channel(self, entry: ChannelEntry, settings: dict[str, Any], fault: str) -> int:
        now = clock.now()
        with writing() as session:
            channel = Channel(
                team_id=self._team_id,
                kind=entry.kind,
                name=entry.name,
                settings=settings,
                locale=entry.locale,
                timezone=entry.timezone,
                fault=fault or None,
                fault_at=now if fault else None,
                created_at=now,
                updated_at=now,
            )
            session.add(channel)
            session.flush()
        return channel.id

    # Status pages

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
        if not self._dry_run:
            try:
                self._add_page(entry, unique)
            except IntegrityError:
                self._tell(read, Became.SKIPPED, _("Another page has this address."))
                return
        self._tell(read, Became.CREATED, text)

    def _add_page(self, entry: StatusPageEntry, items: list[export_document.PageItemEntry]) -> None:
        now = clock.now()
        may_be_first = status_pages.may_choose_first(self._user) and not status_pages.has_first()
        is_public = Visibility(entry.visibility) is Visibility.PUBLIC
        with writing() as session:
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


def _sentence(error: DocumentError) -> str:
    return {
        DocumentError.EMPTY: _("The file is empty."),
        DocumentError.NOT_JSON: _("The file is neither JSON nor PulseMon's database."),
        DocumentError.OTHER_FORMAT: _("The file is no export of SentinelWeb."),
        DocumentError.OTHER_VERSION: _("The file is of a version that is not known here."),
    }[error.problem]
