"""`/heartbeats`: the list, a page for each, and what can be done with one."""

from __future__ import annotations

from datetime import timedelta

from flask import Blueprint, Response, flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_login import current_user, login_required
from wtforms import ValidationError

from sentinelweb import clock, i18n, pages
from sentinelweb.blueprints.ping_keys import alias_url
from sentinelweb.forms.heartbeats import HeartbeatForm, presets
from sentinelweb.i18n import gettext as _
from sentinelweb.models import HeartbeatCheck
from sentinelweb.services import (
    heartbeat_list,
    heartbeat_page,
    heartbeats,
    monitors,
    outages,
    ping_keys,
    ping_page,
    scoping,
)
from sentinelweb.services.heartbeat_list import ListQuery
from sentinelweb.services.timeline import Position

OUTAGES_SHOWN_FOR = timedelta(days=1)

bp = Blueprint("heartbeats", __name__)
bp.before_request(login_required(lambda: None))


@bp.get("/heartbeats")
def index() -> ResponseReturnValue:
    state = heartbeat_list.state(current_user)
    if request.args.get("v") == state:
        return "", 204
    query = ListQuery.parse(request.args)
    found = heartbeat_list.find(current_user, query)
    return pages.render(
        "heartbeats/index.html",
        found=found,
        query=query,
        state=state,
        outages=outages.recent(clock.now() - OUTAGES_SHOWN_FOR),
        team=None if found.total else ping_keys.teams(current_user)[0],
        ping_url=ping_url,
        alias_url=alias_url,
    )


@bp.route("/heartbeats/add", methods=["GET", "POST"])
def add() -> ResponseReturnValue:
    previewed = {"formdata": request.args} if "fragment" in request.args else {}
    form = HeartbeatForm(**previewed)
    form.offer(monitors.available_channels(scoping.home_team(current_user)))
    if form.validate_on_submit():
        with form.showing_refusals():
            heartbeat = heartbeats.create(current_user, form.values())
            flash(_("Created. Now let the job ping its URL."), "success")
            return redirect(url_for("heartbeats.show", heartbeat_id=heartbeat.id), 303)
    return _render_form(form)


@bp.get("/heartbeats/<int:heartbeat_id>")
def show(heartbeat_id: int) -> ResponseReturnValue:
    heartbeat = heartbeats.get(current_user, heartbeat_id)
    state = heartbeat_page.state(heartbeat)
    if request.args.get("v") == state:
        return "", 204
    # What the timeline begins after, and what it leaves out.
    before = Position.parse(request.args.get("before", ""))
    with_pings = request.args.get("show") != "changes"
    timezone = i18n.reader().timezone
    return pages.render(
        "heartbeats/show.html",
        page=heartbeat_page.build(
            heartbeat, before=before, with_pings=with_pings, timezone=timezone
        ),
        heartbeat=heartbeat,
        state=state,
        url=ping_url(heartbeat),
        alias_url=alias_url,
        before=before,
        with_pings=with_pings,
    )


@bp.get("/heartbeats/<int:heartbeat_id>/pings/<int:ping_id>")
def ping(heartbeat_id: int, ping_id: int) -> ResponseReturnValue:
    page = ping_page.build(current_user, heartbeat_id, ping_id)
    return render_template("heartbeats/ping.html", page=page, ping=page.ping)


@bp.get("/heartbeats/<int:heartbeat_id>/pings/<int:ping_id>/body")
def ping_body(heartbeat_id: int, ping_id: int) -> ResponseReturnValue:
    """A file to keep, whatever it holds: nothing that a browser would run."""
    body = ping_page.body(current_user, heartbeat_id, ping_id)
    headers = {"Content-Disposition": f'attachment; filename="ping-{ping_id}-body"'}
    return Response(body, headers=headers, content_type="application/octet-stream")


@bp.route("/heartbeats/<int:heartbeat_id>/edit", methods=["GET", "POST"])
def edit(heartbeat_id: int) -> ResponseReturnValue:
    heartbeat = heartbeats.get(current_user, heartbeat_id, to_change=True)
    form = HeartbeatForm(obj=heartbeat)
    form.offer(monitors.available_channels(heartbeat.team_id), heartbeat=heartbeat)
    if form.validate_on_submit():
        with form.showing_refusals():
            heartbeats.edit(current_user, heartbeat_id, form.values())
            flash(_("Saved."), "success")
            return redirect(url_for("heartbeats.show", heartbeat_id=heartbeat_id), 303)
    return _render_form(form, heartbeat)


@bp.route("/heartbeats/<int:heartbeat_id>/delete", methods=["GET", "POST"])
def delete(heartbeat_id: int) -> ResponseReturnValue:
    heartbeat = heartbeats.get(current_user, heartbeat_id, to_change=True)
    if request.method == "POST":
        heartbeats.delete(current_user, heartbeat_id)
        flash(_("“%(name)s” was deleted.", name=heartbeat.name), "success")
        return redirect(url_for("heartbeats.index"), 303)
    return render_template(
        "confirm.html",
        title=_("Delete “%(name)s”?", name=heartbeat.name),
        question=_("This cannot be undone."),
        details=[
            _("Its pings, its history and its page will be gone."),
            _("A job that still pings it will be answered 404."),
        ],
        confirm_button=_("Delete"),
        cancel_url=url_for("heartbeats.show", heartbeat_id=heartbeat_id),
    )


@bp.route("/heartbeats/<int:heartbeat_id>/rotate", methods=["GET", "POST"])
def rotate(heartbeat_id: int) -> ResponseReturnValue:
    heartbeat = heartbeats.get(current_user, heartbeat_id, to_change=True)
    page = url_for("heartbeats.show", heartbeat_id=heartbeat_id)
    if request.method == "POST":
        heartbeats.rotate_slug(current_user, heartbeat_id)
        flash(_("The ping URL is new. Put it into the job; the old one is unknown now."), "success")
        return redirect(page, 303)
    return render_template(
        "confirm.html",
        title=_("New ping URL for “%(name)s”?", name=heartbeat.name),
        question=_("Use it when the URL may have become known to others."),
        details=[_("The present URL stops working at once: a job that pings it is answered 404.")],
        confirm_button=_("Make a new URL"),
        cancel_url=page,
        danger=False,
    )


@bp.post("/heartbeats/<int:heartbeat_id>/test-ping")
def test_ping(heartbeat_id: int) -> ResponseReturnValue:
    heartbeat = heartbeats.test_ping(
        current_user,
        heartbeat_id,
        remote_addr=request.remote_addr or "",
        user_agent=request.headers.get("User-Agent", ""),
    )
    return pages.done(_("Test ping sent to “%(name)s”.", name=heartbeat.name))


@bp.post("/heartbeats/<int:heartbeat_id>/pause")
def pause(heartbeat_id: int) -> ResponseReturnValue:
    heartbeat = heartbeats.pause(current_user, heartbeat_id)
    return pages.done(_("“%(name)s” is paused.", name=heartbeat.name))


@bp.post("/heartbeats/<int:heartbeat_id>/resume")
def resume(heartbeat_id: int) -> ResponseReturnValue:
    heartbeat = heartbeats.resume(current_user, heartbeat_id)
    return pages.done(_("“%(name)s” is watched again.", name=heartbeat.name))


def ping_url(heartbeat: HeartbeatCheck) -> str:
    """The whole address that the job calls."""
    return f"{pages.base_url()}/ping/{heartbeat.slug}"


def _render_form(
    form: HeartbeatForm, heartbeat: HeartbeatCheck | None = None
) -> ResponseReturnValue:
    upcoming, problem = [], None
    if form.by_cron:
        try:
            upcoming = form.upcoming(clock.now())
        except ValidationError as error:
            problem = str(error)
    page = pages.render(
        "heartbeats/form.html",
        form=form,
        heartbeat=heartbeat,
        presets=presets(),
        upcoming=upcoming,
        problem=problem,
    )
    return page, 422 if form.errors else 200
