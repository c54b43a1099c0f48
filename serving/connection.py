"""A client's connection: its requests to the application one after another, the replies back in their order.

HTTP/1.1 (RFC 9112), parsed by httptools. A quick request is answered inside the very call that delivers its
bytes: no task, no queue and no thread stands between the socket and the model.
"""

from __future__ import annotations

import asyncio
from collections import deque
from time import monotonic, perf_counter
from typing import Any

import httptools

from serving.app import App
from serving.http import Headers, Reply, Request, error
from serving.wire import CONTINUE, Writer, split_target

HEAD_LIMIT = 64 * 1024
"""Most bytes of a request's target and headers."""
DRAINED = 256 * 1024 * 1024
"""Bytes over the limit that are still read, and thrown away, so that the client sees the reply and can go on."""
_BODY = frozenset({b"content-length", b"transfer-encoding"})
"""Headers of a request that has a body."""
LINGER_SECONDS = 3.0
"""How long what a refused client still sends is read, so that it sees the reply before the end."""


class Exchange:
    """One request while it arrives and waits. `reply` is set where it was refused already."""

    __slots__ = ("began", "bodiless", "keep_alive", "old_client", "reply", "request")

    def __init__(self, request: Request, began: float) -> None:
        self.request, self.began = request, began
        self.bodiless = request.method == "HEAD"
        self.keep_alive, self.old_client = True, False
        self.reply: Reply | None = None


class Connection(asyncio.Protocol):
    """Requests that come before the last one was answered wait, and nothing more is read meanwhile."""

    def __init__(self, app: App, writer: Writer, connections: set[Connection]) -> None:
        self._app, self._writer, self._connections = app, writer, connections
        self._parser: Any = httptools.HttpRequestParser(self)
        self._transport: Any = None
        self._loop = asyncio.get_running_loop()
        self._target, self._headers, self._head_size = b"", list[tuple[bytes, bytes]](), 0
        self._parts: list[bytes] = []
        self._size = 0
        self._began = 0.0
        self._arriving = False
        self._waiting: deque[Exchange] = deque()
        self._current: Exchange | None = None
        self.ended = False
        self._paused = False
        self.last_seen = monotonic()

    # asyncio.Protocol

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = transport
        self._connections.add(self)

    def data_received(self, data: bytes) -> None:
        self.last_seen = monotonic()
        while data and not self.ended:
            try:
                self._parser.feed_data(data)
                return
            except httptools.HttpParserUpgrade as upgrade:
                # An offer that nobody has to take (RFC 9110, 7.8): what follows is the next request.
                data = data[upgrade.args[0] :]
                self._parser = httptools.HttpRequestParser(self)
            except httptools.HttpParserCallbackError:
                self._refuse(f"the request's head is larger than {HEAD_LIMIT} bytes", 431)
            except httptools.HttpParserError as problem:
                self._refuse(f"not an HTTP/1.1 request: {problem}", 400)

    def eof_received(self) -> bool:
        return False  # a client that closes its side has left

    def connection_lost(self, exc: Exception | None) -> None:
        self.ended = True
        self._connections.discard(self)
        self._app.metrics.in_flight -= len(self._waiting) + bool(self._began)
        self._waiting.clear()
        self._began = 0.0

    def pause_writing(self) -> None:
        self._pause()

    def resume_writing(self) -> None:
        self._resume()

    # httptools

    def on_message_begin(self) -> None:
        self._target, self._headers, self._head_size = b"", [], 0
        self._parts, self._size = [], 0
        self._arriving = True

    def on_url(self, url: bytes) -> None:
        self._grow(len(url))
        self._target += url

    def on_header(self, name: bytes, value: bytes) -> None:
        self._grow(len(name) + len(value) + 4)
        self._headers.append((name.lower(), value))

    def on_headers_complete(self) -> None:
        self._app.metrics.in_flight += 1
        self._began = perf_counter()
        if self._current is None and not self._waiting:
            for name, value in self._headers:
                if name == b"expect" and value.lower() == b"100-continue":
                    self._transport.write(CONTINUE)

    def on_body(self, body: bytes) -> None:
        self._size += len(body)
        if self._size <= self._app.max_body:
            self._parts.append(body)
        elif self._size > self._app.max_body + DRAINED:
            self._refuse(self._too_large(), 413)
            raise ValueError("enough")

    def on_message_complete(self) -> None:
        parser = self._parser
        if parser.should_upgrade() and any(name in _BODY for name, _ in self._headers):
            # httptools passes over the body of such a request, so where the next one begins is not known.
            self._refuse("connections are not upgraded here; send the request without 'Upgrade'", 501)
            return
        exchange = self._exchange()
        exchange.keep_alive = parser.should_keep_alive()
        exchange.old_client = parser.get_http_version() == "1.0"
        if self._size > self._app.max_body:
            exchange.reply = error(self._too_large(), 413)
        self._began, self._arriving = 0.0, False
        if self._current is None:
            self._start(exchange)
        else:
            self._waiting.append(exchange)
            self._pause()

    # From a request to its reply

    def _grow(self, size: int) -> None:
        self._head_size += size
        if self._head_size > HEAD_LIMIT:
            raise ValueError("the head is too large")

    def _too_large(self) -> str:
        return f"the body is larger than {self._app.max_body} bytes; send fewer rows a request"

    def _exchange(self) -> Exchange:
        path, query = split_target(self._target)
        parts = self._parts
        body = parts[0] if len(parts) == 1 else b"".join(parts)
        request = Request(self._parser.get_method().decode("latin-1"), path, self._headers, body, query)
        return Exchange(request, self._began)

    def _start(self, exchange: Exchange) -> None:
        self._current = exchange
        found = exchange.reply or self._app.answer(exchange.request)
        if isinstance(found, Reply):
            self._finish(exchange, found)
        else:
            found.add_done_callback(lambda future: self._resumed(exchange, future.result()))

    def _finish(self, exchange: Exchange, reply: Reply) -> None:
        """Write the reply of the current request; it is counted whether or not the client is still there."""
        self._current = None
        self._app.metrics.in_flight -= 1
        self._app.count(exchange.request.path, exchange.began, reply)
        if not self._transport.is_closing():
            keep_alive = exchange.keep_alive
            self._transport.write(
                self._writer.write(
                    reply, bodiless=exchange.bodiless, keep_alive=keep_alive, old_client=exchange.old_client
                )
            )
            if not keep_alive:
                self._end(exchange)

    def _resumed(self, exchange: Exchange, reply: Reply) -> None:
        """A thread has answered: go on with what came meanwhile."""
        self._finish(exchange, reply)
        while self._waiting and self._current is None:
            self._start(self._waiting.popleft())
        if not self._waiting and not self.ended:
            self._resume()

    def _refuse(self, message: str, status: int) -> None:
        """Answer what cannot be read on, after what came before it, and end the connection. What follows the last
        request of one is passed over."""
        if self.ended:
            return
        self.ended = True
        if not self._began:
            self._app.metrics.in_flight += 1
            self._began = perf_counter()
        request = Request("", split_target(self._target)[0] if self._target else "", Headers(), b"")
        exchange = Exchange(request, self._began)
        self._began = 0.0
        exchange.reply, exchange.keep_alive = error(message, status), False
        if self._current is None:
            self._start(exchange)
        else:
            self._waiting.append(exchange)

    def _end(self, exchange: Exchange) -> None:
        """No more requests. Closing before all was read would reset the connection under a refusal's reply, so what
        still comes is read and dropped for a while (RFC 9112, 9.6)."""
        self.ended = True
        self._app.metrics.in_flight -= len(self._waiting)
        self._waiting.clear()
        if exchange.reply is None:
            self._transport.close()
            return
        self._resume()
        if self._transport.can_write_eof():
            self._transport.write_eof()
        self._loop.call_later(LINGER_SECONDS, self._transport.close)

    def _pause(self) -> None:
        if not self._paused and not self._transport.is_closing():
            self._paused = True
            self._transport.pause_reading()

    def _resume(self) -> None:
        if self._paused and not self._transport.is_closing():
            self._paused = False
            self._transport.resume_reading()

    # Used by the server

    @property
    def idle(self) -> bool:
        """Whether nothing is under way, not even a part of a request."""
        return self._current is None and not self._waiting and not self._arriving

    @property
    def stalled(self) -> bool:
        """Whether the only thing that is awaited is the rest of a request."""
        return self._current is None and not self._waiting and self._arriving and not self.ended

    def close(self) -> None:
        """Close the connection once what is written has been sent."""
        self._transport.close()

    def time_out(self, message: str) -> None:
        """Answer a request that does not come to its end, and close."""
        self._refuse(message, 408)
