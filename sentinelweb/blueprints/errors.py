"""What people and programs see when a request fails: a page, or JSON for those who asked for it."""

from __future__ import annotations

from flask import (
    Blueprint,
    Response,
    current_app,
    jsonify,
    make_response,
    render_template,
    request,
)
from flask_wtf.csrf import CSRFError
from werkzeug.exceptions import HTTPException, InternalServerError

from sentinelweb import i18n
from sentinelweb.api import problems
from sentinelweb.db import is_away
from sentinelweb.i18n import gettext as _
from sentinelweb.services.errors import NotAllowedError, NotFoundError

bp = Blueprint("errors", __name__)


@bp.app_errorhandler(NotFoundError)
def not_found(_error: NotFoundError) -> Response:
    return _answer(404, *_explain(404))


@bp.app_errorhandler(NotAllowedError)
def not_allowed(_error: NotAllowedError) -> Response:
    return _answer(403, *_explain(403))


@bp.app_errorhandler(CSRFError)
def forged(_error: CSRFError) -> Response:
    return _answer(
        400,
        _("This form is no longer valid"),
        _("You may have logged out or in since it was opened. Go back, reload and send it again."),
    )


@bp.app_errorhandler(HTTPException)
def failed(error: HTTPException) -> Response:
    code = error.code or 500
    if isinstance(error, InternalServerError):
        return _internal_error(503 if is_away(error.original_exception) else 500)
    answer = _answer(code, *_explain(code))
    for name, value in error.get_headers(request.environ):
        if name in {"Allow", "Retry-After"}:
            answer.headers[name] = value
    return answer


def _answer(code: int, title: str, text: str) -> Response:
    if request.path.startswith("/api/v1/"):
        return problems.answer(code, title)
    if _wants_json():
        return make_response(jsonify(ok=False, error=title), code)
    page = render_template("errors/error.html", code=code, heading=title, text=text)
    return make_response(page, code)


def _internal_error(code: int) -> Response:
    """A page that needs no database and no user: one of them may be what failed."""
    title, text = _explain(code)
    if request.path.startswith("/api/v1/"):
        return problems.answer(code, title)
    if _wants_json():
        return make_response(jsonify(ok=False, error=title), code)
    template = current_app.jinja_env.get_template("errors/internal.html")
    return make_response(template.render(heading=title, text=text, reader=i18n.reader()), code)


def _wants_json() -> bool:
    if request.path.startswith(("/ping/", "/api/")):
        return True
    accepted = request.accept_mimetypes
    return accepted["application/json"] > accepted["text/html"]


def _explain(code: int) -> tuple[str, str]:
    match code:
        case 400:
            return _("Bad request"), _("The server could not understand what was sent.")
        case 403:
            return _("Not allowed"), _("Your account may not open this page.")
        case 404:
            return _("Page not found"), _(
                "It does not exist, or it belongs to a team that you are not in."
            )
        case 405:
            return _("Not allowed here"), _("This address cannot be used in this way.")
        case 413:
            return _("Too large"), _("What was sent is larger than this page accepts.")
        case 429:
            return _("Too many requests"), _("Wait for a moment, then try again.")
        case 503:
            return _("The database is not available"), _(
                "It cannot be reached, or its disk is full. Nothing was saved, and pings are "
                "refused until it is back."
            )
        case _other if code < 500:
            return _("Bad request"), _("The server could not do what was asked.")
    return _("Something went wrong"), _(
        "The error is in the server's log. Monitoring goes on meanwhile."
    )
