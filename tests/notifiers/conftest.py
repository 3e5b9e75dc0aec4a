from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from config import Settings
from sentinelweb.notifiers.base import SendContext
from tests.support.receiver import Receiver


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with Receiver() as receiver:
        yield receiver


@pytest.fixture
def context(tmp_path: Path, receiver: Receiver) -> SendContext:
    """The receiver is Telegram too."""
    settings = Settings(_env_file=None, data_dir=tmp_path, telegram_api_url=receiver.url)
    return SendContext(settings)
