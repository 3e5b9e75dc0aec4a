"""Files that a person sent to be imported, kept until they have seen what would happen.

Each has a random name below DATA_DIR/uploads, in a directory of its user alone, for an hour.
"""

from __future__ import annotations

import contextlib
import re
import secrets
import time
from pathlib import Path
from typing import IO

from config import Settings
from sentinelweb.i18n import gettext as _
from sentinelweb.models import User
from sentinelweb.services.errors import InvalidInputError, NotFoundError

MAX_BYTES = 20_000_000
KEPT_FOR = 3_600  # seconds
MAX_KEPT = 5  # of a user
_PART = 65_536
_NAME = re.compile(r"[A-Za-z0-9_-]{22}", re.ASCII)


def keep(user: User, stream: IO[bytes], settings: Settings) -> str:
    """Store what `stream` holds; return its name. Raise InvalidInputError if it is too large."""
    directory = _directory(user, settings)
    directory.mkdir(mode=0o700, parents=True, exist_ok=True)
    _tidy(directory)
    name = secrets.token_urlsafe(16)
    path = directory / name
    try:
        with path.open("xb") as file:
            path.chmod(0o600)
            _copy(stream, file)
    except BaseException:
        path.unlink(missing_ok=True)
        raise
    return name


def _copy(stream: IO[bytes], file: IO[bytes]) -> None:
    size = 0
    while part := stream.read(_PART):
        size += len(part)
        if size > MAX_BYTES:
            message = _("The file is too large for this page: use the command instead.")
            raise InvalidInputError("file", message)
        file.write(part)


def path_of(user: User, name: str, settings: Settings) -> Path:
    """The user's own file of this name; raise NotFoundError if there is none any more."""
    if not _NAME.fullmatch(name):
        raise NotFoundError
    path = _directory(user, settings) / name
    with contextlib.suppress(OSError):
        if path.stat().st_mtime > _oldest():
            return path
    raise NotFoundError


def forget(user: User, name: str, settings: Settings) -> None:
    with contextlib.suppress(OSError, NotFoundError):
        path_of(user, name, settings).unlink()


def _directory(user: User, settings: Settings) -> Path:
    return settings.data_dir / "uploads" / str(user.id)


def _tidy(directory: Path) -> None:
    """Delete what is too old, and the oldest where there are too many. They hold secrets."""
    for other in directory.parent.iterdir():
        for path in other.iterdir():
            with contextlib.suppress(OSError):
                if path.stat().st_mtime <= _oldest():
                    path.unlink()
    with contextlib.suppress(OSError):
        kept = sorted(directory.iterdir(), key=lambda path: path.stat().st_mtime)
        for path in kept[: max(0, len(kept) - MAX_KEPT + 1)]:
            path.unlink(missing_ok=True)


def _oldest() -> float:
    return time.time() - KEPT_FOR
