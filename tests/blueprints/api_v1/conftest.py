"""Calls of `/api/v1`, as programs make them."""

import pytest

from sentinelweb.services import api_keys


@pytest.fixture
def key(user):
    return api_keys.create(user, name="Deployment", can_write=True)[1]


@pytest.fixture
def reading_key(user):
    return api_keys.create(user, name="Report", can_write=False)[1]


@pytest.fixture
def call(client, key):
    """`call("POST", "monitors", json=…)` with the key; `secret=` shows another."""

    def call(method, path, *, secret=key, **values):
        headers = {"Authorization": f"Bearer {secret}"} if secret else {}
        return client.open(f"/api/v1/{path}", method=method, headers=headers, **values)

    return call
