"""`POST /api/heartbeat`: where the agents of hosts report to, ours and those of the seeds."""

from __future__ import annotations

from flask import Blueprint, Response, jsonify, make_response, request
from flask.typing import ResponseReturnValue
from flask_limiter.errors import RateLimitExceeded
from sqlalchemy.exc import SQLAlchemyError
from werkzeug.exceptions import RequestEntityTooLarge

from sentinelweb import attempts, clock
from sentinelweb.core.credentials import bearer_token
from sentinelweb.core.host_reports import ReportError, parse
from sentinelweb.extensions import csrf
from sentinelweb.services import host_reports

bp = Blueprint("host_reports", __name__)
csrf.exempt(bp)


@bp.post("/api/heartbeat")
def heartbeat() -> ResponseReturnValue:
    """Answer as seed 004's receiver does: 200 recorded or recovered, 220, 221 or 500."""
    key = bearer_token(request.headers.get("Authorization", ""))
    try:
        host_id = host_reports.host_of(key) if key else None
    except SQLAlchemyError:
        return _answer(500, status="error", stored=False)
    if host_id is None:
        return _refuse()
    try:
        report = parse(request.get_data())
    except ReportError as error:
        return _answer(422, status="refused", errors=error.errors)
    answer = host_reports.record(host_id, report, clock.now())
    ignored = {"ignored_services": answer.ignored} if answer.ignored else {}
    return _answer(answer.code, status=answer.status, stored=answer.stored, **ignored)


@attempts.guesses_of_keys
def _refuse() -> ResponseReturnValue:
    answer = _answer(401, status="refused", error="The bearer key is that of no host.")
    answer.headers["WWW-Authenticate"] = "Bearer"
    return answer


@bp.errorhandler(RateLimitExceeded)
def _too_many(_error: RateLimitExceeded) -> Response:
    answer = _answer(429, status="refused", error="Too many wrong keys. Try again later.")
    answer.headers["Retry-After"] = "900"
    return answer


@bp.errorhandler(RequestEntityTooLarge)
def _too_large(_error: RequestEntityTooLarge) -> Response:
    return _answer(413, status="refused", error="The report is too large. Send it in parts.")


def _answer(code: int, **content: object) -> Response:
    return make_response(jsonify(**content), code)
