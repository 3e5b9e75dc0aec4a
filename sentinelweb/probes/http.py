"""`http://` and `https://`: a web server, judged by its status and by what it says."""

from __future__ import annotations

import base64
import re
import time
from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import TYPE_CHECKING

from yarl import URL

from sentinelweb import clock
from sentinelweb.core.results import ProbeResult, Result
from sentinelweb.i18n import gettext
from sentinelweb.i18n import lazy_gettext as _
from sentinelweb.outbound.failures import NotUnderstoodError
from sentinelweb.outbound.headers import parse_headers
from sentinelweb.probes import bodies, reasons
from sentinelweb.probes.base import InvalidTargetError, Option, Probe, Target
from sentinelweb.probes.endpoints import is_host

if TYPE_CHECKING:
    from sentinelweb.outbound.http import Fetched
    from sentinelweb.outbound.network import Network

MAX_BODY = 1_000_000  # bytes in which a keyword or a JSON value is looked for
MAX_REDIRECTS = 10
REDIRECTS = {301, 302, 303, 307, 308}
NO_HEAD = {405, 501}  # the server does not know HEAD (RFC 9110, 15.5.6 and 15.6.2)
METHODS = ("auto", "HEAD", "GET", "POST", "PUT", "PATCH", "DELETE", "OPTIONS")

_CODES = re.compile(r"([1-5])xx|(\d{3})(?:-(\d{3}))?", re.ASCII | re.IGNORECASE)


@lru_cache(maxsize=1_000)
def parse_codes(text: str) -> tuple[range, ...]:
    """The status codes in a list such as `2xx, 301, 400-404`; raise ValueError with a sentence."""
    ranges = []
    for part in filter(None, (part.strip() for part in text.split(","))):
        found = _CODES.fullmatch(part)
        if not found:
            raise ValueError(gettext("Write codes as in “2xx, 301, 400-404”."))
        hundreds, first, last = found.groups()
        low = int(hundreds) * 100 if hundreds else int(first)
        high = low + 99 if hundreds else int(last or first)
        if not 100 <= low <= high <= 599:
            raise ValueError(gettext("Write codes as in “2xx, 301, 400-404”."))
        ranges.append(range(low, high + 1))
    if not ranges:
        raise ValueError(gettext("Write codes as in “2xx, 301, 400-404”."))
    return tuple(ranges)


def _check_codes(text: str) -> str:
    parse_codes(text)
    return ",".join("".join(text.lower().split()).strip(",").split(","))


@dataclass(frozen=True, slots=True)
class _Request:
    """One hop of a look; `auto` may become GET where the server does not know HEAD."""

    method: str
    url: URL
    headers: Mapping[str, str]
    body: bytes = b""
    auto: bool = False

    def redirected(self, status: int, location: str) -> _Request:
        """Where `location` leads, as browsers and RFC 9110 (15.4) do it; raise ValueError.

        Another site gets none of the headers: they may hold the service's secrets.
        """
        url = self.url.join(URL(location)).with_user(None).with_fragment(None)
        _check_url(url)
        headers = self.headers if url.origin() == self.url.origin() else {}
        if status == 303 or (status in {301, 302} and self.method == "POST"):
            method = self.method if self.method == "HEAD" else "GET"
            return _Request(method, url, headers, auto=self.auto)
        return _Request(self.method, url, headers, self.body, self.auto)


class Http(Probe):
    kind = "http"
    label = _("Website or API (HTTP)")
    icon = "globe"
    summary = _("An address that must answer, with the status and the words that you expect")
    example = "https://example.com/health"
    schemes = ("http", "https")
    order = 1
    options = (
        Option(
            "method",
            _("Method"),
            kind="choice",
            choices=METHODS,
            default="auto",
            help=_(
                "“auto” asks with HEAD, and with GET where HEAD is refused or a text is sought."
            ),
        ),
        Option(
            "headers",
            _("Headers"),
            kind="headers",
            secret=True,
            placeholder="X-Health-Check: true",
            help=_("One a line. The values are never shown again."),
        ),
        Option("body", _("Body"), kind="lines", placeholder='{"ping": true}', max_length=10_000),
        Option(
            "accepted_codes",
            _("Accepted status codes"),
            default="2xx,3xx",
            placeholder="2xx, 301, 400-404",
            help=_("Any other code is an error."),
            max_length=200,
            check=_check_codes,
        ),
        Option(
            "keyword",
            _("Keyword"),
            help=_("A text that the first megabyte of the answer must hold."),
            max_length=500,
        ),
        Option(
            "keyword_absent",
            _("The keyword must be absent"),
            kind="flag",
            help=_("An answer that holds the keyword is the error."),
        ),
        Option(
            "json_path",
            _("JSON path"),
            placeholder="$.checks[0].status",
            help=_("Something in the JSON answer that must be there (RFC 9535)."),
            max_length=200,
            check=bodies.check_json_path,
        ),
        Option(
            "json_value",
            _("Expected value"),
            placeholder="ok",
            help=_("What must be there; any value if this is empty."),
            max_length=500,
        ),
        Option(
            "follow_redirects",
            _("Follow redirects"),
            kind="flag",
            help=_("Otherwise a redirect is an answer like any other."),
        ),
        Option(
            "verify_tls",
            _("Verify the certificate"),
            kind="flag",
            default="true",
            help=_("A certificate that is not accepted means that the service is down."),
        ),
        Option("username", _("User name"), max_length=200),
        Option("password", _("Password"), secret=True, max_length=500),
        Option(
            "token",
            _("Bearer token"),
            secret=True,
            help=_("Instead of a user name and password."),
        ),
        Option(
            "certificate_days",
            _("Days that the certificate must last"),
            kind="number",
            lowest=1,
            highest=365,
            placeholder="14",
            help=_("With fewer days left it is an error. Empty: no matter how many."),
        ),
    )

    def clean_address(self, address: str) -> str:
        address = address.partition("#")[0]
        try:
            _check_url(URL(address))
        except ValueError:
            raise self.not_a_target() from None
        scheme, _colon, rest = address.partition(":")
        return f"{scheme.lower()}:{rest}"

    def clean_options(self, values: Mapping[str, str]) -> dict[str, str | bool | int]:
        options = super().clean_options(values)
        method = options.get("method", "auto")
        if "body" in options and method in {"auto", "HEAD"}:
            raise InvalidTargetError(gettext("A body needs a method such as POST."), "body")
        for name in ("keyword", "json_path"):
            if name in options and method == "HEAD":
                raise InvalidTargetError(gettext("An answer to HEAD has no text."), name)
        if "json_value" in options and "json_path" not in options:
            raise InvalidTargetError(gettext("Enter the JSON path too."), "json_value")
        if "token" in options and "username" in options:
            raise InvalidTargetError(
                gettext("Use either a bearer token or a user name and password."), "token"
            )
        if ":" in str(options.get("username", "")):  # RFC 7617: the password begins there
            raise InvalidTargetError(gettext("A user name holds no colon."), "username")
        for name in ("username", "password", "token"):
            if not str(options.get(name, "")).isprintable():
                raise InvalidTargetError(gettext("Control characters are not allowed."), name)
        return options

    async def look(self, target: Target, network: Network) -> ProbeResult:
        answer = await self._ask(target, network)
        if answer is None:
            return ProbeResult(Result.ERROR, reason=reasons.TOO_MANY_REDIRECTS)
        reason = self._complaint(target, answer)
        return ProbeResult(
            Result.ERROR if reason else Result.HEALTHY,
            latency_ms=answer.seconds * 1_000,
            status_code=answer.status,
            reason=reason,
            certificate_expires_at=answer.certificate_expires_at,
        )

    async def _ask(self, target: Target, network: Network) -> Fetched | None:
        """The answer at the end of all redirects, with the seconds of all; None without an end."""
        deadline = time.monotonic() + target.timeout
        sought = bool(self.option(target, "keyword") or self.option(target, "json_path"))
        request = self._request(target, sought=sought)
        waited = 0.0
        for _hop in range(MAX_REDIRECTS + 1):
            answer = await network.http.fetch(
                request.method,
                request.url,
                seconds=max(0.0, deadline - time.monotonic()),
                headers=request.headers,
                body=request.body,
                verify=self.option(target, "verify_tls"),
                read=MAX_BODY if sought else 0,
            )
            deadline += answer.lost
            if request.auto and request.method == "HEAD" and answer.status in NO_HEAD:
                request = replace(request, method="GET")
            elif answer.status in REDIRECTS and self._follows(target) and answer.location:
                try:
                    request = request.redirected(answer.status, answer.location)
                except ValueError:
                    raise NotUnderstoodError from None
                waited += answer.seconds
            else:
                return replace(answer, seconds=waited + answer.seconds)
        return None

    def _follows(self, target: Target) -> bool:
        return bool(self.option(target, "follow_redirects"))

    def _request(self, target: Target, *, sought: bool) -> _Request:
        method = self.option(target, "method")
        auto = method == "auto"
        if auto:
            method = "GET" if sought else "HEAD"
        url = URL(target.address)
        headers = parse_headers(self.option(target, "headers") or "", host=True)
        body = (self.option(target, "body") or "").encode()
        names = {name.lower() for name in headers}
        if "authorization" not in names and (credentials := self._credentials(target, url)):
            headers["Authorization"] = credentials
        if body and "content-type" not in names:
            is_json = body.lstrip()[:1] in {b"{", b"["}
            headers["Content-Type"] = "application/json" if is_json else "text/plain; charset=utf-8"
        return _Request(method, url.with_user(None), headers, body, auto)

    def _credentials(self, target: Target, url: URL) -> str:
        if token := self.option(target, "token"):
            return f"Bearer {token}"
        username, password = self.option(target, "username"), self.option(target, "password")
        if username is None and url.user is not None:
            username, password = url.user, url.password
        if username is None and password is None:
            return ""
        return "Basic " + base64.b64encode(f"{username or ''}:{password or ''}".encode()).decode()

    def _complaint(self, target: Target, answer: Fetched) -> str:
        """The reason why `answer` is an error; empty for a good one."""
        if not any(
            answer.status in codes for codes in parse_codes(self.option(target, "accepted_codes"))
        ):
            return f"HTTP {answer.status}"
        if keyword := self.option(target, "keyword"):
            absent = bool(self.option(target, "keyword_absent"))
            if bodies.holds(answer.body, keyword) == absent:
                return reasons.KEYWORD_FOUND if absent else reasons.KEYWORD_NOT_FOUND
        if path := self.option(target, "json_path"):
            try:
                if not bodies.matches(answer.body, path, self.option(target, "json_value")):
                    return reasons.JSON_PATH_NOT_MATCHED
            except ValueError:
                return reasons.NOT_JSON
        days = self.option(target, "certificate_days")
        if days and answer.certificate_expires_at:
            return reasons.of_certificate(answer.certificate_expires_at, clock.now(), days)
        return ""


def _check_url(url: URL) -> None:
    if url.scheme not in {"http", "https"} or url.port == 0 or not is_host(url.raw_host or ""):
        raise ValueError("no URL of a web server")
