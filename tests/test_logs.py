"""Log lines: one form for all, ids bound, secrets hidden."""

from __future__ import annotations

import json
import logging
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import structlog
from flask import Flask

from sentinelweb import logs
from sentinelweb.models import HeartbeatCheck, User
from tests.support.checked_client import CheckedClient
from tests.support.databases import settings_for_tests

Log = Callable[..., "Reader"]


class Reader:
    """What was logged since the last look."""

    def __init__(self, capsys: pytest.CaptureFixture[str]) -> None:
        self._capsys = capsys

    def text(self) -> str:
        return self._capsys.readouterr().err

    def lines(self) -> list[dict[str, Any]]:
        return [json.loads(line) for line in self.text().splitlines()]


@pytest.fixture
def log(app: Flask, capsys: pytest.CaptureFixture[str], tmp_path: Path) -> Log:
    """`log(log_level="DEBUG")` logs with these settings from now on, and reads it."""

    def log(**values: object) -> Reader:
        logs.configure(settings_for_tests(tmp_path, **values))
        return Reader(capsys)

    return log


@pytest.mark.parametrize(
    ("path", "masked"),
    [
        ("/ping/0sIcQs5cTNm2wJ9s6kQxXw", "/ping/0sIc***"),
        ("/ping/0sIcQs5cTNm2wJ9s6kQxXw/start", "/ping/0sIc***/start"),
        ("/ping/short", "/ping/shor***"),
        ("/h/nightly/t0ken", "/h/nigh***/t0ken"),
        ("/reset-password/IjEi.Zx-1.q_sPbVn3kJ", "/reset-password/IjEi***"),
        ("/heartbeats/17/edit", "/heartbeats/17/edit"),
        ("/static/css/base.css", "/static/css/base.css"),
        ("/\x1b[2J\n/é", "/%1B%5B2J%0A/%C3%A9"),
    ],
)
def test_a_path_is_logged_without_what_gives_access(path: str, masked: str):
    assert logs.masked_path(path) == masked


@pytest.mark.parametrize(
    ("text", "hidden"),
    [
        ("postgresql://sentinel:hunter2@db/x", "postgresql://***@db/x"),
        ("redis://:hunter2@redis:6379/0 is away", "redis://***@redis:6379/0 is away"),
        (
            "https://api.telegram.org/bot123456:AAbbCCddEEffGGhhIIjjKKllMMnnOOppQQr/sendMessage",
            "https://api.telegram.org/bot***/sendMessage",
        ),
        ("Authorization: Bearer abcdefghij", "Authorization: *** ***"),
        ('{"password": "hunter2"}', '{"password": "***"}'),
        ("GET /x?token=hunter2&page=2", "GET /x?token=***&page=2"),
        ("GET /ping/0sIcQs5cTNm2wJ9s6kQxXw", "GET /ping/0sIc***"),
        ("basic things", "basic things"),
        ("see https://example.com/a@b", "see https://example.com/a@b"),
        ("a\x1b[2Jb\x07\nc", "a\N{REPLACEMENT CHARACTER}[2Jb\N{REPLACEMENT CHARACTER}\nc"),
    ],
)
def test_a_text_is_logged_without_its_secrets(text: str, hidden: str):
    [value] = logs.hide_secrets(None, "info", {"event": text}).values()
    assert (
        value == hidden.replace("*** ***", value[15:]) if "*** ***" in hidden else value == hidden
    )
    assert "hunter2" not in value
    assert "abcdefghij" not in value


@pytest.mark.parametrize(
    "key", ["password", "ADMIN_PASSWORD", "bot_token", "Secret", "Authorization", "Set-Cookie"]
)
def test_a_value_is_hidden_by_its_key(key: str):
    nested = {"outer": [{key: "hunter2", "name": "x"}], key: b"hunter2"}
    assert logs.hide_secrets(None, "info", nested) == {
        "outer": [{key: "***", "name": "x"}],
        key: "***",
    }


def test_a_number_under_such_a_key_is_no_secret():
    assert logs.hide_secrets(None, "info", {"tokens": 3}) == {"tokens": 3}


def test_a_request_leaves_one_line(client: CheckedClient, log: Log):
    reader = log()
    response = client.get("/ping/0sIcQs5cTNm2wJ9s6kQxXw?rid=1")
    [line] = reader.lines()
    assert line["method"] == "GET"
    assert line["path"] == "/ping/0sIc***"
    assert line["status"] == response.status_code == 404
    assert 0 < line["ms"] < 5_000
    assert line["request_id"] == response.headers["X-Request-ID"]
    assert line["level"] == "info"
    assert line["logger"] == "sentinelweb.access"


def test_health_checks_do_not_fill_the_log(client: CheckedClient, log: Log):
    reader = log()
    client.get("/health")
    client.get("/ready")
    assert reader.lines() == []


@pytest.mark.parametrize("given", ["0f8fad5b-d9cb-469f-a165-70867728950e", "abcdefgh"])
def test_a_sane_request_id_is_kept(client: CheckedClient, given: str):
    response = client.get("/health", headers={"X-Request-ID": given})
    assert response.headers["X-Request-ID"] == given


@pytest.mark.parametrize("given", ["", "short", "x" * 65, "a b c d e f", "<script>alert</script>"])
def test_a_request_id_that_is_not_sane_is_replaced(client: CheckedClient, given: str):
    first, second = (
        client.get("/health", headers={"X-Request-ID": given}).headers["X-Request-ID"]
        for _ in range(2)
    )
    assert len(first) == 16
    assert given != first != second


def test_an_error_is_logged_with_its_request_and_without_secrets(
    app: Flask,
    client: CheckedClient,
    user: User,
    login: Callable[[CheckedClient, User], None],
    log: Log,
):
    login(client, user)
    reader = log()
    app.config["PROPAGATE_EXCEPTIONS"] = False
    app.config["TESTING"] = False

    @app.get("/broken")
    def broken() -> str:
        raise RuntimeError("cannot reach redis://:hunter2@redis")

    response = client.get("/broken")
    assert response.status_code == 500
    found = {line["logger"]: line for line in reader.lines()}
    assert found["sentinelweb.access"]["status"] == 500
    error = found["sentinelweb"]
    assert error["request_id"] == response.headers["X-Request-ID"]
    assert "RuntimeError: cannot reach redis://***@redis" in error["exception"]
    assert "hunter2" not in json.dumps(list(found.values()))


def test_libraries_are_logged_in_the_same_form(log: Log):
    reader = log()
    logging.getLogger("gunicorn.error").warning("worker %s of %s ended", 1, 2)
    with structlog.contextvars.bound_contextvars(job_id="check_heartbeats"):
        logging.getLogger("rq.worker").error("no luck with password=hunter2")
    first, second = reader.lines()
    assert (first["event"], first["level"]) == ("worker 1 of 2 ended", "warning")
    assert (second["event"], second["job_id"]) == ("no luck with password=***", "check_heartbeats")
    assert first["timestamp"].endswith("Z")


def test_the_chatter_of_rq_is_left_out_unless_asked_for(
    log: Log,
):
    reader = log()
    logging.getLogger("rq.worker").info("Job OK")
    assert reader.text() == ""


@pytest.mark.parametrize(("level", "count"), [("DEBUG", 3), ("INFO", 2), ("ERROR", 0)])
def test_the_level_is_kept(log: Log, level: str, count: int):
    reader = log(log_level=level)
    logger = structlog.get_logger("sentinelweb.test")
    logger.debug("one")
    logger.info("two")
    logging.getLogger("sentinelweb.test").warning("three")
    assert len(reader.lines()) == count


def test_a_terminal_shows_lines_for_people(log: Log, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.delenv("FORCE_COLOR", raising=False)
    reader = log(log_format="console")
    structlog.get_logger("sentinelweb.test").info("heartbeats_checked", up=3)
    line = reader.text()
    assert "heartbeats_checked" in line
    assert "up=3" in line
    assert "\x1b" not in line, "no colours where no terminal is"
    assert not line.startswith("{")


def test_a_ping_s_slug_stays_out_of_the_log(
    client: CheckedClient,
    user: User,
    make_heartbeat: Callable[..., HeartbeatCheck],
    log: Log,
):
    reader = log(log_level="DEBUG")
    heartbeat = make_heartbeat(user)
    client.get(f"/ping/{heartbeat.slug}")
    assert heartbeat.slug not in reader.text()
