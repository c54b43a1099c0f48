"""Requests and replies of the server, apart from sockets."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import orjson

from serving.errors import RequestError

MAX_BODY = 32 * 1024 * 1024
"""Largest body taken by default, in bytes."""

JSON = b"application/json"
CSV = b"text/csv; charset=utf-8"
TEXT = b"text/plain; version=0.0.4; charset=utf-8"

Headers = list[tuple[bytes, bytes]]


@dataclass(slots=True)
class Request:
    """What a route sees of a request. `path` is decoded and has no query, `headers` have lower-case names."""

    method: str
    path: str
    headers: Headers
    body: bytes
    query: str = ""

    def header(self, name: bytes) -> str:
        """The value of a header, empty when it is absent."""
        for key, value in self.headers:
            if key == name:
                return value.decode("latin-1")
        return ""

    @property
    def media_type(self) -> str:
        """The content type without its parameters, in lower case; empty when it is absent."""
        return self.header(b"content-type").partition(";")[0].strip().lower()


@dataclass(slots=True)
class Reply:
    """What is sent back; `rows` is how many rows were predicted, `warned` how often which warning was given about
    their values, by column and kind."""

    body: bytes
    status: int = 200
    content_type: bytes = JSON
    rows: int = 0
    headers: tuple[tuple[bytes, bytes], ...] = ()
    warned: Mapping[tuple[str, str], int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Route:
    """One path: its name in the metrics, its methods, and what answers. `predicts` routes may take long."""

    name: str
    methods: tuple[str, ...]
    answer: Callable[[Request], Reply]
    predicts: bool = False


def encode(value: Any) -> bytes:
    """JSON; NumPy arrays and numbers at their own precision."""
    return orjson.dumps(value, option=orjson.OPT_SERIALIZE_NUMPY | orjson.OPT_NON_STR_KEYS)


def decode(body: bytes) -> Any:
    """JSON of a body. `NaN`, which Python's own encoder writes, is taken for a missing value.

    Raises RequestError that says where the JSON ends to be JSON.
    """
    if not body:
        raise RequestError('the body is empty; JSON is expected, such as {"instances": […]}')
    try:
        return orjson.loads(body)
    except orjson.JSONDecodeError as error:
        if b"NaN" in body:
            try:
                return json.loads(body)
            except (ValueError, RecursionError):
                pass
        raise RequestError(f"the body is not JSON: {error}") from None


def require_json(request: Request) -> None:
    """Raise the error 415 for a body that says it is something else. No content type at all counts as JSON."""
    found = request.media_type
    if found and found != "application/json" and not found.endswith("+json"):
        raise RequestError(f"content type '{found}' is not supported here; send application/json", 415)


def error(message: str, status: int) -> Reply:
    """The reply of a request that failed."""
    return Reply(encode({"error": message}), status)
