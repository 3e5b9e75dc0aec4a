"""Status pages: listed, made, read, changed, deleted, each with the monitors that it shows."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from flask import g, jsonify, url_for
from flask.typing import ResponseReturnValue
from sqlalchemy.orm import selectinload

from sentinelweb.api import answers, requests, status_page_values
from sentinelweb.api.answers import StatusPagePage, StatusPageShown
from sentinelweb.api.operations import describe
from sentinelweb.api.requests import PageQuery, StatusPageBody
from sentinelweb.blueprints.api_v1 import bp
from sentinelweb.models import StatusPage
from sentinelweb.services import keyset, status_pages
from sentinelweb.services.errors import NotFoundError

TAG = "Status pages"


@bp.get("/status-pages")
@describe("List status pages", TAG, answer=StatusPagePage, query=PageQuery, errors=(422,))
def list_status_pages() -> ResponseReturnValue:
    asked = requests.query(PageQuery)
    with_items = [selectinload(StatusPage.items)]
    page = keyset.owned(
        g.program, StatusPage, after=asked.after, limit=asked.limit, options=with_items
    )
    shown = [answers.status_page(item) for item in page.rows]
    return jsonify(answers.listed("status_pages", shown, page.following))


@bp.post("/status-pages")
@describe(
    "Create a status page",
    TAG,
    status=201,
    answer=StatusPageShown,
    body=StatusPageBody,
    errors=(400, 404, 409, 413, 422),
)
def create_status_page() -> ResponseReturnValue:
    values, items = status_page_values.new(g.program, requests.json_object())
    with _unknown_monitors_told():
        page = status_pages.create(g.program, values, items=items)
    place = url_for("api_v1.show_status_page", page_id=page.id)
    return jsonify(_shown(page)), 201, {"Location": place}


@bp.get("/status-pages/<int:page_id>")
@describe("Read a status page", TAG, answer=StatusPageShown, errors=(404,))
def show_status_page(page_id: int) -> ResponseReturnValue:
    return jsonify(_shown(status_pages.get(g.program, page_id)))


@bp.patch("/status-pages/<int:page_id>")
@describe(
    "Change a status page",
    TAG,
    answer=StatusPageShown,
    body=StatusPageBody,
    partial=True,
    errors=(400, 404, 409, 413, 422),
)
def change_status_page(page_id: int) -> ResponseReturnValue:
    """What the body does not name stays as it is; `monitors` are all that it shows from then on."""
    said, page = requests.json_object(), status_pages.get(g.program, page_id)
    values, items = status_page_values.changed(g.program, page, said)
    with _unknown_monitors_told():
        page = status_pages.edit(g.program, page_id, values, items)
    return jsonify(_shown(page))


@bp.delete("/status-pages/<int:page_id>")
@describe("Delete a status page; its monitors stay", TAG, status=204, errors=(404,))
def delete_status_page(page_id: int) -> ResponseReturnValue:
    status_pages.delete(g.program, page_id)
    return "", 204


@contextmanager
def _unknown_monitors_told() -> Iterator[None]:
    """The page itself was found: what was not is a monitor of another team's."""
    try:
        yield
    except NotFoundError:
        raise status_page_values.unknown_monitor() from None


def _shown(page: StatusPage) -> dict[str, Any]:
    return answers.dumped(answers.status_page(page))
