"""The description of every API of the server (OpenAPI 3.1), made from its routes and models."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from http import HTTPStatus
from typing import Any

from flask import Flask
from pydantic import TypeAdapter
from pydantic.json_schema import JsonSchemaMode
from werkzeug.routing import Rule

from sentinelweb import __version__
from sentinelweb.api import operations, problems
from sentinelweb.api.elsewhere import ANY, OPERATIONS, PATHS, SECURITY
from sentinelweb.api.elsewhere_answers import TEXT
from sentinelweb.api.operations import COMMON, Operation
from sentinelweb.api.problems import Problem

Schema = dict[str, Any]

_VARIABLE = re.compile(r"<(?:(?P<converter>\w+)(?:\((?P<choices>[^)]*)\))?:)?(?P<name>\w+)>")
_REFERENCE = "#/components/schemas/{model}"
_SECURITY_SCHEMES = {
    "key": {"type": "http", "scheme": "bearer", "description": "A key of the page “API keys”"},
    "adminToken": {"type": "apiKey", "in": "header", "name": "X-Admin-Token"},
    "agentKey": {"type": "http", "scheme": "bearer", "description": "The key of a host"},
    "session": {"type": "apiKey", "in": "cookie", "name": "session"},
}
_IMPLIED = {"HEAD", "OPTIONS"}


def described(app: Flask) -> Iterator[tuple[Rule, str, Operation]]:
    """Every route that is an API, with each of its methods."""
    for rule in sorted(app.url_map.iter_rules(), key=lambda rule: (rule.rule, rule.endpoint)):
        of_view = operations.of_view(app.view_functions[rule.endpoint])
        for method in sorted((rule.methods or set()) - _IMPLIED):
            operation = of_view or OPERATIONS.get((rule.endpoint, method))
            if operation is not None:
                yield rule, method, operation


def path_of(rule: Rule) -> str:
    return PATHS.get(rule.rule) or _VARIABLE.sub(r"{\g<name>}", rule.rule)


def description(app: Flask, server: str) -> Schema:
    """The whole document; `server` is what its addresses begin with."""
    components: Schema = {}
    paths: dict[str, Schema] = {}
    for rule, method, operation in described(app):
        path = path_of(rule)
        paths.setdefault(path, {})[method.lower()] = _operation(
            rule, path, method, operation, components
        )
    return {
        "openapi": "3.1.0",
        "info": {"title": "SentinelWeb", "version": __version__},
        "servers": [{"url": server}],
        "paths": paths,
        "components": {"schemas": components, "securitySchemes": _SECURITY_SCHEMES},
    }


def _operation(
    rule: Rule, path: str, method: str, operation: Operation, components: Schema
) -> Schema:
    is_v1 = rule.endpoint.startswith("api_v1.")
    shown: Schema = {
        "operationId": re.sub(r"\W+", "_", f"{method.lower()}{path}").strip("_"),
        "summary": operation.summary,
        "tags": [operation.tag],
        "parameters": [*_path_parameters(rule, path), *_query_parameters(operation.query)],
        "responses": {str(operation.status): _answer(operation, components)},
        "security": _security(rule.endpoint),
    }
    if operation.body is not None:
        shown["requestBody"] = {
            "required": is_v1 or rule.endpoint == "pulsemon_api.create",
            "content": {"application/json": {"schema": _body(operation, components)}},
        }
    for status in (*operation.errors, *(COMMON if is_v1 else ())):
        content = (
            {problems.MEDIA_TYPE: _schema(Problem, "serialization", components)}
            if is_v1
            else _refusals(operation)
        )
        shown["responses"][str(status)] = {
            "description": _phrase(status),
            "content": _content(content),
        }
    return shown


def _phrase(status: int) -> str:
    """What a status means; that of seed 004's receiver, of which HTTP knows nothing, is success."""
    try:
        return HTTPStatus(status).phrase
    except ValueError:
        return HTTPStatus.OK.phrase


def _refusals(operation: Operation) -> dict[str, Schema]:
    if operation.error is None:
        return {"application/json": ANY, "text/html": TEXT}
    return {"application/json": operation.error}


def _content(schemas: Mapping[str, Schema]) -> Schema:
    return {media_type: {"schema": schema} for media_type, schema in schemas.items()}


def _security(endpoint: str) -> list[Schema]:
    names = SECURITY.get(endpoint) or SECURITY.get(endpoint.partition(".")[0], ())
    return [{name: []} for name in names]


def _path_parameters(rule: Rule, path: str) -> list[Schema]:
    schemas: dict[str, Schema] = {
        match["name"]: _of_converter(match["converter"], match["choices"])
        for match in _VARIABLE.finditer(rule.rule)
    }
    return [
        {"name": name, "in": "path", "required": True, "schema": schemas.get(name, TEXT)}
        for name in re.findall(r"{(\w+)}", path)
    ]


def _of_converter(converter: str | None, choices: str | None) -> Schema:
    if converter == "any" and choices:
        return {"enum": re.split(r",\s*", choices)}
    return {"type": "integer"} if converter == "int" else TEXT


def _query_parameters(query: Any) -> list[Schema]:
    if query is None:
        return []
    properties = query if isinstance(query, dict) else _inlined(query)
    return [
        {"name": name, "in": "query", "required": False, "schema": schema}
        for name, schema in properties.items()
    ]


def _inlined(query: Any) -> Schema:
    """The parameters of a model, which may be none of the components: they are not shared."""
    schema = TypeAdapter(query).json_schema()
    definitions = schema.get("$defs", {})

    def resolve(part: Any) -> Any:
        if isinstance(part, dict):
            if "$ref" in part:
                return definitions[part["$ref"].rpartition("/")[2]]
            return {key: resolve(value) for key, value in part.items()}
        return [resolve(item) for item in part] if isinstance(part, list) else part

    properties: Schema = resolve(schema["properties"])
    return properties


def _answer(operation: Operation, components: Schema) -> Schema:
    shown: Schema = {"description": HTTPStatus(operation.status).phrase}
    schemas = dict(operation.media)
    if operation.answer is not None:
        schemas["application/json"] = _schema(operation.answer, "serialization", components)
    if schemas:
        shown["content"] = _content(schemas)
    return shown


def _body(operation: Operation, components: Schema) -> Schema:
    if not operation.partial:
        return _schema(operation.body, "validation", components)
    whole = _schema(operation.body, "validation", components)
    changes = []
    for alternative in whole.get("anyOf", [whole]):
        name = alternative["$ref"].rpartition("/")[2]
        components[f"{name}Change"] = _change(components[name])
        changes.append({"$ref": _REFERENCE.format(model=f"{name}Change")})
    return {"anyOf": changes}


def _change(whole: Schema) -> Schema:
    """The same where nothing is required, nor anything assumed."""
    properties = {
        name: {key: value for key, value in schema.items() if key != "default"}
        for name, schema in whole["properties"].items()
    }
    rest = {key: value for key, value in whole.items() if key != "required"}
    return rest | {"properties": properties, "title": f"{whole['title']}Change"}


def _schema(kind: Any, mode: JsonSchemaMode, components: Schema) -> Schema:
    """A reference where `kind` is a model, whose schema is put into `components`."""
    if isinstance(kind, dict):
        return kind
    schema = TypeAdapter(kind).json_schema(mode=mode, ref_template=_REFERENCE)
    components.update(schema.pop("$defs", {}))
    if "properties" not in schema:
        return schema
    components[schema["title"]] = schema
    return {"$ref": _REFERENCE.format(model=schema["title"])}
