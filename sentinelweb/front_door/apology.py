"""What people read while the pages cannot be had."""

from __future__ import annotations

import json
from html import escape

from sentinelweb import i18n
from sentinelweb.front_door import messages
from sentinelweb.front_door.messages import Request
from sentinelweb.i18n import gettext as _

RETRY_AFTER = 3  # seconds

_PAGE = """<!doctype html>
<html lang="{lang}">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<meta http-equiv="refresh" content="{seconds}">
<title>{title} · SentinelWeb</title>
</head>
<body>
<h1>{title}</h1>
<p>{text}</p>
</body>
</html>
"""


def apology(request: Request, status: int, date: bytes) -> bytes:
    """A page that tries again by itself; JSON for whoever does not ask for HTML."""
    wanted = [
        tag.partition(";")[0].strip()
        for tag in request.header(b"accept-language").decode("latin-1").split(",")
    ]
    with i18n.reading_as(i18n.Reader(i18n.best_locale(wanted))):
        if status == 504:
            title = _("This takes too long")
            text = _("The page was not ready in time. Pings and alerts are not affected.")
        else:
            title = _("Back in a moment")
            text = _("The pages are starting again. Pings and alerts are not affected.")
    headers = [(b"Retry-After", b"%d" % RETRY_AFTER), (b"Cache-Control", b"no-store")]
    if b"text/html" in request.header(b"accept"):
        headers.append((b"Content-Type", b"text/html; charset=utf-8"))
        body = _PAGE.format(
            lang=i18n.reader().locale.replace("_", "-"),
            seconds=RETRY_AFTER,
            title=escape(title),
            text=escape(text),
        )
    else:
        headers.append((b"Content-Type", b"application/json"))
        body = json.dumps({"ok": False, "error": f"{title}. {text}"})
    return messages.answer(request, status, body.encode(), messages.header_lines(headers), date)
