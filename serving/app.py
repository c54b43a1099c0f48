"""The ASGI application: reads a request, finds its route, answers, counts.

One request of one row takes well under 0.1 ms, so quick models run on the event loop itself; large bodies and
slow models go to a thread, so that health checks are answered meanwhile.
"""

from __future__ import annotations

import asyncio
import sys
import traceback
from collections.abc import Awaitable, Callable, MutableMapping
from concurrent.futures import ThreadPoolExecutor
from time import perf_counter
from typing import Any

from serving.errors import RequestError, nearest
from serving.http import MAX_BODY, Reply, Request, Route, error
from serving.metrics import Metrics
from serving.predictor import Predictor
from serving.routes import build_routes

Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]

INLINE_BODY = 16 * 1024
"""Bodies up to this many bytes are predicted on the event loop when the model is a quick one."""


class Disconnected(Exception):
    """The client went away before its request was whole."""


class App:
    """Serves one model. `deployment` is the name it carries at its endpoint; `max_body` is in bytes."""

    def __init__(
        self,
        predictor: Predictor,
        model_name: str,
        model_version: str,
        deployment: str = "",
        threads: int = 1,
        max_body: int = MAX_BODY,
    ) -> None:
        self.draining = False
        self.max_body = max_body
        self.metrics = Metrics({"model": model_name, "version": model_version, "deployment": deployment})
        self._quick = predictor.form.fast
        self._routes = build_routes(predictor, model_name, model_version, self.metrics, lambda: not self.draining)
        self._pool = ThreadPoolExecutor(threads, thread_name_prefix="predict")
        self._headers = [
            (b"x-model-name", _header(model_name)),
            (b"x-model-version", _header(model_version)),
            (b"x-mooring-deployment", _header(deployment)),
        ]

    async def __call__(self, scope: Message, receive: Receive, send: Send) -> None:
        """Answer one request (ASGI 3)."""
        if scope["type"] != "http":
            return
        began = perf_counter()
        metrics = self.metrics
        metrics.in_flight += 1
        name = "other"
        try:
            try:
                route = self._find(scope["path"], scope["method"])
                name = route.name
                request = Request(scope["method"], scope["headers"], await self._body(scope, receive, route))
                reply = await self._answer(route, request)
            except RequestError as problem:
                reply = _refused(problem)
            except Disconnected:
                return
            except Exception:  # noqa: BLE001 - one broken request must not end the server; its traceback is logged
                traceback.print_exc(file=sys.stderr)
                reply = error("internal error; the server's log has the details", 500)
            await self._send(send, reply, scope["method"])
            metrics.observe(name, reply.status, perf_counter() - began, reply.rows)
        finally:
            metrics.in_flight -= 1

    def _find(self, path: str, method: str) -> Route:
        routes = self._routes.get(path)
        if routes is None:
            raise RequestError(f"there is no '{path[:200]}' here{nearest(path[:200], self._routes)}", 404)
        for route in routes:
            if method in route.methods:
                return route
        allowed = ", ".join(name for route in routes for name in route.methods)
        raise MethodNotAllowed(f"{method} is not allowed for {path}; use {allowed}", allowed)

    async def _body(self, scope: Message, receive: Receive, route: Route) -> bytes:
        """The whole body, or the error 413 as soon as it is known to be too large."""
        if not route.predicts:
            return b""
        for key, value in scope["headers"]:
            if key == b"content-length" and value.isdigit() and int(value) > self.max_body:
                raise self._too_large()
        message = await receive()
        if message["type"] == "http.disconnect":
            raise Disconnected
        body: bytes = message.get("body", b"")
        if message.get("more_body"):
            parts, size = [body], len(body)
            while message.get("more_body"):
                message = await receive()
                if message["type"] == "http.disconnect":
                    raise Disconnected
                parts.append(message.get("body", b""))
                size += len(parts[-1])
                if size > self.max_body:
                    raise self._too_large()
            body = b"".join(parts)
        if len(body) > self.max_body:
            raise self._too_large()
        return body

    def _too_large(self) -> RequestError:
        return RequestError(f"the body is larger than {self.max_body} bytes; send fewer rows a request", 413)

    async def _answer(self, route: Route, request: Request) -> Reply:
        if not route.predicts or (self._quick and len(request.body) <= INLINE_BODY):
            return route.answer(request)
        return await asyncio.get_running_loop().run_in_executor(self._pool, route.answer, request)

    async def _send(self, send: Send, reply: Reply, method: str) -> None:
        headers = [(b"content-type", reply.content_type), *self._headers, *reply.headers]
        headers.append((b"content-length", b"%d" % len(reply.body)))
        await send({"type": "http.response.start", "status": reply.status, "headers": headers})
        await send({"type": "http.response.body", "body": b"" if method == "HEAD" else reply.body})


class MethodNotAllowed(RequestError):
    """The error 405 with the methods that are allowed."""

    def __init__(self, message: str, allowed: str) -> None:
        super().__init__(message, 405)
        self.allowed = allowed


def _refused(problem: RequestError) -> Reply:
    reply = error(str(problem), problem.status)
    if isinstance(problem, MethodNotAllowed):
        return Reply(reply.body, reply.status, headers=((b"allow", problem.allowed.encode()),))
    return reply


def _header(value: str) -> bytes:
    return value.encode("ascii", "replace").replace(b"\n", b" ").replace(b"\r", b" ")
