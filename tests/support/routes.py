"""Addresses compiled once a process: each test's application would compile its hundreds anew."""

from __future__ import annotations

from collections.abc import Callable

from werkzeug.routing import Rule

_Build = Callable[..., tuple[str, str]]


class CompiledRule(Rule):
    """Keeps the code that builds an address: all that it is made of is in its key."""

    _compiled: dict[tuple[object, ...], _Build] = {}

    def _compile_builder(self, append_unknown: bool = True) -> _Build:
        defaults = sorted((self.defaults or {}).items())
        key = (self.rule, tuple(self._trace), repr(defaults), append_unknown)
        if key not in self._compiled:
            self._compiled[key] = super()._compile_builder(append_unknown)
        return self._compiled[key]
