"""`watched()` in a program: a context manager and a decorator."""

from __future__ import annotations

import threading
from collections.abc import Callable

import pytest

from sentinelweb.client import Watch, watched
from sentinelweb.client import watch as watching
from sentinelweb.models import Process
from tests.client.conftest import Site
from tests.support.receiver import Receiver, Reply
from tests.support.stack import free_port, wait_until

Registered = Callable[[], list[Process]]


def waits_for(condition: Callable[[], object]) -> None:
    wait_until(lambda: bool(condition()), 30.0, "it did not happen")


def test_a_block_is_alive_while_it_runs_and_ends_well(site: Site, registered: Registered) -> None:
    with watched("Import", url=site.url, key=site.key, tags=["nightly"]) as process:
        waits_for(registered)
        [row] = registered()
        assert (row.name, row.tags, row.status) == ("Import", ["nightly"], "up")
        process.tell(progress=40, message="Row 4,000")
        waits_for(lambda: registered()[0].progress == 40)
    [row] = registered()
    assert (row.status, row.exit_status, row.message) == ("paused", 0, "Row 4,000")


def test_an_exception_is_told_of_and_goes_on(site: Site, registered: Registered) -> None:
    @watched("Import", url=site.url, key=site.key)
    def run(number: int) -> int:
        return 1 // number

    assert run(1) == 1
    with pytest.raises(ZeroDivisionError):
        run(0)
    good, bad = registered()
    assert (good.status, bad.status, bad.exit_status) == ("paused", "down", 1)
    assert "ZeroDivisionError" in bad.output


@pytest.mark.parametrize(
    ("code", "status"), [(None, 0), (0, 0), (3, 3), ("no file", 1), (-1, 255), (256, 0)]
)
def test_an_exit_counts_as_python_counts_it(
    site: Site, registered: Registered, code: object, status: int
) -> None:
    with pytest.raises(SystemExit), watched("Import", url=site.url, key=site.key):
        raise SystemExit(code)
    assert registered()[0].exit_status == status


def test_it_beats_by_itself(monkeypatch: pytest.MonkeyPatch) -> None:
    reply = Reply.json({"processId": "LongLivedProcess_x"}, 201)
    with Receiver() as receiver:
        receiver.answer_with(reply)
        with watched("Import", url=receiver.url, key="key", expiry=2):
            waits_for(lambda: len(receiver.calls) >= 4)
    first, *beats, last = receiver.calls
    assert (first.method, last.method) == ("POST", "DELETE")
    assert {call.headers["Authorization"] for call in receiver.calls} == {"Bearer key"}
    assert all(call.path.endswith("/heartbeat/LongLivedProcess_x/register") for call in beats)


def test_a_server_that_forgot_it_is_told_of_it_again() -> None:
    with Receiver() as receiver:
        receiver.answer_with(
            Reply.json({"processId": "LongLivedProcess_a"}, 201),
            Reply(404),
            Reply.json({"processId": "LongLivedProcess_b"}, 201),
        )
        watch = Watch("Import", url=receiver.url, key="key", expiry=2).start()
        waits_for(lambda: watch.process_id == "LongLivedProcess_b")
        watch.end()
    assert receiver.calls[-1].path.endswith("/heartbeat/LongLivedProcess_b")


@pytest.mark.parametrize("trouble", ["nobody", "500", "hang", "nonsense", "redirect", "404"])
def test_whatever_the_server_does_the_program_goes_on(
    trouble: str, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(watching, "END_WITHIN", 1.0)
    replies = {
        "500": Reply(500),
        "hang": Reply(hang=True),
        "nonsense": Reply(201, body=b"\xff{"),
        "redirect": Reply(302, {"Location": "http://127.0.0.1:1/"}),
        "404": Reply(404),
    }
    with Receiver() as receiver:
        receiver.default = replies.get(trouble, Reply())
        url = f"http://127.0.0.1:{free_port()}" if trouble == "nobody" else receiver.url
        done = False
        with watched("Import", url=url, key="secret-key"):
            done = True
    assert done
    said = capfd.readouterr().err
    assert "secret-key" not in said
    assert said.count("sentinelweb:") <= 1


def test_without_a_server_it_says_so_and_does_nothing(
    monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.delenv("SENTINELWEB_URL", raising=False)
    before = threading.active_count()
    with watched("Import") as process:
        process.tell(progress=1)
        assert threading.active_count() == before
    assert "set SENTINELWEB_URL and SENTINELWEB_KEY" in capfd.readouterr().err
