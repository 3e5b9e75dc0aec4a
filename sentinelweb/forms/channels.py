"""The form of a channel, made from what its kind declares."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from wtforms import (
    BooleanField,
    PasswordField,
    SelectField,
    StringField,
    TextAreaField,
    URLField,
    ValidationError,
)
from wtforms.validators import DataRequired, Length

from config import Settings
from sentinelweb import i18n
from sentinelweb.extensions import settings as server_settings
from sentinelweb.forms.base import Form
from sentinelweb.forms.fields import CheckboxesField
from sentinelweb.i18n import gettext
from sentinelweb.i18n import lazy_gettext as _
from sentinelweb.models import Channel, Monitor
from sentinelweb.notifiers.base import Field, InvalidValueError, Notifier
from sentinelweb.services import channels
from sentinelweb.services.channels import ChannelValues
from sentinelweb.services.masking import MASK

MAX_NAME = 100


def _stripped(value: str | None) -> str:
    return (value or "").strip()


class ChannelForm(Form):
    """What all kinds share. `channel_form()` adds the fields of one."""

    notifier: Notifier
    name = StringField(
        _("Name"),
        [
            DataRequired(_("Give it a name.")),
            Length(max=MAX_NAME, message=_("Too long.")),
        ],
        filters=[_stripped],
        render_kw={"autocomplete": "off"},
    )
    locale = SelectField(_("Language of the messages"), choices=lambda: list(i18n.LOCALES.items()))
    timezone = SelectField(
        _("Time zone of the messages"), choices=lambda: [(n, n) for n in i18n.timezone_names()]
    )
    for_all_monitors = BooleanField(_("Use it for all present monitors"), default=True)

    def kind_fields(self) -> list[tuple[Field, Any, Any]]:
        """What the kind declares, with the form's field, and with the one that removes a secret."""
        return [
            (field, self[field.name], self._fields.get(_remover(field)))
            for field in self.notifier.fields
        ]

    def values(self) -> ChannelValues:
        fields = self.notifier.fields
        return ChannelValues(
            self.name.data or "",
            {field.name: self[field.name].data or "" for field in fields},
            locale=self.locale.data,
            timezone=self.timezone.data,
            removed=frozenset(
                field.name
                for field, _field, remover in self.kind_fields()
                if remover and remover.data
            ),
        )


def channel_form(
    notifier: Notifier, channel: Channel | None, prefilled: Mapping[str, str]
) -> ChannelForm:
    """The form that adds a channel of a kind, or edits one. It never holds a secret's value.

    What is not secret may be `prefilled` by the address of the page.
    """
    stored = channel.settings if channel else {}
    server = server_settings()
    members: dict[str, Any] = {"notifier": notifier}
    for field in notifier.fields:
        members[field.name] = _form_field(field, stored, server)
        removable = field.secret and field.kind != "headers" and not field.needs_value(server)
        if removable and stored.get(field.name):
            members[_remover(field)] = BooleanField(_("Remove what is stored"))
    reader = i18n.reader()
    initial: dict[str, Any] = {
        "name": channel.name if channel else notifier.label,
        "locale": (channel.locale or i18n.DEFAULT_LOCALE) if channel else reader.locale,
        "timezone": (channel.timezone or server.tz) if channel else reader.timezone,
    }
    for field in notifier.fields:
        value = channels.shown(field, stored.get(field.name, field.default))
        initial[field.name] = value if field.secret else prefilled.get(field.name, value)
    form_class: type[ChannelForm] = type("ChannelForm", (ChannelForm,), members)
    return form_class(data=initial)


def _remover(field: Field) -> str:
    return f"remove_{field.name}"


def _form_field(field: Field, stored: dict[str, str], server: Settings) -> Any:
    before = stored.get(field.name, "")
    server_has_one = bool(field.fallback and getattr(server, field.fallback))
    placeholder = gettext("The server's own") if server_has_one else field.placeholder
    kwargs: dict[str, Any] = {
        "label": field.label,
        "validators": [_checker(field, before, server)],
        "description": field.help,
        "render_kw": {"placeholder": placeholder, "autocomplete": "off"},
    }
    if field.kind == "choice":
        del kwargs["render_kw"]
        labels = field.labels or field.choices
        kwargs["choices"] = lambda: list(zip(field.choices, labels, strict=True))
        return SelectField(**kwargs)
    kwargs["render_kw"] |= {"spellcheck": "false", "autocapitalize": "none"}
    if field.kind in {"headers", "multiline"}:
        kwargs["render_kw"]["rows"] = 3
        return TextAreaField(**kwargs)
    if field.secret:
        # Not "off", which browsers disregard: a saved password must not end up as a bot's token.
        kwargs["render_kw"]["autocomplete"] = "new-password"
        if before:
            kwargs["render_kw"]["placeholder"] = MASK
            kept = gettext("It is stored: leave this empty to keep it.")
            kwargs["description"] = f"{field.help} {kept}"
        return PasswordField(**kwargs)
    return (URLField if field.kind == "url" else StringField)(**kwargs)


def _checker(field: Field, stored: str, server: Settings) -> Callable[[Form, Any], None]:
    """Judge the field as the service will, so that all errors are shown at once."""

    def check(form: Form, control: Any) -> None:
        remover = form._fields.get(_remover(field))
        before = "" if remover and remover.data else stored
        try:
            channels.clean_value(field, control.data or "", before, server)
        except InvalidValueError as error:
            raise ValidationError(str(error)) from error

    return check


class MonitorsForm(Form):
    """Which monitors use a channel."""

    monitors = CheckboxesField(_("Monitors that use this channel"), coerce=int)

    def offer(self, monitors: list[Monitor], chosen: list[int]) -> None:
        self.monitors.choices = [(monitor.id, monitor.name) for monitor in monitors]
        if not self.is_submitted():
            self.monitors.data = chosen


class ChatsForm(Form):
    """Asks for the bot whose chats are to be listed."""

    bot_token = PasswordField(
        _("Bot token"),
        render_kw={"autocomplete": "new-password", "placeholder": "123456789:AAF…"},
    )
