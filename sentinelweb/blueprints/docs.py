"""`/docs`: the APIs as a page to read and to try, made from their description."""

from __future__ import annotations

from flask import Blueprint, current_app, render_template
from flask.typing import ResponseReturnValue

from sentinelweb import pages
from sentinelweb.api import manual, openapi

bp = Blueprint("docs", __name__)


@bp.get("/docs")
def index() -> ResponseReturnValue:
    """For everybody: it tells nothing of any team."""
    server = pages.base_url()
    described = manual.entries(openapi.description(current_app, server))
    return render_template("docs/index.html", entries=described, server=server)
