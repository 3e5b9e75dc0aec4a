"""Tokens with which one process may beat and end itself, and nothing else (RFC 7519)."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import lru_cache

import jwt

from config import Settings

VALID_FOR = timedelta(hours=24)
_ALGORITHM = "HS256"
_AUDIENCE = "process"


def issue(process_id: str, settings: Settings, now: datetime) -> str:
    claims = {"sub": process_id, "aud": _AUDIENCE, "iat": now, "exp": now + VALID_FOR}
    return jwt.encode(claims, _key(settings.resolved_secret_key()), _ALGORITHM)


@dataclass(frozen=True, slots=True)
class Token:
    process_id: str
    expires_at: datetime


def read(token: str, settings: Settings, now: datetime) -> Token | None:
    """What `token` says; None if it is none of ours, or too old."""
    found = _verified(token, _key(settings.resolved_secret_key()))
    return found if found and found.expires_at > now else None


@lru_cache(maxsize=20_000)  # a process shows the same one every few seconds
def _verified(token: str, key: bytes) -> Token | None:
    try:
        claims = jwt.decode(
            token,
            key,
            [_ALGORITHM],
            audience=_AUDIENCE,
            # Ours is the clock that counts, and it goes on: PyJWT would read the system's, once.
            options={"verify_exp": False, "verify_iat": False, "require": ["sub", "exp"]},
        )
    except jwt.InvalidTokenError:
        return None
    return Token(str(claims["sub"]), datetime.fromtimestamp(claims["exp"], UTC))


@lru_cache(maxsize=8)
def _key(secret: str) -> bytes:
    """Not the secret key itself, so that no token can be taken for a session or a link."""
    return hashlib.sha256(b"process token\0" + secret.encode()).digest()
