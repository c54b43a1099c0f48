"""HTTP/1.1 to routers on loopback: connections that stay open, and nothing that one request does not need."""

from __future__ import annotations

import socket
import threading
import time
from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass

MOST_IDLE = 64
"""Connections to one port that are kept for the next request."""
_CHUNK = 1 << 18


@dataclass(frozen=True)
class Answer:
    """A whole reply. Names of headers are lower-case."""

    status: int
    headers: Mapping[str, str]
    body: bytes


class Connections:
    """Used from any thread; each request has a connection for itself."""

    def __init__(self) -> None:
        self._idle: dict[int, deque[socket.socket]] = {}
        self._lock = threading.Lock()

    def ask(self, port: int, head: bytes, body: bytes, seconds: float) -> Answer:
        """Send a request and read its reply. Raises TimeoutError, and OSError where nobody answers."""
        deadline = time.monotonic() + seconds
        kept = self._take(port)
        if kept is not None:
            try:
                return self._exchange(port, kept, head, body, deadline)
            except _Stale:
                pass  # closed by the other side while it was idle: nothing was done
        return self._exchange(port, socket.create_connection(("127.0.0.1", port), 5.0), head, body, deadline)

    def close(self) -> None:
        """Close what is idle."""
        with self._lock:
            for kept in self._idle.values():
                for connection in kept:
                    connection.close()
            self._idle.clear()

    def _take(self, port: int) -> socket.socket | None:
        with self._lock:
            kept = self._idle.get(port)
            return kept.pop() if kept else None

    def _exchange(self, port: int, connection: socket.socket, head: bytes, body: bytes, deadline: float) -> Answer:
        done = False
        try:
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            connection.settimeout(max(0.001, deadline - time.monotonic()))
            try:
                connection.sendall(head + body if len(body) < _CHUNK else head)
                if len(body) >= _CHUNK:
                    connection.sendall(body)
            except (BrokenPipeError, ConnectionResetError) as error:
                raise _Stale from error
            answer, done = _Reading(connection, deadline).answer()
            return answer
        finally:
            if done:
                self._keep(port, connection)
            else:
                connection.close()

    def _keep(self, port: int, connection: socket.socket) -> None:
        with self._lock:
            kept = self._idle.setdefault(port, deque())
            if len(kept) < MOST_IDLE:
                kept.append(connection)
                return
        connection.close()


class _Stale(OSError):
    """The connection was closed before anything of a reply came."""


class _Reading:
    """One reply off a connection."""

    def __init__(self, connection: socket.socket, deadline: float) -> None:
        self._connection, self._deadline, self._held = connection, deadline, bytearray()

    def answer(self) -> tuple[Answer, bool]:
        """The reply, and whether the connection may be used again."""
        while True:
            head = self._until(b"\r\n\r\n")
            lines = head.decode("latin-1").split("\r\n")
            status = int(lines[0].split(None, 2)[1])
            if status != 100:
                break
        headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines[1:])}
        if headers.get("transfer-encoding", "").lower() == "chunked":
            body = self._chunks()
        else:
            body = self._exactly(int(headers.get("content-length") or 0)) if status not in (204, 304) else b""
        return Answer(status, headers, body), headers.get("connection", "").lower() != "close"

    def _chunks(self) -> bytes:
        parts = []
        while size := int(self._until(b"\r\n").partition(b";")[0], 16):
            parts.append(self._exactly(size))
            self._exactly(2)
        self._until(b"\r\n")
        return b"".join(parts)

    def _until(self, end: bytes) -> bytes:
        while (at := self._held.find(end)) < 0:
            self._more()
        found = bytes(self._held[:at])
        del self._held[: at + len(end)]
        return found

    def _exactly(self, size: int) -> bytes:
        while len(self._held) < size:
            self._more()
        found = bytes(self._held[:size])
        del self._held[:size]
        return found

    def _more(self) -> None:
        self._connection.settimeout(max(0.001, self._deadline - time.monotonic()))
        try:
            read = self._connection.recv(_CHUNK)
        except ConnectionResetError as error:
            raise _Stale from error
        if not read:
            raise _Stale("the connection was closed")
        self._held += read
