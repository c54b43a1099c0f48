"""SageMaker's runtime: invocations of endpoints."""

from __future__ import annotations

import json
import re
import sys
import traceback
from collections.abc import Mapping

from providers.aws.emulator.account import ACCOUNT
from providers.aws.emulator.errors import ApiError
from providers.aws.emulator.messages import Reply, Request, as_error
from providers.aws.emulator.sagemaker.hosting import capture, invocation, queue, targets
from providers.aws.emulator.sagemaker.hosting.fleet import INVOCATION_SECONDS
from providers.aws.emulator.sagemaker.hosting.invocation import ModelError
from providers.aws.emulator.sagemaker.hosting.target import Target
from providers.aws.emulator.sagemaker.service import SageMaker

_PATH = re.compile(r"/endpoints/(?P<name>[^/]+)/(?P<how>invocations|async-invocations|invocations-response-stream)$")
MOST_BYTES, MOST_SERVERLESS_BYTES = 6 * 1024 * 1024, 4 * 1024 * 1024
"""Payload of a request: https://docs.aws.amazon.com/general/latest/gr/sagemaker.html"""
JSON = "application/json"
_OURS = "x-amzn-sagemaker-"
_NOT_EMULATED = {
    "target-model": "Multi-model endpoints are",
    "target-container-hostname": "Inference pipelines and multi-container endpoints are",
    "inference-component": "Inference components are",
    "enable-explanations": "Explanations are",
    "session-id": "Stateful sessions are",
    "prefix-aware-id": "Prefix-aware routing is",
}
_LONGEST_TIMEOUT, _LONGEST_TTL = 3600, 21600


def concerns(request: Request) -> bool:
    """Whether a request is one of the runtime's."""
    return _PATH.match(request.path) is not None


def answer(service: SageMaker, request: Request) -> Reply:
    """The reply to an invocation."""
    found = _PATH.match(request.path)
    assert found is not None
    try:
        return _answer(service, request, found["name"], found["how"])
    except ApiError as error:
        return as_error(error, JSON)
    except ModelError as error:
        return _model_error(error)
    except Exception as error:  # noqa: BLE001 - a defect of ours: told as one, and the server goes on
        traceback.print_exc(file=sys.stderr)
        return as_error(ApiError("InternalFailure", f"{type(error).__name__}: {error}", 500), JSON)


def _answer(service: SageMaker, request: Request, name: str, how: str) -> Reply:
    headers = request.headers
    if how == "invocations-response-stream":
        reason = "InvokeEndpointWithResponseStream is not emulated by Mooring (docs/emulators.md lists what is)"
        raise ApiError("NotImplementedException", reason, 501)
    for header, what in _NOT_EMULATED.items():
        if headers.get(_OURS + header):
            raise _wrong(f"{what} not emulated by Mooring (docs/emulators.md)")
    target = targets.find(service, request.region, name)
    if target is None:
        raise _wrong(f"Endpoint {name} of account {ACCOUNT} not found.")
    if (how == "async-invocations") != (target.asynchronous is not None):
        wanted = "InvokeEndpointAsync" if target.asynchronous is not None else "InvokeEndpoint"
        raise _wrong(f"Endpoint {name} of account {ACCOUNT} can only be invoked with {wanted}.")
    if how == "async-invocations":
        return _accepted(service, target, headers)
    most = MOST_SERVERLESS_BYTES if target.serverless is not None else MOST_BYTES
    if len(request.body) > most:
        return _too_large(most)
    variant = headers.get(f"{_OURS}target-variant", "")
    if variant and variant not in target.variants:
        raise _wrong(f'Variant "{variant}" not found for Request.')
    invoked = invocation.invoke(service, target, headers, request.body, variant, INVOCATION_SECONDS)
    got = invoked.answer.headers
    if target.capture is not None:
        capture.take(service, target, invoked.variant, headers, request.body, got, invoked.answer.body)
    returned = {"x-Amzn-Invoked-Production-Variant": invoked.variant}
    for header in ("content-type", f"{_OURS}custom-attributes"):
        if header in got:
            returned[header] = got[header]
    return Reply(200, invoked.answer.body, returned)


def _accepted(service: SageMaker, target: Target, headers: Mapping[str, str]) -> Reply:
    """Take an asynchronous invocation."""
    place = headers.get(f"{_OURS}inputlocation")
    if not place:
        raise _wrong("InputLocation must be provided; a payload in the request itself is not emulated by Mooring")
    queue.check_input(place)
    forwarded = {
        name.removeprefix(_OURS) if name.removeprefix(_OURS) in ("content-type", "accept") else name: value
        for name, value in headers.items()
        if name in (f"{_OURS}content-type", f"{_OURS}accept", f"{_OURS}custom-attributes", f"{_OURS}inference-id")
    }
    body = queue.accept(
        service,
        target,
        {
            "input": place,
            "headers": forwarded,
            "ttl": _seconds(headers, "requestttlseconds", _LONGEST_TTL),
            "timeout": _seconds(headers, "invocationtimeoutseconds", _LONGEST_TIMEOUT),
            "extension": headers.get(f"{_OURS}s3outputpathextension"),
            "filename": headers.get(f"{_OURS}filename"),
        },
    )
    queue.step(service, tell=False)
    places = {"X-Amzn-SageMaker-OutputLocation": body["output"], "Content-Type": JSON}
    if body["failure"]:
        places["X-Amzn-SageMaker-FailureLocation"] = body["failure"]
    return Reply(202, json.dumps({"InferenceId": body["inference_id"]}).encode(), places)


def _seconds(headers: Mapping[str, str], name: str, most: int) -> int | None:
    given = headers.get(_OURS + name)
    if given is None:
        return None
    if not given.isdigit() or not 1 <= int(given) <= most:
        raise _wrong(f"Value '{given}' of {name} must be between 1 and {most}")
    return int(given)


def _wrong(message: str) -> ApiError:
    return ApiError("ValidationError", message)


def _too_large(most: int) -> Reply:
    """AWS's front refuses it before SageMaker sees it: an error without a type."""
    return Reply(413, json.dumps({"message": f"HTTP content length exceeded {most} bytes."}).encode(),
                 {"Content-Type": JSON})  # fmt: skip


def _model_error(error: ModelError) -> Reply:
    body = {"ErrorCode": "CLIENT_ERROR_FROM_MODEL" if 400 <= error.status < 500 else "INTERNAL_FAILURE_FROM_MODEL",
            "LogStreamArn": error.log_arn, "Message": str(error), "OriginalMessage": error.said,
            "OriginalStatusCode": error.status}  # fmt: skip
    return Reply(424, json.dumps(body).encode(), {"Content-Type": JSON, "x-amzn-ErrorType": "ModelError"})
