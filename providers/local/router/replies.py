"""Replies that the router makes itself."""

from __future__ import annotations

from http import HTTPStatus


def page(code: int, body: bytes, content_type: str, closing: bool, *, head: bool = False) -> bytes:
    """A whole reply; `closing` says that the connection ends with it, `head` that the body was not asked for."""
    lines = (
        f"HTTP/1.1 {code} {HTTPStatus(code).phrase}",
        f"content-type: {content_type}",
        f"content-length: {len(body)}",
        f"connection: {'close' if closing else 'keep-alive'}",
    )
    return "\r\n".join(lines).encode() + b"\r\n\r\n" + (b"" if head else body)
