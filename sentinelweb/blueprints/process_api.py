"""Seed 003's API: `/process/short-lived`, `/process/long-lived`, `/heartbeat/…`."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from flask import Blueprint, Response, jsonify, make_response, request
from flask.typing import ResponseReturnValue
from flask_limiter.errors import RateLimitExceeded

from sentinelweb import access, attempts, clock
from sentinelweb.core.credentials import bearer_token
from sentinelweb.core.instants import iso
from sentinelweb.core.process_requests import RequestError, read_ending, read_registration
from sentinelweb.extensions import csrf, settings
from sentinelweb.models import Process
from sentinelweb.services import beat_http, process_beats, process_tokens, processes, scoping
from sentinelweb.services.errors import NotFoundError
from sentinelweb.services.monitor_list import ListQuery
from sentinelweb.services.processes import End, ProcessValues
from sentinelweb.services.scoping import Program

bp = Blueprint("process_api", __name__)
csrf.exempt(bp)


class _RefusedError(Exception):
    """Nothing that was shown allows this."""


@bp.post("/process/short-lived")
def short_lived() -> ResponseReturnValue:
    return _register(keep_alive=False)


@bp.post("/process/long-lived")
def long_lived() -> ResponseReturnValue:
    return _register(keep_alive=True)


def _register(*, keep_alive: bool) -> ResponseReturnValue:
    program = _program(writes=True)
    said = read_registration(request.get_data())
    values = said.model_dump(exclude={"expiry_seconds", "team", "channels"})
    process = processes.register(
        program if said.team is None else _of_team(program, said.team),
        ProcessValues(**values, expiry=said.expiry_seconds, channel_ids=said.channels),
        keep_alive=keep_alive,
    )
    kind = "Long-lived" if keep_alive else "Short-lived"
    return _answer(
        201,
        processId=process.slug,
        message=f"{kind} process {process.slug} created.",
        expirySeconds=process.expiry,
        token=process_tokens.issue(process.slug, settings(), clock.now()),
    )


def _of_team(program: Program, team_id: int) -> Program:
    if team_id not in scoping.team_ids(program):
        raise NotFoundError
    return Program(team_id, program.can_write)


@bp.get("/heartbeat/status")
def status() -> ResponseReturnValue:
    """All processes that nobody removed, dead or alive."""
    return _list(alive_only=False)


@bp.get("/heartbeat/active-status")
def active_status() -> ResponseReturnValue:
    return _list(alive_only=True)


def _list(*, alive_only: bool) -> ResponseReturnValue:
    """`?search=`, `?tag=` and `?host=` narrow it, `?limit=` and `?after=` cut it into pages."""
    program, now = _program(), clock.now()
    limit = min(max(_number("limit", processes.MAX_LISTED), 1), processes.MAX_LISTED)
    found = processes.find(
        program,
        ListQuery.parse(request.args),
        now,
        alive_only=alive_only,
        host=request.args.get("host", "").replace("\0", ""),
        after=_number("after", 0),
        limit=limit,
    )
    answer = make_response(jsonify([_shown(process, now) for process in found]))
    if len(found) == limit:
        answer.headers["X-Next-After"] = str(found[-1].id)
    return answer


def _number(name: str, default: int) -> int:
    text = request.args.get(name, "")
    return int(text) if text.isascii() and text.isdigit() and len(text) < 10 else default


def _shown(process: Process, now: datetime) -> dict[str, Any]:
    return {
        "processId": process.slug,
        "lastHeartbeat": iso(process.last_heartbeat, "milliseconds"),
        "isAlive": processes.is_alive(process, now),
        "keepAlive": process.keep_alive,
        "name": process.name,
        "status": process.status,
        "startedAt": iso(process.created_at, "milliseconds"),
        "endedAt": iso(process.ended_at, "milliseconds") if process.ended_at else None,
        "host": process.host or None,
        "pid": process.pid,
        "progress": process.progress,
        "message": process.message or None,
        "exitStatus": process.exit_status,
        "tags": process.tags,
    }


@bp.post("/heartbeat/<process_id>/register")
def register_heartbeat(process_id: str) -> ResponseReturnValue:
    """Where no front door stands before Flask (see front_door/beat.py)."""
    reading = beat_http.read(
        process_id,
        authorization=request.headers.get("Authorization", ""),
        admin_token=request.headers.get("X-Admin-Token", ""),
        body=request.get_data(),
        now=clock.now(),
        settings=settings(),
    )
    if reading is None:
        code, body = beat_http.REFUSED
    else:
        code, body = beat_http.answer(process_beats.record([reading.beat])[0], reading.renewed)
    return Response(body, code, content_type="application/json")


@bp.delete("/heartbeat/<process_id>")
def end(process_id: str) -> ResponseReturnValue:
    program = _program_or_process(process_id)
    said = read_ending(request.get_data())
    process = processes.end(program, process_id, End(said.exit_status, said.output, said.message))
    return _answer(
        200,
        processId=process.slug,
        message=f"Process {process.slug} removed.",
        status=process.status,
    )


def _program(*, writes: bool = False) -> Program:
    program = access.program_of_request()
    if program is None and settings().process_api == "open":
        return Program(None, can_write=True)
    if program is None or (writes and not program.can_write):
        raise _RefusedError
    return program


def _program_or_process(process_id: str) -> Program:
    """A process may end itself by its own token."""
    shown = bearer_token(request.headers.get("Authorization", ""))
    if shown.count(".") == 2:
        token = process_tokens.read(shown, settings(), clock.now())
        if token is None or token.process_id != process_id:
            raise _RefusedError
        return Program(None, can_write=True)
    return _program(writes=True)


@bp.errorhandler(_RefusedError)
def _refused(_error: _RefusedError) -> ResponseReturnValue:
    try:
        return _count_refusal()
    except RateLimitExceeded:  # Flask does not look for a handler of what a handler raises
        answer = _answer(429, error="Too many wrong keys. Try again later.")
        answer.headers["Retry-After"] = "900"
        return answer


@attempts.guesses_of_keys
def _count_refusal() -> ResponseReturnValue:
    answer = _answer(401, error="Show an API key that may do this, as “Authorization: Bearer …”.")
    answer.headers["WWW-Authenticate"] = "Bearer"
    return answer


@bp.errorhandler(RequestError)
def _bad_request(error: RequestError) -> ResponseReturnValue:
    return _answer(422, error="The request cannot be used.", errors=error.errors)


@bp.errorhandler(NotFoundError)
def _not_found(_error: NotFoundError) -> ResponseReturnValue:
    return _answer(404, error="There is no such process, team or channel.")


def _answer(code: int, **content: object) -> Response:
    return make_response(jsonify(**content), code)
