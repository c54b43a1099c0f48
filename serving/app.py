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
from dataclasses import replace
from time import perf_counter
from typing import Any

from serving.compression import expanded
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


BODILESS = ("GET", "HEAD")

DRAINED = 256 * 1024 * 1024
"""Bytes over the limit that are still read, and thrown away, so that the client sees the reply and can go on."""


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
        known = self._routes.get(scope["path"])
        name = known[0].name if known else "other"
        try:
            try:
                method = scope["method"]
                # Read first: a refused request whose body was left unread would end the client's connection.
                body = b"" if method in BODILESS else await self._body(receive)
                route = self._find(scope["path"], method)
                request = Request(method, scope["headers"], body)
                if encoding := request.header(b"content-encoding"):
                    request = replace(request, body=expanded(body, encoding, self.max_body))
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
        raise Refused(f"{method} is not allowed for {path}; use {allowed}", 405, ((b"allow", allowed.encode()),))

    async def _body(self, receive: Receive) -> bytes:
        """The whole body, or the error 413 for one over the limit, of which no more than the limit is kept."""
        message = await receive()
        body: bytes = message.get("body", b"")
        if not message.get("more_body"):
            if message["type"] == "http.disconnect":
                raise Disconnected
            if len(body) > self.max_body:
                raise self._too_large()
            return body
        parts, size = [body], len(body)
        while message.get("more_body"):
            message = await receive()
            if message["type"] == "http.disconnect":
                raise Disconnected
            part = message.get("body", b"")
            size += len(part)
            if size <= self.max_body:
                parts.append(part)
            elif size > self.max_body + DRAINED:
                raise self._too_large(close=True)
        if size > self.max_body:
            raise self._too_large()
        return b"".join(parts)

    def _too_large(self, *, close: bool = False) -> RequestError:
        return Refused(
            f"the body is larger than {self.max_body} bytes; send fewer rows a request",
            413,
            ((b"connection", b"close"),) if close else (),
        )

    async def _answer(self, route: Route, request: Request) -> Reply:
        if not route.predicts or (self._quick and len(request.body) <= INLINE_BODY):
            return route.answer(request)
        return await asyncio.get_running_loop().run_in_executor(self._pool, route.answer, request)

    async def _send(self, send: Send, reply: Reply, method: str) -> None:
        headers = [(b"content-type", reply.content_type), *self._headers, *reply.headers]
        headers.append((b"content-length", b"%d" % len(reply.body)))
        await send({"type": "http.response.start", "status": reply.status, "headers": headers})
        await send({"type": "http.response.body", "body": b"" if method == "HEAD" else reply.body})


class Refused(RequestError):
    """A request that is refused before its route sees it, with further headers of the reply."""

    def __init__(self, message: str, status: int, headers: tuple[tuple[bytes, bytes], ...] = ()) -> None:
        super().__init__(message, status)
        self.headers = headers


def _refused(problem: RequestError) -> Reply:
    reply = error(str(problem), problem.status)
    return replace(reply, headers=problem.headers) if isinstance(problem, Refused) else reply


def _header(value: str) -> bytes:
    return value.encode("ascii", "replace").replace(b"\n", b" ").replace(b"\r", b" ")
