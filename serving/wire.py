"""Replies as bytes of HTTP/1.1 (RFC 9112), and targets of requests as paths."""

from __future__ import annotations

import time
from email.utils import formatdate
from http import HTTPStatus
from urllib.parse import unquote, urlsplit

from serving.http import Headers, Reply

CONTINUE = b"HTTP/1.1 100 Continue\r\n\r\n"


class Writer:
    """Turns replies into bytes. `headers` go with every reply; a status's first lines are made once."""

    def __init__(self, headers: Headers) -> None:
        self._common = _lines(headers)
        self._heads: dict[tuple[int, bytes], bytes] = {}
        self._second = 0
        self._date = b""

    def write(self, reply: Reply, *, bodiless: bool, keep_alive: bool, old_client: bool) -> bytes:
        """The whole reply. `bodiless`: without its body, but with its length, as HEAD wants it; an `old_client`
        speaks HTTP/1.0, where a connection ends unless it is said to live on."""
        key = (reply.status, reply.content_type)
        head = self._heads.get(key)
        if head is None:
            head = self._heads[key] = self._head(*key)
        more = _lines(reply.headers) if reply.headers else b""
        if not keep_alive:
            more += b"connection: close\r\n"
        elif old_client:
            more += b"connection: keep-alive\r\n"
        body = b"" if bodiless else reply.body
        return b"%b%bcontent-length: %d\r\ndate: %b\r\n\r\n%b" % (head, more, len(reply.body), self._now(), body)

    def _head(self, status: int, content_type: bytes) -> bytes:
        phrase = HTTPStatus(status).phrase.encode()
        return b"HTTP/1.1 %d %b\r\ncontent-type: %b\r\n%b" % (status, phrase, content_type, self._common)

    def _now(self) -> bytes:
        second = int(time.time())
        if second != self._second:
            self._second, self._date = second, formatdate(second, usegmt=True).encode()
        return self._date


def _lines(headers: Headers | tuple[tuple[bytes, bytes], ...]) -> bytes:
    return b"".join(b"%b: %b\r\n" % pair for pair in headers)


def split_target(target: bytes) -> tuple[str, str]:
    """Decoded path and raw query of a request's target (RFC 9112, 3.2): `/path?query`, or a whole address."""
    text = target.decode("latin-1")
    if not text.startswith("/"):
        address = urlsplit(text)
        text = (address.path or "/") + (f"?{address.query}" if address.query else "")
    path, _, query = text.partition("?")
    return (unquote(path) if "%" in path else path), query
