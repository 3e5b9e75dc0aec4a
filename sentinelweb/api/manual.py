"""The description of the APIs as a page shows it: by subject, with what each operation takes."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

Schema = Mapping[str, Any]

MAX_DEPTH = 6  # of schemas within schemas


@dataclass(frozen=True, slots=True)
class Parameter:
    """`place` is `path`, `query`, or the name of the kind of body that it is in, if there are many.

    `values` says what it may be.
    """

    name: str
    place: str
    values: str
    required: bool
    description: str = ""


@dataclass(frozen=True, slots=True)
class Entry:
    """An operation. `example` is a body to begin with, empty for none; `codes` are status and text.

    `needs_key` is whether a key has to be shown.
    """

    id: str
    method: str
    path: str
    summary: str
    needs_key: bool
    parameters: Sequence[Parameter]
    fields: Sequence[Parameter]
    example: str
    codes: Sequence[tuple[str, str]]

    def command(self, server: str) -> str:
        """A line of curl."""
        parts = ["curl -fsS"]
        if self.method != "GET":
            parts.append(f"-X {self.method}")
        if self.needs_key:
            parts.append('-H "Authorization: Bearer $KEY"')
        if self.example:
            parts.append("-H 'Content-Type: application/json'")
            parts.append("-d '" + json.dumps(json.loads(self.example)).replace("'", "'\\''") + "'")
        return " ".join([*parts, f'"{server}{self.path}"'])


def entries(description: Schema) -> dict[str, list[Entry]]:
    """The operations of an OpenAPI document, by tag."""
    found: dict[str, list[Entry]] = defaultdict(list)
    schemas = description["components"]["schemas"]
    for path, operations in description["paths"].items():
        for method, operation in operations.items():
            found[operation["tags"][0]].append(_entry(path, method, operation, schemas))
    return dict(sorted(found.items()))


def _entry(path: str, method: str, operation: Schema, schemas: Schema) -> Entry:
    content = operation.get("requestBody", {}).get("content", {}).get("application/json", {})
    body = content.get("schema")
    return Entry(
        id=operation["operationId"],
        method=method.upper(),
        path=path,
        summary=operation["summary"],
        needs_key=any("key" in scheme for scheme in operation["security"]),
        parameters=[
            Parameter(
                item["name"],
                item["in"],
                _values(item["schema"], schemas),
                item["required"],
                item["schema"].get("description", ""),
            )
            for item in operation["parameters"]
        ],
        fields=_fields(body, schemas) if body else (),
        example=json.dumps(_example(body, schemas), indent=2, ensure_ascii=False) if body else "",
        codes=[
            (status, answer["description"])
            for status, answer in sorted(operation["responses"].items())
        ],
    )


def _resolve(schema: Schema, schemas: Schema) -> Schema:
    reference = schema.get("$ref")
    return schemas[reference.rpartition("/")[2]] if reference else schema


def _choices(schema: Schema) -> Sequence[Schema]:
    """The schemas of which one holds, without that of nothing."""
    some = schema.get("anyOf") or schema.get("oneOf") or ()
    return [one for one in some if one.get("type") != "null"]


def _fields(schema: Schema, schemas: Schema, kind: str = "") -> list[Parameter]:
    schema = _resolve(schema, schemas)
    choices = _choices(schema)
    if choices:
        return [
            field
            for choice in choices
            for field in _fields(choice, schemas, _resolve(choice, schemas).get("title", ""))
        ]
    required = schema.get("required", ())
    found: list[Parameter] = []
    for name, value in schema.get("properties", {}).items():
        values, meaning = _values(value, schemas), value.get("description", "")
        found.append(Parameter(name, kind, values, name in required, meaning))
        parts = _fields(value["items"], schemas, kind) if "items" in value else ()
        found += [replace(part, name=f"{name}[].{part.name}") for part in parts]
    return found


def _values(schema: Schema, schemas: Schema) -> str:
    """What a value may be, in a few words."""
    schema = _resolve(schema, schemas)
    choices = _choices(schema)
    if choices:
        return " | ".join(dict.fromkeys(_values(choice, schemas) for choice in choices))
    if "enum" in schema:
        return " | ".join(f"“{value}”" for value in schema["enum"])
    if "const" in schema:
        return f"“{schema['const']}”"
    kind = str(schema.get("type", "any"))
    if kind == "array":
        return f"[{_values(schema.get('items', {}), schemas)}, …]"
    limits = [
        f"{sign} {schema[name]}"
        for name, sign in (
            ("minimum", "≥"),
            ("exclusiveMinimum", ">"),
            ("maximum", "≤"),
            ("maxLength", "≤"),
        )
        if name in schema
    ]
    return " ".join([kind, *limits])


def _example(schema: Schema, schemas: Schema, depth: int = 0) -> Any:
    """A value to begin with: what is required, and no more of what is not."""
    schema = _resolve(schema, schemas)
    choices = _choices(schema)
    if choices:
        return _example(choices[0], schemas, depth)
    for name in ("const", "default"):
        if name in schema:
            return schema[name]
    if schema.get("examples") or schema.get("enum"):
        return (schema.get("examples") or schema["enum"])[0]
    if schema.get("type") == "object" and depth < MAX_DEPTH:
        return _example_object(schema, schemas, depth + 1)
    least = schema.get("minimum", schema.get("exclusiveMinimum", 0) + 1)
    plain = {"integer": least, "number": least, "boolean": True, "array": [], "string": "text"}
    return plain.get(schema.get("type", ""), {})


def _example_object(schema: Schema, schemas: Schema, depth: int) -> dict[str, Any]:
    properties = schema.get("properties", {})
    wanted = schema.get("required") or list(properties)[:1]
    return {
        name: _example(properties[name], schemas, depth) for name in wanted if name in properties
    }
