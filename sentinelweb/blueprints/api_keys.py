"""`/api-keys`: keys by which programs act for a team."""

from __future__ import annotations

from flask import Blueprint, flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_login import current_user, login_required

from sentinelweb import pages
from sentinelweb.forms.api_keys import ApiKeyForm
from sentinelweb.i18n import gettext as _
from sentinelweb.services import api_keys

bp = Blueprint("api_keys", __name__, url_prefix="/api-keys")
bp.before_request(login_required(lambda: None))


@bp.get("")
def index() -> ResponseReturnValue:
    return _index(ApiKeyForm(formdata=None))


@bp.post("")
def create() -> ResponseReturnValue:
    """The secret is part of this answer alone: no address leads back to it."""
    form = ApiKeyForm()
    if form.validate_on_submit():
        with form.showing_refusals():
            key, secret = api_keys.create(
                current_user, name=form.name.data or "", can_write=form.access.data == "write"
            )
            return render_template(
                "api_keys/created.html", key=key, secret=secret, base_url=pages.base_url()
            ), 201
    return _index(form), 422


@bp.route("/<int:key_id>/revoke", methods=["GET", "POST"])
def revoke(key_id: int) -> ResponseReturnValue:
    if request.method == "POST":
        name = api_keys.revoke(current_user, key_id)
        flash(_("The key “%(name)s” is revoked: it opens nothing any more.", name=name), "success")
        return redirect(url_for("api_keys.index"), 303)
    key = api_keys.get(current_user, key_id)
    return render_template(
        "confirm.html",
        title=_("Revoke the key “%(name)s”?", name=key.name),
        question=_("Programs that use it are refused at once."),
        details=[],
        confirm_button=_("Revoke"),
        cancel_url=url_for("api_keys.index"),
    )


def _index(form: ApiKeyForm) -> str:
    return render_template("api_keys/index.html", form=form, keys=api_keys.of_teams(current_user))
