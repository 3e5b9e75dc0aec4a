"""What a key opens, and how `/api/v1` refuses."""

import re

import pytest

from sentinelweb.services import status_pages
from sentinelweb.services.status_pages import PageValues
from tests.support.factories import make_channel, make_heartbeat, make_host, make_service
from tests.support.problems import fields

ADMIN_TOKEN = "the token of the administrator"


@pytest.mark.parametrize("secret", ["", "wrong"])
def test_without_a_good_key_nothing_is_told(call, secret):
    answer = call("GET", "monitors", secret=secret)
    assert (answer.status_code, fields(answer)) == (401, [])
    assert answer.headers["WWW-Authenticate"] == "Bearer"


@pytest.fixture
def operations(client):
    """The path and the method of every operation of `/api/v1`."""
    paths = client.get("/api/openapi.json").json["paths"]
    return [
        (path.removeprefix("/api/v1/"), method.upper())
        for path, methods in paths.items()
        if path.startswith("/api/v1/")
        for method in methods
    ]


def test_a_reading_key_changes_nothing(call, reading_key, operations):
    changes = [(path, method) for path, method in operations if method != "GET"]
    assert changes
    for path, method in changes:
        answer = call(method, re.sub(r"{\w+}", "1", path), secret=reading_key, json={})
        assert (answer.status_code, fields(answer)) == (403, []), (path, method)


def test_a_reading_key_is_not_told_where_to_ping(call, user, reading_key):
    heartbeat = make_heartbeat(user)
    path = f"monitors/{heartbeat.id}"
    assert call("GET", path).json["ping_url"].endswith(f"/ping/{heartbeat.slug}")
    assert heartbeat.slug not in call("GET", path, secret=reading_key).text


def test_things_of_other_teams_are_not_found(call, other_user, operations):
    page = status_pages.create(other_user, PageValues("Example", "example"))
    theirs = {
        "{monitor_id}": [make(other_user).id for make in (make_heartbeat, make_service, make_host)],
        "{channel_id}": [make_channel(other_user).id],
        "{page_id}": [page.id],
    }
    for path, method in operations:
        for variable, ids in theirs.items():
            for id_ in ids if variable in path else ():
                answer = call(method, path.replace(variable, str(id_)), json={})
                assert (answer.status_code, fields(answer)) == (404, []), (path, method)
        if method == "GET" and "{" not in path:
            [listed] = [value for value in call("GET", path).json.values() if value is not None]
            assert listed == []


@pytest.mark.settings(admin_token=ADMIN_TOKEN)
def test_the_admin_token_sees_all_teams(call, user, other_user):
    make_heartbeat(user)
    make_heartbeat(other_user)
    assert len(call("GET", "monitors", secret=ADMIN_TOKEN).json["monitors"]) == 2


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "nothing", 404),
        ("PUT", "monitors", 405),
        ("GET", f"monitors/{2**80}", 404),
        ("GET", "monitors/0", 404),
    ],
)
def test_every_error_has_one_shape(call, method, path, status):
    answer = call(method, path)
    assert (answer.status_code, fields(answer)) == (status, [])
