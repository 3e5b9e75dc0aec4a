"""`/processes`: the list, a page for each, and the end of one."""

from __future__ import annotations

from flask import Blueprint, flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_login import current_user, login_required

from sentinelweb import clock, pages
from sentinelweb.i18n import gettext as _
from sentinelweb.services import process_list, process_page, processes
from sentinelweb.services.process_list import ListQuery
from sentinelweb.services.processes import End
from sentinelweb.services.timeline import Position

bp = Blueprint("processes", __name__)
bp.before_request(login_required(lambda: None))


@bp.get("/processes")
def index() -> ResponseReturnValue:
    query = ListQuery.parse(request.args)
    listed = process_list.find(current_user, query)
    if request.args.get("v") == listed.state:
        return "", 204
    return pages.render(
        "processes/index.html",
        found=listed.found,
        query=query,
        state=listed.state,
        base_url=pages.base_url(),
    )


@bp.get("/processes/<int:monitor_id>")
def show(monitor_id: int) -> ResponseReturnValue:
    process = process_page.get(current_user, monitor_id)
    state = process_page.state(process)
    if request.args.get("v") == state:
        return "", 204
    before = Position.parse(request.args.get("before", ""))
    return pages.render(
        "processes/show.html",
        process=process,
        is_alive=processes.is_alive(process, clock.now()),
        timeline=process_page.history(process, before),
        state=state,
        before=before,
    )


@bp.route("/processes/<int:monitor_id>/end", methods=["GET", "POST"])
def end(monitor_id: int) -> ResponseReturnValue:
    process = process_page.get(current_user, monitor_id, to_change=True)
    if request.method == "POST":
        processes.end(current_user, process.slug, End())
        flash(_("“%(name)s” is no longer waited for.", name=process.name), "success")
        return redirect(url_for("processes.show", monitor_id=monitor_id), 303)
    return render_template(
        "confirm.html",
        title=_("End “%(name)s”?", name=process.name),
        question=_("SentinelWeb stops waiting for it, and alerts nobody."),
        details=[
            _("The program itself is not stopped: its further heartbeats are answered 404."),
            _("It is kept as history."),
        ],
        confirm_button=_("End it"),
        cancel_url=url_for("processes.show", monitor_id=monitor_id),
    )


@bp.route("/processes/<int:monitor_id>/delete", methods=["GET", "POST"])
def delete(monitor_id: int) -> ResponseReturnValue:
    process = process_page.get(current_user, monitor_id, to_change=True)
    if request.method == "POST":
        name = processes.dismiss(current_user, process.slug)
        flash(_("“%(name)s” was deleted.", name=name), "success")
        return redirect(url_for("processes.index"), 303)
    return render_template(
        "confirm.html",
        title=_("Delete “%(name)s”?", name=process.name),
        question=_("This cannot be undone."),
        details=[_("Its history and its page will be gone.")],
        confirm_button=_("Delete"),
        cancel_url=url_for("processes.show", monitor_id=monitor_id),
    )
