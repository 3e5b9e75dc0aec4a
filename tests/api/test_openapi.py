"""The description is of the running server, whole, and what other programs can import."""

import json
import re

import pytest

from sentinelweb.api import openapi

# What is called by programs, and what strangers see; everything else needs a login.
API = re.compile(r"/(?:api|ping|h|process|heartbeat|badge|status)/|/(?:health|ready|status)$")


@pytest.fixture
def description(client, user):
    answer = client.get("/api/openapi.json")
    assert answer.status_code == 200
    return answer.json


def operations(description):
    for path, methods in description["paths"].items():
        for method, operation in methods.items():
            yield path, method, operation


def test_every_route_of_an_api_is_described_with_its_methods(app, description):
    for rule in app.url_map.iter_rules():
        if API.match(rule.rule):
            described = description["paths"].get(openapi.path_of(rule), {})
            missing = rule.methods - {"HEAD", "OPTIONS"} - {name.upper() for name in described}
            assert not missing, rule.rule


def test_every_variable_of_a_path_is_a_parameter(description):
    for path, _method, operation in operations(description):
        named = [item["name"] for item in operation["parameters"] if item["in"] == "path"]
        assert named == re.findall(r"{(\w+)}", path)


def test_every_reference_resolves(description):
    for name in re.findall(r'"#/components/schemas/(\w+)"', json.dumps(description)):
        assert name in description["components"]["schemas"]
    assert "$defs" not in json.dumps(description)


def test_every_operation_has_an_id_of_its_own(description):
    ids = [operation["operationId"] for _path, _method, operation in operations(description)]
    assert len(ids) == len(set(ids))


def test_every_scheme_of_security_is_declared(description):
    for _path, _method, operation in operations(description):
        for needed in operation["security"]:
            assert needed.keys() <= description["components"]["securitySchemes"].keys()


def test_a_change_requires_nothing(description):
    schemas = description["components"]["schemas"]
    assert "required" not in schemas["HeartbeatBodyChange"]
    assert "name" in schemas["HeartbeatBody"]["required"]


def test_it_is_told_without_a_login(description):
    assert description["openapi"] == "3.1.0"
    assert description["servers"] == [{"url": "http://localhost"}]
