"""Monitors of a document (core/export_document.py), a batch of one kind at a time.

A monitor is known by its slug, or by its alias if the document says no slug. One that is there
already is changed where the document says something else.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import sqlalchemy as sa
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from sentinelweb import clock
from sentinelweb.core.export_document import (
    HeartbeatEntry,
    HostEntry,
    MonitorEntry,
    Read,
    ServiceEntry,
)
from sentinelweb.db import db, writing
from sentinelweb.i18n import gettext as _
from sentinelweb.models import (
    HeartbeatCheck,
    Host,
    Monitor,
    Service,
    StatusChange,
    User,
    monitor_channels,
)
from sentinelweb.services import counts, import_changes
from sentinelweb.services.counts import CountKey
from sentinelweb.services.errors import InvalidInputError
from sentinelweb.services.import_report import Became, Line, Report
from sentinelweb.services.import_rows import NewRows

BATCH = 500

_MODELS: Mapping[type[MonitorEntry], type[Monitor]] = {
    HeartbeatEntry: HeartbeatCheck,
    HostEntry: Host,
    ServiceEntry: Service,
}


@dataclass(slots=True)
class MonitorImport:
    """`channels` are ids by their numbers in the document; `ids` those of monitors by slug.

    A dry run has 0 for what it would make.
    """

    user: User
    team_id: int
    report: Report
    dry_run: bool
    channels: dict[int, int] = field(default_factory=dict)
    ids: dict[str, int] = field(default_factory=dict)
    _seen: set[str] = field(default_factory=set)
    _aliases: set[str] = field(default_factory=set)

    def take(self, reads: Sequence[Read]) -> None:
        """Import a batch of one kind. All that it creates is there at once, or nothing."""
        batch = _Batch(self, reads)
        batch.look()
        batch.update()
        if self.dry_run:
            self.report.add(batch.lines)
        else:
            with writing() as session:
                # The counts come last, because all that changes a status waits for their rows.
                shifts = batch.create(session)
                self.report.add(batch.lines)
                self.report.save(session)
                counts.shift(session, shifts)
        self._remember(batch)

    def recall(self, reads: Sequence[Read]) -> None:
        """Know what an import that was cut short has made of a batch."""
        batch = _Batch(self, reads)
        batch.recall()
        self._remember(batch)

    def is_repeated(self, entry: MonitorEntry) -> bool:
        alias = alias_of(entry)
        return entry.slug in self._seen or (alias is not None and alias in self._aliases)

    def _remember(self, batch: _Batch) -> None:
        self._seen |= batch.ids.keys()
        self._aliases |= batch.aliases
        self.ids |= batch.ids


@dataclass(slots=True)
class _New:
    read: Read
    entry: MonitorEntry
    monitor: Monitor
    line: Line


class _Batch:
    def __init__(self, whole: MonitorImport, reads: Sequence[Read]) -> None:
        self._whole = whole
        self._rows = NewRows(whole.user, whole.team_id, whole.ids, clock.now())
        self._reads = [(read, read.entry) for read in reads if isinstance(read.entry, MonitorEntry)]
        self._model = _MODELS[type(self._reads[0][1])]
        self._kind = str(self._model.__mapper__.polymorphic_identity)
        self._new: list[_New] = []
        self._known: list[tuple[Read, MonitorEntry, Monitor]] = []
        self.aliases: set[str] = set()
        self.ids: dict[str, int] = {}
        self.lines: list[Line] = []

    def look(self) -> None:
        """Tell for each entry whether it is new, known or cannot be taken."""
        rows = self._namesakes()
        by_slug = {row.slug: row for row in rows}
        by_alias = {row.alias: row for row in rows if row.team_id == self._whole.team_id}
        query = sa.select(self._model).where(self._model.id.in_([row.id for row in rows]))
        present = {row.id: row for row in db.session.scalars(query)}
        for read, entry in self._reads:
            alias = alias_of(entry)
            namesake = by_alias.get(alias) if alias else None
            row = by_slug.get(entry.slug) if entry.slug else namesake
            repeated = entry.slug in self.ids or (alias is not None and alias in self.aliases)
            if repeated or self._whole.is_repeated(entry):
                self._skip(read, _("The document has another entry of this slug or alias before."))
            elif row and not self._is_ours(row):
                self._skip(read, _("Something else on this server has its address already."))
            elif namesake and namesake is not row:
                self._skip(
                    read, _("Another monitor of the team has the alias “%(alias)s”.", alias=alias)
                )
            elif row:
                self._known.append((read, entry, present[row.id]))
                self._remember(entry, row.id)
            else:
                self._look_at_new(read, entry)

    def recall(self) -> None:
        """Find what there is of the entries, whatever became of them."""
        rows = [row for row in self._namesakes() if self._is_ours(row)]
        by_slug = {row.slug: row.id for row in rows}
        by_alias = {row.alias: row.id for row in rows}
        for _read, entry in self._reads:
            id_ = by_slug.get(entry.slug) if entry.slug else by_alias.get(alias_of(entry))
            if id_ is not None:
                self._remember(entry, id_)

    def _namesakes(self) -> Sequence[sa.Row[int, str, str | None, int, str]]:
        """What has a slug of the batch, or in the team one of its aliases."""
        slugs = [entry.slug for _read, entry in self._reads if entry.slug]
        aliases = [alias for _read, entry in self._reads if (alias := alias_of(entry))]
        return db.session.execute(
            sa.select(Monitor.id, Monitor.slug, Monitor.alias, Monitor.team_id, Monitor.kind).where(
                sa.or_(
                    Monitor.slug.in_(slugs),
                    sa.and_(Monitor.team_id == self._whole.team_id, Monitor.alias.in_(aliases)),
                )
            )
        ).all()

    def _is_ours(self, row: sa.Row[int, str, str | None, int, str]) -> bool:
        return bool(row.team_id == self._whole.team_id and row.kind == self._kind)

    def _look_at_new(self, read: Read, entry: MonitorEntry) -> None:
        try:
            monitor, notes = self._rows.row(entry, len(self._new))
        except InvalidInputError as error:
            where = f"{error.field}: " if error.field else ""
            self._skip(read, where + error.message)
            return
        self._remember(entry, 0)
        if set(entry.channels) - self._whole.channels.keys():
            notes.append(_("It alerts a channel that is not imported."))
        line = Line(read.place, read.name, Became.CREATED, " ".join(notes))
        self.lines.append(line)
        self._new.append(_New(read, entry, monitor, line))

    def _remember(self, entry: MonitorEntry, id_: int) -> None:
        if entry.slug:
            self.ids[entry.slug] = id_
        if alias := alias_of(entry):
            self.aliases.add(alias)

    def _skip(self, read: Read, text: str) -> None:
        self.lines.append(Line(read.place, read.name, Became.SKIPPED, text))

    # New ones

    def create(self, session: Session) -> Counter[CountKey]:
        """Write the new ones; return what they add to the counts.

        If the database refuses one, because another came between, the others are written.
        """
        try:
            with session.begin_nested():
                return self._insert(session, self._new)
        except IntegrityError:
            shifts: Counter[CountKey] = Counter()
            for number, new in enumerate(self._new):
                # What a flush has failed with is not used again.
                new.monitor, _notes = self._rows.row(new.entry, number)
                try:
                    with session.begin_nested():
                        shifts += self._insert(session, [new])
                except IntegrityError:
                    self._refuse(new)
            return shifts

    def _refuse(self, new: _New) -> None:
        self.lines.remove(new.line)
        self._skip(new.read, _("Something else on this server has its address, alias or key."))
        if new.entry.slug:
            del self.ids[new.entry.slug]

    def _insert(self, session: Session, added: Sequence[_New]) -> Counter[CountKey]:
        session.add_all([new.monitor for new in added])
        session.flush()
        links, changes = [], []
        shifts: Counter[CountKey] = Counter()
        for new in added:
            monitor = new.monitor
            links += [
                {"monitor_id": monitor.id, "channel_id": channel_id}
                for channel_id in self._channel_ids(new.entry)
            ]
            changes += [
                {"monitor_id": monitor.id, **change} for change in self._rows.changes(new.entry)
            ]
            shifts[CountKey(monitor.team_id, monitor.kind, monitor.status)] += 1
        if links:
            session.execute(sa.insert(monitor_channels), links)
        if changes:
            session.execute(sa.insert(StatusChange), changes)
        for new in added:
            if new.entry.slug:
                self.ids[new.entry.slug] = new.monitor.id
        return shifts

    def _channel_ids(self, entry: MonitorEntry) -> set[int]:
        found = (self._whole.channels.get(number) for number in entry.channels)
        return {id_ for id_ in found if id_}

    # Known ones

    def update(self) -> None:
        """Change the known ones that differ from the document, each by itself.

        A transaction for all of them would hold up pings. Whoever takes up an import that was cut
        short finds those that were changed as the document says.
        """
        present = self._present_channels()
        for read, entry, monitor in self._known:
            alerted = present.get(monitor.id, set())
            wanted = alerted | self._channel_ids(entry)
            differs = import_changes.differs(entry, monitor) or wanted != alerted
            try:
                if differs and not self._whole.dry_run:
                    import_changes.change(self._whole.user, entry, monitor, sorted(wanted))
                    self._whole.report.tick()
            except InvalidInputError as error:
                self._skip(read, error.message)
            else:
                became = Became.UPDATED if differs else Became.PRESENT
                self.lines.append(Line(read.place, read.name, became))

    def _present_channels(self) -> dict[int, set[int]]:
        ids = [monitor.id for _read, _entry, monitor in self._known]
        rows = db.session.execute(
            sa.select(monitor_channels.c.monitor_id, monitor_channels.c.channel_id).where(
                monitor_channels.c.monitor_id.in_(ids)
            )
        )
        found: dict[int, set[int]] = {}
        for monitor_id, channel_id in rows:
            found.setdefault(monitor_id, set()).add(channel_id)
        return found


def alias_of(entry: MonitorEntry) -> str | None:
    alias: str | None = getattr(entry, "alias", None)
    return alias
