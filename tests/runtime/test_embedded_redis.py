"""The embedded Redis: private, alone on its directory, and back with its data after a kill."""

from __future__ import annotations

import contextlib
import stat
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from redis import Redis

from config import ConfigurationError
from sentinelweb.runtime.embedded_redis import EmbeddedRedis
from tests.support.databases import settings_for_tests
from tests.support.stack import wait_until


@pytest.fixture
def embedded(tmp_path: Path) -> EmbeddedRedis:
    return EmbeddedRedis(settings_for_tests(tmp_path / "my data"))


@contextlib.contextmanager
def running(embedded: EmbeddedRedis) -> Iterator[subprocess.Popen[bytes]]:
    with embedded.locked(), subprocess.Popen(embedded.command) as server:
        try:
            wait_until(embedded.answers, 10)
            yield server
        finally:
            server.kill()


def client(embedded: EmbeddedRedis) -> Redis:
    return Redis(unix_socket_path=str(embedded.socket))


def test_only_this_user_can_reach_it(embedded: EmbeddedRedis):
    with running(embedded), client(embedded) as redis:
        assert stat.S_IMODE(embedded.socket.stat().st_mode) == 0o700
        assert stat.S_IMODE(embedded.directory.stat().st_mode) == 0o700
        assert redis.config_get("port") == {"port": "0"}


def test_what_was_written_is_there_after_a_kill(embedded: EmbeddedRedis):
    with running(embedded) as server, client(embedded) as redis:
        redis.set("key", "value")
        redis.config_set("appendfsync", "always")  # so that it need not wait for the second
        redis.set("last", "value")
        server.kill()
        server.wait()
    assert embedded.socket.exists(), "the stale socket is part of the test"
    assert not embedded.answers()
    with running(embedded), client(embedded) as redis:
        assert redis.mget("key", "last") == [b"value", b"value"]


def test_a_torn_end_of_the_file_is_cut_off(embedded: EmbeddedRedis):
    with running(embedded) as server, client(embedded) as redis:
        redis.set("key", "value")
        server.terminate()
        server.wait()
    [journal] = (embedded.directory / "appendonlydir").glob("*.incr.aof")
    with journal.open("ab") as file:
        file.write(b"*3\r\n$3\r\nSET\r\n$3\r\nke")
    with running(embedded), client(embedded) as redis:
        assert redis.get("key") == b"value"


def test_a_file_that_cannot_be_read_is_set_aside(embedded: EmbeddedRedis):
    with running(embedded) as server, client(embedded) as redis:
        redis.set("key", "value")
        server.terminate()
        server.wait()
    [journal] = (embedded.directory / "appendonlydir").glob("*.incr.aof")
    journal.write_bytes(b"no journal at all\r\n" * 10)
    with embedded.locked():
        assert subprocess.run(embedded.command, capture_output=True).returncode != 0
    aside = embedded.set_data_aside()
    assert aside is not None
    assert aside.is_dir()
    with running(embedded), client(embedded) as redis:
        assert redis.get("key") is None


def test_a_second_instance_is_refused_with_a_sentence(embedded: EmbeddedRedis):
    sentence = "another SentinelWeb already runs on .*my data. Stop it, or choose another DATA_DIR."
    with embedded.locked(), pytest.raises(ConfigurationError, match=sentence), embedded.locked():
        pass
    with embedded.locked():
        pass  # given back


def test_a_directory_too_deep_for_a_socket_is_refused_with_a_sentence(tmp_path: Path):
    with pytest.raises(ConfigurationError, match="DATA_DIR is too long a path"):
        EmbeddedRedis(settings_for_tests(tmp_path / ("deep" * 30)))


def test_a_data_dir_that_cannot_be_used_is_said_in_a_sentence(tmp_path: Path):
    (tmp_path / "file").touch()
    embedded = EmbeddedRedis(settings_for_tests(tmp_path / "file"))
    with (
        pytest.raises(ConfigurationError, match="cannot be used: Not a directory"),
        embedded.locked(),
    ):
        pass
