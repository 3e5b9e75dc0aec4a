"""Static files in templates: addresses that change with the content, and the icon sprite."""

from __future__ import annotations

import hashlib
from functools import lru_cache
from pathlib import Path

from flask import Flask, Response, current_app, g, request, url_for
from markupsafe import Markup

YEAR = 31_536_000
MONTH = 2_592_000


def init_app(app: Flask) -> None:
    app.jinja_env.globals.update(static_url=static_url, icon=icon)
    app.after_request(_set_lifetime)


def static_url(filename: str) -> str:
    """The address of a static file, with `?v=` from its content: it may be cached for ever."""
    try:
        path = Path(current_app.static_folder or "") / filename
        return url_for("static", filename=filename, v=_digest(path, path.stat().st_mtime_ns))
    except OSError:
        return url_for("static", filename=filename)


def icon(name: str, extra_class: str = "") -> Markup:
    """An icon that says nothing to a screen reader: the text beside it does."""
    if "icon_sprite" not in g:  # a page has hundreds of icons
        g.icon_sprite = static_url("vendor/icons.svg")
    return _icon(g.icon_sprite, name, extra_class)


@lru_cache(maxsize=1024)
def _icon(sprite: str, name: str, extra_class: str) -> Markup:
    return Markup('<svg class="{}" aria-hidden="true"><use href="{}#{}"></use></svg>').format(
        f"icon {extra_class}".rstrip(), sprite, name
    )


@lru_cache(maxsize=256)
def _digest(path: Path, _changed: int) -> str:
    return hashlib.blake2s(path.read_bytes(), digest_size=5).hexdigest()


def _set_lifetime(response: Response) -> Response:
    """Only a versioned address, or a font (which never changes), is kept without asking again."""
    if request.endpoint == "static" and response.status_code in {200, 304}:
        if "v" in request.args:
            response.headers["Cache-Control"] = f"public, max-age={YEAR}, immutable"
        elif request.path.endswith(".woff2"):
            response.headers["Cache-Control"] = f"public, max-age={MONTH}"
    return response
