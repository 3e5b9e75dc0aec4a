"""`/hosts`: the list, a page for each, their keys, and what can be done with one."""

from __future__ import annotations

from flask import Blueprint, abort, flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_login import current_user, login_required

from sentinelweb import i18n, pages
from sentinelweb.forms.hosts import HostForm
from sentinelweb.i18n import gettext as _
from sentinelweb.i18n import ngettext
from sentinelweb.models import Host
from sentinelweb.services import (
    host_list,
    host_page,
    host_services,
    hosts,
    monitors,
    scoping,
)
from sentinelweb.services.hosts import AlreadyMadeError, NewKey
from sentinelweb.services.monitor_list import ListQuery
from sentinelweb.services.timeline import Position

MAX_PAGE = 1_000

bp = Blueprint("hosts", __name__)
bp.before_request(login_required(lambda: None))


@bp.get("/hosts")
def index() -> ResponseReturnValue:
    query = ListQuery.parse(request.args)
    listed = host_list.find(current_user, query)
    state = listed.state
    if request.args.get("v") == state:
        return "", 204
    return pages.render(
        "hosts/index.html", found=listed.found, hosts=listed.summaries, query=query, state=state
    )


@bp.route("/hosts/add", methods=["GET", "POST"])
def add() -> ResponseReturnValue:
    """The key is part of the answer to POST alone: no address leads back to it."""
    form = HostForm()
    form.offer(monitors.available_channels(scoping.home_team(current_user)))
    if form.validate_on_submit():
        try:
            with form.showing_refusals():
                new = hosts.create(current_user, form.values(), sheet=form.sheet.data or "")
                return _show_key(new), 201
        except AlreadyMadeError as error:
            told = _(
                "It exists already. Its key was shown once: make a new one if it was not copied."
            )
            flash(told, "info")
            return redirect(_page(error.host_id), 303)
    return _render_form(form)


@bp.get("/hosts/<int:host_id>")
def show(host_id: int) -> ResponseReturnValue:
    host = hosts.get(current_user, host_id)
    state = host_page.state(host)
    if request.args.get("v") == state:
        return "", 204
    before = Position.parse(request.args.get("before", ""))
    page = min(max(1, request.args.get("page", 1, type=int)), MAX_PAGE)
    return pages.render(
        "hosts/show.html",
        host=host,
        page=host_page.build(host, before=before, page=page, timezone=i18n.reader().timezone),
        state=state,
        before=before,
        number=page,
    )


@bp.route("/hosts/<int:host_id>/edit", methods=["GET", "POST"])
def edit(host_id: int) -> ResponseReturnValue:
    host = hosts.get(current_user, host_id, to_change=True)
    form = HostForm(obj=host)
    form.offer(monitors.available_channels(host.team_id), host)
    if form.validate_on_submit():
        with form.showing_refusals():
            hosts.edit(current_user, host_id, form.values(host))
            flash(_("Saved."), "success")
            return redirect(_page(host_id), 303)
    return _render_form(form, host)


@bp.route("/hosts/<int:host_id>/key", methods=["GET", "POST"])
def rotate_key(host_id: int) -> ResponseReturnValue:
    host = _remote(host_id)
    if request.method == "POST":
        return _show_key(hosts.rotate_key(current_user, host_id)), 201
    return render_template(
        "confirm.html",
        title=_("New key for “%(name)s”?", name=host.name),
        question=_("Use it when the key was lost, or may have become known to others."),
        details=[_("The present key stops working at once: an agent that shows it is refused.")],
        confirm_button=_("Make a new key"),
        cancel_url=_page(host_id),
        danger=False,
    )


@bp.route("/hosts/<int:host_id>/delete", methods=["GET", "POST"])
def delete(host_id: int) -> ResponseReturnValue:
    host = _remote(host_id)
    if request.method == "POST":
        hosts.delete(current_user, host_id)
        flash(_("“%(name)s” was deleted.", name=host.name), "success")
        return redirect(url_for("hosts.index"), 303)
    count = host_services.count(host)
    return render_template(
        "confirm.html",
        title=_("Delete “%(name)s”?", name=host.name),
        question=_("This cannot be undone."),
        details=[
            _("Its figures, its history and its page will be gone."),
            ngettext(
                "With it goes %(n)s service that its agent checks.",
                "With it go %(n)s services that its agent checks.",
                count,
            ),
            _("An agent that still reports is refused."),
        ],
        confirm_button=_("Delete"),
        cancel_url=_page(host_id),
    )


@bp.route("/hosts/<int:host_id>/forget", methods=["GET", "POST"])
def forget(host_id: int) -> ResponseReturnValue:
    host = _remote(host_id)
    if request.method == "POST":
        count = host_services.forget_unreported(current_user, host_id)
        flash(
            ngettext("%(n)s service was deleted.", "%(n)s services were deleted.", count), "success"
        )
        return redirect(_page(host_id), 303)
    names = [service.name for service in host_services.unreported(host)]
    return render_template(
        "confirm.html",
        title=_("Delete the services that are no longer reported?"),
        question=_("This cannot be undone."),
        details=names[:20]
        + ([_("… and %(n)s more", n=len(names) - 20)] if len(names) > 20 else []),
        confirm_button=_("Delete"),
        cancel_url=_page(host_id),
    )


@bp.post("/hosts/<int:host_id>/pause")
def pause(host_id: int) -> ResponseReturnValue:
    host = hosts.pause(current_user, host_id)
    return pages.done(_("“%(name)s” is paused.", name=host.name))


@bp.post("/hosts/<int:host_id>/resume")
def resume(host_id: int) -> ResponseReturnValue:
    host = hosts.resume(current_user, host_id)
    return pages.done(_("“%(name)s” is watched again.", name=host.name))


def _remote(host_id: int) -> Host:
    """A host that has an agent; 404 for the machine that this runs on."""
    host = hosts.get(current_user, host_id, to_change=True)
    if host.is_local:
        abort(404)
    return host


def _page(host_id: int) -> str:
    return url_for("hosts.show", host_id=host_id)


def _show_key(new: NewKey) -> str:
    return render_template(
        "hosts/key.html", host=new.host, key=new.key, url=f"{pages.base_url()}/api/heartbeat"
    )


def _render_form(form: HostForm, host: Host | None = None) -> ResponseReturnValue:
    page = render_template("hosts/form.html", form=form, host=host)
    return page, 422 if form.errors else 200
