"""The Python client: predictions from an endpoint of a stack.

::

    import mooring
    reply = mooring.endpoint("local").predict([{"sepal_length": 5.1, …}])
    reply.predictions, reply.model_version

The address comes from the stack's state; nothing of Pulumi is imported. Connections are kept alive, one a thread.
"""

from __future__ import annotations

import http.client
import json
import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from mooring.deployed import Deployed
from mooring.rows import as_rows
from providers import paths
from providers.errors import InvalidInput, MooringError, NotFound, PermissionDenied, Unavailable

RETRIES = 3
"""Further attempts while the connection is refused: a router that is being restarted is back within a second."""
RETRY_WAIT_S = 0.25


class PredictionRejected(InvalidInput):
    """The endpoint refused the rows: a wrong column or type, a body too large. The message is the server's."""


class PredictionFailed(MooringError):
    """The endpoint answered with an error of its own. `status` is the HTTP status."""

    def __init__(self, message: str, *, status: int) -> None:
        self.status = status
        super().__init__(message)


@dataclass(frozen=True)
class Prediction:
    """One reply: a prediction for each row, and by which model version.

    `probabilities` has a list for each row, in the order of `classes`; both are None where the model gives none.
    `model_version` is the version's number in the model's registry, as text. `raw` is the whole reply. `warnings`
    are values unlike the training data's, each with `row`, `column` and `message`.
    """

    predictions: list[Any]
    probabilities: list[list[float]] | None
    classes: list[Any] | None
    model: str
    model_version: str
    deployment: str
    raw: Mapping[str, Any]
    warnings: Sequence[Mapping[str, Any]] = ()

    def __len__(self) -> int:
        return len(self.predictions)


class Endpoint:
    """One endpoint of a deployed stack. Safe to share between threads."""

    def __init__(self, stack: str, name: str | None = None, *, emulate: bool = False, root: Path | None = None) -> None:
        """`root` is the project's; the one of the current folder by default.

        Raises `NotFound` when the stack or the endpoint is not deployed, or the name is needed.
        """
        self.stack = stack
        self._root, self._emulate = root or paths.project_root(), emulate
        self._local = threading.local()
        self.name, self.url = self._resolve(name)

    def predict(self, rows: Any, *, timeout: float = 30.0, deployment: str | None = None) -> Prediction:
        """Predictions for `rows`: a list of mappings or lists, a numpy array or a pandas frame.

        `deployment` asks one deployment of the endpoint instead of a share of the traffic. `timeout` is in seconds,
        for each connection and reply. Raises `InvalidInput` for what are no rows, `PredictionRejected`,
        `PredictionFailed`, and `Unavailable` when nobody answers in time.
        """
        body = json.dumps({"instances": as_rows(rows)}, allow_nan=False).encode()
        headers = {"content-type": "application/json", "accept": "application/json"}
        if deployment:
            headers["x-mooring-deployment"] = deployment
        response, content = self._send(body, headers, timeout)
        return _prediction(response, content, self.name)

    def close(self) -> None:
        """Close this thread's connection."""
        self._drop()

    def __enter__(self) -> Endpoint:
        return self

    def __exit__(self, *exception: object) -> None:
        self.close()

    def _resolve(self, name: str | None) -> tuple[str, str]:
        """Name and prediction address, as the stack's state has them now."""
        found, outputs = Deployed.read(self._root, self.stack, emulate=self._emulate).endpoint(name)
        url = outputs.get("predictUrl")
        if not isinstance(url, str) or not url:
            raise NotFound(f"endpoint '{found}' of stack '{self.stack}' has no address yet; its deployment did not end")
        return found, url

    def _send(self, body: bytes, headers: Mapping[str, str], timeout: float) -> tuple[http.client.HTTPResponse, bytes]:
        """One request. Repeated only when it cannot have been answered: the connection was refused, or one that
        was kept open turns out to have been closed before any byte of a reply."""
        import time

        for attempt in range(RETRIES + 1):
            reused = self._connection() is not None
            try:
                return self._once(body, headers, timeout)
            except ConnectionRefusedError as cause:
                self._drop()
                if attempt == RETRIES:
                    raise Unavailable(
                        f"nothing answers at {self.url}; `mooring status --stack {self.stack}` tells more"
                    ) from cause
                time.sleep(RETRY_WAIT_S)
                self.name, self.url = self._resolve(self.name)  # a new deployment may have moved it
            except (http.client.RemoteDisconnected, BrokenPipeError, ConnectionResetError) as cause:
                self._drop()
                if not reused:
                    raise Unavailable(f"{self.url} closed the connection without a reply") from cause
            except TimeoutError as cause:
                self._drop()
                raise Unavailable(f"{self.url} did not answer within {timeout:g} s") from cause
            except (OSError, http.client.HTTPException) as cause:
                self._drop()
                raise Unavailable(f"{self.url}: {cause or type(cause).__name__}") from cause
        raise Unavailable(f"{self.url} closed {RETRIES + 1} connections without a reply")

    def _once(self, body: bytes, headers: Mapping[str, str], timeout: float) -> tuple[http.client.HTTPResponse, bytes]:
        address = urlsplit(self.url)
        connection = self._connection()
        if connection is None:
            kind = http.client.HTTPSConnection if address.scheme == "https" else http.client.HTTPConnection
            connection = kind(address.hostname or "127.0.0.1", address.port, timeout=timeout)
            self._local.connection = connection
        if connection.sock is not None:
            connection.sock.settimeout(timeout)
        target = address.path or "/"
        connection.request("POST", f"{target}?{address.query}" if address.query else target, body, dict(headers))
        response = connection.getresponse()
        return response, response.read()

    def _connection(self) -> http.client.HTTPConnection | None:
        """The open connection of this thread."""
        found: http.client.HTTPConnection | None = getattr(self._local, "connection", None)
        return found

    def _drop(self) -> None:
        if connection := self._connection():
            connection.close()
            self._local.connection = None


def endpoint(stack: str, name: str | None = None, *, emulate: bool = False, root: Path | None = None) -> Endpoint:
    """The endpoint `name` of `stack`; the name may be left out when the stack has only one. See `Endpoint`."""
    return Endpoint(stack, name, emulate=emulate, root=root)


def _prediction(response: http.client.HTTPResponse, content: bytes, name: str) -> Prediction:
    """The reply as a value, or the error that it tells of."""
    try:
        reply = json.loads(content)
    except ValueError:
        reply = None
    if response.status != 200:
        raise _error(response.status, reply, content, name)
    predictions = reply.get("predictions") if isinstance(reply, dict) else None
    if not isinstance(reply, dict) or not isinstance(predictions, list):
        raise PredictionFailed(f"endpoint '{name}' answered without 'predictions'", status=response.status)
    return Prediction(
        predictions=predictions,
        probabilities=reply.get("probabilities"),
        classes=reply.get("classes"),
        model=response.headers.get("x-model-name", str(reply.get("model_name", ""))),
        model_version=str(reply.get("model_version") or response.headers.get("x-model-version", "")),
        deployment=response.headers.get("x-mooring-deployment", ""),
        raw=reply,
        warnings=reply.get("warnings") or (),
    )


def _error(status: int, reply: Any, content: bytes, name: str) -> MooringError:
    said = reply.get("error") if isinstance(reply, dict) else None
    message = str(said or content[:200].decode("utf-8", "replace").strip() or http.client.responses.get(status, ""))
    told = f"endpoint '{name}' ({status}): {message}"
    if status in (401, 403):
        return PermissionDenied(told)
    if status in (429, 503, 504):
        return Unavailable(told)
    if 400 <= status < 500:
        return PredictionRejected(told)
    return PredictionFailed(told, status=status)
