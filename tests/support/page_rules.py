"""The rules that every page keeps, as one function that any test's page goes through."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from urllib.parse import urlsplit

from justhtml import Element, JustHTML, Node
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
    elements = list(_elements(page.root))
    problems = [
        *_markup(page, html),
        *_ids(elements),
        *_content_policy(elements),
        *_forms(elements),
        *_names(elements),
    ]
    if not fragment:
        problems += [*_document(elements), *_references(elements), *_headers(response)]
    if problems:
        listed = "\n  ".join(problems)
        raise PageError(f"{response.request.path} breaks the rules of pages:\n  {listed}")
    return page


def _elements(node: Node) -> Iterator[Element]:
    """All elements below `node`: one walk is quicker than a query for each rule."""
    for child in node.children or ():
        if isinstance(child, Element):
            yield child
            yield from _elements(child)


def _markup(page: JustHTML, html: str) -> list[str]:
    lines = html.splitlines()
    problems = []
    for error in page.errors:
        line = lines[error.line - 1] if error.line and error.line <= len(lines) else ""
        problems.append(f"line {error.line}: {error.code}: {line.strip()[:120]}")
    return problems


def _ids(elements: list[Element]) -> list[str]:
    ids = Counter(element.attrs["id"] for element in elements if "id" in element.attrs)
    return [f"id {name!r} is used {count} times" for name, count in ids.items() if count > 1]


def _document(elements: list[Element]) -> list[str]:
    problems = []
    found: dict[str, list[Element]] = {"html": [], "title": [], "h1": [], "main": []}
    for element in elements:
        # An <svg> may have a <title> of its own.
        if element.name in found and element.namespace in {None, "html"}:
            found[element.name].append(element)
    if not all(element.attrs.get("lang") for element in found["html"]):
        problems.append("<html> has no lang")
    titles = [element.to_text().strip() for element in found["title"]]
    if len(titles) != 1 or not titles[0] or titles[0].startswith("–"):
        problems.append(f"there must be one <title>, which names the page: {titles}")
    headings = [element.to_text().strip() for element in found["h1"]]
    if len(headings) != 1 or not headings[0]:
        problems.append(f"there must be one <h1>: {headings}")
    if len(found["main"]) != 1:
        problems.append("there must be one <main>")
    return problems


def _references(elements: list[Element]) -> list[str]:
    ids = {element.attrs["id"] for element in elements if "id" in element.attrs}
    return [
        f'<{element.name} {attribute}="{element.attrs[attribute]}"> refers to nothing'
        for element in elements
        for attribute in _REFERENCES
        if attribute in element.attrs and not set((element.attrs[attribute] or "").split()) <= ids
    ]


def _forms(elements: list[Element]) -> list[str]:
    problems = []
    labelled = {element.attrs.get("for") for element in elements if element.name == "label"}
    for element in elements:
        attributes = element.attrs
        if element.name == "form" and (attributes.get("method") or "get").lower() == "post":
            tokens = element.query("input[name=csrf_token]")
            if len(tokens) != 1 or not tokens[0].attrs.get("value"):
                problems.append(f"form {attributes.get('action')!r} has no CSRF token")
        if element.name in {"input", "select", "textarea"}:
            hidden = attributes.get("type") in {"hidden", "submit", "button"}
            named = {"aria-label", "aria-labelledby"} & attributes.keys()
            if not (hidden or named or attributes.get("id") in labelled or _in_label(element)):
                problems.append(f"<{element.name} name={attributes.get('name')!r}> has no label")
    return problems


def _content_policy(elements: list[Element]) -> list[str]:
    """What the Content-Security-Policy would stop in a browser, silently."""
    problems = []
    for element in elements:
        if element.name == "style":
            problems.append("an inline <style>")
        if (
            element.name == "script"
            and not element.attrs.get("src")
            and element.attrs.get("type") != "application/json"
        ):
            problems.append("an inline <script>")
        for name, value in element.attrs.items():
            if name == "style" or name.startswith(("on", "hx-on")):
                problems.append(f"<{element.name} {name}=…> is inline code")
            loads = name in _SOURCES or (name == "href" and element.name in {"link", "use"})
            if loads and _foreign(value or ""):
                problems.append(f"<{element.name} {name}={value!r}> is on another host")
    return problems


def _names(elements: list[Element]) -> list[str]:
    """What has to have a name for those who do not see it."""
    problems = []
    for element in elements:
        attributes = element.attrs
        if element.name == "img" and "alt" not in attributes:
            problems.append(f"<img src={attributes.get('src')!r}> has no alt")
        acts = element.name == "button" or (element.name == "a" and "href" in attributes)
        if acts and not _accessible_name(element):
            problems.append(f"<{element.name}> without a name: {element.to_html()[:100]}")
        drawn = element.name == "svg" and attributes.get("aria-hidden") != "true"
        if drawn and not _accessible_name(element):
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


def _accessible_name(element: Element) -> str:
    attributes = element.attrs
    return (
        attributes.get("aria-label")
        or attributes.get("aria-labelledby")
        or attributes.get("title")
        or element.to_text().strip()
        or "".join(image.attrs.get("alt") or "" for image in element.query("img"))
    )


def _in_label(element: Element) -> bool:
    while element is not None and element.name != "label":
        element = element.parent
    return element is not None


def _foreign(url: str) -> bool:
    parts = urlsplit(url)
    return bool(parts.netloc) or parts.scheme not in {"", "data"}
