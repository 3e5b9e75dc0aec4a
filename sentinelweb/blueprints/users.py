"""`/users`: what administrators do for others."""

from __future__ import annotations

from flask import Blueprint, flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_login import current_user

from sentinelweb import pages
from sentinelweb.access import administrator_required
from sentinelweb.blueprints.invited import flash_mailed, pass_on
from sentinelweb.forms.accounts import EmailForm
from sentinelweb.i18n import gettext as _
from sentinelweb.i18n import ngettext
from sentinelweb.services import (
    account_mails,
    administration,
    invitations,
    members,
    passwords,
)
from sentinelweb.services.errors import InvalidInputError

bp = Blueprint("users", __name__, url_prefix="/users")


@bp.get("")
@administrator_required
def index() -> ResponseReturnValue:
    return _index(EmailForm(formdata=None))


@bp.post("/invite")
@administrator_required
def invite() -> ResponseReturnValue:
    form = EmailForm()
    if form.validate_on_submit():
        with form.showing_refusals():
            invitation = invitations.invite(form.email.data or "", by=current_user)
            pass_on(invitation)
            return redirect(url_for("users.index"), 303)
    return _index(form), 422


@bp.post("/invitations/<int:invitation_id>/withdraw")
@administrator_required
def withdraw(invitation_id: int) -> ResponseReturnValue:
    invitations.withdraw(invitation_id)
    flash(_("The invitation is withdrawn: its link no longer works."), "success")
    return redirect(url_for("users.index"), 303)


@bp.route("/<int:user_id>/reset-link", methods=["GET", "POST"])
@administrator_required
def reset_link(user_id: int) -> ResponseReturnValue:
    """Show a link with which the user can choose a new password; POST mails it."""
    user = administration.user(user_id)
    if request.method == "POST":
        flash_mailed(user.email, mailed=account_mails.send_reset_link(user, pages.base_url()))
        return redirect(url_for("users.reset_link", user_id=user.id), 303)
    link = passwords.reset_link(user, pages.base_url())
    return render_template("accounts/reset_link.html", user=user, link=link)


@bp.post("/<int:user_id>/promote")
@administrator_required
def promote(user_id: int) -> ResponseReturnValue:
    return _set_administrator(user_id, is_admin=True)


@bp.post("/<int:user_id>/demote")
@administrator_required
def demote(user_id: int) -> ResponseReturnValue:
    return _set_administrator(user_id, is_admin=False)


@bp.route("/<int:user_id>/delete", methods=["GET", "POST"])
@administrator_required
def delete(user_id: int) -> ResponseReturnValue:
    user = administration.user(user_id)
    if request.method == "POST":
        try:
            administration.delete(user, by=current_user)
            flash(_("%(email)s is deleted.", email=user.email), "success")
        except InvalidInputError as error:
            flash(error.message, "error")
        return redirect(url_for("users.index"), 303)
    details = [_("The channels of the personal team, and the log of their deliveries")]
    if lost := administration.monitors_lost_with(user):
        details.insert(
            0,
            ngettext("%(n)s monitor with its history", "%(n)s monitors with their history", lost),
        )
    details += [
        _("The team “%(team)s” gets a new owner: %(name)s", team=team.name, name=heir.name)
        for team, heir in members.heirs(user)
    ]
    return render_template(
        "confirm.html",
        title=_("Delete %(email)s?", email=user.email),
        question=_("The account and what nobody else has access to are deleted for good."),
        details=details,
        confirm_button=_("Delete user"),
        cancel_url=url_for("users.index"),
    )


def _index(form: EmailForm) -> str:
    return render_template(
        "accounts/users.html",
        form=form,
        users=administration.everybody(),
        invitations=[
            (invitation, invitations.link(invitation, pages.base_url()))
            for invitation in invitations.pending()
        ],
        expires_at=invitations.expires_at,
    )


def _set_administrator(user_id: int, *, is_admin: bool) -> ResponseReturnValue:
    user = administration.user(user_id)
    try:
        administration.set_administrator(user, is_admin=is_admin, by=current_user)
    except InvalidInputError as error:
        flash(error.message, "error")
    else:
        text = (
            _("%(email)s is an administrator now.", email=user.email)
            if is_admin
            else _("%(email)s is no longer an administrator.", email=user.email)
        )
        flash(text, "success")
    return redirect(url_for("users.index"), 303)
