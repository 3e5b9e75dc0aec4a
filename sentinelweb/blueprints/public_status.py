"""`/status` and `/status/<slug>`: what strangers see. No session, no cookie, kept by caches."""

from __future__ import annotations

import gzip
from collections.abc import Callable
from functools import lru_cache
from typing import Any

from flask import Blueprint, Response, current_app, request
from jinja2_fragments import render_block

from sentinelweb import __version__, i18n
from sentinelweb.core.fingerprint import fingerprint
from sentinelweb.extensions import limiter, settings
from sentinelweb.i18n import gettext as _
from sentinelweb.services import public_status
from sentinelweb.services.errors import NotFoundError, UnavailableError
from sentinelweb.services.public_history import INCIDENT_DAYS
from sentinelweb.services.public_status import Snapshot

MAX_AGE = 2  # seconds that a cache on the way may keep it
RETRY_AFTER = 10  # seconds
THEMES = ("light", "dark")
VARY = "Accept-Encoding, Accept-Language, Cookie"

bp = Blueprint("public_status", __name__)
limiter.exempt(bp)


@bp.before_request
def _choose_reader() -> None:
    """By the address, else as this browser chose on other pages, else as it asks."""
    chosen = (request.args.get("lang"), request.cookies.get("locale"))
    asked = _locale_of(tuple(tag for tag, _quality in request.accept_languages))
    locale = next((each for each in chosen if each in i18n.LOCALES), asked)
    i18n.set_reader(i18n.Reader(locale or asked, settings().tz))


@lru_cache(maxsize=256)  # a crowd has few languages
def _locale_of(tags: tuple[str, ...]) -> str:
    return i18n.best_locale(list(tags))


@bp.get("/status")
def first() -> Response:
    try:
        snapshot = public_status.find(None)
    except NotFoundError:
        return _message(
            200,
            _("Nothing is published here yet"),
            _("It will appear at this address."),
            is_empty=True,
        )
    return _answer(snapshot, settings().public_status_title or snapshot.page.title)


@bp.get("/status/<slug>")
def show(slug: str) -> Response:
    snapshot = public_status.find(slug)
    return _answer(snapshot, snapshot.page.title)


@bp.errorhandler(NotFoundError)
def _not_found(_error: NotFoundError) -> Response:
    return _message(404, _("Page not found"), _("There is no status page at this address."))


@bp.errorhandler(UnavailableError)
def _unavailable(_error: UnavailableError) -> Response:
    """In plain words: strangers know of no database."""
    response = _message(
        503,
        _("How things are cannot be shown right now"),
        _("The server cannot read its data at the moment. Try again in a minute."),
    )
    response.headers["Retry-After"] = str(RETRY_AFTER)
    return response


def _answer(snapshot: Snapshot, title: str) -> Response:
    """The page, its live part for htmx, or 204 while nothing has changed."""
    is_fragment = "HX-Request" in request.headers and request.args.get("fragment") == "live"
    if is_fragment and request.args.get("v") == snapshot.state:
        return _shared(Response(status=204))
    page = snapshot.page
    # Anything else that an address may say would fill the cache.
    known = {"tag": page.tags, "environment": page.environments, "lang": i18n.LOCALES}
    kept = {name: request.args.get(name, "") for name in known}
    kept = {name: value for name, value in kept.items() if value in known[name]}
    variant = (i18n.reader(), _theme(), is_fragment, tuple(kept.items()))

    def write() -> bytes:
        narrowed = page.narrowed(kept.get("tag", ""), kept.get("environment", ""))
        return _render(
            "public_status/show.html",
            "fragment_live" if is_fragment else None,
            page=narrowed,
            whole=page,
            title=title,
            state=snapshot.state,
            is_old=snapshot.is_old,
            incidents=narrowed.incident_days(i18n.reader().timezone),
            incident_days=INCIDENT_DAYS,
            kept=kept,
        )

    response = _encoded(snapshot, variant, write)
    response.set_etag(fingerprint(snapshot.state, title, variant, response.content_encoding))
    if not page.is_listed:
        response.headers["X-Robots-Tag"] = "noindex, nofollow"
    _shared(response)
    response.make_conditional(request)
    return response


def _encoded(snapshot: Snapshot, variant: object, write: Callable[[], bytes]) -> Response:
    """Compressed once for everybody: a page of a hundred monitors is large."""
    response = Response(mimetype="text/html")
    if request.accept_encodings["gzip"]:
        response.content_encoding = "gzip"
        response.data = snapshot.text(
            ("gzip", variant), lambda: gzip.compress(snapshot.text(variant, write), mtime=0)
        )
    else:
        response.data = snapshot.text(variant, write)
    return response


def _message(code: int, heading: str, text: str, *, is_empty: bool = False) -> Response:
    body = _render(
        "public_status/message.html",
        None,
        heading=heading,
        text=text,
        is_empty=is_empty,
        kept={},
    )
    response = _shared(Response(body, code, mimetype="text/html"))
    response.headers["X-Robots-Tag"] = "noindex, nofollow"
    return response


def _render(template: str, block: str | None, **context: Any) -> bytes:
    """Without Flask's context processors: what is kept for everybody must know of nobody."""
    context |= {
        "reader": i18n.reader(),
        "theme": _theme(),
        "locales": i18n.LOCALES,
        "app_version": __version__,
        "request": request,
    }
    environment = current_app.jinja_env
    if block:
        return render_block(environment, template, block, **context).encode()
    return environment.get_template(template).render(**context).encode()


def _theme() -> str | None:
    """As this browser chose on other pages; None to follow its system."""
    theme = request.cookies.get("theme")
    return theme if theme in THEMES else None


def _shared(response: Response) -> Response:
    response.headers["Cache-Control"] = f"public, max-age={MAX_AGE}"
    response.headers["Vary"] = VARY
    return response
