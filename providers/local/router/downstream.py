"""A client's connection: parses its requests and writes the replies in their order."""

from __future__ import annotations

import asyncio
import time
from collections import deque
from typing import TYPE_CHECKING, Any

import httptools

from providers.local.router.exchange import Exchange, Header

if TYPE_CHECKING:
    from providers.local.router.proxy import Proxy

HEAD_LIMIT = 64 * 1024
LINGER_SECONDS = 3.0


class Downstream(asyncio.Protocol):
    """One request at a time is on its way; pipelined ones wait, and reading pauses meanwhile."""

    def __init__(self, proxy: Proxy) -> None:
        self._proxy = proxy
        self.transport: Any = None
        self.gone = False
        self.closing = False
        self.last_seen = time.monotonic()
        self.current: Exchange | None = None
        self._queue: deque[Exchange] = deque()
        self._building: Exchange | None = None
        self._parser: Any = httptools.HttpRequestParser(self)
        self._target = b""
        self._headers: list[Header] = []
        self._head_size = 0
        self._in_head = False
        self._broken = False
        self._pauses: set[str] = set()
        self._advancing = False

    # asyncio.Protocol

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = transport
        self._proxy.clients.add(self)

    def data_received(self, data: bytes) -> None:
        self.last_seen = time.monotonic()
        if self._broken:
            return
        try:
            self._parser.feed_data(data)
        except httptools.HttpParserUpgrade:
            self._refuse(501, "this endpoint does not upgrade connections")
        except httptools.HttpParserCallbackError:
            self._refuse(431, f"the request's head is larger than {HEAD_LIMIT} bytes")
        except httptools.HttpParserError as error:
            self._refuse(400, f"not an HTTP/1.1 request: {error}")
        self.advance()

    def eof_received(self) -> bool:
        """A client that closes its side has left: that is how one that gives up looks."""
        return False

    def connection_lost(self, exc: Exception | None) -> None:
        self.gone = True
        self._proxy.clients.discard(self)
        self._queue.clear()
        if self.current is not None:
            self._proxy.client_left(self.current)

    def pause_writing(self) -> None:
        if self.current is not None and self.current.upstream is not None:
            self.current.upstream.pause_reply()

    def resume_writing(self) -> None:
        if self.current is not None and self.current.upstream is not None:
            self.current.upstream.resume_reply()

    # httptools callbacks

    def on_message_begin(self) -> None:
        self._target = b""
        self._headers = []
        self._head_size = 0
        self._in_head = True

    def on_url(self, url: bytes) -> None:
        self._grow(len(url))
        self._target += url

    def on_header(self, name: bytes, value: bytes) -> None:
        self._grow(len(name) + len(value) + 4)
        self._headers.append((name.lower(), value))

    def _grow(self, size: int) -> None:
        self._head_size += size
        if self._head_size > HEAD_LIMIT:
            raise ValueError("head too large")

    def on_headers_complete(self) -> None:
        self._in_head = False
        parser = self._parser
        if parser.should_upgrade():
            return  # feed_data raises HttpParserUpgrade next
        exchange = Exchange(
            self,
            parser.get_method(),
            self._target,
            self._headers,
            parser.get_http_version(),
            parser.should_keep_alive(),
        )
        expects = False
        for name, value in self._headers:
            if name == b"transfer-encoding":
                exchange.chunked = True
            elif name == b"x-mooring-deployment":
                exchange.wanted = value.decode("latin-1").strip()
            elif name == b"expect":
                expects = value.lower() == b"100-continue"
        self._building = exchange
        self._queue.append(exchange)
        if expects and self.current is None and len(self._queue) == 1:
            self.transport.write(b"HTTP/1.1 100 Continue\r\n\r\n")

    def on_body(self, body: bytes) -> None:
        if self._building is not None:
            self._building.add_body(body)

    def on_message_complete(self) -> None:
        exchange, self._building = self._building, None
        if exchange is not None:
            exchange.end_body()

    def _refuse(self, code: int, text: str) -> None:
        """Answer what cannot be parsed, after what came before it, and close."""
        self._broken = True
        self.pause("broken")
        unfinished, self._building = self._building, None
        if unfinished is not None and unfinished is self.current:
            self._proxy.fail(unfinished, code, text, close=True)
            return
        if unfinished is not None:
            self._queue.remove(unfinished)
        exchange = Exchange(self, b"GET", b"", [], "1.1", keep_alive=False)
        exchange.body_done = True
        exchange.code = code
        exchange.wanted = text
        self._queue.append(exchange)

    # Used by the proxy

    def advance(self) -> None:
        """Start the next request when the one before is answered."""
        if self._advancing:
            return  # an answer from the router itself: the loop below goes on
        self._advancing = True
        try:
            while self.current is None and self._queue and self._queue[0].can_start and not self.gone:
                self.current = self._queue.popleft()
                if self.current.code:
                    self._proxy.fail(self.current, self.current.code, self.current.wanted or "", close=True)
                else:
                    self._proxy.start(self.current)
        finally:
            self._advancing = False
        if self._queue and self.current is not None:
            self.pause("pipeline")
        else:
            self.resume("pipeline")

    def answered(self, exchange: Exchange) -> None:
        """The reply of the current request is written."""
        self.current = None
        self.last_seen = time.monotonic()
        if self.gone:
            return
        self.resume("replica")
        if not exchange.body_done:
            self._linger()
            return
        if not exchange.keep_alive or self.closing:
            self.transport.close()
            return
        self.resume("body")
        self.advance()

    def _linger(self) -> None:
        """Answered before its request was whole: closing now would reset the connection under the reply, so what
        still comes is read and dropped for a while (RFC 9112, 9.6)."""
        self._broken = True
        for reason in list(self._pauses):
            self.resume(reason)
        asyncio.get_running_loop().call_later(LINGER_SECONDS, self.transport.close)

    def write(self, data: bytes) -> None:
        """Send bytes of a reply."""
        if not self.gone:
            self.transport.write(data)

    def pause(self, reason: str) -> None:
        """Stop reading from the client until every reason has gone."""
        if not self._pauses and not self.gone:
            self.transport.pause_reading()
        self._pauses.add(reason)

    def resume(self, reason: str) -> None:
        """A reason to pause has gone."""
        if reason in self._pauses:
            self._pauses.discard(reason)
            if not self._pauses and not self.gone:
                self.transport.resume_reading()

    def drain(self) -> None:
        """Close as soon as nothing is under way."""
        self.closing = True
        if self.current is None and not self._queue:
            self.transport.close()

    def expire(self, now: float, idle_seconds: float, head_seconds: float) -> None:
        """Close a connection that is idle too long, or on which a request does not come to its end."""
        if self.current is not None or self._broken:
            return
        half_sent = self._in_head or bool(self._queue)
        quiet = now - self.last_seen
        if half_sent and quiet > head_seconds:
            self._refuse(408, f"the request was not complete after {head_seconds:g} s")
            self.advance()
        elif not half_sent and quiet > idle_seconds:
            self.transport.close()
