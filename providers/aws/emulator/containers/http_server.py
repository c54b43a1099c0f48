"""HTTP/1.1 for one model: a thread a connection, kept alive, each reply in one write."""

from __future__ import annotations

import signal
import socketserver
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from http import HTTPStatus

from providers.aws.emulator.containers.replies import Reply

LONGEST_LINE, MOST_HEADERS = 64 * 1024, 200
DRAIN_SECONDS = 12.0


@dataclass(frozen=True)
class Request:
    """A request that was read whole. Names of headers are lower-case."""

    method: str
    path: str
    headers: Mapping[str, str]
    body: bytes


Application = Callable[[Request], Reply]


class _Server(socketserver.ThreadingTCPServer):
    allow_reuse_address = True
    daemon_threads = True
    block_on_close = False
    request_queue_size = 256

    def __init__(self, port: int, application: Application) -> None:
        self.application = application
        self.busy = 0
        self.lock = threading.Lock()
        super().__init__(("127.0.0.1", port), _Connection)


class _Connection(socketserver.StreamRequestHandler):
    server: _Server
    disable_nagle_algorithm = True

    def handle(self) -> None:
        """Request after request until the client leaves."""
        try:
            while self._one():
                pass
        except (OSError, ValueError):
            pass  # a client that went away, or that speaks no HTTP

    def _one(self) -> bool:
        request = self._read()
        if request is None:
            return False
        with self.server.lock:
            self.server.busy += 1
        try:
            answer = self.server.application(request)
            open_still = request.headers.get("connection", "").lower() != "close"
            self.request.sendall(_bytes(answer, open_still, head=request.method == "HEAD"))
        finally:
            with self.server.lock:
                self.server.busy -= 1
        return open_still

    def _read(self) -> Request | None:
        line = self.rfile.readline(LONGEST_LINE)
        if not line.strip():
            return None
        method, target, _ = line.decode("latin-1").split(None, 2)
        headers: dict[str, str] = {}
        while line := self.rfile.readline(LONGEST_LINE).rstrip(b"\r\n"):
            name, _, value = line.decode("latin-1").partition(":")
            headers[name.strip().lower()] = value.strip()
            if len(headers) > MOST_HEADERS:
                raise ValueError("too many headers")
        if headers.get("transfer-encoding", "").lower() == "chunked":
            body = b"".join(self._chunks())
        else:
            body = self.rfile.read(int(headers.get("content-length") or 0))
        return Request(method, target.partition("?")[0], headers, body)

    def _chunks(self) -> list[bytes]:
        chunks = []
        while size := int(self.rfile.readline(LONGEST_LINE).partition(b";")[0], 16):
            chunks.append(self.rfile.read(size))
            self.rfile.readline(LONGEST_LINE)
        while self.rfile.readline(LONGEST_LINE).strip():
            pass  # trailers
        return chunks


def _bytes(answer: Reply, open_still: bool, head: bool) -> bytes:
    try:
        phrase = HTTPStatus(answer.status).phrase
    except ValueError:
        phrase = "Status"
    lines = [f"HTTP/1.1 {answer.status} {phrase}", f"content-type: {answer.content_type}",
             f"content-length: {len(answer.body)}", f"connection: {'keep-alive' if open_still else 'close'}",
             *(f"{name}: {value}" for name, value in answer.headers)]  # fmt: skip
    return "\r\n".join(lines).encode("latin-1", "replace") + b"\r\n\r\n" + (b"" if head else answer.body)


def serve(port: int, application: Application) -> None:
    """Answer on loopback until SIGTERM; then finish what is under way."""
    server = _Server(port, application)
    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    threading.Thread(target=server.serve_forever, args=(0.2,), daemon=True).start()
    stop.wait()
    server.shutdown()  # no more connections; those there are finish
    until = time.monotonic() + DRAIN_SECONDS
    while server.busy and time.monotonic() < until:
        time.sleep(0.02)
