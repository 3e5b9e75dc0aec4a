"""How people get in and out, and their own page."""

from __future__ import annotations

from flask import Blueprint, abort, flash, redirect, render_template, request, session, url_for
from flask.typing import ResponseReturnValue
from flask_login import current_user

from sentinelweb import attempts, pages
from sentinelweb.access import local_path, log_in, log_out, login_required
from sentinelweb.extensions import settings
from sentinelweb.forms.accounts import (
    ChangePasswordForm,
    EmailForm,
    LoginForm,
    NewcomerForm,
    NewPasswordForm,
    ProfileForm,
    RegistrationForm,
)
from sentinelweb.forms.base import Form
from sentinelweb.i18n import gettext as _
from sentinelweb.models import Invitation
from sentinelweb.services import (
    account_mails,
    accounts,
    environment,
    invitations,
    mail,
    passwords,
    sessions,
)
from sentinelweb.services.errors import InvalidInputError
from sentinelweb.services.invitations import BadInvitationError
from sentinelweb.services.passwords import BadResetLinkError

# They need no user, and have an answer of their own while the database is away.
WITHOUT_SETUP = {"pings", "health", "public_status", "badges"}

bp = Blueprint("accounts", __name__)


@bp.before_app_request
def lead_to_setup() -> ResponseReturnValue | None:
    """Without a user there is one page to see: the one that makes the first administrator."""
    if request.endpoint in {"accounts.setup", "preferences.choose", "static"}:
        return None
    if request.blueprint in WITHOUT_SETUP or accounts.is_set_up():
        return None
    return redirect(url_for("accounts.setup"), 303)


@bp.route("/setup", methods=["GET", "POST"])
def setup() -> ResponseReturnValue:
    if accounts.is_set_up():
        abort(404)
    form = RegistrationForm()
    if form.validate_on_submit():
        with form.showing_refusals():
            log_in(accounts.create_first_administrator(form.newcomer()))
            environment.apply(settings())
            return redirect(_home(), 303)
    return _page("accounts/setup.html", form)


@bp.route("/login", methods=["GET", "POST"])
@attempts.guesses_of_anybody
def login() -> ResponseReturnValue:
    target = local_path(request.args.get("next", "")) or _home()
    if current_user.is_authenticated:
        return redirect(target, 303)
    form = LoginForm()
    if form.validate_on_submit():
        user = accounts.authenticate(form.email.data or "", form.password.data or "")
        if user is not None:
            log_in(user, remember=form.remember.data)
            return redirect(target, 303)
        form.form_errors.append(_("The e-mail address or the password is wrong."))
    return _page("accounts/login.html", form)


@bp.post("/logout")
def logout() -> ResponseReturnValue:
    log_out()
    return redirect(url_for("accounts.login"), 303)


@bp.route("/register", methods=["GET", "POST"])
@attempts.registrations
def register() -> ResponseReturnValue:
    if settings().registration != "open":
        return render_template("accounts/register_closed.html"), 403
    form = RegistrationForm()
    if form.validate_on_submit():
        with form.showing_refusals():
            log_in(accounts.create(form.newcomer()))
            return redirect(_home(), 303)
    return _page("accounts/register.html", form)


@bp.route("/invitation/<token>", methods=["GET", "POST"])
def invitation(token: str) -> ResponseReturnValue:
    invited = invitations.of_token(token)
    if invited.team is not None and accounts.find(invited.email):
        return _join_team(token, invited)
    form = NewcomerForm()
    if form.validate_on_submit():
        with form.showing_refusals():
            log_in(invitations.accept(token, form.newcomer(invited.email)))
            return redirect(_home(), 303)
    return _page("accounts/invitation.html", form, invitation=invited)


@bp.route("/forgot-password", methods=["GET", "POST"])
@attempts.mails
def forgot_password() -> ResponseReturnValue:
    if not mail.is_configured():
        return render_template("accounts/forgot_password_without_mail.html")
    form = EmailForm()
    if form.validate_on_submit():
        with form.showing_refusals():
            email = accounts.normalize_email(form.email.data or "")
            account_mails.offer_reset(email)
            flash(
                _("If %(email)s has an account, a mail with a link is on its way.", email=email),
                "success",
            )
            return redirect(url_for("accounts.login"), 303)
    return _page("accounts/forgot_password.html", form)


@bp.route("/reset-password/<token>", methods=["GET", "POST"])
def reset_password(token: str) -> ResponseReturnValue:
    user = passwords.user_of_reset_token(token)
    form = NewPasswordForm()
    if form.validate_on_submit():
        with form.showing_refusals():
            passwords.reset(token, form.password.data or "")
            session.clear()
            flash(_("Your password is changed. Log in with the new one."), "success")
            return redirect(url_for("accounts.login"), 303)
    return _page("accounts/reset_password.html", form, email=user.email)


@bp.errorhandler(BadInvitationError)
@bp.errorhandler(BadResetLinkError)
def bad_link(error: BadInvitationError | BadResetLinkError) -> ResponseReturnValue:
    is_invitation = isinstance(error, BadInvitationError)
    return render_template("accounts/bad_link.html", is_invitation=is_invitation), 410


@bp.route("/account", methods=["GET", "POST"])
@login_required
def account() -> ResponseReturnValue:
    form = ProfileForm(obj=current_user)
    if form.validate_on_submit():
        with form.showing_refusals():
            accounts.update_profile(
                current_user,
                name=form.name.data or "",
                locale=form.locale.data,
                timezone=form.timezone.data,
            )
            pages.choose_reader()  # the answer is in the language just chosen
            flash(_("Saved."), "success")
            return redirect(url_for("accounts.account"), 303)
    return _account_page(form, ChangePasswordForm(formdata=None))


@bp.post("/account/password")
@login_required
@attempts.guesses_of_the_user
def change_password() -> ResponseReturnValue:
    """Other browsers are logged out by it; this one goes on."""
    form = ChangePasswordForm()
    if form.validate_on_submit():
        with form.showing_refusals():
            passwords.change(
                current_user, form.current_password.data or "", form.password.data or ""
            )
            log_in(current_user, remember=session.permanent)
            flash(_("Your password is changed. Other browsers are logged out."), "success")
            return redirect(url_for("accounts.account"), 303)
    return _account_page(ProfileForm(formdata=None, obj=current_user), form)


@bp.post("/account/log-out-everywhere")
@login_required
def log_out_everywhere() -> ResponseReturnValue:
    sessions.end_all(current_user)
    session.clear()
    flash(_("You are logged out everywhere."), "success")
    return redirect(url_for("accounts.login"), 303)


def _join_team(token: str, invited: Invitation) -> ResponseReturnValue:
    """Whoever is invited into a second team has an account by the first invitation."""
    if not current_user.is_authenticated:
        return redirect(url_for("accounts.login", next=request.path), 303)
    if request.method == "POST":
        try:
            team_id = invitations.join(token, current_user).team_id
        except InvalidInputError as error:
            flash(error.message, "error")
            return redirect(url_for("teams.index"), 303)
        return redirect(url_for("teams.show", team_id=team_id), 303)
    return render_template("accounts/join_team.html", invitation=invited)


def _page(template: str, form: Form, **context: object) -> ResponseReturnValue:
    """The page of a form; if the form was sent, it was refused."""
    return render_template(template, form=form, **context), _status()


def _account_page(profile: ProfileForm, password: ChangePasswordForm) -> ResponseReturnValue:
    page = render_template("accounts/account.html", profile=profile, password=password)
    return page, _status()


def _status() -> int:
    return 422 if request.method == "POST" else 200


def _home() -> str:
    return url_for("home.index")
