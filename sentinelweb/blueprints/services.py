"""`/services`: the list, a page for each, and what can be done with one."""

from __future__ import annotations

import contextlib
import json
from datetime import datetime, timedelta
from typing import Any

from flask import Blueprint, flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_login import current_user, login_required

from sentinelweb import clock, i18n, pages, probes
from sentinelweb.core.instants import from_microseconds, microseconds
from sentinelweb.core.result_bars import ResultBar, result_bar
from sentinelweb.core.targets import without_credentials
from sentinelweb.extensions import limiter
from sentinelweb.forms.services import (
    ServiceChannelsForm,
    ServiceForm,
    interval_presets,
    service_form,
)
from sentinelweb.i18n import gettext as _
from sentinelweb.models import Service
from sentinelweb.models.service import RECENT_RESULTS
from sentinelweb.services import (
    liveness,
    monitors,
    scoping,
    service_list,
    service_page,
    services,
)
from sentinelweb.services.errors import InvalidInputError
from sentinelweb.services.service_list import ListQuery
from sentinelweb.services.service_page import Progress
from sentinelweb.services.timeline import Position

PATIENCE = timedelta(seconds=20)  # after which a look that was asked for is told to take long

bp = Blueprint("services", __name__)
bp.before_request(login_required(lambda: None))
bp.add_app_template_filter(without_credentials, "public_target")

# Each makes a worker call somebody else's.
calls_out = limiter.limit("60 per minute", methods=["POST"])


@bp.get("/services")
def index() -> ResponseReturnValue:
    version = request.args.get("v")
    shown = service_list.parse_ids(request.args.get("shown", ""))
    if version and version == service_list.state(current_user, shown):
        return "", 204
    query = ListQuery.parse(request.args)
    listed = service_list.find(current_user, query)
    ids = [service.id for service in listed.found.monitors]
    return pages.render(
        "services/index.html",
        found=listed.found,
        uptime=listed.uptime,
        query=query,
        state=service_list.state(current_user, ids),
        shown=".".join(map(str, ids)) or None,
        bar=_bar,
        kinds=services.offered_kinds(current_user),
        all_kinds=probes.registered().values(),
    )


@bp.route("/services/add", methods=["GET", "POST"])
def add() -> ResponseReturnValue:
    form = service_form()
    form.offer(monitors.available_channels(scoping.home_team(current_user)))
    if form.validate_on_submit():
        with form.showing_refusals():
            service = services.create(current_user, form.values())
            with contextlib.suppress(InvalidInputError):  # the next cycle finds it anyway
                services.check_now(current_user, service.id)
            flash(_("Created. Its first check is under way."), "success")
            return redirect(_page_of_check(service.id), 303)
    return _render_form(form)


@bp.get("/services/<int:service_id>")
def show(service_id: int) -> ResponseReturnValue:
    service = services.get(current_user, service_id)
    state = service_page.state(service)
    if request.args.get("v") == state:
        return "", 204
    progress = _progress(service)
    if request.args.get("fragment") == "check":
        return _render_check(service, progress)
    before = Position.parse(request.args.get("before", ""))
    after_result = request.args.get("after", type=int)
    if after_result is not None and not 0 < after_result < 2**63:
        after_result = None
    return pages.render(
        "services/show.html",
        page=service_page.build(
            service,
            before=before,
            after_result=after_result,
            timezone=i18n.reader().timezone,
        ),
        service=service,
        state=state,
        bar=_bar(service),
        before=before,
        after=after_result,
        managed=services.is_managed_elsewhere(service),
        **_check_context(progress),
    )


@bp.route("/services/<int:service_id>/edit", methods=["GET", "POST"])
def edit(service_id: int) -> ResponseReturnValue:
    service = services.get(current_user, service_id, to_change=True)
    if services.is_managed_elsewhere(service):
        return _edit_channels(service)
    form = service_form(service)
    form.offer(monitors.available_channels(service.team_id))
    if form.validate_on_submit():
        with form.showing_refusals():
            services.edit(current_user, service_id, form.values())
            flash(_("Saved."), "success")
            return redirect(_page(service_id), 303)
    return _render_form(form, service)


@bp.route("/services/<int:service_id>/delete", methods=["GET", "POST"])
def delete(service_id: int) -> ResponseReturnValue:
    service = services.get(current_user, service_id, to_change=True)
    try:
        services.refuse_if_managed_elsewhere(service)
        if request.method == "POST":
            name = services.delete(current_user, service_id)
    except InvalidInputError as error:
        flash(error.message, "error")
        return redirect(_page(service_id), 303)
    if request.method == "POST":
        flash(_("“%(name)s” was deleted.", name=name), "success")
        return redirect(url_for("services.index"), 303)
    return render_template(
        "confirm.html",
        title=_("Delete “%(name)s”?", name=service.name),
        question=_("This cannot be undone."),
        details=[_("Its results, its history and its page will be gone.")],
        confirm_button=_("Delete"),
        cancel_url=_page(service_id),
    )


@bp.post("/services/<int:service_id>/pause")
def pause(service_id: int) -> ResponseReturnValue:
    service = services.pause(current_user, service_id)
    return pages.done(_("“%(name)s” is paused.", name=service.name))


@bp.post("/services/<int:service_id>/resume")
def resume(service_id: int) -> ResponseReturnValue:
    service = services.resume(current_user, service_id)
    return pages.done(_("“%(name)s” is watched again.", name=service.name))


@bp.post("/services/<int:service_id>/check-now")
@calls_out
def check_now(service_id: int) -> ResponseReturnValue:
    try:
        asked_at = services.check_now(current_user, service_id)
    except InvalidInputError as error:
        return pages.done(error.message, "error")
    if request.args.get("fragment") == "check" and "HX-Request" in request.headers:
        return _render_check(services.get(current_user, service_id), Progress(asked_at, False))
    if "HX-Request" in request.headers:
        return pages.done(_("It is being checked."))
    return redirect(_page_of_check(service_id, asked_at), 303)


# The form


def _render_form(form: ServiceForm, service: Service | None = None) -> ResponseReturnValue:
    asked_for_kind = request.args.get("fragment") == "kind" and "HX-Request" in request.headers
    if asked_for_kind and request.args.get("kind") == form.probe.kind:
        return "", 204  # what was filled in stays
    page = pages.render(
        "services/form.html",
        form=form,
        service=service,
        kinds=services.offered_kinds(current_user),
        presets=interval_presets(),
    )
    return page, 422 if form.errors else 200


def _edit_channels(service: Service) -> ResponseReturnValue:
    form = ServiceChannelsForm()
    form.offer(monitors.available_channels(service.team_id), service)
    if form.validate_on_submit():
        services.choose_channels(current_user, service.id, form.channels.data or [])
        flash(_("Saved."), "success")
        return redirect(_page(service.id), 303)
    page = render_template("services/channels.html", form=form, service=service)
    return page, 422 if form.errors else 200


# A look that somebody asked for


def _page(service_id: int) -> str:
    return url_for("services.show", service_id=service_id)


def _page_of_check(service_id: int, asked_at: datetime | None = None) -> str:
    since = microseconds(asked_at or clock.now())
    return url_for("services.show", service_id=service_id, since=since)


def _progress(service: Service) -> Progress | None:
    """How far the look is whose time the address tells; None without one."""
    since = request.args.get("since", "")
    if not (since.isascii() and since.isdigit() and len(since) <= 16):
        return None
    return service_page.progress(service, from_microseconds(int(since)))


def _check_context(progress: Progress | None) -> dict[str, Any]:
    """`told` is what is said of the wait, so that the next answer is none while it stays so."""
    if progress is None or progress.is_done:
        return {"since": None, "told": ""}
    told = "waits"
    if liveness.recent_readiness().silent(liveness.WORKER):
        told = "nobody"
    elif clock.now() - progress.asked_at > PATIENCE:
        told = "long"
    return {"since": microseconds(progress.asked_at), "told": told}


def _render_check(service: Service, progress: Progress | None) -> ResponseReturnValue:
    context = _check_context(progress)
    if context["told"] and request.args.get("told") == context["told"]:
        return "", 204
    headers = {"HX-Trigger": json.dumps({"refresh": {}})} if progress and progress.is_done else {}
    page = pages.render("services/show.html", service=service, **context)
    return page, 200, headers


def _bar(service: Service) -> ResultBar:
    return result_bar(service.recent, RECENT_RESULTS)
