"""A loopback HTTP API that pages, throttles, cuts connections and sends malformed pages, for the tests of ingestion."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qsl, urlsplit


@dataclass
class Reply:
    """What the server sends. `cut`: after so many bytes of the body the connection is closed."""

    body: Any = None
    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)
    cut: int | None = None


Handler = Callable[[str, dict[str, str], dict[str, str]], Reply]
"""From path, query and headers to a reply."""


class Api:
    """A running server: its address, and the requests that it got as (path, query, headers)."""

    def __init__(self, handler: Handler) -> None:
        self.requests: list[tuple[str, dict[str, str], dict[str, str]]] = []
        api = self

        class Requests(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self) -> None:
                split = urlsplit(self.path)
                query, headers = dict(parse_qsl(split.query)), {k.lower(): v for k, v in self.headers.items()}
                api.requests.append((split.path, query, headers))
                reply = handler(split.path, query, headers)
                body = reply.body if isinstance(reply.body, bytes) else json.dumps(reply.body).encode()
                self.send_response(reply.status)
                self.send_header("Content-Length", str(len(body)))
                for name, value in reply.headers.items():
                    self.send_header(name, value)
                self.end_headers()
                self.wfile.write(body if reply.cut is None else body[: reply.cut])
                if reply.cut is not None:
                    self.close_connection = True

            def log_message(self, format: str, *args: Any) -> None:
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Requests)
        self.server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self.server.server_address[1]}"


@contextmanager
def serving(handler: Handler) -> Iterator[Api]:
    """A server on a free port of the loopback interface, for as long as the block runs."""
    api = Api(handler)
    thread = threading.Thread(target=api.server.serve_forever, args=(0.02,), daemon=True)
    thread.start()
    try:
        yield api
    finally:
        api.server.shutdown()
        api.server.server_close()
        thread.join(10)
