"""One small HTTP request to a server of this machine, without the weight of an HTTP library."""

from __future__ import annotations

import socket
import time
from dataclasses import dataclass

_LARGEST = 1 << 20


@dataclass(frozen=True)
class Reply:
    """What came back. `seconds` is from connect to the last byte."""

    code: int
    body: bytes
    seconds: float


def request(
    port: int,
    path: str,
    *,
    body: bytes | None = None,
    host: str = "127.0.0.1",
    timeout: float = 1.0,
    headers: dict[str, str] | None = None,
) -> Reply:
    """GET `path`, or POST `body` as JSON. Raises OSError when there is no whole HTTP reply in `timeout` seconds."""
    began = time.monotonic()
    lines = [f"{'GET' if body is None else 'POST'} {path} HTTP/1.1", f"host: {host}:{port}", "connection: close"]
    lines += [f"{name}: {value}" for name, value in (headers or {}).items()]
    if body is not None:
        lines += ["content-type: application/json", f"content-length: {len(body)}"]
    received = bytearray()
    with socket.create_connection((host, port), timeout) as connection:
        connection.sendall("\r\n".join(lines).encode() + b"\r\n\r\n" + (body or b""))
        while len(received) < _LARGEST:
            connection.settimeout(max(0.001, began + timeout - time.monotonic()))
            chunk = connection.recv(65536)
            if not chunk:
                break
            received += chunk
    head, separator, rest = bytes(received).partition(b"\r\n\r\n")
    words = head.split(None, 2)
    if not separator or len(words) < 2 or not words[0].startswith(b"HTTP/") or not words[1].isdigit():
        raise ConnectionResetError("no HTTP reply")
    return Reply(int(words[1]), rest, time.monotonic() - began)


def is_ready(url: str, timeout: float = 1.0) -> bool:
    """Whether a GET of `http://host:port/path` answers 200."""
    rest = url.removeprefix("http://")
    address, _, path = rest.partition("/")
    host, _, port = address.partition(":")
    try:
        return request(int(port or 80), f"/{path}", host=host, timeout=timeout).code == 200
    except (OSError, ValueError):
        return False
