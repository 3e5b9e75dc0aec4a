"""`/docs` as a browser without JavaScript sees it."""

import json
import shlex

import pytest
from flask import Flask

from sentinelweb.api import manual, openapi
from sentinelweb.services import api_keys


@pytest.fixture
def entries(app: Flask):
    with app.test_request_context():
        description = openapi.description(app, "https://monitor.example.com")
    return {entry.id: entry for some in manual.entries(description).values() for entry in some}


def test_everybody_may_read_it(client, user):
    assert client.get("/docs").status_code == 200
    for part in ("/api/v1/monitors", "/process/long-lived", "/h/{alias}/{token}", "/api/heartbeat"):
        assert part in client.text("main")


def test_every_operation_is_there(client, user, app: Flask):
    client.get("/docs")
    description = client.get("/api/openapi.json").json
    wanted = {
        operation["operationId"]
        for operations in description["paths"].values()
        for operation in operations.values()
    }
    client.get("/docs")
    assert {node.attrs["id"] for node in client.page.query(".docs-operation")} == wanted


def test_the_page_of_keys_leads_to_it(client, user, login):
    login(client, user)
    client.get("/api-keys")
    assert client.page.query_one("main a[href='/docs']")


def test_an_operation_tells_what_it_takes(entries):
    listed = entries["get_api_v1_monitors"]
    assert {"kind", "status", "limit"} <= {item.name for item in listed.parameters}
    made = entries["post_process_long_lived"]
    fields = {item.name: item.values for item in made.fields}
    assert fields["expirySeconds"] == "integer ≥ 2 ≤ 86400"
    assert fields["tags"].startswith("[string")


def test_what_a_list_holds_is_told_too(entries):
    fields = {item.name: item for item in entries["post_api_v1_status_pages"].fields}
    assert fields["monitors[].monitor_id"].required
    assert not fields["monitors[].section"].required


def test_examples_of_the_api_can_be_sent_as_they_are(client, user, entries):
    key = api_keys.create(user, name="Deployment", can_write=True)[1]
    for id_ in ("post_api_v1_monitors", "post_api_v1_channels", "post_api_v1_status_pages"):
        entry = entries[id_]
        headers = {"Authorization": f"Bearer {key}"}
        answer = client.post(entry.path, json=json.loads(entry.example), headers=headers)
        assert answer.status_code == 201, answer.text


def test_examples_are_json_and_commands_can_be_run(entries):
    for entry in entries.values():
        if entry.example:
            json.loads(entry.example)
        words = shlex.split(entry.command("https://monitor.example.com"))
        assert words[0] == "curl"
        assert words[-1] == f"https://monitor.example.com{entry.path}"
        assert ("Authorization: Bearer $KEY" in words) == entry.needs_key


def test_a_command_quotes_what_a_shell_would_take_apart():
    entry = manual.Entry("x", "POST", "/x", "", False, (), (), '{"name": "it\'s $HOME"}', ())
    words = shlex.split(entry.command("https://monitor.example.com"))
    assert json.loads(words[words.index("-d") + 1]) == {"name": "it's $HOME"}


def test_schemas_within_themselves_come_to_an_end():
    node = {
        "type": "object",
        "properties": {"child": {"$ref": "#/components/schemas/Node"}},
        "required": ["child"],
    }
    operation = {
        "operationId": "x",
        "summary": "",
        "tags": ["X"],
        "parameters": [],
        "security": [],
        "responses": {},
        "requestBody": {
            "content": {"application/json": {"schema": {"$ref": "#/components/schemas/Node"}}}
        },
    }
    description = {"paths": {"/x": {"post": operation}}, "components": {"schemas": {"Node": node}}}
    [entry] = manual.entries(description)["X"]
    assert entry.fields[0].name == "child"
    json.loads(entry.example)
