"""Forms of a page, filled in and sent as a browser without JavaScript would."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qsl, urljoin, urlsplit

from justhtml import JustHTML
from werkzeug.datastructures import FileStorage, MultiDict

Element = Any  # justhtml.Element, whose attributes are not typed


@dataclass(frozen=True)
class Submission:
    method: str
    url: str
    fields: MultiDict[str, Any]


class PageReader:
    """`page` is the HTML document or fragment that was fetched last; `location`, its address."""

    page: JustHTML | None = None
    location = "/"

    def form(self, name: str = "") -> Element:
        """The form of this id or action; the only one of the page's `<main>` when unnamed."""
        assert self.page is not None, "no page was fetched yet"
        forms = self.page.query("form")
        if name:
            found = [form for form in forms if _is_named(form, name, self.location)]
        else:
            found = self.page.query("main form") or forms
        actions = [form.attrs.get("id") or form.attrs.get("action") for form in forms]
        assert len(found) == 1, f"{len(found)} forms match {name!r}; the page has {actions}"
        return found[0]

    def filled(self, form: str, data: dict[str, Any] | None) -> Submission:
        """What sending the form means, once `data` is filled in; None leaves a field out."""
        element = self.form(form)
        fields = form_fields(element)
        buttons = element.query("button[type=submit]")
        if len(buttons) == 1 and buttons[0].attrs.get("name"):
            fields.add(buttons[0].attrs["name"], buttons[0].attrs.get("value", ""))
        for name, value in (data or {}).items():
            fields.poplist(name)
            if isinstance(value, list | tuple):
                fields.setlist(name, [str(item) for item in value])
            elif value is not None:
                fields.add(name, value if isinstance(value, FileStorage) else str(value))
        url = urljoin(self.location, element.attrs.get("action") or self.location)
        method = (element.attrs.get("method") or "get").upper()
        if method == "GET":
            query = MultiDict(parse_qsl(urlsplit(url).query))
            query.update(fields)
            fields = query
        return Submission(method, url, fields)

    def text(self, selector: str = "body") -> str:
        """The text of the elements that match, with single spaces."""
        assert self.page is not None, "no page was fetched yet"
        return " ".join(
            " ".join(element.to_text().split()) for element in self.page.query(selector)
        )


def form_fields(form: Element) -> MultiDict[str, Any]:
    """What a browser would send for `form` as it stands, but for its buttons."""
    fields: MultiDict[str, Any] = MultiDict()
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


def _is_named(form: Element, name: str, location: str) -> bool:
    action = urlsplit(urljoin(location, form.attrs.get("action") or location))
    return name in (form.attrs.get("id"), action.path, f"{action.path}?{action.query}")
