"""A connection to one replica: sends one request at a time, parses its reply."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import httptools

from providers.local.router.exchange import Exchange, Header

if TYPE_CHECKING:
    from providers.local.router.proxy import Proxy
    from providers.local.router.replica import Replica


class Upstream(asyncio.Protocol):
    """Kept alive between requests; `carried` counts those it has carried."""

    def __init__(self, proxy: Proxy, replica: Replica) -> None:
        self._proxy = proxy
        self.replica = replica
        self.authority = f"{replica.address.host}:{replica.address.port}".encode()
        self.exchange: Exchange | None = None
        self.carried = 0
        self._transport: Any = None
        self._parser: Any = None
        self._headers: list[Header] = []
        self._reason = b""
        self._interim = False
        self._headed = False
        self._length: int | None = None
        self._chunked = False
        self._closing = False

    # Used by the proxy

    def begin(self, exchange: Exchange) -> None:
        """Carry `exchange`."""
        self.exchange = exchange
        self.carried += 1
        self._headed = False
        exchange.send(self)

    @property
    def usable(self) -> bool:
        """Whether it is open and free."""
        return not self._closing and self.exchange is None and not self._transport.is_closing()

    def write(self, data: bytes) -> None:
        """Send bytes of the request."""
        self._transport.write(data)

    def abandon(self) -> None:
        """Close without telling the exchange (its client left, or its time is over)."""
        self.exchange = None
        self._close()

    def pause_reply(self) -> None:
        """The client reads slower than the replica writes."""
        if not self._closing:
            self._transport.pause_reading()

    def resume_reply(self) -> None:
        """The client has caught up."""
        if not self._closing:
            self._transport.resume_reading()

    def _close(self) -> None:
        self._closing = True
        if self._transport is not None:
            self._transport.close()

    # asyncio.Protocol

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = transport
        self._parser = httptools.HttpResponseParser(self)

    def data_received(self, data: bytes) -> None:
        if self.exchange is None:
            self._close()  # nobody asked
            return
        try:
            self._parser.feed_data(data)
        except (httptools.HttpParserError, httptools.HttpParserUpgrade):
            if self.exchange is not None:
                self._close()
                self._proxy.attempt_lost(self, "sent something that is not an HTTP reply")

    def connection_lost(self, exc: Exception | None) -> None:
        self._closing = True
        exchange = self.exchange
        if exchange is not None:
            if self._headed and self._length is None and not self._chunked:
                self._complete(keep=False)  # a reply that ends with its connection
            else:
                self._proxy.attempt_lost(self, "closed the connection")
        self.replica.lost(self)

    def pause_writing(self) -> None:
        if self.exchange is not None:
            self.exchange.client.pause("replica")

    def resume_writing(self) -> None:
        if self.exchange is not None:
            self.exchange.client.resume("replica")

    # httptools callbacks

    def on_message_begin(self) -> None:
        self._headers = []
        self._reason = b""
        self._length = None
        self._chunked = False

    def on_status(self, reason: bytes) -> None:
        self._reason += reason

    def on_header(self, name: bytes, value: bytes) -> None:
        name = name.lower()
        if name == b"content-length":
            self._length = int(value)
        elif name == b"transfer-encoding":
            self._chunked = True
        self._headers.append((name, value))

    def on_headers_complete(self) -> None:
        code = self._parser.get_status_code()
        self._interim = 100 <= code < 200
        if self._interim or self.exchange is None:
            return
        self._headed = True
        exchange = self.exchange
        exchange.reply_head(code, self._reason, self._headers, self._length, self._chunked)
        if exchange.method == b"HEAD":  # the parser would wait for a body that never comes
            self._complete(keep=False)

    def on_body(self, body: bytes) -> None:
        if self.exchange is not None:
            self.exchange.reply_body(body)

    def on_message_complete(self) -> None:
        if self._interim:
            self._interim = False
        elif self.exchange is not None:
            self._complete(keep=self._parser.should_keep_alive())

    def _complete(self, keep: bool) -> None:
        exchange, self.exchange = self.exchange, None
        assert exchange is not None
        if not keep or not exchange.body_done:
            self._close()
        self._proxy.attempt_done(self, exchange)
