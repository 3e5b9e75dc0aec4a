"""What is read from a server's certificate, whether it was verified or not."""

from __future__ import annotations

import ssl
from datetime import datetime
from functools import lru_cache

from cryptography import x509


def expires_at(connection: ssl.SSLObject | None) -> datetime | None:
    """When the certificate of the other end expires; None without one that can be read."""
    certificate = connection.getpeercert(binary_form=True) if connection else None
    return _expires_at(certificate) if certificate else None


@lru_cache(maxsize=2_000)  # a connection that is kept shows the same one at every look
def _expires_at(certificate: bytes) -> datetime | None:
    try:
        return x509.load_der_x509_certificate(certificate).not_valid_after_utc
    except ValueError:
        return None
