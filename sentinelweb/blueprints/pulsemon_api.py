"""PulseMon's API (seed 001): `/api/monitors`, `/api/history/{slug}`. Errors have a `detail`."""

from __future__ import annotations

from typing import Any

from flask import Blueprint, Response, jsonify, make_response, request
from flask.typing import ResponseReturnValue
from flask_limiter.errors import RateLimitExceeded
from werkzeug.exceptions import RequestEntityTooLarge

from sentinelweb import access, attempts, pages
from sentinelweb.core.pulsemon import UnusableError, instant, read_monitor, status_word
from sentinelweb.extensions import csrf, settings
from sentinelweb.models import StatusChange
from sentinelweb.services import keyset, pulsemon, scoping
from sentinelweb.services.errors import InvalidInputError, NotFoundError
from sentinelweb.services.pulsemon import MAX_CHANGES, MAX_LISTED, Found
from sentinelweb.services.scoping import Program

bp = Blueprint("pulsemon_api", __name__, url_prefix="/api")
csrf.exempt(bp)


class _RefusedError(Exception):
    """Nothing that was shown allows this."""


@bp.post("/monitors")
def create() -> ResponseReturnValue:
    program = _program(writes=True)
    wanted = read_monitor(request.get_data())
    try:
        found = pulsemon.create(program, wanted, settings())
    except InvalidInputError:
        return _answer(400, "A monitor with this slug exists already.")
    except NotFoundError:
        return _answer(409, "There is no administrator yet, whom monitors could belong to.")
    return make_response(jsonify(_shown(found, program)), 201)


@bp.get("/monitors")
def index() -> ResponseReturnValue:
    """`?limit=` and `?after=` cut it into pages."""
    program = _program()
    limit = _number("limit", MAX_LISTED, most=MAX_LISTED)
    after = _number("after", 0, most=scoping.MAX_ID)
    listed = pulsemon.find(program, after=after, limit=limit)
    answer = make_response(jsonify([_shown(found, program) for found in listed]))
    if len(listed) == limit:
        answer.headers["X-Next-After"] = str(listed[-1].heartbeat.id)
    return answer


@bp.get("/monitors/<slug>")
def show(slug: str) -> ResponseReturnValue:
    program = _program()
    return jsonify(_shown(pulsemon.get(program, slug), program))


@bp.delete("/monitors/<slug>")
def delete(slug: str) -> ResponseReturnValue:
    pulsemon.delete(_program(writes=True), slug)
    return jsonify(ok=True)


@bp.get("/history/<slug>")
def history(slug: str) -> ResponseReturnValue:
    """The latest first; `?limit=` of them, those `?before=` an `id`."""
    limit = _number("limit", 100, most=MAX_CHANGES)
    changes = pulsemon.history(_program(), slug, before=_number("before", 0) or None, limit=limit)
    return jsonify([_change(slug, change) for change in changes])


def _shown(found: Found, program: Program) -> dict[str, Any]:
    """A key that may only read is not told what would let it ping, or call the webhook."""
    heartbeat = found.heartbeat
    path = f"h/{heartbeat.alias}/{heartbeat.token}" if heartbeat.token else f"ping/{heartbeat.slug}"
    secrets = {
        "webhook_url": found.webhook_url,
        "token": heartbeat.token,
        "ping_url": f"{pages.base_url()}/{path}",
    }
    return {
        "name": heartbeat.name,
        "slug": heartbeat.alias,
        "interval_seconds": heartbeat.expected_period,
        "grace_seconds": heartbeat.grace_period,
        "status": status_word(heartbeat.status),
        "last_ping": instant(heartbeat.last_ping) if heartbeat.last_ping else None,
        **(secrets if program.can_write else dict.fromkeys(secrets)),
    }


def _change(slug: str, change: StatusChange) -> dict[str, Any]:
    return {
        "id": change.id,
        "slug": slug,
        "prev_status": status_word(change.prev_status),
        "new_status": status_word(change.new_status),
        "note": change.note,
        "created_at": instant(change.created_at),
    }


def _number(name: str, default: int, *, most: int = keyset.MAX_ID) -> int:
    """A parameter from 1 to `most`; `default` for what is no such number.

    Raise UnusableError for what is no number at all.
    """
    text = request.args.get(name, "")
    if not text:
        return default
    if not (text.isascii() and text.isdigit() and len(text) < 20 and int(text) > 0):
        error = {"loc": ["query", name], "msg": "Write a number above 0", "type": "int_parsing"}
        raise UnusableError([error])
    return min(int(text), most)


def _program(*, writes: bool = False) -> Program:
    program = access.program_of_request()
    if program is None or (writes and not program.can_write):
        raise _RefusedError
    return program


@bp.errorhandler(_RefusedError)
def _refused(_error: _RefusedError) -> ResponseReturnValue:
    try:
        return _count_refusal()
    except RateLimitExceeded:  # Flask does not look for a handler of what a handler raises
        answer = _answer(429, "Too many wrong tokens. Try again later.")
        answer.headers["Retry-After"] = "900"
        return answer


@attempts.guesses_of_keys
def _count_refusal() -> ResponseReturnValue:
    return _answer(401, "Show the admin token, or an API key that may do this, as X-Admin-Token.")


@bp.errorhandler(RequestEntityTooLarge)
def _too_large(_error: RequestEntityTooLarge) -> Response:
    return _answer(413, "The body is too large.")


@bp.errorhandler(UnusableError)
def _unusable(error: UnusableError) -> Response:
    return _answer(422, error.detail)


@bp.errorhandler(NotFoundError)
def _not_found(_error: NotFoundError) -> Response:
    return _answer(404, "There is no such monitor.")


def _answer(code: int, detail: object) -> Response:
    return make_response(jsonify(detail=detail), code)
