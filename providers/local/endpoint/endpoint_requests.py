"""Asking an endpoint for predictions, with the standard library's HTTP client."""

from __future__ import annotations

import http.client
import json
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from providers.errors import InvalidInput, MooringError, Unavailable
from providers.local.endpoint.servers import PREDICT_PATH
from providers.local.supervisor import client

RETURN_SECONDS = 15.0
"""How long an endpoint may take to come back after its processes were killed or the machine was restarted."""


def predict(home: Path, port: int, rows: Sequence[Mapping[str, Any]], timeout: float) -> dict[str, Any]:
    """The reply's JSON. Raises InvalidInput with the server's words for a 4xx, Unavailable for a 5xx or no reply."""
    try:
        body = json.dumps({"instances": list(rows)}, allow_nan=True).encode()
    except (TypeError, ValueError) as error:
        raise InvalidInput(f"a row cannot be written as JSON: {error}") from error
    until = time.monotonic() + min(timeout, RETURN_SECONDS)
    ensured = False
    while True:
        try:
            return _ask(port, body, timeout)
        except _NobodyThere as error:
            if time.monotonic() > until:
                raise Unavailable(str(error)) from error
        if not ensured:
            client.ensure(home)  # after a crash or a reboot: a supervisor takes up again what should run
            ensured = True
        time.sleep(0.1)


class _NobodyThere(Unavailable):
    """No router, or no server behind it; they may be on their way."""


def _ask(port: int, body: bytes, timeout: float) -> dict[str, Any]:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=timeout)
    try:
        connection.request("POST", PREDICT_PATH, body, {"content-type": "application/json"})
        reply = connection.getresponse()
        text = reply.read()
    except TimeoutError as error:
        raise Unavailable(f"the endpoint on port {port} gave no answer within {timeout:g} s") from error
    except (OSError, http.client.HTTPException) as error:
        raise _NobodyThere(f"the endpoint on port {port} gave no answer: {error or type(error).__name__}") from error
    finally:
        connection.close()
    return _value(reply.status, text)


def _value(code: int, text: bytes) -> dict[str, Any]:
    try:
        value = json.loads(text)
    except ValueError:
        value = None
    if code == 200 and isinstance(value, dict):
        return value
    told = value["error"] if isinstance(value, dict) and "error" in value else text[:300].decode("utf-8", "replace")
    if 400 <= code < 500:
        raise InvalidInput(f"the endpoint refused the rows: {told}")
    if code in (502, 503):
        raise _NobodyThere(f"the endpoint answered {code}: {told}")
    if code >= 500:
        raise Unavailable(f"the endpoint answered {code}: {told}")
    raise MooringError(f"the endpoint's reply is not a JSON object: {told}")
