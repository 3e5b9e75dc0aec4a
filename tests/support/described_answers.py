"""Holds every answer of an API to what the OpenAPI description says of it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import jsonschema_rs
from flask import Flask
from werkzeug.exceptions import HTTPException
from werkzeug.test import TestResponse

from sentinelweb.api import openapi

# Those of werkzeug itself, and of what fails: any operation may give them.
OF_THE_SERVER = {304, 308, 405, 500, 503}


@dataclass
class Described:
    """The description, made when it is first needed: it is the same for all applications."""

    document: dict[str, Any] = field(default_factory=dict)
    validators: dict[tuple[str, ...], jsonschema_rs.Validator] = field(default_factory=dict)

    def check(self, app: Flask, response: TestResponse) -> None:
        """Raise AssertionError for an answer that its operation does not describe.

        Pages, which are no operations, may answer as they like, and so may parts of them to htmx.
        """
        if not self.document:
            self.document = openapi.description(app, "")
        asked = response.request
        path = _path(app, asked.path, asked.method)
        method = "get" if asked.method == "HEAD" else asked.method.lower()
        operation = self.document["paths"].get(path, {}).get(method)
        is_free = response.status_code in OF_THE_SERVER or "HX-Request" in asked.headers
        if operation is None or is_free:
            return
        said = f"{asked.method} {asked.path}: {response.status} {response.content_type}"
        status = str(response.status_code)
        assert status in operation["responses"], f"{said} is not described: {response.text}"
        content = operation["responses"][status].get("content", {})
        if not content:
            assert not response.data, said
        elif asked.method != "HEAD":
            assert response.mimetype in content, f"{said} is not described"
            schema = content[response.mimetype]["schema"]
            self._check_body((path, method, status, response.mimetype), schema, response)

    def _check_body(
        self, place: tuple[str, ...], schema: dict[str, Any], response: TestResponse
    ) -> None:
        if place not in self.validators:
            whole = schema | {"components": self.document["components"]}
            self.validators[place] = jsonschema_rs.validator_for(whole, validate_formats=True)
        body = response.get_json(force=True) if "json" in response.mimetype else response.text
        wrong = [
            f"{error.instance_path}: {error.message}"
            for error in self.validators[place].iter_errors(body)
        ]
        assert not wrong, f"{place}: {wrong}"


def _path(app: Flask, path: str, method: str) -> str:
    """The path of the operation as it is described; empty for none."""
    try:
        rule, _values = app.url_map.bind("localhost").match(path, method, return_rule=True)
    except HTTPException:
        return ""
    return openapi.path_of(rule)


described = Described()
