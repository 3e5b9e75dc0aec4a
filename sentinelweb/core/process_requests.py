"""What programs say when they register and end processes, checked field by field (seed 003)."""

from __future__ import annotations

import json
from typing import Annotated, TypeVar

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError
from pydantic.alias_generators import to_camel

from sentinelweb.core.beats import MAX_HOST, MAX_MESSAGE, MAX_PID, storable

MAX_NAME = 200


def _text(limit: int) -> BeforeValidator:
    """A text without what some database cannot store."""
    return BeforeValidator(
        lambda value: storable(value, limit + 1).strip() if isinstance(value, str) else value
    )


Name = Annotated[str, _text(MAX_NAME), Field(max_length=MAX_NAME)]
Tag = Annotated[str, _text(50), Field(min_length=1, max_length=50)]


class _Body(BaseModel):
    model_config = ConfigDict(alias_generator=to_camel, populate_by_name=True, extra="ignore")


class Registration(_Body):
    """The body of `POST /process/long-lived`; all of it is optional."""

    name: Name = ""
    description: Annotated[str, _text(2_000), Field(max_length=2_000)] = ""
    tags: Annotated[list[Tag], Field(max_length=20)] = []
    environment: Annotated[str, _text(50), Field(max_length=50)] = ""
    expiry_seconds: Annotated[int, Field(ge=2, le=86_400, strict=True)] | None = None
    host: Annotated[str, _text(MAX_HOST), Field(max_length=MAX_HOST)] = ""
    pid: Annotated[int, Field(ge=0, le=MAX_PID, strict=True)] | None = None
    message: Annotated[str, _text(MAX_MESSAGE), Field(max_length=MAX_MESSAGE)] = ""
    team: Annotated[int, Field(ge=1, le=MAX_PID, strict=True)] | None = None
    channels: (
        Annotated[list[Annotated[int, Field(ge=1, le=MAX_PID, strict=True)]], Field(max_length=100)]
        | None
    ) = None


class Ending(_Body):
    """The body of `DELETE /heartbeat/{processId}`; all of it is optional."""

    exit_status: Annotated[int, Field(ge=-255, le=255, strict=True)] | None = None
    output: str = ""
    message: Annotated[str, _text(MAX_MESSAGE), Field(max_length=MAX_MESSAGE)] = ""


Said = TypeVar("Said", bound=_Body)


class RequestError(ValueError):
    """The body cannot be used; `errors` says why, by field."""

    def __init__(self, errors: dict[str, str]) -> None:
        super().__init__("the body cannot be used")
        self.errors = errors


def read_registration(body: bytes) -> Registration:
    return _read(Registration, body)


def read_ending(body: bytes) -> Ending:
    return _read(Ending, body)


def _read(model: type[Said], body: bytes) -> Said:
    """Raise RequestError. No body at all says nothing."""
    try:
        said = json.loads(body) if body.strip() else {}
    except (ValueError, RecursionError):
        raise RequestError({"body": "is not JSON"}) from None
    try:
        return model.model_validate(said)
    except ValidationError as error:
        raise RequestError(
            {
                ".".join(map(str, item["loc"])) or "body": item["msg"]
                for item in error.errors(include_input=False, include_url=False)
            }
        ) from None
