"""`/history/<monitor>`: changes of status, uptime, outages and the agreement of any monitor."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator

from flask import (
    Blueprint,
    Response,
    flash,
    redirect,
    render_template,
    request,
    url_for,
)
from flask.typing import ResponseReturnValue
from flask_login import current_user, login_required

from sentinelweb import clock, i18n
from sentinelweb.core.instants import iso
from sentinelweb.forms.history import AgreementForm
from sentinelweb.i18n import gettext as _
from sentinelweb.models import Monitor
from sentinelweb.services import history

COLUMNS = ("time", "previous", "new", "note")

bp = Blueprint("history", __name__)
bp.before_request(login_required(lambda: None))


@bp.route("/history/<int:monitor_id>", methods=["GET", "POST"])
def show(monitor_id: int) -> ResponseReturnValue:
    monitor = history.get(current_user, monitor_id)
    form = AgreementForm(data={"sla_target": monitor.sla_target})
    if form.validate_on_submit():
        target = form.sla_target.data
        history.agree(current_user, monitor_id, None if target is None else float(target))
        flash(_("Saved."), "success")
        return redirect(url_for("history.show", monitor_id=monitor_id), 303)
    before = request.args.get("before", type=int)
    now = clock.now()
    page = render_template(
        "history/show.html",
        monitor=monitor,
        form=form,
        now=now,
        measured=history.reliability(monitor, now, i18n.reader().timezone),
        changes=history.changes(monitor, before),
        before=before,
    )
    return page, 422 if form.errors else 200


@bp.get("/history/<int:monitor_id>.csv")
def download(monitor_id: int) -> ResponseReturnValue:
    """Every change as CSV (RFC 4180), times in ISO 8601 and UTC."""
    monitor = history.get(current_user, monitor_id)
    return Response(
        "".join(_lines(monitor)),
        content_type="text/csv; charset=utf-8",
        headers={"Content-Disposition": f'attachment; filename="history-{monitor.id}.csv"'},
    )


def _lines(monitor: Monitor) -> Iterator[str]:
    yield _line(COLUMNS)
    for change in history.all_changes(monitor):
        yield _line(
            (iso(change.created_at), change.prev_status, change.new_status, _harmless(change.note))
        )


def _line(values: tuple[str, ...]) -> str:
    line = io.StringIO()
    csv.writer(line).writerow(values)
    return line.getvalue()


def _harmless(text: str) -> str:
    """A spreadsheet takes what begins with one of these for a formula."""
    return f"'{text}" if text.startswith(("=", "+", "-", "@", "\t")) else text
