"""The rules that every page keeps, as one function that any test's page goes through."""

from __future__ import annotations

from collections import Counter
from typing import Any
from urllib.parse import urlsplit

from justhtml import JustHTML
from werkzeug.test import TestResponse

from sentinelweb.security import CONTENT_SECURITY_POLICY

_REFERENCES = ("for", "aria-describedby", "aria-labelledby", "aria-controls", "list")
_SOURCES = ("src", "srcset", "poster", "data")


class PageError(AssertionError):
    """A page breaks a rule; the message says which, and where."""


def parse(html: str, *, fragment: bool = False) -> JustHTML:
    return JustHTML(html, fragment=fragment, sanitize=False, collect_errors=True)


def check_page(response: TestResponse, *, fragment: bool = False) -> JustHTML:
    """Parse the page and raise PageError with everything that is wrong with it."""
    html = response.get_data(as_text=True)
    page = parse(html, fragment=fragment)
    problems = [
        *_markup(page, html),
        *_content_policy(page),
        *_forms(page),
        *_text_alternatives(page),
    ]
    if not fragment:
        problems += [*_document(page), *_references(page), *_headers(response)]
    if problems:
        listed = "\n  ".join(problems)
        raise PageError(f"{response.request.path} breaks the rules of pages:\n  {listed}")
    return page


def _markup(page: JustHTML, html: str) -> list[str]:
    lines = html.splitlines()
    problems = []
    for error in page.errors:
        line = (
            lines[error.line - 1].strip()[:120] if error.line and error.line <= len(lines) else ""
        )
        problems.append(f"line {error.line}: {error.code}: {line}")
    ids = Counter(element.attrs["id"] for element in page.query("[id]"))
    return problems + [
        f"id {name!r} is used {count} times" for name, count in ids.items() if count > 1
    ]


def _document(page: JustHTML) -> list[str]:
    problems = []
    if not page.query("html[lang]"):
        problems.append("<html> has no lang")
    titles = page.query("head title")
    if len(titles) != 1 or not titles[0].to_text().strip():
        problems.append("there must be one <title>, and not an empty one")
    headings = page.query("h1")
    if len(headings) != 1 or not headings[0].to_text().strip():
        problems.append(f"there must be one <h1>, there are {len(headings)}")
    if len(page.query("main")) != 1:
        problems.append("there must be one <main>")
    return problems


def _references(page: JustHTML) -> list[str]:
    ids = {element.attrs["id"] for element in page.query("[id]")}
    return [
        f'<{element.name} {attribute}="{element.attrs[attribute]}"> refers to nothing'
        for attribute in _REFERENCES
        for element in page.query(f"[{attribute}]")
        if not set((element.attrs[attribute] or "").split()) <= ids
    ]


def _forms(page: JustHTML) -> list[str]:
    problems = []
    for form in page.query("form"):
        if (form.attrs.get("method") or "get").lower() == "post":
            tokens = form.query("input[name=csrf_token]")
            if len(tokens) != 1 or not tokens[0].attrs.get("value"):
                problems.append(f"form {form.attrs.get('action')!r} has no CSRF token")
    labelled = {label.attrs.get("for") for label in page.query("label")}
    for control in page.query("input, select, textarea"):
        attributes = control.attrs
        hidden = attributes.get("type") in {"hidden", "submit", "button"}
        named = attributes.get("id") in labelled or any(
            name in attributes for name in ("aria-label", "aria-labelledby")
        )
        if not hidden and not named and not _inside(control, "label"):
            problems.append(f"<{control.name} name={attributes.get('name')!r}> has no label")
    problems += [
        f"<button> without a name: {button.to_html()[:100]}"
        for button in page.query("button, a[href]")
        if not _accessible_name(button)
    ]
    return problems


def _content_policy(page: JustHTML) -> list[str]:
    """What the Content-Security-Policy would stop in a browser, silently."""
    problems = [
        "an inline <script>"
        for script in page.query("script")
        if not script.attrs.get("src") and script.attrs.get("type") != "application/json"
    ]
    if page.query("style"):
        problems.append("an inline <style>")
    for element in page.query("*"):
        for name, value in element.attrs.items():
            if name == "style" or name.startswith(("on", "hx-on")):
                problems.append(f"<{element.name} {name}=…> is inline code")
            loads = name in _SOURCES or (name == "href" and element.name in {"link", "use"})
            if loads and _foreign(value or ""):
                problems.append(f"<{element.name} {name}={value!r}> is on another host")
    return problems


def _text_alternatives(page: JustHTML) -> list[str]:
    problems = [
        f"<img src={image.attrs.get('src')!r}> has no alt"
        for image in page.query("img")
        if "alt" not in image.attrs
    ]
    for drawing in page.query("svg"):
        hidden = drawing.attrs.get("aria-hidden") == "true"
        if not hidden and not _accessible_name(drawing):
            problems.append("an <svg> is neither named nor aria-hidden")
    return problems


def _headers(response: TestResponse) -> list[str]:
    policy = response.headers.get("Content-Security-Policy", "")
    problems = []
    if policy != CONTENT_SECURITY_POLICY or "unsafe" in policy:
        problems.append(f"Content-Security-Policy is {policy!r}")
    if response.headers.get("X-Content-Type-Options") != "nosniff":
        problems.append("X-Content-Type-Options is not nosniff")
    return problems


def _accessible_name(element: Any) -> str:
    attributes = element.attrs
    return (
        attributes.get("aria-label")
        or attributes.get("aria-labelledby")
        or attributes.get("title")
        or element.to_text().strip()
        or "".join(image.attrs.get("alt") or "" for image in element.query("img"))
    )


def _inside(element: Any, name: str) -> bool:
    while element is not None:
        if getattr(element, "name", None) == name:
            return True
        element = element.parent
    return False


def _foreign(url: str) -> bool:
    parts = urlsplit(url)
    return bool(parts.netloc) or parts.scheme not in {"", "data"}
