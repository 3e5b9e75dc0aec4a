"""What a ping's URL says."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sentinelweb.core.signals import SignalKind, Target, is_alias, read_target

RID = "c7e8a3c2-0f5b-4d7e-9a51-6f2f1f0a9b11"


@pytest.mark.parametrize(
    ("path", "target"),
    [
        ("/ping/abc", Target("abc")),
        ("/ping/abc/", Target("abc")),
        ("/ping/abc/start", Target("abc", kind=SignalKind.START)),
        ("/ping/abc/fail", Target("abc", kind=SignalKind.FAIL)),
        ("/ping/abc/log/", Target("abc", kind=SignalKind.LOG)),
        ("/ping/abc/0", Target("abc", exit_status=0)),
        ("/ping/abc/1", Target("abc", kind=SignalKind.FAIL, exit_status=1)),
        ("/ping/abc/255", Target("abc", kind=SignalKind.FAIL, exit_status=255)),
        ("/ping/start", Target("start")),
        ("/ping/key/nightly-backup", Target("nightly-backup", "key")),
        ("/ping/key/nightly-backup/3", Target("nightly-backup", "key", SignalKind.FAIL, 3)),
        ("/ping/key/256", Target("256", "key")),
    ],
)
def test_a_path_names_a_heartbeat_and_a_signal(path, target):
    assert read_target(path, "") == target


@pytest.mark.parametrize(
    "path", ["/ping/", "/ping//", "/ping//start", "/ping/a/b/c", "/ping/a/b/c/start",
             "/ping/a b", "/ping/é", "/ping/a\0", "/ping/" + "x" * 81, "/ping/a//start"],
)  # fmt: skip
def test_what_can_be_nobodys_is_not_looked_up(path):
    assert read_target(path, "") is None


@pytest.mark.parametrize(
    ("query", "rid", "create"),
    [
        (f"rid={RID}", RID, False),
        (f"rid={RID.upper()}&create=1", RID, True),
        ("rid=" + RID.replace("-", ""), RID, False),
        ("rid=7&create=yes", None, False),
        ("rid=&create=0", None, False),
        ("&".join(f"x{n}" for n in range(99)), None, False),
        ("%ff=%00", None, False),
    ],
)
def test_a_query_may_name_the_run_and_ask_for_a_new_heartbeat(query, rid, create):
    target = read_target("/ping/abc", query)
    assert target is not None
    assert (target.rid, target.create) == (rid, create)


@given(path=st.text(), query=st.text())
def test_no_url_is_too_odd(path, query):
    target = read_target("/ping/" + path, query)
    if target is not None:
        assert target.slug.isascii()
        assert 1 <= len(target.slug) <= 80


@pytest.mark.parametrize("text", ["nightly-backup", "db_1", "v1.2~rc", "256", "00"])
def test_an_alias_is_a_word_of_the_url(text):
    assert is_alias(text)


@pytest.mark.parametrize("text", ["", "start", "fail", "log", "0", "255", "a b", "ä", "a/b", "a\n"])
def test_an_alias_is_never_taken_for_a_signal(text):
    assert not is_alias(text)
