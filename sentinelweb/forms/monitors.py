"""What a person fills in for every kind of monitor."""

from __future__ import annotations

from wtforms import StringField, TextAreaField, ValidationError
from wtforms.validators import DataRequired, Length

from sentinelweb.forms.base import Form
from sentinelweb.forms.fields import CheckboxesField, TagsField, printable, stripped
from sentinelweb.i18n import gettext
from sentinelweb.i18n import lazy_gettext as _
from sentinelweb.models import Channel, Monitor

MAX_NAME = 200
MAX_DESCRIPTION = 2_000
MAX_ENVIRONMENT = 50
MAX_TAG = 50
MAX_TAGS = 20


class MonitorForm(Form):
    name = StringField(
        _("Name"),
        [
            DataRequired(_("Give it a name.")),
            Length(max=MAX_NAME, message=_("Too long.")),
            printable,
        ],
        filters=[stripped],
        render_kw={"placeholder": _("Nightly backup"), "autocomplete": "off"},
    )
    description = TextAreaField(
        _("Description"),
        [Length(max=MAX_DESCRIPTION, message=_("Too long.")), printable],
        filters=[stripped],
        description=_("What it does, and what to do when it fails. Part of every alert."),
        render_kw={"rows": 3},
    )
    tags = TagsField(
        _("Tags"),
        [printable],
        description=_("Separated by commas."),
        render_kw={"placeholder": _("backup, database"), "autocomplete": "off"},
    )
    environment = StringField(
        _("Environment"),
        [Length(max=MAX_ENVIRONMENT, message=_("Too long.")), printable],
        filters=[stripped],
        render_kw={"list": "environments", "placeholder": _("production"), "autocomplete": "off"},
    )
    channels = CheckboxesField(_("Alert these channels"), coerce=int)

    def offer_channels(self, channels: list[Channel], monitor: Monitor | None) -> None:
        """Fill in what can be chosen, and on a fresh form what is chosen already.

        A new monitor alerts every channel: forgetting one is worse than one alert too many.
        """
        self.channels.choices = {str(channel.id): channel.name for channel in channels}
        if not self.is_submitted():
            chosen = monitor.channels if monitor else channels
            self.channels.data = [channel.id for channel in chosen]

    def validate_tags(self, field: TagsField) -> None:
        if len(field.tags) > MAX_TAGS:
            raise ValidationError(gettext("Use at most %(n)s tags.", n=MAX_TAGS))
        if any(len(tag) > MAX_TAG for tag in field.tags):
            raise ValidationError(gettext("A tag has at most %(n)s characters.", n=MAX_TAG))
