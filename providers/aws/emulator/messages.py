"""One request and one reply of the emulator, whatever server stands before it."""

from __future__ import annotations

import json
import re
import uuid
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Any

from providers.aws.emulator.errors import ApiError

Environ = Mapping[str, Any]
StartResponse = Callable[..., Any]
Application = Callable[[dict[str, Any], StartResponse], Iterable[bytes]]

_SCOPE = re.compile(r"Credential=(?P<key>[^/]+)/\d{8}/(?P<region>[^/]+)/(?P<service>[^/]+)/aws4_request")
DEFAULT_REGION = "us-east-1"


@dataclass(frozen=True)
class Scope:
    """Whom a request is for, out of its SigV4 signature; `s3` for an unsigned one, as moto has it."""

    service: str = "s3"
    region: str = DEFAULT_REGION
    access_key: str = ""

    @classmethod
    def of(cls, environ: Environ) -> Scope:
        """From the Authorization header."""
        found = _SCOPE.search(environ.get("HTTP_AUTHORIZATION", ""))
        return cls(found["service"], found["region"], found["key"]) if found else cls()


@dataclass(frozen=True)
class Request:
    """A request that has been read whole. Names of headers are lower-case."""

    method: str
    path: str
    region: str
    headers: Mapping[str, str]
    body: bytes

    @classmethod
    def read(cls, environ: Environ, scope: Scope) -> Request:
        """Read it from a WSGI environment."""
        headers = {key[5:].replace("_", "-").lower(): value for key, value in environ.items() if key[:5] == "HTTP_"}
        headers |= {"content-type": environ["CONTENT_TYPE"]} if environ.get("CONTENT_TYPE") else {}
        length = int(environ.get("CONTENT_LENGTH") or 0)
        body = environ["wsgi.input"].read(length) if length else b""
        return cls(environ["REQUEST_METHOD"], environ.get("PATH_INFO", "/"), scope.region, headers, body)


@dataclass(frozen=True)
class Reply:
    """A reply."""

    status: int
    body: bytes = b""
    headers: Mapping[str, str] = field(default_factory=dict)

    def send(self, start_response: StartResponse) -> Iterable[bytes]:
        """Send it through WSGI."""
        headers = {"x-amzn-RequestId": str(uuid.uuid4()), **self.headers, "Content-Length": str(len(self.body))}
        start_response(f"{self.status} {phrase(self.status)}", list(headers.items()))
        return [self.body]


def phrase(status: int) -> str:
    """The words that belong to an HTTP status."""
    try:
        return HTTPStatus(status).phrase
    except ValueError:
        return "Status"


def as_json(value: Any, status: int = 200, kind: str = "application/x-amz-json-1.1") -> Reply:
    """A reply of AWS's JSON protocol."""
    return Reply(status, json.dumps(value).encode(), {"Content-Type": kind})


def as_error(error: ApiError, kind: str = "application/x-amz-json-1.1") -> Reply:
    """An error of AWS's JSON protocols: `__type` for json 1.1, the header for rest-json."""
    body = json.dumps({"__type": error.code, "message": error.message, "Message": error.message}).encode()
    return Reply(error.status, body, {"Content-Type": kind, "x-amzn-ErrorType": error.code})
