"""`/ping/…` and `/h/…` where no front door stands before Flask: `flask run`, tests."""

from __future__ import annotations

from flask import Blueprint, Response, request

from sentinelweb import clock
from sentinelweb.core.signals import read_target
from sentinelweb.extensions import csrf, settings
from sentinelweb.services import ping_http, pings

bp = Blueprint("pings", __name__)
csrf.exempt(bp)


@bp.route("/ping/<slug>", methods=ping_http.METHODS)
@bp.route("/ping/<slug>/<path:_rest>", methods=ping_http.METHODS)
@bp.route("/h/<slug>/<path:_rest>", methods=ping_http.METHODS)
def ping(slug: str, _rest: str = "") -> Response:  # noqa: ARG001 - read_target() reads the whole
    """Answer `{ok, name, timestamp}` after the commit; 404 in JSON for an unknown slug."""
    target = read_target(request.path, request.query_string.decode("latin-1"))
    limit = settings().ping_body_limit
    name, now = None, clock.now()
    if target is not None:
        beginning, size = _read_body(limit)
        signal = ping_http.signal(
            target,
            now,
            method=request.method,
            remote_addr=request.remote_addr or "",
            user_agent=request.headers.get("User-Agent", ""),
            body=beginning,
            body_size=size,
        )
        name = pings.record([signal])[0]
    status, body = ping_http.answer(name, now)
    headers = {ping_http.BODY_LIMIT_HEADER: str(limit)}
    return Response(body, status, headers, content_type="application/json")


def _read_body(limit: int) -> tuple[bytes, int]:
    """The beginning of the body, and the size of all of it, which is read and dropped."""
    request.max_content_length = None
    beginning = request.stream.read(limit) if limit else b""  # nothing read is taken for a hang-up
    size = len(beginning)
    while part := request.stream.read(65_536):
        size += len(part)
    return beginning, size
