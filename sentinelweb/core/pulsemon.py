"""PulseMon's words (seed 001): what its clients ask for, and how statuses and times are written."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Annotated, Any

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    ValidationError,
)
from pydantic_core import PydanticCustomError

from sentinelweb.core.schedule import MAX_GRACE, MAX_PERIOD
from sentinelweb.core.signals import is_alias
from sentinelweb.core.status import Status

UP, DOWN, UNKNOWN = "UP", "DOWN", "UNKNOWN"

# What is late is up until the grace is over; what is paused is not watched.
_WORDS = {Status.UP: UP, Status.LATE: UP, Status.DOWN: DOWN}

MAX_NAME = 200
MAX_URL = 2_000


def status_word(status: str) -> str:
    """UP, DOWN, or UNKNOWN for what was never pinged or is paused."""
    return _WORDS.get(Status(status), UNKNOWN)


def instant(moment: datetime) -> str:
    """UTC to the second: `2025-09-18T17:00:00Z`."""
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def instant_of(iso: str) -> str:
    """The same of an ISO 8601 text."""
    return instant(datetime.fromisoformat(iso))


def _no_bool(value: object) -> object:
    """`true` is no number, though Python counts it as 1."""
    if isinstance(value, bool):
        raise PydanticCustomError("int_type", "Input should be a valid integer")
    return value


def _stripped(value: object) -> object:
    return value.strip() if isinstance(value, str) else value


def _printable(value: str) -> str:
    if any(character < " " or character == "\x7f" for character in value):
        raise PydanticCustomError("value_error", "Control characters are not allowed")
    if any("\ud800" <= character <= "\udfff" for character in value):
        raise PydanticCustomError("value_error", "This is no Unicode text")
    return value


def _slug(value: str) -> str:
    if not is_alias(value):
        raise PydanticCustomError(
            "value_error",
            "Use letters from a to z, digits and - _ . ~ only, and no number up to 255 nor start, "
            "fail or log",
        )
    return value


class NewMonitor(BaseModel):
    """The body of `POST /api/monitors`. An empty `webhook_url` is none."""

    model_config = ConfigDict(extra="ignore")

    name: Annotated[
        str,
        BeforeValidator(_stripped),
        Field(min_length=1, max_length=MAX_NAME),
        AfterValidator(_printable),
    ]
    slug: Annotated[str, BeforeValidator(_stripped), AfterValidator(_slug)]
    # Limits come before functions: behind them the schema would not tell them.
    interval_seconds: Annotated[int, Field(gt=0, le=MAX_PERIOD), BeforeValidator(_no_bool)]
    grace_seconds: Annotated[int, Field(ge=0, le=MAX_GRACE), BeforeValidator(_no_bool)]
    webhook_url: Annotated[
        Annotated[str, Field(max_length=MAX_URL)] | None,
        BeforeValidator(lambda value: None if value == "" else _stripped(value)),
    ] = None


class UnusableError(ValueError):
    """The request cannot be used; `detail` says why, as FastAPI says it."""

    def __init__(self, detail: list[dict[str, Any]]) -> None:
        super().__init__("the request cannot be used")
        self.detail = detail

    @classmethod
    def of(cls, name: str, message: str, kind: str = "value_error") -> UnusableError:
        """One error of the body's field `name`."""
        return cls([{"loc": ["body", name], "msg": message, "type": kind}])


def read_monitor(body: bytes) -> NewMonitor:
    """What a client wants to be created; raise UnusableError, which names every wrong field."""
    try:
        said = json.loads(body)
    except (ValueError, RecursionError):
        error = {"loc": ["body"], "msg": "This is not JSON", "type": "json_invalid"}
        raise UnusableError([error]) from None
    try:
        return NewMonitor.model_validate(said)
    except ValidationError as error:
        found = error.errors(include_input=False, include_url=False, include_context=False)
        raise UnusableError(
            [
                {"loc": ["body", *item["loc"]], "msg": item["msg"], "type": item["type"]}
                for item in found
            ]
        ) from None
