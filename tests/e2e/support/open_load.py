"""An open load: requests leave at a fixed rate, whether or not earlier ones were answered.

So a server that stalls shows as late replies and failures, not as a slower client. Connections are kept alive
and reused when free; as many as it takes are opened. It stops by itself after `limit` seconds.
"""

from __future__ import annotations

import asyncio
import json
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit


@dataclass(frozen=True)
class Reply:
    """What came of one request. `sent` is seconds since the load began; `error` is empty when answered."""

    row: int
    sent: float
    seconds: float
    status: int = 0
    version: str = ""
    deployment: str = ""
    body: Any = None
    error: str = ""


class OpenLoad:
    """`with OpenLoad(url, rows, rate=200) as load: …` then `load.replies`; `load.now` is its clock."""

    def __init__(
        self, url: str, rows: Sequence[dict[str, Any]], *, rate: float, limit: float = 120.0, timeout: float = 10.0
    ) -> None:
        parts = urlsplit(url)
        self._host, self._port, self._path = parts.hostname or "", parts.port or 80, parts.path or "/"
        self._bodies = [json.dumps({"instances": [row]}).encode() for row in rows]
        self._rate, self._limit, self._timeout = rate, limit, timeout
        self._free: list[tuple[asyncio.StreamReader, asyncio.StreamWriter]] = []
        self._stop = threading.Event()
        self._began = 0.0
        self._thread = threading.Thread(target=lambda: asyncio.run(self._run()), daemon=True)
        self.replies: list[Reply] = []

    def __enter__(self) -> OpenLoad:
        self._began = time.perf_counter()
        self._thread.start()
        return self

    def __exit__(self, *error: object) -> None:
        self.stop()

    @property
    def now(self) -> float:
        """Seconds since the load began."""
        return time.perf_counter() - self._began

    def stop(self) -> list[Reply]:
        """Send no more, wait for what is under way, and return all replies in the order they were sent."""
        self._stop.set()
        self._thread.join(self._timeout + 5)
        self.replies.sort(key=lambda reply: reply.sent)
        return self.replies

    async def _run(self) -> None:
        under_way: set[asyncio.Task[None]] = set()
        number = 0
        while not self._stop.is_set() and self.now < self._limit:
            while number / self._rate <= self.now:
                task = asyncio.create_task(self._request(number % len(self._bodies)))
                under_way.add(task)
                task.add_done_callback(under_way.discard)
                number += 1
            await asyncio.sleep(max(0.0, number / self._rate - self.now))
        if under_way:
            await asyncio.wait(under_way, timeout=self._timeout)
        for _, writer in self._free:
            writer.close()

    async def _request(self, row: int) -> None:
        sent = self.now
        try:
            status, headers, body = await asyncio.wait_for(self._exchange(self._bodies[row]), self._timeout)
        except (OSError, asyncio.IncompleteReadError, TimeoutError, ValueError) as error:
            self.replies.append(Reply(row, sent, self.now - sent, error=f"{type(error).__name__}: {error}"))
            return
        self.replies.append(
            Reply(
                row,
                sent,
                self.now - sent,
                status,
                headers.get("x-model-version", ""),
                headers.get("x-mooring-deployment", ""),
                json.loads(body) if body else None,
            )
        )

    async def _exchange(self, body: bytes) -> tuple[int, dict[str, str], bytes]:
        reader, writer = self._free.pop() if self._free else await asyncio.open_connection(self._host, self._port)
        head = f"POST {self._path} HTTP/1.1\r\nHost: {self._host}:{self._port}\r\nContent-Type: application/json\r\n"
        writer.write(head.encode() + f"Content-Length: {len(body)}\r\n\r\n".encode() + body)
        lines = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
        headers = {
            name.strip().lower(): value.strip() for name, _, value in (line.partition(":") for line in lines[1:])
        }
        reply = await reader.readexactly(int(headers["content-length"]))
        if headers.get("connection", "").lower() == "close":
            writer.close()
        else:
            self._free.append((reader, writer))
        return int(lines[0].split()[1]), headers, reply
