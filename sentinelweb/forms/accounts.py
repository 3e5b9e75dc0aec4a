"""The forms of accounts. What is acceptable is judged by the services."""

from __future__ import annotations

from wtforms import (
    BooleanField,
    EmailField,
    HiddenField,
    PasswordField,
    SelectField,
    StringField,
)
from wtforms.validators import InputRequired, Length

from sentinelweb import i18n
from sentinelweb.extensions import settings
from sentinelweb.forms.base import Form
from sentinelweb.i18n import gettext
from sentinelweb.i18n import lazy_gettext as _
from sentinelweb.services.accounts import MAX_NAME, Newcomer
from sentinelweb.services.passwords import MIN_CHARACTERS


def _or_none(value: str) -> str | None:
    """The empty choice stands for none."""
    return value or None


class EmailForm(Form):
    """Asks for an address alone."""

    email = EmailField(
        _("E-mail"),
        [InputRequired(_("Enter an e-mail address.")), Length(max=254, message=_("Too long."))],
        render_kw={"autocapitalize": "none", "spellcheck": "false"},
    )


class LoginForm(EmailForm):
    password = PasswordField(
        _("Password"),
        [InputRequired(_("Enter your password."))],
        render_kw={"autocomplete": "current-password"},
    )
    remember = BooleanField(_("Remember me for 30 days"))


def _new_password(label: str) -> PasswordField:
    return PasswordField(
        label,
        [InputRequired(_("Choose a password."))],
        description=_("At least 10 characters; a few words are easier to remember."),
        render_kw={"autocomplete": "new-password", "minlength": MIN_CHARACTERS},
    )


class NewPasswordForm(Form):
    password = _new_password(_("New password"))


class ChangePasswordForm(NewPasswordForm):
    current_password = PasswordField(
        _("Current password"),
        [InputRequired(_("Enter your current password."))],
        render_kw={"autocomplete": "current-password"},
    )


class NewcomerForm(Form):
    """What an invited person fills in: the address is known."""

    password = _new_password(_("Password"))
    name = StringField(
        _("Name"),
        [Length(max=MAX_NAME, message=_("Too long."))],
        render_kw={"autocomplete": "name"},
    )
    timezone = HiddenField(render_kw={"data-browser-timezone": True})  # filled in by a script

    def newcomer(self, email: str) -> Newcomer:
        timezone = self.timezone.data
        return Newcomer(
            email,
            self.password.data or "",
            name=self.name.data or "",
            locale=i18n.reader().locale,
            timezone=timezone if timezone in i18n.timezone_names() else None,
        )


class RegistrationForm(EmailForm, NewcomerForm):
    """What everybody else fills in, the first administrator too."""

    def newcomer(self, email: str = "") -> Newcomer:
        return super().newcomer(email or self.email.data or "")


def _locales() -> list[tuple[str, str]]:
    return [("", gettext("The browser's language")), *i18n.LOCALES.items()]


def _timezones() -> list[tuple[str, str]]:
    default = gettext("The server's time zone (%(name)s)", name=settings().tz)
    return [("", default), *((name, name.replace("_", " ")) for name in i18n.timezone_names())]


class ProfileForm(Form):
    name = StringField(
        _("Name"),
        [Length(max=MAX_NAME, message=_("Too long."))],
        render_kw={"autocomplete": "name"},
    )
    locale = SelectField(_("Language"), choices=_locales, coerce=_or_none, validate_choice=False)
    timezone = SelectField(
        _("Time zone"), choices=_timezones, coerce=_or_none, validate_choice=False
    )
