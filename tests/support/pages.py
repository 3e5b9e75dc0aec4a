"""What tests of pages ask of the page that a CheckedClient has open."""

from __future__ import annotations

from tests.support.checked_client import CheckedClient

HTMX = {"HX-Request": "true"}


def errors(browser: CheckedClient) -> dict[str, str]:
    """The error texts by the name of the field that refers to them."""
    found = {}
    for control in browser.page.query("[aria-invalid=true]"):
        ids = control.attrs["aria-describedby"].split()
        [text] = [browser.text(f"#{name}") for name in ids if name.endswith("-error")]
        found[control.attrs["name"]] = text
    return found


def live(browser: CheckedClient) -> dict[str, str]:
    """The attributes of the part that refreshes itself."""
    return browser.page.query_one("[data-live]").attrs


def names(browser: CheckedClient) -> list[str]:
    """Of the monitors in the list, from the top."""
    return [link.to_text() for link in browser.page.query(".monitor-name")]
