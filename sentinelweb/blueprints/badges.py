"""`/badge/<page>/<monitor>.svg` and `.json`: what a status page shows, small enough for a README.

A page that is off has none, and neither has what a page does not show.
"""

from __future__ import annotations

from collections.abc import Sequence

from flask import Blueprint, Response, current_app, jsonify, request
from flask.typing import ResponseReturnValue

from sentinelweb import i18n
from sentinelweb.core import badges
from sentinelweb.core.badges import Badge
from sentinelweb.core.fingerprint import fingerprint
from sentinelweb.core.public_page import PublicMonitor
from sentinelweb.core.status import Status
from sentinelweb.core.uptime import SEVERITY
from sentinelweb.extensions import limiter
from sentinelweb.i18n import format_percent
from sentinelweb.services import public_status
from sentinelweb.services.errors import NotFoundError, UnavailableError
from sentinelweb.services.public_history import SPANS
from sentinelweb.services.public_status import Snapshot

MAX_AGE = 30  # seconds
METRICS = ("status", "uptime", "latency")

bp = Blueprint("badges", __name__)
limiter.exempt(bp)


@bp.before_request
def _speak_english() -> None:
    """A badge is kept by whoever shows it, for readers of every language."""
    i18n.set_reader(i18n.Reader())


@bp.get("/badge/<page>/<monitor>.<any(svg, json):form>")
def monitor(page: str, monitor: str, form: str) -> ResponseReturnValue:
    """Of one monitor, by its id or its alias."""
    snapshot = public_status.find(page)
    number = int(monitor) if monitor.isascii() and monitor.isdigit() else None
    wanted = snapshot.ids.get(monitor, number)
    found = [each for each in snapshot.page.monitors if each.id == wanted]
    return _answer(snapshot, found, found[0].name if found else "", form)


@bp.get("/badge/<page>/tag/<tag>.<any(svg, json):form>")
def tag(page: str, tag: str, form: str) -> ResponseReturnValue:
    """Of all that the page shows with a tag."""
    snapshot = public_status.find(page)
    found = [each for each in snapshot.page.monitors if tag in each.tags]
    return _answer(snapshot, found, tag, form)


@bp.errorhandler(UnavailableError)
def _unavailable(_error: UnavailableError) -> ResponseReturnValue:
    return jsonify(ok=False, error="The database does not answer."), 503


@bp.errorhandler(NotFoundError)
def _not_found(_error: NotFoundError) -> ResponseReturnValue:
    return jsonify(ok=False, error="There is no such badge."), 404


def _answer(
    snapshot: Snapshot, found: Sequence[PublicMonitor], name: str, form: str
) -> ResponseReturnValue:
    if not found:
        raise NotFoundError
    metric = request.args.get("metric", "status")
    span = request.args.get("range", "30d")
    if metric not in METRICS or span not in SPANS:
        return jsonify(ok=False, error="There is no such metric or range."), 422
    label = badges.clean_label(request.args.get("label") or name)
    if snapshot.is_old:  # it has no room to say that it may be true no more
        badge = Badge(label, "unknown", badges.NEUTRAL)
    else:
        badge = _badge(found, label, metric, span)
    if form == "json":
        response = jsonify(
            schemaVersion=1, label=badge.label, message=badge.message, color=badge.color
        )
    else:
        drawing = current_app.jinja_env.get_template("badges/badge.svg").render(badge=badge)
        response = Response(drawing, mimetype="image/svg+xml")
    response.headers["Cache-Control"] = f"public, max-age={MAX_AGE}"
    response.headers["Access-Control-Allow-Origin"] = "*"
    response.headers["Cross-Origin-Resource-Policy"] = "cross-origin"
    response.set_etag(fingerprint(badge))
    response.make_conditional(request)
    return response


def _badge(found: Sequence[PublicMonitor], label: str, metric: str, span: str) -> Badge:
    if metric == "uptime":
        place = list(SPANS).index(span)
        share = _mean([each.uptime[place] for each in found])
        text = "unknown" if share is None else format_percent(share)
        return Badge(label, text, badges.uptime_color(share))
    if metric == "latency":
        latency = _mean([each.latency_ms for each in found])
        if latency is None:
            raise NotFoundError
        return Badge(label, f"{round(latency):,} ms", badges.BLUE)
    # A tag is as well as the worst of its monitors.
    status = min((Status(each.status) for each in found), key=SEVERITY.index)
    return Badge(label, status, badges.status_color(status))


def _mean(values: Sequence[float | None]) -> float | None:
    known = [value for value in values if value is not None]
    return sum(known) / len(known) if known else None
