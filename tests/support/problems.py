"""What an error of `/api/v1` tells."""

from __future__ import annotations

from werkzeug.test import TestResponse


def fields(answer: TestResponse) -> list[str]:
    """The fields that it names, of an error in the one shape that there is."""
    assert answer.content_type == "application/problem+json"
    assert answer.json is not None
    assert answer.json["status"] == answer.status_code
    return [error["field"] for error in answer.json["errors"]]
