"""Errors as programs read them: `application/problem+json` (RFC 9457)."""

from __future__ import annotations

import json
from http import HTTPStatus

from flask import Response
from pydantic import BaseModel, ValidationError

MEDIA_TYPE = "application/problem+json"


class FieldError(BaseModel):
    """`field` is as in the request, with dots: `tags.0`; it is empty for the whole of it."""

    field: str
    message: str


class Problem(BaseModel):
    """Why a request was refused. `errors` names every wrong field."""

    type: str = "about:blank"
    title: str
    status: int
    detail: str
    errors: list[FieldError] = []


class ProblemError(Exception):
    """The request is refused with `status`."""

    def __init__(self, status: int, detail: str, errors: list[FieldError] | None = None) -> None:
        super().__init__(detail)
        self.status = status
        self.detail = detail
        self.errors = errors or []


def of_fields(error: ValidationError) -> ProblemError:
    """Every field that pydantic refuses."""
    errors = [
        FieldError(field=".".join(map(_printable, item["loc"])), message=item["msg"])
        for item in error.errors(include_input=False, include_url=False, include_context=False)
    ]
    return ProblemError(422, "The request cannot be used.", errors)


def of_field(field: str, message: str, status: int = 422) -> ProblemError:
    return ProblemError(status, message, [FieldError(field=field, message=message)])


def _printable(part: object) -> str:
    """A name that a client made up may hold half a character, which no answer can."""
    return str(part).encode("utf-8", "replace").decode()


def answer(status: int, detail: str, errors: list[FieldError] | None = None) -> Response:
    problem = Problem(
        title=HTTPStatus(status).phrase, status=status, detail=detail, errors=errors or []
    )
    return Response(json.dumps(problem.model_dump()), status, content_type=MEDIA_TYPE)
