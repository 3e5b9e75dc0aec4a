"""gunicorn's settings for the `web` process. Our own are in config.py."""

import os
from pathlib import Path

from gunicorn.arbiter import Arbiter
from gunicorn.config import Config
from gunicorn.glogging import Logger
from gunicorn.workers.base import Worker

from config import load_settings_or_exit
from sentinelweb import lifeline, logs
from sentinelweb.runtime import pages_signs

_settings = load_settings_or_exit()
logs.configure(_settings)

bind = (
    f"[{_settings.app_host}]:{_settings.port}"
    if ":" in _settings.app_host
    else (f"{_settings.app_host}:{_settings.port}")
)
worker_class = "gthread"
workers = _settings.web_concurrency
threads = 8
# Imported once, before the forks: half the memory, and a wrong setting is said once.
preload_app = True

timeout = 10  # a worker that shows no life for so long is replaced; requests may take longer
graceful_timeout = 10
keepalive = 5
worker_tmp_dir = "/dev/shm" if Path("/dev/shm").is_dir() else None  # noqa: S108 - memory, not a disk

forwarded_allow_ips = ""  # TRUSTED_PROXIES alone decides whom to believe
control_socket_disable = True


def post_fork(server: Arbiter, _worker: Worker) -> None:
    """A worker that outlives gunicorn by a second still holds its port. Pings go before pages."""
    lifeline.tie_to(server.pid)
    os.nice(10)


def post_worker_init(worker: Worker) -> None:
    pages_signs.show(worker.wsgi)


class logger_class(Logger):  # noqa: N801 - gunicorn's name for the setting
    """gunicorn's lines through our formatter. The lines of requests are written by logs.py."""

    def setup(self, cfg: Config) -> None:
        self.cfg = cfg
        self._access_log_enabled = False
        self.loglevel = self.error_log.getEffectiveLevel()
        self.error_log.propagate = True
