"""The forms of teams and of who is in them."""

from __future__ import annotations

from collections.abc import Sequence

from wtforms import RadioField, SelectField, StringField
from wtforms.validators import DataRequired, Length

from sentinelweb.forms.accounts import EmailForm
from sentinelweb.forms.base import Form
from sentinelweb.i18n import gettext as _
from sentinelweb.i18n import lazy_gettext
from sentinelweb.models import Role
from sentinelweb.services.accounts import MAX_NAME


def role_label(role: str) -> str:
    return {
        Role.OWNER: _("Owner"),
        Role.ADMIN: _("Admin"),
        Role.MEMBER: _("Member"),
        Role.VIEWER: _("Viewer"),
    }[Role(role)]


def _with_what_it_may(role: Role) -> str:
    return {
        Role.OWNER: _("Owner: decides about admins and owners too, and may delete the team"),
        Role.ADMIN: _("Admin: changes channels and keys too, and decides who is in the team"),
        Role.MEMBER: _("Member: changes monitors and status pages"),
        Role.VIEWER: _("Viewer: sees everything but keys, and changes nothing"),
    }[role]


class TeamForm(Form):
    name = StringField(
        lazy_gettext("Name"),
        filters=[lambda text: text.strip() if text else text],
        validators=[
            DataRequired(lazy_gettext("Enter a name.")),
            Length(max=MAX_NAME, message=lazy_gettext("Use at most 100 characters.")),
        ],
    )


class MemberForm(EmailForm):
    role = RadioField(lazy_gettext("Role"), default=Role.MEMBER.value)

    def offer(self, roles: Sequence[Role]) -> None:
        self.role.choices = [(role.value, _with_what_it_may(role)) for role in roles]


class RoleForm(Form):
    """What the menu of a member sends."""

    role = SelectField(choices=lambda: [(role.value, role.value) for role in Role])
