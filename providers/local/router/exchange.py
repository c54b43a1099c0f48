"""One request on its way: from a client, to a replica, and the reply back."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from providers.local.router.downstream import Downstream
    from providers.local.router.replica import Replica
    from providers.local.router.table import Address, Route
    from providers.local.router.upstream import Upstream

Header = tuple[bytes, bytes]

REPLAY_LIMIT = 1 << 20
"""Bytes of a request's body that are kept, so that it can be sent again; larger bodies are streamed."""

HOLD_LIMIT = 64 * 1024
"""Replies up to this size go out in one write, and only when they are whole."""

HOP_BY_HOP = frozenset(
    (b"connection", b"keep-alive", b"proxy-connection", b"te", b"trailer", b"transfer-encoding", b"upgrade")
)
"""Headers that belong to one connection (RFC 9110, 7.6.1)."""

IDEMPOTENT = frozenset((b"GET", b"HEAD", b"OPTIONS", b"PUT", b"DELETE", b"TRACE"))


class Exchange:
    """State of one request. `route`, `replica`, `upstream` say who serves it now; `tried` who failed to."""

    __slots__ = (
        "_held",
        "_rechunk",
        "attempts",
        "body",
        "body_done",
        "body_size",
        "chunked",
        "client",
        "code",
        "finished",
        "fresh_only",
        "headers",
        "keep_alive",
        "method",
        "old_client",
        "replica",
        "replied",
        "route",
        "sent",
        "started",
        "streaming",
        "target",
        "tried",
        "upstream",
        "wanted",
    )

    def __init__(
        self, client: Downstream, method: bytes, target: bytes, headers: list[Header], version: str, keep_alive: bool
    ) -> None:
        self.client = client
        self.method = method
        self.target = target
        self.headers = headers
        self.old_client = version == "1.0"
        self.keep_alive = keep_alive
        self.chunked = False
        self.wanted: str | None = None
        self.body: list[bytes] = []
        self.body_size = 0
        self.body_done = False
        self.streaming = False
        self.started = time.monotonic()
        self.attempts = 0
        self.tried: set[Address] = set()
        self.fresh_only = False
        self.sent = False
        self.replied = False
        self.finished = False
        self.code = 0
        self.route: Route | None = None
        self.replica: Replica | None = None
        self.upstream: Upstream | None = None
        self._held: list[bytes] | None = None
        self._rechunk = False

    # The request

    def add_body(self, chunk: bytes) -> None:
        """Take a piece of the body: kept while it is small, else passed on as it comes."""
        self.body_size += len(chunk)
        if self.streaming and self.upstream is not None:
            self.upstream.write(b"%x\r\n%b\r\n" % (len(chunk), chunk) if self.chunked else chunk)
            return
        self.body.append(chunk)
        if self.body_size > REPLAY_LIMIT:
            self.client.pause("body")

    def end_body(self) -> None:
        """The request is complete."""
        self.body_done = True
        if self.streaming and self.chunked and self.upstream is not None:
            self.upstream.write(b"0\r\n\r\n")

    @property
    def can_start(self) -> bool:
        """Whether enough is here to send: all of it, or more than is kept."""
        return self.body_done or self.body_size > REPLAY_LIMIT

    def may_repeat(self, replay: bool) -> bool:
        """Whether sending it (again) is safe: nothing was sent, or repeating does no harm and we have all of it."""
        if self.replied:
            return False
        return not self.sent or (not self.streaming and (replay or self.method in IDEMPOTENT))

    def send(self, upstream: Upstream) -> None:
        """Send what is here of the request to a replica."""
        self.upstream = upstream
        self.sent = True
        pieces = [self._head(upstream.authority)]
        if self.body_done:
            pieces += self.body
            upstream.write(b"".join(pieces))
            return
        self.streaming = True
        if self.chunked:
            pieces += [b"%x\r\n%b\r\n" % (len(chunk), chunk) for chunk in self.body]
        else:
            pieces += self.body
        self.body = []
        upstream.write(b"".join(pieces))
        self.client.resume("body")

    def _head(self, authority: bytes) -> bytes:
        named = {
            token.strip().lower()
            for name, value in self.headers
            if name == b"connection"
            for token in value.split(b",")
        }
        lines = [b"%b %b HTTP/1.1" % (self.method, self.target)]
        has_host = False
        for name, value in self.headers:
            if name in HOP_BY_HOP or name in named or name in (b"content-length", b"expect"):
                continue
            has_host = has_host or name == b"host"
            lines.append(b"%b: %b" % (name, value))
        if not has_host:
            lines.append(b"host: " + authority)
        lines += self._framing()
        return b"\r\n".join(lines) + b"\r\n\r\n"

    def _framing(self) -> list[bytes]:
        if self.chunked and not self.body_done:
            return [b"transfer-encoding: chunked"]
        length = next((value for name, value in self.headers if name == b"content-length"), None)
        if self.body_done and (self.chunked or self.body_size):
            return [b"content-length: %d" % self.body_size]
        return [b"content-length: " + length] if length is not None else []

    # The reply

    def reply_head(self, code: int, reason: bytes, headers: list[Header], length: int | None, chunked: bool) -> None:
        """The replica's status line and headers are here."""
        self.code = code
        bodiless = self.method == b"HEAD" or code in (204, 304)
        self._rechunk = not bodiless and length is None and not self.old_client
        if not bodiless and length is None and self.old_client:
            self.keep_alive = False  # the end of the connection is the end of the body
        if not self.body_done:
            self.keep_alive = False  # answered before it was whole; what follows is not a request
        head = self._reply_lines(code, reason, headers)
        whole = length is not None and length <= HOLD_LIMIT
        if bodiless or whole:
            self._held = [head]
        else:
            self._write(head)

    def _reply_lines(self, code: int, reason: bytes, headers: list[Header]) -> bytes:
        assert self.route is not None
        lines = [b"HTTP/1.1 %d %b" % (code, reason)]
        version = deployment = False
        for name, value in headers:
            if name in HOP_BY_HOP:
                continue
            version = version or name == b"x-model-version"
            deployment = deployment or name == b"x-mooring-deployment"
            lines.append(b"%b: %b" % (name, value))
        if not version:
            lines.append(b"x-model-version: " + self.route.version.encode())
        if not deployment:
            lines.append(b"x-mooring-deployment: " + self.route.deployment.encode())
        # Of the route, whatever the replica says of itself: it tells old servers from new ones.
        lines.append(b"x-mooring-version: " + self.route.version.encode())
        if self._rechunk:
            lines.append(b"transfer-encoding: chunked")
        if not self.keep_alive or self.client.closing:
            self.keep_alive = False
            lines.append(b"connection: close")
        elif self.old_client:
            lines.append(b"connection: keep-alive")
        return b"\r\n".join(lines) + b"\r\n\r\n"

    def reply_body(self, chunk: bytes) -> None:
        """A piece of the reply's body is here."""
        if self._held is not None:
            self._held.append(chunk)
        elif self._rechunk:
            self._write(b"%x\r\n%b\r\n" % (len(chunk), chunk))
        else:
            self._write(chunk)

    def reply_end(self) -> None:
        """The reply is whole; send what was held back."""
        self.finished = True
        if self._held is not None:
            self._write(b"".join(self._held))
        elif self._rechunk:
            self._write(b"0\r\n\r\n")

    def forget_reply(self) -> None:
        """Drop a reply of which the client has seen nothing, before another attempt."""
        self._held = None
        self._rechunk = False

    def _write(self, data: bytes) -> None:
        self.replied = True
        self.client.write(data)
