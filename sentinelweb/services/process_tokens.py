"""Tokens with which one process may beat and end itself, and nothing else (RFC 7519)."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import jwt

from config import Settings

VALID_FOR = timedelta(hours=24)
_ALGORITHM = "HS256"
_AUDIENCE = "process"


def issue(process_id: str, settings: Settings, now: datetime) -> str:
    claims = {"sub": process_id, "aud": _AUDIENCE, "iat": now, "exp": now + VALID_FOR}
    return jwt.encode(claims, _key(settings), _ALGORITHM)


@dataclass(frozen=True, slots=True)
class Token:
    process_id: str
    expires_at: datetime


def read(token: str, settings: Settings, now: datetime) -> Token | None:
    """What `token` says; None if it is none of ours, or too old."""
    try:
        claims = jwt.decode(
            token,
            _key(settings),
            [_ALGORITHM],
            audience=_AUDIENCE,
            # By our own clock, below: PyJWT would read the system's.
            options={"verify_exp": False, "verify_iat": False, "require": ["sub", "exp"]},
        )
    except jwt.InvalidTokenError:
        return None
    expires_at = datetime.fromtimestamp(claims["exp"], UTC)
    return Token(str(claims["sub"]), expires_at) if expires_at > now else None


def _key(settings: Settings) -> bytes:
    """Not the secret key itself, so that no token can be taken for a session or a link."""
    return hashlib.sha256(b"process token\0" + settings.resolved_secret_key().encode()).digest()
