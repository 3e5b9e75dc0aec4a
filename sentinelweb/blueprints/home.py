"""`/`: what is wrong now, and everything at a glance."""

from __future__ import annotations

from flask import Blueprint, request
from flask.typing import ResponseReturnValue
from flask_login import current_user, login_required

from sentinelweb import pages
from sentinelweb.services import overview

bp = Blueprint("home", __name__)
bp.before_request(login_required(lambda: None))


@bp.get("/")
def index() -> ResponseReturnValue:
    found = overview.find(current_user)
    if request.args.get("v") == found.state:
        return "", 204
    return pages.render("home/index.html", overview=found, state=found.state)
