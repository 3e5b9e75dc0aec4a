"""One file a channel kind; registered by being there."""

from __future__ import annotations

import importlib
import pkgutil
from functools import lru_cache

from sentinelweb.notifiers.base import Notifier


@lru_cache
def registered() -> dict[str, Notifier]:
    """Every kind of this package, by its name."""
    found: dict[str, Notifier] = {}
    for info in pkgutil.iter_modules(__path__):
        module = importlib.import_module(f"{__name__}.{info.name}")
        for value in vars(module).values():
            if (
                isinstance(value, type)
                and issubclass(value, Notifier)
                and value.__module__ == module.__name__
                and hasattr(value, "kind")
            ):
                found[value.kind] = value()
    return found
