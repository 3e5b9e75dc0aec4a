"""PostgreSQL is gone when a crowd comes to see what is wrong: the status page has an answer."""

from __future__ import annotations

import signal
import time
from collections.abc import Callable

import requests

from sentinelweb.services import status_pages
from sentinelweb.services.status_pages import PageValues
from tests.faults.site import Site
from tests.support.databases import url_text
from tests.support.factories import make_heartbeat, make_user
from tests.support.servers import PostgresServer
from tests.support.stack import wait_until

ANSWERED_WITHIN = 30  # seconds; a busy machine is slow to notice anything


def test_a_status_page_outlives_its_database(
    open_site: Callable[..., Site], postgres: PostgresServer
) -> None:
    site = open_site(database_url=url_text(postgres.url), web_concurrency=1)
    user = make_user()
    for slug in ("example", "unseen"):
        page = status_pages.create(user, PageValues("Status of Example", slug))
        status_pages.add_monitors(user, page.id, [make_heartbeat(user, name="Nightly backup").id])

    def get(slug: str) -> requests.Response:
        return requests.get(f"{site.url}/status/{slug}", timeout=60)

    def is_old() -> bool:
        answer = get("example")
        assert answer.status_code == 200
        assert "Nightly backup" in answer.text
        return 'id="is-old"' in answer.text

    assert not is_old()
    postgres.stop(signal.SIGKILL)
    wait_until(is_old, ANSWERED_WITHIN, "it says that it may be old")
    began = time.monotonic()
    assert all(is_old() for _ in range(50))
    assert time.monotonic() - began < ANSWERED_WITHIN

    unseen = get("unseen")
    assert unseen.status_code == 503
    assert "cannot be shown right now" in unseen.text
    assert unseen.headers["Retry-After"]

    postgres.start()
    wait_until(lambda: not is_old(), ANSWERED_WITHIN, "it is up to date again")
    assert get("unseen").status_code == 200
