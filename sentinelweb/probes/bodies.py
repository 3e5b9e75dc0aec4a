"""What the text of an answer says: a keyword, or a value in JSON."""

from __future__ import annotations

import json
from functools import lru_cache
from typing import Any

import jsonpath
from jsonpath import JSONPathError

from sentinelweb.i18n import gettext

# Strict: nothing beside RFC 9535. Functions, lists and queries of the whole document are left out,
# as any of them lets a few characters keep the process busy for hours.
_json_paths = jsonpath.JSONPathEnvironment(strict=True)
_json_paths.function_extensions.clear()


@lru_cache(maxsize=1_000)
def _compiled(path: str) -> jsonpath.JSONPath:
    if "," in path or "$" in path[1:] or path.count("..") > 1:
        raise ValueError(gettext("Use a simpler path: no list, one “$”, and “..” once at most."))
    try:
        compiled = _json_paths.compile(path)
    except (JSONPathError, RecursionError):
        raise ValueError(gettext("Write a JSON path as in “$.checks[0].status”.")) from None
    assert isinstance(compiled, jsonpath.JSONPath)  # noqa: S101 - strict paths are never compound
    return compiled


def check_json_path(path: str) -> str:
    """`path` if it may be used; raise ValueError with a sentence."""
    _compiled(path)
    return path


def holds(body: bytes, keyword: str) -> bool:
    """Whether `keyword` is in `body`.

    Pages that are not UTF-8 are nearly always Latin-1, or hold no letter that would tell.
    """
    if keyword.encode() in body:
        return True
    try:
        return keyword.encode("latin-1") in body
    except UnicodeEncodeError:
        return False


def matches(body: bytes, path: str, wanted: str | None) -> bool:
    """Whether the JSON in `body` has something at `path`: `wanted`, or anything for None.

    Raise ValueError if it is no JSON.
    """
    try:
        document = json.loads(body)
    except RecursionError:
        raise ValueError("nested too deeply") from None
    try:
        found = (match.obj for match in _compiled(path).finditer(document))
        return any(wanted is None or _equals(value, wanted) for value in found)
    except (JSONPathError, RecursionError):  # it is nested too deeply
        return False


def _equals(value: Any, wanted: str) -> bool:
    """Whether `wanted`, as a person types it, is the JSON `value`."""
    if isinstance(value, str):
        return value == wanted
    try:
        typed = json.loads(wanted)
    except (ValueError, RecursionError):
        return False
    # For Python true is 1.
    return bool(value == typed) and isinstance(value, bool) == isinstance(typed, bool)
