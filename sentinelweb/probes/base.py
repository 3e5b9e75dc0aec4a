"""What a service kind is: a class with its options and a `look()`, in a file of its own here.

Form, validation, the table in the documentation and the contract test follow from the class.
Nothing here knows Flask or the database: the agent on another machine uses the same probes.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any, ClassVar, Literal

from sentinelweb.core.results import ProbeResult, Result
from sentinelweb.i18n import gettext
from sentinelweb.outbound import failures
from sentinelweb.outbound.headers import parse_headers
from sentinelweb.probes import reasons

if TYPE_CHECKING:  # processes that show pages know the kinds and need no HTTP client
    from sentinelweb.outbound.network import Network

MAX_TARGET = 2_000

_YES = {"1", "on", "true", "yes"}
_NO = {"0", "off", "false", "no"}


class InvalidTargetError(ValueError):
    """The target or an option cannot be used; the message is for the person who typed it.

    `field` names the option, and is None for the target itself.
    """

    def __init__(self, message: str, field: str | None = None) -> None:
        super().__init__(message)
        self.field = field


@dataclass(frozen=True, slots=True)
class Option:
    """One setting of a probe, beside its target.

    `kind` `lines` and `headers` are texts of many lines; a `secret` one is never shown again.
    `choices` of a `choice` are the values that may be stored, `lowest` and `highest` bound a
    `number`. `default` is written as people type it: `true` for a flag that is set unless told
    otherwise. `check` returns the text as it is to be stored, or raises ValueError with a sentence.
    """

    name: str
    label: str
    kind: Literal["text", "choice", "flag", "number", "headers", "lines"] = "text"
    help: str = ""
    placeholder: str = ""
    secret: bool = False
    default: str = ""
    choices: tuple[str, ...] = ()
    max_length: int = 2_000
    lowest: int = 0
    highest: int = 1_000_000
    check: Callable[[str], str] | None = None

    def clean(self, value: str) -> str | bool | int | None:
        """`value` as it is to be stored, None for one left empty; raise InvalidTargetError."""
        value = value.strip()
        if not value:
            return None
        if len(value) > self.max_length:
            raise self._invalid(gettext("Use at most %(n)s characters.", n=self.max_length))
        lines = self.kind in {"headers", "lines"}
        if any(ord(char) < 32 and not (lines and char in "\r\n\t") for char in value):
            raise self._invalid(gettext("Control characters are not allowed."))
        if self.kind == "flag":
            return self._flag(value)
        if self.kind == "number":
            return self._number(value)
        if self.kind == "choice" and value not in self.choices:
            raise self._invalid(gettext("Choose from the list."))
        try:
            if self.kind == "headers":
                found = parse_headers(value, host=True)
                value = "\n".join(f"{name}: {text}" for name, text in found.items())
            return self.check(value) if self.check else value
        except ValueError as error:
            raise self._invalid(str(error)) from None

    def _flag(self, value: str) -> bool:
        if value.lower() not in _YES | _NO:
            raise self._invalid(gettext("Choose yes or no."))
        return value.lower() in _YES

    def _number(self, value: str) -> int:
        if not (value.isascii() and value.isdigit() and len(value) <= 9):
            raise self._invalid(gettext("Enter a whole number."))
        if not self.lowest <= int(value) <= self.highest:
            raise self._invalid(
                gettext(
                    "Enter a number from %(low)s to %(high)s.", low=self.lowest, high=self.highest
                )
            )
        return int(value)

    def _invalid(self, message: str) -> InvalidTargetError:
        return InvalidTargetError(message, self.name)


@dataclass(frozen=True, slots=True)
class Target:
    """What is to be looked at, as `clean()` and `clean_options()` left it, in `timeout` seconds."""

    address: str
    options: Mapping[str, Any]
    timeout: float


class Probe(ABC):
    """A service kind. `order` is its place in the list of kinds; `schemes` lead to it.

    `example` is a target as people type it. Kinds that are `admin_only` reach into this machine.
    Instances hold no state: one looks at all services of its kind.
    """

    kind: ClassVar[str]
    label: ClassVar[str]
    icon: ClassVar[str]  # a name of the icon sprite
    summary: ClassVar[str]
    example: ClassVar[str]
    schemes: ClassVar[tuple[str, ...]]
    order: ClassVar[int]
    options: ClassVar[tuple[Option, ...]] = ()
    admin_only: ClassVar[bool] = False

    def clean(self, address: str) -> str:
        """`address` as it is to be stored; raise InvalidTargetError."""
        address = address.strip()
        if not address:
            raise InvalidTargetError(gettext("This field is required."))
        if len(address) > MAX_TARGET:
            raise InvalidTargetError(gettext("Use at most %(n)s characters.", n=MAX_TARGET))
        if any(char.isspace() or not char.isprintable() for char in address):
            raise InvalidTargetError(gettext("Spaces and control characters are not allowed."))
        if address.partition(":")[0].lower() not in self.schemes:
            raise self.not_a_target()
        return self.clean_address(address)

    @abstractmethod
    def clean_address(self, address: str) -> str:
        """The same for an `address` of ours, without spaces and control characters in it."""

    def not_a_target(self) -> InvalidTargetError:
        """To raise for what does not look like the example."""
        return InvalidTargetError(gettext("Enter it as in “%(example)s”.", example=self.example))

    def clean_options(self, values: Mapping[str, str]) -> dict[str, str | bool | int]:
        """The options as they are to be stored, without those that are empty or the default.

        Raise InvalidTargetError, whose `field` is the option's name.
        """
        known = {option.name: option for option in self.options}
        cleaned: dict[str, str | bool | int] = {}
        for name, value in values.items():
            if name not in known:
                raise InvalidTargetError(gettext("There is no option of this name."), name)
            stored = known[name].clean(str(value))
            if stored is not None and stored != known[name].clean(known[name].default):
                cleaned[name] = stored
        return cleaned

    def option(self, target: Target, name: str) -> Any:
        """What `target` says for the option `name`, or its default; None if that is empty."""
        value = target.options.get(name)
        return self._defaults[name] if value is None else value

    @cached_property
    def _defaults(self) -> dict[str, str | bool | int | None]:
        return {option.name: option.clean(option.default) for option in self.options}

    async def check(self, target: Target, network: Network) -> ProbeResult:
        """Look once. Nothing is raised for what the target does: the result says it.

        An exception is a failure of our own, and counts as `unknown`.
        """
        try:
            return await self.look(target, network)
        except TimeoutError:
            return ProbeResult(Result.TIMEOUT, reason=reasons.TIMEOUT)
        except failures.NetworkError as error:
            return _result_of(error)
        except ConnectionError as error:
            return _result_of(failures.from_os_error(error))

    @abstractmethod
    async def look(self, target: Target, network: Network) -> ProbeResult:
        """The same, free to raise TimeoutError when `target.timeout` is over, and what connections
        raise: NetworkError and ConnectionError.
        """


_MEANINGS: dict[type[failures.NetworkError], tuple[Result, str]] = {
    failures.HostNotFoundError: (Result.DOWN, reasons.HOST_NOT_FOUND),
    failures.AddressNotAllowedError: (Result.UNKNOWN, reasons.ADDRESS_NOT_ALLOWED),
    failures.RefusedError: (Result.DOWN, reasons.REFUSED),
    failures.UnreachableError: (Result.DOWN, reasons.HOST_UNREACHABLE),
    failures.ClosedError: (Result.DOWN, reasons.CLOSED),
    failures.CertificateError: (Result.DOWN, reasons.CERTIFICATE_NOT_ACCEPTED),
    failures.HandshakeError: (Result.DOWN, reasons.NO_SECURE_CONNECTION),
    failures.NotUnderstoodError: (Result.ERROR, reasons.NOT_UNDERSTOOD),
    failures.NotPermittedError: (Result.UNKNOWN, reasons.NOT_PERMITTED),
    failures.ExhaustedError: (Result.UNKNOWN, reasons.EXHAUSTED),
}


def _result_of(error: failures.NetworkError) -> ProbeResult:
    result, reason = _MEANINGS[type(error)]
    if isinstance(error, failures.CertificateError):
        if error.expired:
            reason = reasons.CERTIFICATE_EXPIRED
        elif error.other_name:
            reason = reasons.CERTIFICATE_OF_ANOTHER_HOST
    return ProbeResult(result, reason=reason)
