"""The page that shows and switches everything: one template, in the reader's language."""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path
from typing import Any

from aiohttp import web
from jinja2 import Environment, FileSystemLoader
from jinja2_fragments import render_block
from markupsafe import Markup

from sentinelweb import i18n
from sentinelweb.i18n import Reader

PACKAGE = Path(__file__).resolve().parent.parent
STATIC = PACKAGE / "static"
TEMPLATE = "mock/index.html"
POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; "
    "font-src 'self'; connect-src 'self'; form-action 'self'; base-uri 'none'; "
    "frame-ancestors 'none'"
)
HEADERS = {
    "Content-Security-Policy": POLICY,
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "same-origin",
    "Cache-Control": "no-store",
}


def choose_reader(request: web.Request) -> None:
    """Write in the language that the browser asks for first."""
    wanted = request.headers.get("Accept-Language", "").split(",")
    locale = i18n.best_locale([tag.partition(";")[0].strip() for tag in wanted])
    i18n.set_reader(Reader(locale))


def page(*, fragment: bool, status: int = 200, **context: Any) -> web.Response:
    """The whole page, or the part of it that refreshes itself."""
    context["reader"] = i18n.reader()
    if fragment:
        text = render_block(_environment(), TEMPLATE, "fragment_mock", context)
    else:
        text = _environment().get_template(TEMPLATE).render(context)
    return web.Response(text=text, content_type="text/html", status=status, headers=HEADERS)


@lru_cache
def _environment() -> Environment:
    environment = Environment(
        loader=FileSystemLoader(PACKAGE / "templates"),
        autoescape=True,
        extensions=["jinja2.ext.i18n"],
    )
    environment.install_gettext_callables(  # type: ignore[attr-defined]
        i18n.gettext, i18n.ngettext, newstyle=False
    )
    environment.globals.update(icon=_icon, static_url=_static_url)
    environment.filters.update(
        datetime=i18n.format_datetime, moment=i18n.format_moment, number=i18n.format_number
    )
    return environment


def _static_url(filename: str) -> str:
    return f"/static/{filename}"


def _icon(name: str, extra_class: str = "") -> Markup:
    return Markup('<svg class="{}" aria-hidden="true"><use href="{}#{}"></use></svg>').format(
        f"icon {extra_class}".rstrip(), _static_url("vendor/icons.svg"), name
    )
