"""`/transfers`: what a team owns as a file, out and in."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from typing import Any

from flask import (
    Blueprint,
    Response,
    redirect,
    render_template,
    request,
    stream_with_context,
    url_for,
)
from flask.typing import ResponseReturnValue
from flask_login import current_user, login_required

from sentinelweb import clock, pages
from sentinelweb.i18n import gettext as _
from sentinelweb.models import TeamImport
from sentinelweb.services import exports, import_runs, uploads
from sentinelweb.services.errors import InvalidInputError

PART = 65_536  # bytes of a download that are sent together
_AROUND = 100_000  # what a form has around the file, in bytes

bp = Blueprint("transfers", __name__, url_prefix="/transfers")
bp.before_request(login_required(lambda: None))


@bp.url_value_preprocessor
def _allow_large_files(endpoint: str | None, _values: dict[str, object] | None) -> None:
    """Before the form is read to find its CSRF token; only for those who are logged in."""
    if endpoint == "transfers.upload" and current_user.is_authenticated:
        request.max_content_length = uploads.MAX_BYTES + _AROUND


@bp.get("")
def index() -> ResponseReturnValue:
    return _index()


@bp.get("/export.json")
def download() -> ResponseReturnValue:
    """Sent as it is written. What goes wrong half way cuts it off, and browsers say so."""
    pieces = exports.write(
        current_user,
        with_secrets="secrets" in request.args,
        with_history="history" in request.args,
    )
    parts = _joined(pieces)
    first = next(parts)  # an error page still, if the database is away
    name = f"sentinelweb-{clock.now():%Y-%m-%d}.json"
    return Response(
        stream_with_context(itertools.chain([first], parts)),
        content_type="application/json",
        headers={"Content-Disposition": f'attachment; filename="{name}"'},
    )


def _joined(pieces: Iterator[str]) -> Iterator[bytes]:
    """Pieces of a size that is worth being sent."""
    waiting: list[bytes] = []
    size = 0
    for piece in pieces:
        waiting.append(piece.encode())
        size += len(waiting[-1])
        if size >= PART:
            yield b"".join(waiting)
            waiting, size = [], 0
    yield b"".join(waiting)


@bp.post("")
def upload() -> ResponseReturnValue:
    file = request.files.get("file")
    if file is None or not file.filename:
        return _index(_("Choose a file."))
    try:
        name = uploads.keep(current_user, file.stream, file.filename)
    except InvalidInputError as error:
        return _index(error.message)
    return redirect(url_for("transfers.show", name=name), 303)


@bp.get("/<name>")
def show(name: str) -> ResponseReturnValue:
    """What would happen, what happens or what has happened, and how far that is."""
    run = import_runs.get(current_user, name)
    context = _context(run)
    if request.args.get("v") == context["state"]:
        return "", 204
    return pages.render("transfers/show.html", **context)


@bp.post("/<name>")
def confirm(name: str) -> ResponseReturnValue:
    import_runs.confirm(current_user, name)
    return redirect(url_for("transfers.show", name=name), 303)


@bp.post("/<name>/cancel")
def cancel(name: str) -> ResponseReturnValue:
    import_runs.cancel(current_user, name)
    return redirect(url_for("transfers.index"), 303)


def _context(run: TeamImport) -> dict[str, Any]:
    """For the page, and for the poll of its live part."""
    held_up = import_runs.held_up(run)
    seen = (run.state, run.total, run.position, run.claimed_at, held_up)
    return {"run": run, "held_up": held_up, "state": "-".join(map(str, seen))}


def _index(error: str | None = None) -> ResponseReturnValue:
    page = render_template(
        "transfers/index.html", error=error, runs=import_runs.recent(current_user)
    )
    return page, 422 if error else 200
