"""The services that the environment names: SERVICE_NAMES, SERVICE_URL_*, SERVICE_HEADERS_*.

As seeds 002 and 004 have them ("Dynamic Configuration"). The server and the agent both read them,
so that nothing here needs either.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field

NAMES = "SERVICE_NAMES"
URL = "SERVICE_URL_"
HEADERS = "SERVICE_HEADERS_"

MAX_NAME = 200

_TOKEN = r"[!#$%&'*+.^_`|~0-9A-Za-z-]+"  # noqa: S105 - RFC 9110, 5.6.2: what a header's name is
# A comma may be part of a value, and so may `https://…` behind one.
_NEXT_HEADER = re.compile(rf",(?=\s*{_TOKEN}\s*:(?!//))")
_HEADER = re.compile(rf"({_TOKEN})\s*:\s*(.*)", re.DOTALL)


@dataclass(frozen=True, slots=True)
class ServiceVariable:
    """A service as the environment has it. `url` is what it says, good or bad; never log it."""

    name: str
    url: str
    headers: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Problem:
    """A variable that cannot be used, or not in full. `message` is English and holds no value."""

    variable: str
    message: str

    def __str__(self) -> str:
        return f"{self.variable}: {self.message}"


def parse(environ: Mapping[str, str]) -> tuple[list[ServiceVariable], list[Problem]]:
    """The services of `environ`, those of SERVICE_NAMES first, and what is wrong with the rest.

    A name finds its variables in whatever case they are written, and with `_` for the characters
    that a shell's variables cannot have. A SERVICE_URL_* that SERVICE_NAMES does not list is a
    service too (seed 004), named as its variable.
    """
    addresses, headers = _with_prefix(environ, URL), _with_prefix(environ, HEADERS)
    services, problems = [], []
    listed = dict.fromkeys(filter(None, (part.strip() for part in _names(environ))))
    for name in listed:
        key = _find(addresses, name)
        if key is None:
            problems.append(Problem(NAMES, f"{name[:80]} has no {URL}{name[:80]}"))
            continue
        services.append((name, key))
    used = {key for _name, key in services}
    services += [(key, key) for key in addresses if key not in used]

    found, used_headers = [], set()
    for name, key in services:
        variable = URL + key
        if not addresses[key]:
            problems.append(Problem(variable, "is empty"))
            continue
        if len(name) > MAX_NAME:
            problems.append(Problem(variable, f"the name has more than {MAX_NAME} characters"))
            continue
        headers_key = _find(headers, key) or _find(headers, name)
        sent: dict[str, str] = {}
        if headers_key is not None:
            used_headers.add(headers_key)
            sent, unreadable = parse_headers(headers[headers_key])
            if unreadable:
                problems.append(
                    Problem(HEADERS + headers_key, "is not a list such as Name:value,Name:value")
                )
        found.append(ServiceVariable(name, addresses[key], sent))
    problems += [
        Problem(HEADERS + key, f"there is no {URL}{key}")
        for key in headers
        if key not in used_headers
    ]
    return found, problems


def parse_headers(text: str) -> tuple[dict[str, str], bool]:
    """The headers in `Name:value,Name:value`, and whether some of it could not be read."""
    headers: dict[str, str] = {}
    unreadable = False
    for part in _NEXT_HEADER.split(text):
        match = _HEADER.fullmatch(part.strip())
        if match and match[2].isprintable():
            headers[match[1]] = match[2].strip()
        elif part.strip():
            unreadable = True
    return headers, unreadable


def _names(environ: Mapping[str, str]) -> list[str]:
    return _unquoted(environ.get(NAMES, "")).split(",")


def _with_prefix(environ: Mapping[str, str], prefix: str) -> dict[str, str]:
    """The variables with `prefix`, by what follows it, in the order of their names."""
    return {
        name.removeprefix(prefix): _unquoted(environ[name])
        for name in sorted(environ)
        if name.startswith(prefix) and name != prefix
    }


def _unquoted(value: str) -> str:
    """`docker run --env-file` hands quotes over as they stand in the file."""
    value = value.strip()
    if len(value) >= 2 and value[0] == value[-1] and value[0] in "\"'":
        return value[1:-1].strip()
    return value


def _find(variables: Mapping[str, str], name: str) -> str | None:
    if name in variables:
        return name
    wanted = folded(name)
    return next((key for key in variables if folded(key) == wanted), None)


def folded(name: str) -> str:
    """`name` as far as it matters in which case and with which characters it was written."""
    return re.sub(r"\W", "_", name.casefold())
