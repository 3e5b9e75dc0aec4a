"""What every page needs: the reader's language and zone, the helpers of templates, fragments."""

from __future__ import annotations

import json
from typing import Any
from urllib.parse import urlsplit

from flask import Flask, abort, flash, g, redirect, render_template, request
from flask.typing import ResponseReturnValue
from flask_login import current_user
from jinja2_fragments import BlockNotFoundError
from jinja2_fragments.flask import render_block

from sentinelweb import clock, i18n
from sentinelweb.core import day_bars
from sentinelweb.core.durations import format_duration
from sentinelweb.core.kinds import page_path
from sentinelweb.extensions import settings
from sentinelweb.models import Channel, Monitor, Role, StatusPage
from sentinelweb.probes import reasons
from sentinelweb.services import scoping
from sentinelweb.services.errors import NotAllowedError

WITHOUT_USER = {"pings", "health", "host_reports", "public_status", "badges"}


def init_app(app: Flask) -> None:
    app.jinja_env.add_extension("jinja2.ext.i18n")
    app.jinja_env.install_gettext_callables(  # type: ignore[attr-defined]
        i18n.gettext, i18n.ngettext, newstyle=False
    )
    app.jinja_env.filters.update(
        date=i18n.format_date,
        datetime=i18n.format_datetime,
        duration=format_duration,
        moment=i18n.format_moment,
        month=i18n.format_month,
        number=i18n.format_number,
        percent=i18n.format_percent,
        reason=reasons.explain,
        size=i18n.format_size,
        time=i18n.format_time,
    )
    app.jinja_env.globals.update(
        day_bars=day_bars,
        home_team_name=home_team_name,
        is_admin_at_home=is_admin_at_home,
        is_admin_of=is_admin_of,
        may_change=may_change,
        page_path=page_path,
        team_name=team_name,
        team_names=team_names,
    )
    app.before_request(choose_reader)
    app.context_processor(_template_context)


def render(template: str, **context: Any) -> str:
    """The page, or the block of it that `?fragment=` names when htmx asks.

    One URL and one context serve both, so that a page and its refresh cannot disagree.
    """
    fragment = request.args.get("fragment")
    if fragment and request.headers.get("HX-Request"):
        try:
            return render_block(template, f"fragment_{fragment}", **context)
        except BlockNotFoundError:
            abort(404)
    return render_template(template, **context)


def may_change(thing: Monitor | Channel | StatusPage) -> bool:
    """Whether the reader's role lets them: pages show no button that would be refused."""
    return scoping.is_enough(_roles().get(thing.team_id), scoping.role_to_change(type(thing)))


def team_names() -> dict[int, str]:
    """What the reader's teams are called by their ids, if they are in several."""
    if "team_names" not in g:
        g.team_names = scoping.team_names(current_user) if len(_roles()) > 1 else {}
    names: dict[int, str] = g.team_names
    return names


def team_name(team_id: int) -> str | None:
    return team_names().get(team_id)


def home_team_name() -> str | None:
    """The name of the team that gets what the reader makes, if they are in several."""
    try:
        return team_name(scoping.home_team(current_user)) if team_names() else None
    except NotAllowedError:
        return None


def is_admin_of(team_id: int) -> bool:
    """Whether the reader's role lets them change the team's channels and keys."""
    return scoping.is_enough(_roles().get(team_id), Role.ADMIN)


def is_admin_at_home() -> bool:
    """Whether the reader may make channels and keys: they go to their home team."""
    try:
        return is_admin_of(scoping.home_team(current_user))
    except NotAllowedError:
        return False


def _roles() -> dict[int, Role]:
    """Asked for once a request, however many rows a list has."""
    if "roles" not in g:
        g.roles = scoping.roles(current_user)
    roles: dict[int, Role] = g.roles
    return roles


def page_before() -> str:
    """The page that a form was on. Only its path is taken: a Referer may name any host."""
    referrer = urlsplit(request.referrer or "")
    if referrer.netloc != request.host or not referrer.path.startswith("/"):
        return "/"
    path = "/" + referrer.path.lstrip("/\\")
    return f"{path}?{referrer.query}" if referrer.query else path


def done(message: str, category: str = "success") -> ResponseReturnValue:
    """Say what an action did: to htmx by an event, which refreshes the page too, else on the page
    that the form was on.
    """
    if "HX-Request" in request.headers:
        events = {"refresh": {}, "notify": {"text": message}}
        return "", 204, {"HX-Trigger": json.dumps(events)}
    flash(message, category)
    return redirect(page_before(), 303)


def base_url() -> str:
    """What the addresses that people copy begin with: SITE_URL, else where this request came to."""
    return settings().site_url or request.url_root.rstrip("/")


def choose_reader() -> None:
    """The user's own choice, else this browser's, else what it asks for, else the server's."""
    if request.blueprint in WITHOUT_USER or request.endpoint == "static":
        return  # no session and no user on the hot path
    locale = getattr(current_user, "locale", None) or request.cookies.get("locale")
    timezone = getattr(current_user, "timezone", None)
    i18n.set_reader(
        i18n.Reader(
            locale
            if locale in i18n.LOCALES
            else i18n.best_locale([tag for tag, _ in request.accept_languages]),
            timezone or settings().tz,
        )
    )


def _template_context() -> dict[str, Any]:
    return {"now": clock.now(), "reader": i18n.reader(), "settings": settings()}
