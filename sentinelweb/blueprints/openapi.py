"""`/api/openapi.json`: what the server's APIs take and give. It tells nothing of any team."""

from __future__ import annotations

from flask import Blueprint, current_app, jsonify
from flask.typing import ResponseReturnValue

from sentinelweb import pages
from sentinelweb.api import openapi

bp = Blueprint("openapi", __name__)


@bp.get("/api/openapi.json")
def description() -> ResponseReturnValue:
    return jsonify(openapi.description(current_app, pages.base_url()))
