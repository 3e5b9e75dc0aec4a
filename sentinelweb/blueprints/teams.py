"""`/teams`: the user's teams, and who is in them."""

from __future__ import annotations

from flask import Blueprint, flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_login import current_user, login_required

from sentinelweb import attempts, pages
from sentinelweb.blueprints.invited import pass_on
from sentinelweb.forms.teams import MemberForm, RoleForm, TeamForm, role_label
from sentinelweb.i18n import gettext as _
from sentinelweb.i18n import ngettext
from sentinelweb.models import Invitation, Role, Team
from sentinelweb.services import account_mails, invitations, members, scoping, teams
from sentinelweb.services.errors import InvalidInputError

bp = Blueprint("teams", __name__, url_prefix="/teams")
bp.before_request(login_required(lambda: None))
bp.add_app_template_filter(role_label, "role_name")


@bp.get("")
def index() -> ResponseReturnValue:
    return _index(TeamForm(formdata=None))


@bp.post("")
def create() -> ResponseReturnValue:
    form = TeamForm()
    if form.validate_on_submit():
        with form.showing_refusals():
            team = teams.create(current_user, form.name.data or "")
            flash(_("Made. Now add the others."), "success")
            return redirect(url_for("teams.show", team_id=team.id), 303)
    return _index(form), 422


@bp.get("/<int:team_id>")
def show(team_id: int) -> ResponseReturnValue:
    return _show(teams.get(current_user, team_id))


@bp.post("/<int:team_id>/rename")
def rename(team_id: int) -> ResponseReturnValue:
    team, form = teams.get(current_user, team_id, Role.ADMIN), TeamForm()
    if form.validate_on_submit():
        with form.showing_refusals():
            teams.rename(current_user, team_id, form.name.data or "")
            flash(_("Saved."), "success")
            return redirect(url_for("teams.show", team_id=team_id), 303)
    return _show(team, name_form=form), 422


@bp.post("/<int:team_id>/make-home")
def make_home(team_id: int) -> ResponseReturnValue:
    team = teams.make_home(current_user, team_id)
    flash(
        _("New monitors, channels and pages belong to “%(name)s” from now on.", name=team.name),
        "success",
    )
    return redirect(url_for("teams.index"), 303)


@bp.route("/<int:team_id>/delete", methods=["GET", "POST"])
def delete(team_id: int) -> ResponseReturnValue:
    team = teams.get(current_user, team_id, Role.OWNER)
    if request.method == "POST":
        try:
            name = teams.delete(current_user, team_id)
            flash(_("The team “%(name)s” is deleted.", name=name), "success")
        except InvalidInputError as error:
            flash(error.message, "error")
        return redirect(url_for("teams.index"), 303)
    monitors, channels, status_pages = teams.what_goes_with(team)
    return render_template(
        "confirm.html",
        title=_("Delete the team “%(name)s”?", name=team.name),
        question=_("All that it owns is deleted for good, for everybody in it:"),
        details=[
            ngettext(
                "%(n)s monitor with its history", "%(n)s monitors with their history", monitors
            ),
            ngettext("%(n)s channel", "%(n)s channels", channels),
            ngettext("%(n)s status page", "%(n)s status pages", status_pages),
        ],
        confirm_button=_("Delete team"),
        cancel_url=url_for("teams.show", team_id=team.id),
    )


@bp.post("/<int:team_id>/members")
@attempts.additions
def add(team_id: int) -> ResponseReturnValue:
    team, form = teams.get(current_user, team_id, Role.ADMIN), MemberForm()
    form.offer(members.givable(_own_role(team)))
    if form.validate_on_submit():
        with form.showing_refusals():
            added = members.add(
                team_id, form.email.data or "", Role(form.role.data), by=current_user
            )
            if isinstance(added, Invitation):
                pass_on(added)
            else:
                account_mails.tell_added(added, current_user)
                flash(_("%(name)s is in the team now.", name=added.user.name), "success")
            return redirect(url_for("teams.show", team_id=team_id), 303)
    return _show(team, member_form=form), 422


@bp.post("/<int:team_id>/members/<int:user_id>/role")
def change_role(team_id: int, user_id: int) -> ResponseReturnValue:
    teams.get(current_user, team_id, Role.ADMIN)
    form = RoleForm()
    if not form.validate_on_submit():
        flash(_("Choose from the list."), "error")
    else:
        try:
            role = Role(form.role.data)
            member = members.change_role(team_id, user_id, role, by=current_user)
            label = role_label(role)
            flash(_("%(name)s: %(role)s.", name=member.user.name, role=label), "success")
        except InvalidInputError as error:
            flash(error.message, "error")
    return redirect(url_for("teams.show", team_id=team_id), 303)


@bp.route("/<int:team_id>/members/<int:user_id>/remove", methods=["GET", "POST"])
def remove(team_id: int, user_id: int) -> ResponseReturnValue:
    """Also how somebody leaves a team."""
    member, leaves = members.get(current_user, team_id, user_id), user_id == current_user.id
    if not leaves:
        teams.get(current_user, team_id, Role.ADMIN)
    team_url = url_for("teams.show", team_id=team_id)
    if request.method == "POST":
        try:
            members.remove(team_id, user_id, by=current_user)
        except InvalidInputError as error:
            flash(error.message, "error")
            return redirect(team_url, 303)
        name = member.user.name
        left, put_out = _("You have left the team."), _("%(name)s is removed.", name=name)
        flash(left if leaves else put_out, "success")
        return redirect(url_for("teams.index") if leaves else team_url, 303)
    names = {"name": member.user.name, "team": member.team.name}
    return render_template(
        "confirm.html",
        title=_("Leave “%(team)s”?", **names)
        if leaves
        else _("Remove %(name)s from “%(team)s”?", **names),
        question=_("What they made stays with the team. They no longer see it.")
        if not leaves
        else _("What you made stays with the team. You no longer see it."),
        details=[]
        if leaves
        else [_("Keys and ping URLs that they know go on working, until there are new ones.")],
        confirm_button=_("Leave") if leaves else _("Remove"),
        cancel_url=team_url,
    )


@bp.post("/<int:team_id>/invitations/<int:invitation_id>/withdraw")
def withdraw(team_id: int, invitation_id: int) -> ResponseReturnValue:
    members.withdraw(team_id, invitation_id, by=current_user)
    flash(_("The invitation is withdrawn: its link no longer works."), "success")
    return redirect(url_for("teams.show", team_id=team_id), 303)


def _index(form: TeamForm) -> str:
    return render_template("teams/index.html", form=form, teams=teams.of(current_user))


def _show(
    team: Team, *, name_form: TeamForm | None = None, member_form: MemberForm | None = None
) -> str:
    own_role, everybody = _own_role(team), members.of_team(team)
    givable = members.givable(own_role)
    if member_form is None:
        member_form = MemberForm(formdata=None)
        member_form.offer(givable)
    return render_template(
        "teams/show.html",
        team=team,
        members=everybody,
        givable=givable,
        sole_owner=members.sole_owner(everybody),
        name_form=name_form or TeamForm(formdata=None, obj=team),
        member_form=member_form,
        invitations=[
            (invitation, _link(invitation, givable))
            for invitation in (invitations.pending(team) if givable else [])
        ],
        expires_at=invitations.expires_at,
        is_home=team.id == scoping.home_team(current_user),
        own_role=own_role,
    )


def _link(invitation: Invitation, givable: list[Role]) -> str | None:
    """For those who may let people in, and this one as what it makes of them."""
    if not current_user.is_admin or invitation.role not in givable:
        return None
    return invitations.link(invitation, pages.base_url())


def _own_role(team: Team) -> Role:
    return scoping.roles(current_user)[team.id]
