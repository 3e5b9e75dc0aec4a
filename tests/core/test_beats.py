"""What a heartbeat of a process carries."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sentinelweb.core.beats import MAX_HOST, MAX_MESSAGE, process_of, read_details

PATH = "/heartbeat/{}/register"


@pytest.mark.parametrize("name", ["LongLivedProcess_a-B_9", "ShortLivedProcess_x"])
def test_a_path_names_its_process(name):
    assert process_of(PATH.format(name)) == name
    assert process_of(PATH.format(name) + "/") == name


@pytest.mark.parametrize(
    "path",
    [
        "/heartbeat/status",
        "/heartbeat/LongLivedProcess_a",
        PATH.format("Process_a"),
        PATH.format("LongLivedProcess_"),
        PATH.format("LongLivedProcess_" + "a" * 61),
        PATH.format("LongLivedProcess_é"),
        PATH.format("LongLivedProcess_a") + "/x",
        PATH.format("LongLivedProcess_a\n"),
    ],
)
def test_another_path_names_none(path):
    assert process_of(path) is None


def test_what_it_tells_is_read():
    told = {"progress": 40, "message": "Row 4,000", "pid": 12, "host": "worker-1", "more": 1}
    assert read_details(json.dumps(told).encode()) == {
        "progress": 40.0,
        "message": "Row 4,000",
        "pid": 12,
        "host": "worker-1",
    }


@pytest.mark.parametrize(("told", "kept"), [(-1, 0.0), (100.5, 100.0), (1e400, None), (True, None)])
def test_progress_is_a_percentage(told, kept):
    assert read_details(json.dumps({"progress": told}).encode()).get("progress") == kept


def test_texts_are_cut_to_what_can_be_stored():
    details = read_details(
        json.dumps({"message": "\0\ud800" + "x" * 9_999, "host": "h" * 999}).encode()
    )
    assert len(details["message"]) == MAX_MESSAGE
    assert "\0" not in details["message"]
    assert len(details["host"]) == MAX_HOST
    details["message"].encode()


@given(st.binary(max_size=200))
def test_nonsense_tells_nothing(body):
    read_details(body)


@given(
    st.dictionaries(
        st.sampled_from(["progress", "message", "pid", "host"]),
        st.none()
        | st.booleans()
        | st.floats()
        | st.integers()
        | st.text()
        | st.lists(st.integers()),
    )
)
def test_whatever_json_tells_can_be_stored(told):
    details = read_details(json.dumps(told).encode())
    assert 0 <= details.get("progress", 0) <= 100
    assert 0 <= details.get("pid", 0) < 2**31
    for name in ("message", "host"):
        assert "\0" not in details.get(name, "")
        details.get(name, "").encode()


@pytest.mark.parametrize("body", [b"[" * 100_000, b"9" * 10_000, b'{"pid": ' + b"9" * 5_000 + b"}"])
def test_what_is_made_to_hurt_tells_nothing(body):
    assert read_details(body) == {}
