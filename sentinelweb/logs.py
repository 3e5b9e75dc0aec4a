"""Structured logs: readable in a terminal, one JSON object a line elsewhere; secrets never in them.

Everything goes through one formatter to stderr: our own lines, and those of gunicorn, RQ and other
libraries. The ids of the request or job at hand are bound to each line.
"""

from __future__ import annotations

import logging
import os
import re
import secrets
import sys
import time
from collections.abc import Mapping
from typing import Any
from urllib.parse import quote

import structlog
from flask import Flask, Response, g, request
from structlog.typing import EventDict, Processor, WrappedLogger

from config import Settings

access_log = structlog.get_logger("sentinelweb.access")

HIDDEN = "***"
REQUEST_ID_HEADER = "X-Request-ID"

_SANE_REQUEST_ID = re.compile(r"[A-Za-z0-9._=-]{8,64}")
_SECRET_WORD = "(?:password|token|secret|authorization|cookie|api_?key)"  # noqa: S105 - a pattern
_SECRET_KEY = re.compile(_SECRET_WORD, re.IGNORECASE)
# Would move a terminal's cursor, or hide a line in it.
_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f]")
# What gives access wherever it turns up in a text, tracebacks included.
_SECRETS_IN_TEXT = (
    (re.compile(r"(\b[a-z][a-z0-9+.-]*://)[^\s/?#@]*@", re.IGNORECASE), rf"\1{HIDDEN}@"),
    (re.compile(r"\bbot\d{5,}:[A-Za-z0-9_-]{5,}|\b\d{5,}:[A-Za-z0-9_-]{30,}"), f"bot{HIDDEN}"),
    (re.compile(r"\b(Bearer|Basic)\s+[A-Za-z0-9._~+/=-]{8,}", re.IGNORECASE), rf"\1 {HIDDEN}"),
    (
        re.compile(rf"({_SECRET_WORD}[\"']?[=:]\s*[\"']?)[^\s\"'&,;]+", re.IGNORECASE),
        rf"\1{HIDDEN}",
    ),
    # As masked_path() leaves it.
    (
        re.compile(r"(/(?:ping|h|reset-password|invitation)/[^\s/?#\"'*]{4})[^\s/?#\"'*]+"),
        rf"\1{HIDDEN}",
    ),
)
# A slug or token in a path is what authorises whoever knows it. The first characters tell which.
_SECRET_SEGMENT = re.compile(r"(?<=/ping/)[^/]+|(?<=/h/)[^/]+|(?<=/)[A-Za-z0-9_.~-]{20,}(?=/|$)")
_QUIET_PATHS = frozenset({"/health", "/ready"})


def configure(settings: Settings) -> None:
    """Send structlog and the standard library's logging through one formatter."""
    shared: list[Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.stdlib.add_logger_name,
        structlog.stdlib.PositionalArgumentsFormatter(),
        structlog.processors.TimeStamper(fmt="iso", utc=True),
    ]
    structlog.configure(
        processors=[
            structlog.stdlib.filter_by_level,
            *shared,
            structlog.stdlib.ProcessorFormatter.wrap_for_formatter,
        ],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=True,
    )
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=shared,
            processors=[
                structlog.stdlib.ProcessorFormatter.remove_processors_meta,
                structlog.processors.format_exc_info,
                hide_secrets,
                _renderer(settings),
            ],
        )
    )
    root = logging.getLogger()
    for other in root.handlers[:]:
        if isinstance(other.formatter, structlog.stdlib.ProcessorFormatter):
            root.removeHandler(other)  # of an earlier call
    root.addHandler(handler)
    root.setLevel(settings.log_level)
    if settings.log_level != "DEBUG":
        # Five lines a job that tell nothing which our own do not.
        for name in ("rq.worker", "rq.job", "rq_scheduler.scheduler", "alembic.runtime.plugins"):
            logging.getLogger(name).setLevel(logging.WARNING)


def _renderer(settings: Settings) -> Processor:
    terminal = sys.stderr.isatty()
    if settings.log_format == "console" or (settings.log_format == "auto" and terminal):
        return structlog.dev.ConsoleRenderer(colors=terminal or "FORCE_COLOR" in os.environ)
    return structlog.processors.JSONRenderer()


def hide_secrets(_logger: WrappedLogger, _method: str, event_dict: EventDict) -> EventDict:
    """A structlog processor: whatever is secret by its key or its form becomes HIDDEN."""
    return {key: _hidden(key, value) for key, value in event_dict.items()}


def _hidden(key: str, value: Any) -> Any:
    if _SECRET_KEY.search(key) and isinstance(value, str | bytes | Mapping | list | tuple):
        return HIDDEN
    if isinstance(value, str):
        for pattern, replacement in _SECRETS_IN_TEXT:
            value = pattern.sub(replacement, value)
        return _CONTROL.sub("\N{REPLACEMENT CHARACTER}", value)
    if isinstance(value, Mapping):
        return {name: _hidden(str(name), item) for name, item in value.items()}
    if isinstance(value, list | tuple):
        return [_hidden("", item) for item in value]
    if isinstance(value, BaseException):
        return _hidden("", str(value))
    return value


def masked_path(path: str) -> str:
    """`path` as it was sent, but the slugs and tokens in it cut to their first four characters."""
    return _SECRET_SEGMENT.sub(lambda match: f"{match[0][:4]}{HIDDEN}", quote(path, safe="/:@+,="))


def init_app(app: Flask) -> None:
    """Give each request an id, and a line when it is answered."""
    app.before_request(_begin_request)
    app.after_request(_end_request)


def _begin_request() -> None:
    given = request.headers.get(REQUEST_ID_HEADER, "")
    g.request_id = given if _SANE_REQUEST_ID.fullmatch(given) else secrets.token_hex(8)
    g.request_began_at = time.perf_counter()
    structlog.contextvars.clear_contextvars()
    structlog.contextvars.bind_contextvars(request_id=g.request_id)


def _end_request(response: Response) -> Response:
    if "request_id" not in g:  # another before_request answered first
        return response
    response.headers[REQUEST_ID_HEADER] = g.request_id
    level = logging.DEBUG if request.path in _QUIET_PATHS else logging.INFO
    access_log.log(
        level,
        "request",
        method=request.method,
        path=masked_path(request.path),
        status=response.status_code,
        ms=round((time.perf_counter() - g.request_began_at) * 1000, 1),
    )
    return response
