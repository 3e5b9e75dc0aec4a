"""A test client that holds every page it fetches to the rules that all pages keep, and every answer
of an API to its description.

It posts what a browser would: `submit()` fills in a form of the page that was fetched last.
"""

from __future__ import annotations

import contextvars
from typing import Any

from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from sentinelweb.db import db
from tests.support.described_answers import described
from tests.support.page_forms import PageReader
from tests.support.page_rules import check_page


class CheckedClient(PageReader, FlaskClient):
    def open(self, *args: Any, **kwargs: Any) -> TestResponse:
        # An empty context, as a server gives each request: the test's own application context would
        # otherwise be shared by all requests, and with it whoever Flask-Login found first.
        db.session.commit()
        kwargs.setdefault("buffered", True)  # what is sent as it is written, in the same context
        response = contextvars.Context().run(super().open, *args, **kwargs)
        db.session.expire_all()  # the test's objects show what the request wrote
        if response.mimetype == "text/html" and response.status_code not in {204, 304}:
            fragment = "HX-Request" in response.request.headers
            if response.status_code < 300 or response.status_code >= 400:
                self.page = check_page(response, fragment=fragment)
            self.location = response.request.full_path.rstrip("?")
        described.check(self.application, response)
        return response

    def submit(
        self, form: str = "", data: dict[str, Any] | None = None, **kwargs: Any
    ) -> TestResponse:
        """Fill in and send a form of the last page, named by its id or its action's path.

        `data` replaces or adds to what the form holds; None for a value leaves its field out.
        """
        sent = self.filled(form, data)
        if sent.method == "GET":
            return self.get(sent.url.partition("?")[0], query_string=sent.fields, **kwargs)
        return self.post(sent.url, data=sent.fields, **kwargs)
