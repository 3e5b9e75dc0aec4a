"""The form of an agreement on uptime."""

from __future__ import annotations

from wtforms import DecimalField
from wtforms.validators import NumberRange, Optional

from sentinelweb.forms.base import Form
from sentinelweb.i18n import lazy_gettext


class AgreementForm(Form):
    sla_target = DecimalField(
        lazy_gettext("Agreed uptime, in percent"),
        places=None,
        validators=[
            Optional(),
            NumberRange(
                min=50, max=100, message=lazy_gettext("Enter a percentage from 50 to 100.")
            ),
        ],
    )
