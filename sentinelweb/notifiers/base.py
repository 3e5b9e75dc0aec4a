"""What a channel kind is: a class with its fields and a `send()`, in a file of its own here.

The form, the validation, the table in the documentation and the contract test follow from the
class; nothing else names a kind.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, ClassVar, Literal
from urllib.parse import urlsplit

from config import Settings
from sentinelweb.core.kinds import page_path
from sentinelweb.i18n import gettext
from sentinelweb.outbound import Reach, headers


class SendError(Exception):
    """The message was not accepted; `reason` is a sentence without secrets, for the log."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


class TransientError(SendError):
    """A later try may succeed."""


class PermanentError(SendError):
    """The receiver refuses for good, until somebody changes something there or in the channel."""


class RetryLaterError(SendError):
    """The receiver asked to be left alone for `seconds`."""

    def __init__(self, seconds: float, reason: str) -> None:
        super().__init__(reason)
        self.seconds = seconds


class InvalidValueError(ValueError):
    """A field's value cannot be used; the message is for the person who typed it."""


@dataclass(frozen=True, slots=True)
class Message:
    """What is to be told. `uid` is the delivery's, and the same whenever it is sent again.

    `event` is `down`, `up`, `test`, `flapping`, `calm`, `relay` (the code that the relay's receiver
    answers with is another now), or `digest`, whose `parts` are the messages that it sums up.
    `facts` are those of services/facts.py. `is_delayed` is set when it happened so long ago that
    the reader must be told when.
    """

    uid: str
    event: str
    facts: Mapping[str, Any]
    site_url: str
    is_delayed: bool = False
    parts: tuple[Message, ...] = ()

    @property
    def occurred_at(self) -> datetime:
        return datetime.fromisoformat(self.facts["occurred_at"])

    @property
    def ping_url(self) -> str:
        return f"{self.site_url}/ping/{self.facts['slug']}"

    @property
    def page_url(self) -> str:
        return f"{self.site_url}{page_path(self.facts['kind'], self.facts['id'])}"


@dataclass(slots=True)
class SendContext:
    """The surroundings of one `send()`.

    A notifier notes in `changed` what the receiver changed of the channel's settings (a Telegram
    group that got a new id); it is stored with the result.
    """

    settings: Settings
    changed: dict[str, str] = field(default_factory=dict)

    @property
    def reach(self) -> Reach:
        """Whom an address that a user typed may reach."""
        return Reach.PRIVATE if self.settings.private_targets_allowed else Reach.PUBLIC


@dataclass(frozen=True, slots=True)
class Field:
    """One setting of a channel. A `secret` one is never shown again, nor put into a page.

    `headers` are lines of `Name: value`, whose values are secret if the field is. `fallback` names
    the setting of the server that counts when the field is empty. `labels` are what people read
    instead of the `choices`. `check` returns the value as it is to be stored, or raises
    InvalidValueError.
    """

    name: str
    label: str
    kind: Literal["text", "url", "choice", "headers", "multiline"] = "text"
    help: str = ""
    placeholder: str = ""
    secret: bool = False
    required: bool = True
    fallback: str | None = None
    default: str = ""
    choices: tuple[str, ...] = ()
    labels: tuple[str, ...] = ()
    max_length: int = 2_000
    check: Callable[[str], str] | None = None

    def needs_value(self, settings: Settings) -> bool:
        """Whether the field cannot stay empty on this server."""
        return self.required and not (self.fallback and getattr(settings, self.fallback))

    def clean(self, value: str, settings: Settings) -> str:
        """`value` as it is to be stored; raise InvalidValueError."""
        value = value.strip()
        if not value:
            if self.needs_value(settings):
                raise InvalidValueError(gettext("This field is required."))
            return ""
        if len(value) > self.max_length:
            raise InvalidValueError(gettext("Use at most %(n)s characters.", n=self.max_length))
        lines = self.kind in {"headers", "multiline"}
        if any(ord(char) < 32 and not (lines and char in "\r\n\t") for char in value):
            raise InvalidValueError(gettext("Control characters are not allowed."))
        if self.kind == "choice" and value not in self.choices:
            raise InvalidValueError(gettext("Choose from the list."))
        if self.kind == "url":
            value = _checked_url(value)
        if self.kind == "headers":
            value = "\n".join(f"{name}: {text}" for name, text in parse_headers(value).items())
        return self.check(value) if self.check else value


@dataclass(frozen=True, slots=True)
class Preview:
    """What a receiver would get for an event, written for people to read."""

    event: str
    content_type: str
    content: str


class Notifier(ABC):
    """A channel kind. Instances hold no state: one serves all channels, from many threads."""

    kind: ClassVar[str]
    label: ClassVar[str]
    icon: ClassVar[str]  # a name of the icon sprite
    summary: ClassVar[str]
    fields: ClassVar[tuple[Field, ...]]

    @abstractmethod
    def send(self, message: Message, settings: Mapping[str, str], context: SendContext) -> None:
        """Tell the receiver, in the language of `i18n.reader()`; return when it has accepted.

        Raise TransientError, PermanentError or RetryLaterError; an OutboundError counts as
        transient. Called from threads that must not touch the database.
        """

    def preview(self, settings: Mapping[str, str]) -> Sequence[Preview]:  # noqa: ARG002 - for kinds that have one
        """What would be sent with these settings; nothing if there is no choice in it.

        Raise InvalidValueError if they cannot be used.
        """
        return ()

    @abstractmethod
    def destination(self, settings: Mapping[str, str]) -> str:
        """Where the messages go, in a few words without secrets."""


def parse_headers(text: str) -> dict[str, str]:
    """The headers in lines of `Name: value`; raise InvalidValueError."""
    try:
        return headers.parse_headers(text)
    except ValueError as error:
        raise InvalidValueError(str(error)) from None


def _checked_url(value: str) -> str:
    message = gettext("Enter an address that begins with https:// or http://.")
    try:
        parts = urlsplit(value)
        usable = parts.scheme in {"http", "https"} and parts.hostname and parts.port != 0
    except ValueError:
        raise InvalidValueError(message) from None
    if not usable or " " in value:
        raise InvalidValueError(message)
    return value
