"""What a service kind is: a class with its fields and a `check()`, in a file of its own here.

Form, validation, the table in the documentation and the contract test follow from the class.
Nothing here knows Flask or the database: the agent on another machine uses the same probes.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, Literal

from sentinelweb.core.results import ProbeResult


class InvalidTargetError(ValueError):
    """The target or an option cannot be used; the message is for the person who typed it."""


@dataclass(frozen=True, slots=True)
class Option:
    """One setting of a probe, beside its target.

    `kind` `lines` and `headers` are texts of many lines; a `secret` one is never shown again.
    `choices` of a `choice` are the values that may be stored.
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


@dataclass(frozen=True, slots=True)
class Target:
    """What is to be looked at, and how long it may take in seconds."""

    address: str
    options: Mapping[str, Any]
    timeout: float


class Probe(ABC):
    """A service kind. `order` is its place in the list of kinds; `schemes` lead to it.

    `example` is a target as people type it. Kinds that are `admin_only` reach into this machine.
    """

    kind: ClassVar[str]
    label: ClassVar[str]
    icon: ClassVar[str]
    summary: ClassVar[str]
    example: ClassVar[str]
    schemes: ClassVar[tuple[str, ...]]
    order: ClassVar[int]
    options: ClassVar[tuple[Option, ...]] = ()
    admin_only: ClassVar[bool] = False

    @abstractmethod
    def clean(self, address: str) -> str:
        """`address` as it is to be stored; raise InvalidTargetError."""

    @abstractmethod
    async def check(self, target: Target, network: Any) -> ProbeResult:
        """Look once. Raise nothing for what the target does: that is what the result says.

        An exception counts as `unknown`, our own failure.
        """
