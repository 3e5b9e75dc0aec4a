"""`/ping-key`: one ping URL for all jobs of a team."""

from __future__ import annotations

from flask import Blueprint, flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_login import current_user, login_required

from sentinelweb import pages
from sentinelweb.i18n import gettext as _
from sentinelweb.i18n import ngettext
from sentinelweb.models import Team
from sentinelweb.services import ping_keys

bp = Blueprint("ping_keys", __name__)
bp.before_request(login_required(lambda: None))


@bp.get("/ping-key")
def index() -> ResponseReturnValue:
    return render_template(
        "ping_keys/index.html", teams=ping_keys.teams(current_user), alias_url=alias_url
    )


@bp.route("/ping-key/<int:team_id>/rotate", methods=["GET", "POST"])
def rotate(team_id: int) -> ResponseReturnValue:
    team = ping_keys.team(current_user, team_id)
    if request.method == "POST":
        ping_keys.rotate(current_user, team_id)
        flash(
            _("The ping key is new. Put it into the jobs; the old one is unknown now."), "success"
        )
        return redirect(url_for("ping_keys.index"), 303)
    aliases = ping_keys.alias_count(team)
    return render_template(
        "confirm.html",
        title=_("Make a new ping key?"),
        question=_("Use it when the key may have become known to others."),
        details=[
            _("URLs with the present key stop working at once, and are answered 404."),
            ngettext(
                "%(n)s heartbeat has an alias, and may be pinged by such a URL.",
                "%(n)s heartbeats have an alias, and may be pinged by such a URL.",
                aliases,
            ),
        ],
        confirm_button=_("Make a new key"),
        cancel_url=url_for("ping_keys.index"),
    )


def alias_url(team: Team, alias: str) -> str:
    """The whole address by which a job of the team calls its heartbeat of this alias."""
    return f"{pages.base_url()}/ping/{team.ping_key}/{alias}"
