"""`/ping/<slug>`: where jobs report in."""

from __future__ import annotations

from flask import Blueprint, Response, jsonify, request

from sentinelweb import clock
from sentinelweb.extensions import csrf
from sentinelweb.services import pings

bp = Blueprint("pings", __name__)
csrf.exempt(bp)


@bp.route("/ping/<slug>", methods=["GET", "HEAD", "POST"])
def ping(slug: str) -> tuple[Response, int]:
    """Answer `{ok, name, timestamp}` after the commit; 404 in JSON for an unknown slug."""
    signal = pings.Signal(
        slug,
        clock.now(),
        method=request.method,
        remote_addr=request.remote_addr or "",
        user_agent=request.headers.get("User-Agent", ""),
    )
    receipt = pings.record([signal])[0]
    if receipt is None:
        return jsonify(ok=False, error="unknown slug"), 404
    timestamp = receipt.received_at.isoformat(timespec="seconds").replace("+00:00", "Z")
    return jsonify(ok=True, name=receipt.name, timestamp=timestamp), 200
