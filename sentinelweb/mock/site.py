"""What the mock controller answers: targets and receivers, the page, and the same for scripts."""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import asdict
from typing import Any
from urllib.parse import urlsplit

from aiohttp import web

from sentinelweb.i18n import gettext as _
from sentinelweb.mock import pages
from sentinelweb.mock.controller import MAX_BODY, Controller
from sentinelweb.mock.receivers import Receiver
from sentinelweb.mock.targets import LIMITS, Mode, Target
from sentinelweb.mock.values import InvalidValueError

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


class Site:
    """The handlers of one Controller."""

    def __init__(self, controller: Controller) -> None:
        self._controller = controller

    def app(self) -> web.Application:
        app = web.Application(client_max_size=MAX_BODY, middlewares=[_own_forms_alone])
        app.router.add_get("/", self._page)
        app.router.add_get("/api/state", self._state)
        app.router.add_static("/static", pages.STATIC)
        app.router.add_route("*", "/target/{name}", self._answer_as_target)
        app.router.add_post("/target/{name}/mode", self._switch_target)
        app.router.add_post("/targets/mode", self._switch_all)
        app.router.add_post("/receiver/{name}/mode", self._switch_receiver)
        app.router.add_post("/receiver/{name}/clear", self._clear_receiver)
        for receiver in self._controller.receivers.values():
            app.router.add_post(receiver.path, receiver.answer)
        return app

    async def _answer_as_target(self, request: web.Request) -> web.StreamResponse:
        return await self._target(request).answer(request)

    async def _page(self, request: web.Request) -> web.StreamResponse:
        if request.query.get("v") == self._controller.state():
            return web.Response(status=204, headers=pages.HEADERS)
        return self._render(request)

    async def _state(self, _request: web.Request) -> web.StreamResponse:
        return self._as_json()

    async def _switch_target(self, request: web.Request) -> web.StreamResponse:
        target = self._target(request)
        return await self._change(request, target.switch)

    async def _switch_all(self, request: web.Request) -> web.StreamResponse:
        return await self._change(request, self._controller.switch_all)

    async def _switch_receiver(self, request: web.Request) -> web.StreamResponse:
        receiver = self._receiver(request)

        async def switch(values: Mapping[str, object]) -> None:
            receiver.switch(values.get("mode"))

        return await self._change(request, switch)

    async def _clear_receiver(self, request: web.Request) -> web.StreamResponse:
        receiver = self._receiver(request)

        async def clear(_values: Mapping[str, object]) -> None:
            receiver.clear()

        return await self._change(request, clear)

    async def _change(
        self, request: web.Request, change: Callable[[Mapping[str, object]], Awaitable[None]]
    ) -> web.StreamResponse:
        """Do what a form or a script asks for, and show it what is so now."""
        pages.choose_reader(request)
        is_script = request.content_type == "application/json"
        try:
            await change(await _values(request))
        except InvalidValueError as error:
            if is_script:
                return web.json_response({"error": str(error)}, status=422)
            return self._render(request, error=str(error))
        if is_script:
            return self._as_json()
        if "HX-Request" in request.headers:
            return self._render(request)
        raise web.HTTPSeeOther("/")

    def _render(self, request: web.Request, error: str = "") -> web.Response:
        pages.choose_reader(request)
        return pages.page(
            fragment="HX-Request" in request.headers,
            status=422 if error else 200,
            error=error,
            base=f"{request.scheme}://{request.host}",
            host=_host_name(request.host),
            state=self._controller.state(),
            targets=self._controller.targets.values(),
            receivers=self._controller.receivers,
            modes=list(Mode),
            limits=LIMITS,
        )

    def _as_json(self) -> web.Response:
        controller = self._controller
        state = {
            "targets": {name: _target_json(item) for name, item in controller.targets.items()},
            "receivers": {
                name: _receiver_json(item) for name, item in controller.receivers.items()
            },
        }
        return web.json_response(state)

    def _target(self, request: web.Request) -> Target:
        try:
            return self._controller.targets[request.match_info["name"]]
        except KeyError:
            raise _not_found(_("There is no target of this name.")) from None

    def _receiver(self, request: web.Request) -> Receiver:
        try:
            return self._controller.receivers[request.match_info["name"]]
        except KeyError:
            raise _not_found(_("There is no receiver of this name.")) from None


@web.middleware
async def _own_forms_alone(request: web.Request, handler: Handler) -> web.StreamResponse:
    """No page of another site may switch anything: there is no login that would stop it."""
    origin = request.headers.get("Origin")
    if origin is not None and request.method == "POST" and urlsplit(origin).netloc != request.host:
        raise web.HTTPForbidden(text=_("Only the pages of this server may do that."))
    return await handler(request)


async def _values(request: web.Request) -> dict[str, object]:
    """What a form or a script sends; raise InvalidValueError."""
    if request.content_type != "application/json":
        try:
            form = await request.post()
        except ValueError as error:
            raise InvalidValueError(_("The form cannot be read.")) from error
        return {name: value for name, value in form.items() if value != ""}
    try:
        values = json.loads(await request.read())
    except (ValueError, RecursionError):
        values = None
    if not isinstance(values, dict):
        raise InvalidValueError(_("The body must be a JSON object."))
    return values


def _target_json(target: Target) -> dict[str, Any]:
    return {
        **asdict(target.behaviour),
        "path": f"/target/{target.name}",
        "port": target.port.number,
        "calls": target.calls,
        "last_status": target.last_status,
    }


def _receiver_json(receiver: Receiver) -> dict[str, Any]:
    log = [{**asdict(item), "at": item.at.isoformat()} for item in receiver.log]
    return {"mode": receiver.mode, "path": receiver.path, "calls": receiver.calls, "log": log}


def _not_found(sentence: str) -> web.HTTPNotFound:
    return web.HTTPNotFound(text=json.dumps({"error": sentence}), content_type="application/json")


def _host_name(host: str) -> str:
    """The host of a `Host` header without its port, as an address holds it."""
    return host if host.endswith("]") else host.rpartition(":")[0] or host
