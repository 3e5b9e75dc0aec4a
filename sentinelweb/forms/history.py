"""The form of an agreement on uptime."""

from __future__ import annotations

from wtforms import DecimalField
from wtforms.validators import NumberRange, Optional

from sentinelweb.forms.base import Form
from sentinelweb.i18n import lazy_gettext as _l


class AgreementForm(Form):
    sla_target = DecimalField(
        _l("Agreed uptime, in percent"),
        places=None,
        validators=[
            Optional(),
            NumberRange(min=50, max=100, message=_l("Enter a percentage from 50 to 100.")),
        ],
    )
