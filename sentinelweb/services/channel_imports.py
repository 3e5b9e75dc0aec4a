"""Channels of a document (core/export_document.py), found or made.

One of the team that is as the document says is used, and never changed.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Session

from config import Settings
from sentinelweb import clock, i18n, notifiers
from sentinelweb.core.export_document import ChannelEntry
from sentinelweb.db import db
from sentinelweb.i18n import gettext as _
from sentinelweb.models import Channel
from sentinelweb.notifiers.base import Field, InvalidValueError, Notifier
from sentinelweb.services import channels
from sentinelweb.services.errors import InvalidInputError


@dataclass(slots=True)
class ChannelImport:
    """`ids` are those of channels by their numbers in the document; 0 for what is not made."""

    team_id: int
    settings: Settings
    ids: dict[int, int] = field(default_factory=dict)
    _matched: set[int] = field(default_factory=set)

    def find(self, entry: ChannelEntry) -> dict[str, Any] | None:
        """None if the team has it, else the settings to make it with; raise InvalidInputError."""
        known = notifiers.registered().get(entry.kind)
        if known is None:
            raise InvalidInputError("", _("There is no kind of channel of this name."))
        if entry.number in self.ids:
            raise InvalidInputError("", _("The document has this number twice."))
        settings = self._cleaned(known, entry)
        id_ = self._same(known, entry, settings)
        if id_ is None:
            return settings
        self._remember(entry, id_)
        return None

    def create(
        self, session: Session, entry: ChannelEntry, settings: dict[str, Any], fault: str
    ) -> None:
        """Make it, in the caller's transaction."""
        now = clock.now()
        channel = Channel(
            team_id=self.team_id,
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
        self._remember(entry, channel.id)

    def _remember(self, entry: ChannelEntry, id_: int) -> None:
        self.ids[entry.number] = id_
        self._matched.add(id_)

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
            said = entry.settings.get(name, _absent(known_field))
            try:
                cleaned[name] = channels.clean_value(known_field, said, "", self.settings)
            except InvalidValueError as error:
                raise InvalidInputError(name, str(error)) from error
        if entry.locale not in {None, *i18n.LOCALES}:
            raise InvalidInputError("locale", _("Choose from the list."))
        if entry.timezone not in {None, *i18n.timezone_names()}:
            raise InvalidInputError("timezone", _("Choose from the list."))
        return cleaned

    def _same(self, known: Notifier, entry: ChannelEntry, settings: dict[str, Any]) -> int | None:
        """A channel of the team that is as the entry says, and stands for no other entry.

        One that is older than a setting has none of it, and works as if it had the default.
        """
        query = sa.select(Channel).where(
            Channel.team_id == self.team_id,
            Channel.kind == entry.kind,
            Channel.name == entry.name,
        )
        for channel in db.session.scalars(query.order_by(Channel.id)):
            told = [each for each in known.fields if each.name not in entry.left_out]
            same = all(
                channel.settings.get(each.name, _absent(each)) == settings[each.name]
                for each in told
            )
            if same and channel.id not in self._matched:
                return channel.id
        return None


def _absent(known_field: Field) -> str:
    """What a setting is where nothing is said of it."""
    return known_field.default if known_field.required else ""


def fault(entry: ChannelEntry) -> str:
    """What is to be filled in before it can alert, as its page says it; else nothing."""
    if not entry.left_out:
        return ""
    names = ", ".join(entry.left_out)
    return _("Fill in what the document does not hold: %(names)s.", names=names)
