"""Whom we believe to be who they say they are."""

from __future__ import annotations

import ssl

import certifi


def verifying_context() -> ssl.SSLContext:
    """A context to share: loading the CA bundle takes longer than the rest of a connection.

    The system's certificates count as well as Mozilla's, for an operator's own authority.
    """
    context = ssl.create_default_context()
    context.load_verify_locations(certifi.where())
    return context


def trusting_context() -> ssl.SSLContext:
    """A context that takes any certificate, for those who know that theirs is not in order."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return context
