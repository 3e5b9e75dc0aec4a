"""`/dashboard/system`, and the figures behind it: `GET /api/live`."""

from __future__ import annotations

from flask import Blueprint, abort, jsonify, request
from flask.typing import ResponseReturnValue
from flask_login import current_user

from sentinelweb import pages
from sentinelweb.access import login_required
from sentinelweb.core.ranges import RANGES, instant
from sentinelweb.extensions import settings
from sentinelweb.services import live, live_answer, system_charts
from sentinelweb.services.live import LiveQuery

REFRESH_LIVE, REFRESH = 2, 15  # seconds between two refreshes of the page

bp = Blueprint("dashboard", __name__)


@bp.get("/dashboard/system")
@login_required
def index() -> ResponseReturnValue:
    try:
        query = _query()
    except ValueError:
        abort(404)
    state = live.state(current_user, query, settings())
    if request.args.get("v") == state:
        return "", 204
    panel = live.build(current_user, query, settings())
    return pages.render(
        "dashboard/system.html",
        panel=panel,
        charts=system_charts.charts(panel),
        instants=[instant(bucket) for bucket in panel.buckets],
        state=state,
        ranges=RANGES,
        refresh=REFRESH_LIVE if query.range.name == "live" else REFRESH,
    )


@bp.get("/api/live")
def api_live() -> ResponseReturnValue:
    if not current_user.is_authenticated:
        return jsonify(ok=False, error="Log in to read this."), 401
    try:
        query = _query()
    except ValueError as error:
        return jsonify(ok=False, error=f"{error}."), 422
    return jsonify(live_answer.answer(live.build(current_user, query, settings())))


def _query() -> LiveQuery:
    """Raise ValueError for what cannot be understood."""
    args = request.args
    return LiveQuery.parse(args.get("range"), args.get("host"), args.getlist("service"))
