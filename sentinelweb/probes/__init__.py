"""One file a service kind; registered by being there."""

from __future__ import annotations

import importlib
import pkgutil
from functools import lru_cache

from sentinelweb.probes.base import Probe


@lru_cache
def registered() -> dict[str, Probe]:
    """Every kind of this package by its name, in the order of the list of kinds."""
    found: list[Probe] = []
    for info in pkgutil.iter_modules(__path__):
        module = importlib.import_module(f"{__name__}.{info.name}")
        found += [
            value()
            for value in vars(module).values()
            if isinstance(value, type)
            and issubclass(value, Probe)
            and value.__module__ == module.__name__
            and hasattr(value, "kind")
        ]
    return {probe.kind: probe for probe in sorted(found, key=lambda probe: probe.order)}


def probe_for(target: str) -> Probe | None:
    """The Probe that looks at `target`, by its scheme; None for one that nobody knows."""
    scheme = target.strip().partition(":")[0].lower()
    return next((probe for probe in registered().values() if scheme in probe.schemes), None)
