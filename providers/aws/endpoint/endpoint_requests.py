"""Asking an endpoint for predictions, through SageMaker's runtime."""

from __future__ import annotations

import json
import time
import uuid
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from concurrent.futures import TimeoutError as TooLong
from typing import Any

from providers.aws import session
from providers.aws.endpoint.place import Place
from providers.aws.faults import code_of, message_of, translated
from providers.aws.objects import Objects
from providers.errors import InvalidInput, MooringError, NotFound, Unavailable

JSON = "application/json"
POLL_SECONDS = 0.2


def runtime_url(region: str) -> str:
    """The address of SageMaker's runtime."""
    ending = ".cn" if region.startswith("cn-") else ""
    return session.endpoint_url() or f"https://runtime.sagemaker.{region}.amazonaws.com{ending}"


def predict_url(region: str, endpoint: str) -> str:
    """The address that takes rows; it wants AWS's signature."""
    return f"{runtime_url(region)}/endpoints/{endpoint}/invocations"


def predict(region: str, endpoint: str, rows: Sequence[Mapping[str, Any]], timeout: float) -> dict[str, Any]:
    """The reply's JSON. Raises NotFound, InvalidInput with the server's words for a 4xx, Unavailable for a 5xx or no
    reply."""
    client = session.client("sagemaker-runtime", region)
    body = _written(rows)

    def ask() -> bytes:
        reply: bytes = client.invoke_endpoint(EndpointName=endpoint, ContentType=JSON, Accept=JSON, Body=body)[
            "Body"
        ].read()
        return reply

    pool = ThreadPoolExecutor(1)
    try:
        return _value(pool.submit(ask).result(timeout))
    except TooLong as error:
        raise Unavailable(f"endpoint {endpoint} gave no answer within {timeout:g} s") from error
    except Exception as error:
        raise _translated(error, endpoint) from error
    finally:
        pool.shutdown(wait=False)


def predict_later(place: Place, rows: Sequence[Mapping[str, Any]], timeout: float) -> dict[str, Any]:
    """The same of an asynchronous endpoint: rows and reply go through the stack's bucket."""
    objects = Objects(place.region)
    source = f"{place.base}async/input/{uuid.uuid4().hex}.json"
    until = time.monotonic() + timeout
    objects.write(source, _written(rows), JSON)
    try:
        with translated(f"asking endpoint {place.name}"):
            told = session.client("sagemaker-runtime", place.region).invoke_endpoint_async(
                EndpointName=place.name, ContentType=JSON, Accept=JSON, InputLocation=source
            )
        while time.monotonic() < until:
            if objects.exists(told["OutputLocation"]):
                return _value(objects.read(told["OutputLocation"]))
            if told.get("FailureLocation") and objects.exists(told["FailureLocation"]):
                said = objects.read(told["FailureLocation"])
                raise InvalidInput(
                    f"the endpoint did not answer the rows: {said_by_server(said.decode('utf-8', 'replace'))}"
                )
            time.sleep(POLL_SECONDS)
        raise Unavailable(f"endpoint {place.name} gave no answer within {timeout:g} s; it will be at "
                          f"{told['OutputLocation']}")  # fmt: skip
    finally:
        if time.monotonic() < until:  # else the endpoint has yet to read it
            objects.delete(source)


def _written(rows: Sequence[Mapping[str, Any]]) -> bytes:
    try:
        return json.dumps({"instances": list(rows)}, allow_nan=True).encode()
    except (TypeError, ValueError) as error:
        raise InvalidInput(f"a row cannot be written as JSON: {error}") from error


def _value(body: bytes) -> dict[str, Any]:
    try:
        found = json.loads(body)
    except ValueError:
        found = None
    if not isinstance(found, dict):
        raise MooringError(f"the endpoint's reply is not a JSON object: {body[:300].decode('utf-8', 'replace')}")
    return found


def _translated(error: Exception, endpoint: str) -> MooringError:
    if isinstance(error, MooringError):
        return error
    response: Mapping[str, Any] = getattr(error, "response", {})
    if code_of(error) == "ModelError":
        status = int(response.get("OriginalStatusCode") or 0)
        said = said_by_server(str(response.get("OriginalMessage") or message_of(error)))
        if 400 <= status < 500:
            return InvalidInput(f"the endpoint refused the rows: {said}")
        return Unavailable(f"the endpoint answered {status}: {said}")
    if code_of(error) == "ValidationError" and "not found" in message_of(error):
        return NotFound(f"there is no endpoint '{endpoint}'")
    if code_of(error) in ("ValidationError", "413"):
        return InvalidInput(f"asking endpoint {endpoint}: {message_of(error)}")
    try:
        with translated(f"asking endpoint {endpoint}"):
            raise error
    except MooringError as known:
        return known


def said_by_server(text: str) -> str:
    """The words of Mooring's own server, out of its JSON."""
    try:
        found = json.loads(text)
    except ValueError:
        return text[:300]
    return str(found["error"]) if isinstance(found, dict) and "error" in found else text[:300]
