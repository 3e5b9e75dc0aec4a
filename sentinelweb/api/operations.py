"""How a view is described, beside the view: the OpenAPI description is made of these."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, TypeVar

View = TypeVar("View", bound=Callable[..., Any])

# Answers that any operation under /api/v1 may give.
COMMON = (401, 403, 429)


@dataclass(frozen=True, slots=True)
class Operation:
    """`answer`, `body` and `query` are models of pydantic, or JSON schemas (of each parameter).

    `partial` bodies change what they name and leave the rest. `media` has the answers of other
    types than JSON. `errors` are statuses, whose answers are all like `error`; where it is None,
    they are for people or for programs, as these accept.
    """

    summary: str
    tag: str
    status: int = 200
    answer: Any = None
    body: Any = None
    partial: bool = False
    query: Any = None
    media: Mapping[str, Any] = field(default_factory=dict)
    errors: tuple[int, ...] = ()
    error: Any = None


_operations: dict[Callable[..., Any], Operation] = {}


def describe(summary: str, tag: str, **values: Any) -> Callable[[View], View]:
    """Say of a view what it takes and gives."""

    def remember(view: View) -> View:
        _operations[view] = Operation(summary, tag, **values)
        return view

    return remember


def of_view(view: Callable[..., Any]) -> Operation | None:
    return _operations.get(view)
