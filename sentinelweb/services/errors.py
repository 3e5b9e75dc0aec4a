"""What a service says when it cannot do what a person asked for."""

from __future__ import annotations


class InvalidInputError(ValueError):
    """The message is for the person who asked, in their language, to be shown beside `field`."""

    def __init__(self, field: str, message: str) -> None:
        super().__init__(message)
        self.field = field
        self.message = message


class NotFoundError(LookupError):
    """There is no such thing, or it belongs to a team that the person is not in: 404 either way."""


class NotAllowedError(Exception):
    """The person's role in the team is to see this, not to change it: 403."""


class BusyError(Exception):
    """Too many ask for it at once: whoever asks again in a moment may get it."""


class UnavailableError(Exception):
    """The database does not answer, and without it there is nothing to show: 503."""
