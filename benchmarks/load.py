"""A closed load over HTTP/1.1: so many connections, each sends its next request when the last one is answered.

It speaks to a socket itself: a general HTTP client would cost more than the servers it measures.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import cast


@dataclass
class Load:
    """What came back. `latencies` are in seconds, one a request; `failed` counts replies other than 200."""

    seconds: float = 0.0
    failed: int = 0
    latencies: list[float] = field(default_factory=list)

    @property
    def rate(self) -> float:
        """Good replies a second."""
        return (len(self.latencies) - self.failed) / self.seconds

    def quantile(self, share: float) -> float:
        """The latency that this share of the requests did not exceed, in milliseconds."""
        ordered = sorted(self.latencies)
        return ordered[min(int(share * len(ordered)), len(ordered) - 1)] * 1000


class _Connection(asyncio.Protocol):
    def __init__(self, requests: Sequence[bytes], start: int, until: float, load: Load) -> None:
        self.requests, self.at, self.until, self.load = requests, start, until, load
        self.buffer = b""
        self.done: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast(asyncio.Transport, transport)  # uvloop's is none by class
        self._send()

    def _send(self) -> None:
        self.at = (self.at + 1) % len(self.requests)
        self.sent = time.perf_counter()
        self.transport.write(self.requests[self.at])

    def data_received(self, data: bytes) -> None:
        self.buffer += data
        head, found, body = self.buffer.partition(b"\r\n\r\n")
        if not found or len(body) < _length(head):
            return
        now = time.perf_counter()
        self.load.latencies.append(now - self.sent)
        self.load.failed += not head.startswith((b"HTTP/1.1 200", b"HTTP/1.0 200"))
        self.buffer = b""
        if now < self.until:
            self._send()
        else:
            self.transport.close()

    def connection_lost(self, error: Exception | None) -> None:
        if time.perf_counter() < self.until:
            self.done.set_exception(error or ConnectionError("the server closed a connection under load"))
        else:
            self.done.set_result(None)


def _length(head: bytes) -> int:
    for line in head.split(b"\r\n"):
        name, _, value = line.partition(b":")
        if name.lower() == b"content-length":
            return int(value)
    raise SystemExit("the reply has no content-length; this load generator reads no chunked replies")


def request(path: str, body: bytes) -> bytes:
    """A POST of JSON, as bytes."""
    head = f"POST {path} HTTP/1.1\r\nhost: 127.0.0.1\r\ncontent-type: application/json\r\ncontent-length: {len(body)}"
    return head.encode() + b"\r\n\r\n" + body


def drive(port: int, requests: Sequence[bytes], *, seconds: float, connections: int = 8) -> Load:
    """Send `requests` in turn to 127.0.0.1:port for so many seconds. A server that closes early is an error."""

    async def run() -> Load:
        load, begin = Load(), time.perf_counter()
        loop = asyncio.get_running_loop()
        opened = [
            (
                await loop.create_connection(
                    lambda at=at: _Connection(requests, at, begin + seconds, load), "127.0.0.1", port
                )
            )[1]
            for at in range(connections)
        ]
        await asyncio.wait_for(asyncio.gather(*(one.done for one in opened)), seconds + 30)
        load.seconds = time.perf_counter() - begin
        return load

    try:
        import uvloop
    except ImportError:
        return asyncio.run(run())
    return uvloop.run(run())
