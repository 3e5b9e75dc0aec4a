"""Whatever the description allows, and some that it does not, is answered without a failure."""

import json
from urllib.parse import quote

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from sentinelweb.models import Monitor
from sentinelweb.services import api_keys
from tests.support.factories import make_channel, make_heartbeat, make_process, make_service
from tests.support.from_schema import ANYTHING, TEXTS, values

EXAMPLES = 25  # of each tag's operations, on each database
TAGS = ("Monitors", "Channels", "PulseMon", "Processes", "Pings", "Health", "System", "Hosts")


@pytest.fixture
def api(client, user):
    """The description, and a call of one of its operations with a key that may write."""
    key = api_keys.create(user, name="Fuzzer", can_write=True)[1]
    description = client.get("/api/openapi.json").json
    # Many, because some operations delete them.
    makers = (make_heartbeat, make_service, make_process, make_channel)
    made = [make(user) for make in makers for _number in range(8)]
    ids = [thing.id for thing in made]
    slugs = [thing.slug for thing in made if isinstance(thing, Monitor)]

    def call(path, method, query, body):
        return client.open(
            path,
            method=method.upper(),
            query_string=query,
            data=body,
            content_type="application/json",
            headers={"Authorization": f"Bearer {key}"},
        )

    return description, ids, slugs, call


def draw_path(data, path, operation, ids, slugs):
    for parameter in operation["parameters"]:
        if parameter["in"] == "path":
            integer = parameter["schema"]["type"] == "integer"
            known = st.sampled_from(ids if integer else slugs)
            other = st.integers(0, 2**70) if integer else st.text(min_size=1, max_size=20)
            value = str(data.draw(known | other))
            path = path.replace(f"{{{parameter['name']}}}", quote(value, safe=""))
    return path


def draw_query(data, operation):
    parameters = [item for item in operation["parameters"] if item["in"] == "query"]
    return {
        item["name"]: str(data.draw(values(item["schema"], {}) | TEXTS))
        for item in parameters
        if data.draw(st.booleans())
    }


def draw_body(data, operation, components):
    if "requestBody" not in operation:
        return b""
    schema = operation["requestBody"]["content"]["application/json"]["schema"]
    return json.dumps(data.draw(values(schema, components) | ANYTHING)).encode()


@pytest.mark.parametrize("tag", TAGS)
def test_no_operation_fails(api, tag):
    description, ids, slugs, call = api
    components = description["components"]["schemas"]
    operations = [
        (path, method, operation)
        for path, methods in description["paths"].items()
        for method, operation in methods.items()
        if operation["tags"] == [tag]
    ]
    assert operations

    @settings(
        max_examples=EXAMPLES,
        derandomize=True,
        deadline=None,
        database=None,
        suppress_health_check=list(HealthCheck),
    )
    @given(st.data())
    def every_operation_answers(data):
        for path, method, operation in operations:
            answer = call(
                draw_path(data, path, operation, ids, slugs),
                method,
                draw_query(data, operation),
                draw_body(data, operation, components),
            )
            # Parts that are not running here make the server tell that it is not ready.
            assert answer.status_code < 500 or path == "/ready", (method, path, answer.text)
            if tag in {"Monitors", "Channels"} and answer.status_code != 308:
                assert str(answer.status_code) in {*operation["responses"], "404"}, (method, path)

    every_operation_answers()
