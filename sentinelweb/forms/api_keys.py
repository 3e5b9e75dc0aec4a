"""The form of an API key."""

from __future__ import annotations

from wtforms import RadioField, StringField
from wtforms.validators import DataRequired, Length

from sentinelweb.forms.base import Form
from sentinelweb.i18n import gettext as _
from sentinelweb.i18n import lazy_gettext


class ApiKeyForm(Form):
    name = StringField(
        lazy_gettext("Name"),
        description=lazy_gettext("What will use it, e.g. “Deploy script”."),
        filters=[lambda text: text.strip() if text else text],
        validators=[
            DataRequired(lazy_gettext("Enter a name.")),
            Length(max=100, message=lazy_gettext("Use at most 100 characters.")),
        ],
    )
    access = RadioField(
        lazy_gettext("What it may do"),
        choices=lambda: [("read", _("Read only")), ("write", _("Read and change"))],
        default="read",
    )
