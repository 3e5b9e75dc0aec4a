"""`POST /preferences`: the theme and the language of this browser, chosen without JavaScript."""

from __future__ import annotations

from typing import Any

from flask import Blueprint, redirect, request
from flask_login import current_user
from werkzeug.wrappers import Response

from sentinelweb import __version__, pages
from sentinelweb.i18n import LOCALES
from sentinelweb.services import accounts

bp = Blueprint("preferences", __name__)

THEMES = ("light", "dark", "auto")
YEAR = 31_536_000


@bp.post("/preferences")
def choose() -> Response:
    """Keep what was chosen in a cookie, and a logged-in user's language with the user."""
    response = redirect(pages.page_before(), 303)
    for name, allowed in (("theme", THEMES), ("locale", LOCALES)):
        value = request.form.get(name)
        if value and value in allowed:
            response.set_cookie(
                name, value, max_age=YEAR, samesite="Lax", secure=request.is_secure, httponly=True
            )
            if name == "locale" and current_user.is_authenticated:
                accounts.choose_locale(current_user, value)
    return response


@bp.app_context_processor
def _template_context() -> dict[str, Any]:
    theme = request.cookies.get("theme")
    return {
        "theme": theme if theme in THEMES else "auto",
        "locales": LOCALES,
        "app_version": __version__,
    }
