"""The keys and tokens that programs show in the headers of their requests."""

from __future__ import annotations

import hashlib


def bearer_token(authorization: str) -> str:
    """What an `Authorization` header shows by the scheme Bearer (RFC 6750); empty for any other."""
    scheme, _, token = authorization.partition(" ")
    return token.strip() if scheme.lower() == "bearer" else ""


def shown_key(admin_token: str, authorization: str) -> str:
    """The value of `X-Admin-Token` (seed 001), else the bearer token; empty for neither."""
    return admin_token or bearer_token(authorization)


def hash_of(key: str) -> str:
    """What is stored of a key: without salt or stretching, as 192 random bits cannot be guessed."""
    return hashlib.sha256(key.encode("utf-8", "replace")).hexdigest()
