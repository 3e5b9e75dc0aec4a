"""`/api/v1`: what people do on the pages, for programs that show a key. Errors follow RFC 9457."""

from __future__ import annotations

from flask import Blueprint, g, request
from flask.typing import ResponseReturnValue
from flask_limiter.errors import RateLimitExceeded
from werkzeug.exceptions import RequestEntityTooLarge

from sentinelweb import access, attempts
from sentinelweb.api import problems
from sentinelweb.api.problems import ProblemError
from sentinelweb.extensions import csrf
from sentinelweb.services.errors import InvalidInputError, NotFoundError

bp = Blueprint("api_v1", __name__, url_prefix="/api/v1")
csrf.exempt(bp)

_READING = {"GET", "HEAD", "OPTIONS"}


@bp.before_request
def _authenticate() -> ResponseReturnValue | None:
    program = access.program_of_request()
    if program is None:
        return _count_refusal()
    if request.method not in _READING and not program.can_write:
        raise ProblemError(403, "This key may only read.")
    g.program = program
    return None


@attempts.guesses_of_keys
def _count_refusal() -> ResponseReturnValue:
    answer = problems.answer(401, "Show an API key, as “Authorization: Bearer …”.")
    answer.headers["WWW-Authenticate"] = "Bearer"
    return answer


@bp.errorhandler(RateLimitExceeded)
def _too_many(_error: RateLimitExceeded) -> ResponseReturnValue:
    answer = problems.answer(429, "Too many of these from one address. Try again later.")
    answer.headers["Retry-After"] = str(attempts.seconds_to_wait())
    return answer


@bp.errorhandler(ProblemError)
def _refused(error: ProblemError) -> ResponseReturnValue:
    return problems.answer(error.status, error.detail, error.errors)


@bp.errorhandler(InvalidInputError)
def _unusable(error: InvalidInputError) -> ResponseReturnValue:
    """What belongs to no field, and what is taken, are no faults of the request itself."""
    status = 409 if error.field in {"", "alias", "slug"} else 422
    return _refused(problems.of_field(error.field, error.message, status))


@bp.errorhandler(NotFoundError)
def _not_found(_error: NotFoundError) -> ResponseReturnValue:
    return problems.answer(404, "It does not exist, or it belongs to another team.")


@bp.errorhandler(RequestEntityTooLarge)
def _too_large(_error: RequestEntityTooLarge) -> ResponseReturnValue:
    return problems.answer(413, "The body is too large.")


from sentinelweb.blueprints.api_v1 import channels, monitors, status_pages  # noqa: E402, F401 - their views need bp
