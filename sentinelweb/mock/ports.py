"""A port of a target's own, which can be closed: only then is a connection refused."""

from __future__ import annotations

from aiohttp import web

from sentinelweb.i18n import gettext as _
from sentinelweb.mock.values import InvalidValueError


def make_runner(app: web.Application) -> web.AppRunner:
    """Callers that hang up end their request: those of a hanging target would wait for ever."""
    return web.AppRunner(app, access_log=None, handler_cancellation=True, shutdown_timeout=0.5)


class OwnPort:
    """Listens on `host` and `number`, which is chosen by the system at first if it is 0."""

    def __init__(self, app: web.Application, host: str, number: int) -> None:
        self.host = host
        self.number = number
        self.runner = make_runner(app)
        self._site: web.TCPSite | None = None

    async def open(self) -> None:
        """Raise InvalidValueError where another program has the port."""
        if self._site is not None:
            return
        site = web.TCPSite(self.runner, self.host, self.number)
        try:
            await site.start()
        except OSError as error:
            await site.stop()
            raise InvalidValueError(
                _("Port %(port)s is in use by another program.", port=self.number)
            ) from error
        self._site = site
        self.number = site.port

    async def close(self) -> None:
        """Refuse new connections; those that are open are for the target to end."""
        if self._site is not None:
            await self._site.stop()
            self._site = None
