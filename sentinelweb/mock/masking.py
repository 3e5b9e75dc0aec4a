"""What arrives is shown without its secrets: keys are sent here too while somebody tries it out."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any

MASK = "••••••••"
MAX_SHOWN = 10_000

_SECRET = re.compile(
    r"authorization|cookie|passw|secret|token|signature|api[-_]?key", re.IGNORECASE
)
_CREDENTIALS = re.compile(r"(?<=://)[^/@\s]+(?=@)")


def parse(body: bytes) -> Any:
    """The JSON in `body`; None if it is none."""
    try:
        return json.loads(body)
    except (ValueError, RecursionError):
        return None


def shown(parsed: Any) -> str:
    """What `parse` found as text for a person."""
    if parsed is None:
        return ""
    try:
        text = json.dumps(without_secrets(parsed), indent=2, ensure_ascii=False)
    except RecursionError:
        return ""
    return text if len(text) <= MAX_SHOWN else f"{text[:MAX_SHOWN]}…"


def without_secrets(value: Any, name: str = "") -> Any:
    """`value`, which stands under `name`, with a mask for each secret in it."""
    is_secret = bool(_SECRET.search(name))
    if isinstance(value, Mapping):
        return {
            _clean(str(key)): without_secrets(item, name if is_secret else str(key))
            for key, item in value.items()
        }
    if isinstance(value, list):
        return [without_secrets(item, name) for item in value]
    if value is not None and is_secret:
        return MASK
    return _CREDENTIALS.sub(MASK, _clean(value)) if isinstance(value, str) else value


def _clean(text: str) -> str:
    """Half a surrogate pair is allowed in JSON, and in no page."""
    return text.encode("utf-8", "replace").decode()
