"""A person with a browser without JavaScript, over real HTTP."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlsplit

import requests

from tests.support.page_forms import PageReader
from tests.support.page_rules import parse


class Visitor(PageReader):
    def __init__(self, site: str) -> None:
        self.site = site
        self._session = requests.Session()
        self._session.trust_env = False

    def __enter__(self) -> Visitor:
        return self

    def __exit__(self, *_error: object) -> None:
        self._session.close()

    def get(self, path: str, **kwargs: Any) -> requests.Response:
        return self._send("GET", path, **kwargs)

    def submit(
        self, form: str = "", data: dict[str, Any] | None = None, **kwargs: Any
    ) -> requests.Response:
        sent = self.filled(form, data)
        fields = list(sent.fields.items(multi=True))
        if sent.method == "GET":
            return self._send("GET", sent.url, params=fields)
        return self._send("POST", sent.url, data=fields, **kwargs)

    def log_in(self, email: str, password: str) -> None:
        self.get("/login")
        self.submit(data={"email": email, "password": password})
        assert self.location != "/login", self.text("main")

    def cookies(self) -> list[dict[str, str]]:
        """Those of the visit, as a real browser takes them."""
        return [
            {"name": cookie.name, "value": cookie.value or "", "url": self.site}
            for cookie in self._session.cookies
        ]

    def _send(self, method: str, path: str, **kwargs: Any) -> requests.Response:
        response = self._session.request(method, self.site + path, timeout=60, **kwargs)
        assert response.status_code < 500, f"{method} {path}: {response.status_code}"
        if response.headers.get("Content-Type", "").startswith("text/html"):
            self.page = parse(response.text)
            address = urlsplit(response.url)
            self.location = f"{address.path}?{address.query}".rstrip("?")
        return response
