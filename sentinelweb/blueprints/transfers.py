"""`/transfers`: what a team owns as a file, out and in."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator

from flask import Blueprint, Response, flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_login import current_user, login_required

from sentinelweb import clock
from sentinelweb.extensions import settings
from sentinelweb.i18n import gettext as _
from sentinelweb.services import exports, imports, uploads
from sentinelweb.services.errors import InvalidInputError
from sentinelweb.services.imports import Report
from sentinelweb.services.monitor_imports import Became

MAX_ENTRIES = 10_000  # a few seconds: more take longer than a page may
MAX_LINES = 200
_IN_MEMORY = 1_000_000  # bytes; the rest of a download waits on the disk
_PART = 65_536
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
    pieces = exports.write(
        current_user,
        with_secrets="secrets" in request.args,
        with_history="history" in request.args,
    )
    # Written whole before the first byte is sent: what goes wrong half way is an error page.
    file = tempfile.SpooledTemporaryFile(max_size=_IN_MEMORY)  # noqa: SIM115 - closed by _parts()
    for piece in pieces:
        file.write(piece.encode())
    parts = _parts(file, file.tell())
    name = f"sentinelweb-{clock.now():%Y-%m-%d}.json"
    return Response(
        [b"".join(parts)] if file.tell() <= _IN_MEMORY else parts,
        content_type="application/json",
        headers={"Content-Disposition": f'attachment; filename="{name}"'},
    )


def _parts(file: tempfile.SpooledTemporaryFile[bytes], size: int) -> Iterator[bytes]:
    with file:
        file.seek(0)
        for _start in range(0, size, _PART):
            yield file.read(_PART)


@bp.post("")
def upload() -> ResponseReturnValue:
    file = request.files.get("file")
    if file is None or not file.filename:
        return _index(_("Choose a file."))
    name = None
    try:
        name = uploads.keep(current_user, file.stream, settings())
        _import(name, dry_run=True)
    except InvalidInputError as error:
        if name:
            uploads.forget(current_user, name, settings())
        return _index(error.message)
    return redirect(url_for("transfers.confirm", name=name), 303)


@bp.route("/<name>", methods=["GET", "POST"])
def confirm(name: str) -> ResponseReturnValue:
    """What would happen, until it is wanted."""
    if request.method == "POST":
        counted = _import(name, dry_run=False).counted
        uploads.forget(current_user, name, settings())
        flash(
            _(
                "Imported. Created: %(created)s, changed: %(updated)s, skipped: %(skipped)s.",
                created=counted[Became.CREATED],
                updated=counted[Became.UPDATED],
                skipped=counted[Became.SKIPPED],
            ),
            "success",
        )
        return redirect(url_for("transfers.index"), 303)
    report = _import(name, dry_run=True)
    return render_template(
        "transfers/confirm.html",
        name=name,
        counted=report.counted,
        told=report.told[:MAX_LINES],
        untold=max(0, len(report.told) - MAX_LINES),
    )


def _index(error: str | None = None) -> ResponseReturnValue:
    return render_template("transfers/index.html", error=error), 422 if error else 200


def _import(name: str, *, dry_run: bool) -> Report:
    path = uploads.path_of(current_user, name, settings())
    return imports.read_file(
        path, current_user, settings(), dry_run=dry_run, max_entries=MAX_ENTRIES
    )
