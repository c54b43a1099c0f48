"""The application: finds a request's route, answers, counts. It knows nothing of sockets (`connection.py` does).

One request of one row takes well under 0.1 ms, so quick models run on the event loop itself; large bodies and
slow models go to a thread, so that health checks are answered meanwhile.
"""

from __future__ import annotations

import asyncio
import sys
import traceback
from concurrent.futures import ThreadPoolExecutor
from time import perf_counter

from serving.compression import expanded
from serving.errors import RequestError, nearest
from serving.http import MAX_BODY, Headers, Reply, Request, Route, error
from serving.metrics import Metrics
from serving.predictor import Predictor
from serving.routes import build_routes

INLINE_BODY = 16 * 1024
"""Bodies up to this many bytes are predicted on the event loop when the model is a quick one."""


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
        self.headers: Headers = [
            (b"x-model-name", _header(model_name)),
            (b"x-model-version", _header(model_version)),
            (b"x-mooring-deployment", _header(deployment)),
        ]
        self._quick = predictor.form.fast
        self._routes = build_routes(predictor, model_name, model_version, self.metrics, lambda: not self.draining)
        self._pool = ThreadPoolExecutor(threads, thread_name_prefix="predict")

    def answer(self, request: Request) -> Reply | asyncio.Future[Reply]:
        """The reply, or the future of one that a thread works on. Raises nothing: what is wrong is a reply."""
        try:
            route = self._find(request.path, request.method)
        except RequestError as problem:
            return _refused(problem)
        encoding = request.header(b"content-encoding")
        if not route.predicts or (self._quick and not encoding and len(request.body) <= INLINE_BODY):
            return self._answered(route, request)
        return asyncio.get_running_loop().run_in_executor(self._pool, self._expanded, route, request, encoding)

    def count(self, path: str, began: float, reply: Reply) -> None:
        """Count an answered request that began at `began` of `time.perf_counter()`."""
        known = self._routes.get(path)
        self.metrics.observe(known[0].name if known else "other", reply, perf_counter() - began)

    def _find(self, path: str, method: str) -> Route:
        routes = self._routes.get(path)
        if routes is None:
            raise RequestError(f"there is no '{path[:200]}' here{nearest(path[:200], self._routes)}", 404)
        for route in routes:
            if method in route.methods:
                return route
        allowed = ", ".join(name for route in routes for name in route.methods)
        raise Refused(f"{method} is not allowed for {path}; use {allowed}", 405, ((b"allow", allowed.encode()),))

    def _expanded(self, route: Route, request: Request, encoding: str) -> Reply:
        """In a thread: the reply to a request whose body may be compressed."""
        if encoding:
            try:
                request.body = expanded(request.body, encoding, self.max_body)
            except RequestError as problem:
                return _refused(problem)
        return self._answered(route, request)

    @staticmethod
    def _answered(route: Route, request: Request) -> Reply:
        try:
            return route.answer(request)
        except RequestError as problem:
            return _refused(problem)
        except Exception:  # noqa: BLE001 - one broken request must not end the server; its traceback is logged
            traceback.print_exc(file=sys.stderr)
            return error("internal error; the server's log has the details", 500)


class Refused(RequestError):
    """A request that is refused before its route sees it, with further headers of the reply."""

    def __init__(self, message: str, status: int, headers: tuple[tuple[bytes, bytes], ...] = ()) -> None:
        super().__init__(message, status)
        self.headers = headers


def _refused(problem: RequestError) -> Reply:
    reply = error(str(problem), problem.status)
    if isinstance(problem, Refused):
        reply.headers = problem.headers
    return reply


def _header(value: str) -> bytes:
    return value.encode("ascii", "replace").replace(b"\n", b" ").replace(b"\r", b" ")
