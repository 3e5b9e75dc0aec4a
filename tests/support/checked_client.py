"""A test client that holds every page it fetches to the rules that all pages keep.

It posts what a browser would: `submit()` fills in a form of the page that was fetched last.
"""

from __future__ import annotations

import contextvars
from typing import Any
from urllib.parse import parse_qsl, urljoin, urlsplit

from flask.testing import FlaskClient
from justhtml import JustHTML
from werkzeug.datastructures import FileStorage, MultiDict
from werkzeug.test import TestResponse

from sentinelweb.db import db
from tests.support.page_rules import check_page

Element = Any  # justhtml.Element, whose attributes are not typed


class CheckedClient(FlaskClient):
    """`page` is the last HTML document or fragment; `location` is where it came from."""

    page: JustHTML | None = None
    location = "/"

    def open(self, *args: Any, **kwargs: Any) -> TestResponse:
        # An empty context, as a server gives each request: the test's own application context would
        # otherwise be shared by all requests, and with it whoever Flask-Login found first.
        db.session.commit()
        response = contextvars.Context().run(super().open, *args, **kwargs)
        db.session.expire_all()  # the test's objects show what the request wrote
        if response.mimetype == "text/html" and response.status_code not in {204, 304}:
            fragment = "HX-Request" in response.request.headers
            if response.status_code < 300 or response.status_code >= 400:
                self.page = check_page(response, fragment=fragment)
            self.location = response.request.full_path.rstrip("?")
        return response

    def submit(
        self, form: str = "", data: dict[str, Any] | None = None, **kwargs: Any
    ) -> TestResponse:
        """Fill in and send a form of the last page, named by its id or its action's path.

        `data` replaces or adds to what the form holds; None for a value leaves its field out.
        """
        element = self.form(form)
        fields = form_fields(element)
        button = element.query_one("button[name][type=submit]")
        if button is not None and len(element.query("button[type=submit]")) == 1:
            fields.add(button.attrs["name"], button.attrs.get("value", ""))
        for name, value in (data or {}).items():
            fields.poplist(name)
            if isinstance(value, list | tuple):
                fields.setlist(name, list(value))
            elif value is not None:
                fields.add(name, value if isinstance(value, FileStorage) else str(value))
        target = urljoin(self.location, element.attrs.get("action") or self.location)
        if (element.attrs.get("method") or "get").lower() == "post":
            return self.post(target, data=fields, **kwargs)
        query = MultiDict(parse_qsl(urlsplit(target).query))
        query.update(fields)
        return self.get(urlsplit(target).path, query_string=query, **kwargs)

    def form(self, name: str = "") -> Element:
        """The form of this id or action; the only one of the page's `<main>` when unnamed."""
        assert self.page is not None, "no page was fetched yet"
        forms = self.page.query("form")
        if name:
            found = [form for form in forms if _names(form, name, self.location)]
        else:
            found = self.page.query("main form") or forms
        actions = [form.attrs.get("id") or form.attrs.get("action") for form in forms]
        assert len(found) == 1, f"{len(found)} forms match {name!r}; the page has {actions}"
        return found[0]

    def text(self, selector: str = "body") -> str:
        """The text of the elements that match, with single spaces."""
        assert self.page is not None, "no page was fetched yet"
        return " ".join(
            " ".join(element.to_text().split()) for element in self.page.query(selector)
        )


def form_fields(form: Element) -> MultiDict[str, str]:
    """What a browser would send for `form` as it stands, but for its buttons."""
    fields: MultiDict[str, str] = MultiDict()
    for control in form.query("input, select, textarea"):
        attributes = control.attrs
        name, kind = attributes.get("name"), attributes.get("type", "text")
        if not name or "disabled" in attributes or kind in {"submit", "button", "file", "reset"}:
            continue
        if kind in {"checkbox", "radio"}:
            if "checked" in attributes:
                fields.add(name, attributes.get("value", "on"))
        elif control.name == "select":
            for value in _selected(control):
                fields.add(name, value)
        elif control.name == "textarea":
            fields.add(name, control.to_text(strip=False).removeprefix("\n"))
        else:
            fields.add(name, attributes.get("value") or "")
    return fields


def _selected(select: Element) -> list[str]:
    options = select.query("option")
    chosen = [option for option in options if "selected" in option.attrs]
    if not chosen and "multiple" not in select.attrs:
        chosen = options[:1]
    return [option.attrs.get("value", option.to_text()) or "" for option in chosen]


def _names(form: Element, name: str, location: str) -> bool:
    action = urlsplit(urljoin(location, form.attrs.get("action") or location))
    return name in (form.attrs.get("id"), action.path, f"{action.path}?{action.query}")
