"""What a user's function returns, as an HTTP reply: by the rules of Flask, which AWS's images answer with."""

from __future__ import annotations

import json
import traceback
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

HTML = "text/html; charset=utf-8"
_PAGE = """<!DOCTYPE HTML PUBLIC "-//W3C//DTD HTML 3.2 Final//EN">
<title>{code} {phrase}</title>
<h1>{phrase}</h1>
<p>{text}</p>
"""
_BROKEN = (
    "The server encountered an internal error and was unable to complete your request. "
    "Either the server is overloaded or there is an error in the application."
)


@dataclass(frozen=True)
class Reply:
    """Status, content type and body. `headers` are further ones."""

    status: int
    content_type: str
    body: bytes
    headers: tuple[tuple[str, str], ...] = ()


def reply(result: Any) -> Reply:
    """`(body, content type)`, a body, a mapping, or a Flask response. Raises TypeError for anything else."""
    if isinstance(result, tuple):
        body, kind = result[0], result[1]
        return Reply(200, with_charset(str(kind)), _bytes(body))
    if hasattr(result, "get_data") and hasattr(result, "status_code"):
        return Reply(int(result.status_code), str(result.content_type), result.get_data())
    if isinstance(result, dict | list):
        return Reply(200, "application/json", json.dumps(result).encode() + b"\n")
    if isinstance(result, str | bytes | bytearray):
        return Reply(200, HTML, _bytes(result))
    raise TypeError(
        "The view function did not return a valid response. The return type must be a string, dict, list, tuple with "
        f"headers or status, Response instance, or WSGI callable, but it was a {type(result).__name__}."
    )


def with_charset(kind: str) -> str:
    """The content type of a MIME type: text is UTF-8."""
    return f"{kind}; charset=utf-8" if kind.startswith("text/") and "charset" not in kind else kind


def _bytes(body: Any) -> bytes:
    if isinstance(body, str):
        return body.encode()
    if isinstance(body, bytes | bytearray):
        return bytes(body)
    if isinstance(body, Iterable):
        return b"".join(_bytes(part) for part in body)
    raise TypeError(f"'{type(body).__name__}' object is not iterable")


def refused(error: Exception, status: int) -> Reply:
    """The toolkit's reply to a content type that it does not know; called where the error is handled."""
    told = {"error": type(error).__name__, "error-message": str(error), "stack-trace": traceback.format_exc()}
    return Reply(status, "application/json", json.dumps(told).encode())


def broken() -> Reply:
    """The reply to a request on which the user's code failed."""
    return page(500, "Internal Server Error", _BROKEN)


def page(status: int, phrase: str, text: str) -> Reply:
    """One of Flask's pages."""
    return Reply(status, HTML, _PAGE.format(code=status, phrase=phrase, text=text).encode())
