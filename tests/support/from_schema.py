"""Values that a JSON schema of the OpenAPI description allows, for hypothesis to draw."""

from __future__ import annotations

from typing import Any

from hypothesis import strategies as st

LEAST, MOST = -(2**70), 2**70
TEXTS = st.text(max_size=30)
ANYTHING = st.recursive(
    st.none() | st.booleans() | st.integers(LEAST, MOST) | TEXTS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXTS, inner, max_size=3),
    max_leaves=5,
)


def values(schema: dict[str, Any], components: dict[str, Any]) -> st.SearchStrategy[Any]:
    """Mostly values that `schema` allows; where it does not bound them, larger than is sane."""
    if "$ref" in schema:
        return values(components[schema["$ref"].rpartition("/")[2]], components)
    if "anyOf" in schema:
        return st.one_of(*(values(choice, components) for choice in schema["anyOf"]))
    if "const" in schema:
        return st.just(schema["const"])
    if "enum" in schema:
        return st.sampled_from(schema["enum"])
    return _of_type(schema, components)


def _of_type(schema: dict[str, Any], components: dict[str, Any]) -> st.SearchStrategy[Any]:
    match schema.get("type"):
        case "object":
            return _objects(schema, components)
        case "array":
            return st.lists(values(schema.get("items", {}), components), max_size=3)
        case "string":
            return st.text(
                min_size=schema.get("minLength", 0), max_size=min(schema.get("maxLength", 30), 30)
            )
        case "integer":
            return st.integers(schema.get("minimum", LEAST), schema.get("maximum", MOST))
        case "number":
            return st.floats(allow_nan=False, allow_infinity=False)
        case "boolean":
            return st.booleans()
        case "null":
            return st.none()
    return ANYTHING


def _objects(schema: dict[str, Any], components: dict[str, Any]) -> st.SearchStrategy[Any]:
    drawn = {name: values(part, components) for name, part in schema.get("properties", {}).items()}
    required = set(schema.get("required", ()))
    if not drawn:
        extra = schema.get("additionalProperties")
        inner = values(extra, components) if isinstance(extra, dict) else ANYTHING
        return st.dictionaries(TEXTS, inner, max_size=3)
    return st.fixed_dictionaries(
        {name: part for name, part in drawn.items() if name in required},
        optional={name: part for name, part in drawn.items() if name not in required},
    )
