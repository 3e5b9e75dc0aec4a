"""Services that somebody wrote down as SERVICE_* variables, as far as they can be probed.

The server's environment has them, the `.env` of an agent of seed 002 or 004, and our own agent's.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from sentinelweb import probes
from sentinelweb.probes.base import InvalidTargetError, Probe
from sentinelweb.service_variables import HEADERS, URL, Problem, ServiceVariable


@dataclass(frozen=True, slots=True)
class DeclaredService:
    """A service whose variables were understood. `options` may hold secrets: never log it."""

    name: str
    target: str
    probe: Probe
    options: dict[str, Any]


def understand(
    variables: Iterable[ServiceVariable],
) -> tuple[list[DeclaredService], list[Problem]]:
    """The services that can be probed, and what is wrong with the others."""
    services, problems = [], []
    for variable in variables:
        try:
            services.append(_understand(variable))
        except _RefusedError as error:
            problems.append(error.problem)
    return services, problems


class _RefusedError(Exception):
    def __init__(self, variable: str, message: str) -> None:
        super().__init__(message)
        self.problem = Problem(variable, message)


def _understand(variable: ServiceVariable) -> DeclaredService:
    probe = probes.probe_for(variable.url)
    if probe is None:
        known = ", ".join(f"{scheme}:" for scheme in _schemes())
        raise _RefusedError(URL + variable.name, f"must begin with one of {known}")
    if variable.headers and not any(option.name == "headers" for option in probe.options):
        raise _RefusedError(HEADERS + variable.name, f"{probe.label} services have no headers")
    headers = "\n".join(f"{name}: {value}" for name, value in variable.headers.items())
    try:
        target = probe.clean(variable.url)
        options = probe.clean_options({"headers": headers}) if headers else {}
    except InvalidTargetError as error:
        raise _RefusedError((HEADERS if error.field else URL) + variable.name, str(error)) from None
    return DeclaredService(variable.name, target, probe, dict(options))


def _schemes() -> list[str]:
    return [scheme for probe in probes.registered().values() for scheme in probe.schemes]
