"""From what a program says of a status page to what the services take, and back for changes."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sentinelweb.api import requests
from sentinelweb.api.problems import ProblemError, of_field
from sentinelweb.api.requests import StatusPageBody
from sentinelweb.models import StatusPage
from sentinelweb.services import status_pages
from sentinelweb.services.scoping import Program
from sentinelweb.services.status_pages import ItemValues, PageValues

_DECIDED = ("title", "slug", "description", "visibility", "is_first")


def new(program: Program, said: Mapping[str, Any]) -> tuple[PageValues, list[ItemValues]]:
    """Raise ProblemError for what cannot be used, or is not for this key to choose."""
    return _values(program, requests.read(StatusPageBody, said), was_first=False)


def changed(
    program: Program, stored: StatusPage, said: Mapping[str, Any]
) -> tuple[PageValues, list[ItemValues] | None]:
    """What is not said stays as it is, and so do the monitors."""
    present = {name: getattr(stored, name) for name in _DECIDED}
    body = requests.read(StatusPageBody, present | dict(said))
    values, items = _values(program, body, was_first=stored.is_first)
    return values, items if "monitors" in said else None


def _values(
    program: Program, body: StatusPageBody, *, was_first: bool
) -> tuple[PageValues, list[ItemValues]]:
    if body.is_first != was_first and not status_pages.may_choose_first(program):
        raise of_field("is_first", "Only ADMIN_TOKEN chooses what /status shows.", 403)
    values = PageValues(
        title=body.title,
        slug=body.slug or status_pages.slug_of(body.title) or "page",
        description=body.description,
        visibility=body.visibility,
        is_first=body.is_first,
    )
    items = [
        ItemValues(number=number, **item.model_dump())
        for number, item in enumerate(body.monitors, start=1)
    ]
    return values, items


def unknown_monitor() -> ProblemError:
    """For a page that is to show what its team does not have."""
    return of_field("monitors", "There is no such monitor.")
