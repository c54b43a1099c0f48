"""Asynchronous invocations: taken at once, carried out in their order, the reply put into S3.

The queue is in the state, so a restarted emulator goes on with it; a request that was under way is done again, and so
is one whose reply was put into S3 so shortly before the end that S3 has lost it.
"""

from __future__ import annotations

import json
import time
import uuid
from collections.abc import Mapping
from datetime import UTC, datetime
from functools import partial
from typing import TYPE_CHECKING, Any

from providers.aws.emulator import s3_files
from providers.aws.emulator.errors import ApiError
from providers.aws.emulator.s3_files import split_uri
from providers.aws.emulator.sagemaker.hosting import invocation, targets
from providers.aws.emulator.sagemaker.hosting.target import Target
from providers.aws.emulator.state import Thing

if TYPE_CHECKING:
    from providers.aws.emulator.sagemaker.service import SageMaker

KIND = "async_invocations"
DEFAULT_CONCURRENCY = 4
"""Requests that one instance works on at once where the configuration does not say."""
REMEMBERED = 5.0
"""Seconds that a request is remembered after its end: longer than S3 takes to be on disk."""
DEFAULT_TTL, DEFAULT_TIMEOUT = 21600, 900
"""Seconds that a request may wait, and that the model has for it, where the request does not say."""


def accept(service: SageMaker, target: Target, request: Mapping[str, Any]) -> Thing:
    """Put a request into the queue: `input`, `headers`, and what was asked for besides. What it became."""
    rules = target.asynchronous or {}
    output, id = rules["OutputConfig"], str(uuid.uuid4())
    within = f"/{request['extension'].strip('/')}" if request.get("extension") else ""
    name = request.get("filename") or f"{id}.out"
    failure = output.get("S3FailurePath")
    body: Thing = {
        **request,
        "endpoint": target.name,
        "received": time.time(),
        "inference_id": request["headers"].get("x-amzn-sagemaker-inference-id") or id,
        "output": f"{output['S3OutputPath'].rstrip('/')}{within}/{name}",
        "failure": f"{failure.rstrip('/')}{within}/{id}-error.out" if failure else None,
    }
    service.state.put(KIND, target.region, id, body)
    return body


def step(service: SageMaker, tell: bool = True) -> None:
    """Begin what there is capacity for, oldest first, and tell CloudWatch what waits."""
    waiting: dict[tuple[str, str], list[tuple[str, Thing]]] = {}
    for region, id, body in service.state.everywhere(KIND):
        if "done" not in body:
            waiting.setdefault((region, body["endpoint"]), []).append((id, body))
        elif time.time() - body["done"] > REMEMBERED:
            service.state.remove(KIND, region, id)
    for (region, endpoint), queue in waiting.items():
        target = targets.find(service, region, endpoint)
        if target is None or target.asynchronous is None:
            if service.state.find("endpoints", region, endpoint) is None:  # deleted: AWS drops what waits
                for id, _ in queue:
                    service.state.remove(KIND, region, id)
            continue
        instances = sum(one.instances for one in target.variants.values())
        client = target.asynchronous.get("ClientConfig") or {}
        most = instances * int(client.get("MaxConcurrentInvocationsPerInstance") or DEFAULT_CONCURRENCY)
        for id, body in queue[:most]:
            service.work.begin(f"async:{region}:{id}", partial(_carry_out, service, region, id, body))
        if tell:
            _tell(service, target, len(queue), instances)


def resume(service: SageMaker) -> None:
    """Do those again whose reply is not there."""
    for region, id, body in list(service.state.everywhere(KIND)):
        there = [uri for uri in (body["output"], body["failure"]) if uri]
        if "done" in body and not any(s3_files.exists(service.clients.get("s3", region), uri) for uri in there):
            service.state.edit(KIND, region, id, lambda row: row.pop("done", None))


def _tell(service: SageMaker, target: Target, backlog: int, instances: int) -> None:
    data = {
        "ApproximateBacklogSize": float(backlog),
        "ApproximateBacklogSizePerInstance": backlog / max(1, instances),
        "HasBacklogWithoutCapacity": float(backlog > 0 and instances == 0),
    }
    dimensions = [{"Name": "EndpointName", "Value": target.name}]
    service.clients.get("cloudwatch", target.region).put_metric_data(
        Namespace="AWS/SageMaker",
        MetricData=[{"MetricName": name, "Value": value, "Dimensions": dimensions} for name, value in data.items()],
    )


def _carry_out(service: SageMaker, region: str, id: str, body: Thing) -> None:
    target = targets.find(service, region, body["endpoint"])
    if target is None or "done" in (service.state.find(KIND, region, id) or {"done": 0}):
        return
    s3 = service.clients.get("s3", region)
    try:
        if time.time() - body["received"] > float(body.get("ttl") or DEFAULT_TTL):
            raise _Failed("ClientError: the request waited longer than its RequestTTLSeconds")
        given = _input(s3, body["input"])
        invoked = invocation.invoke(
            service, target, body["headers"], given, "", float(body.get("timeout") or DEFAULT_TIMEOUT)
        )
    except invocation.ModelError as error:
        _failed(service, target, body, str(error), error.said)
    except _Failed as error:
        _failed(service, target, body, str(error), str(error))
    except ApiError:
        return  # no server is there just now: it waits
    else:
        _succeeded(service, target, body, invoked)
    service.state.change(KIND, region, id, done=time.time())


class _Failed(Exception):
    """A request that never came to the model; the text says why."""


def _input(s3: Any, uri: str) -> bytes:
    from botocore.exceptions import ClientError

    bucket, key = split_uri(uri)
    try:
        body: bytes = s3.get_object(Bucket=bucket, Key=key)["Body"].read()
    except ClientError as error:
        raise _Failed(f"ClientError: the input {uri} could not be downloaded: {error}") from error
    return body


def _succeeded(service: SageMaker, target: Target, body: Thing, invoked: invocation.Invoked) -> None:
    kind = invoked.answer.headers.get("content-type", "application/octet-stream")
    try:
        _put(service, target, body["output"], invoked.answer.body, kind)
    except _Failed as error:
        _failed(service, target, body, str(error), str(error))
        return
    _notify(service, target, body, "Completed", {"contentType": kind, "outputLocation": body["output"]}, None)


def _failed(service: SageMaker, target: Target, body: Thing, reason: str, said: str) -> None:
    if body["failure"]:
        try:
            _put(service, target, body["failure"], said.encode(), "text/plain")
        except _Failed as error:
            reason = f"{reason} {error}"
    _notify(service, target, body, "Failed", {"outputLocation": body["failure"]} if body["failure"] else None, reason)


def _put(service: SageMaker, target: Target, uri: str, content: bytes, kind: str) -> None:
    from botocore.exceptions import ClientError

    bucket, key = split_uri(uri)
    named = (target.asynchronous or {}).get("OutputConfig", {}).get("KmsKeyId")
    encryption = {"ServerSideEncryption": "aws:kms", "SSEKMSKeyId": named} if named else {}
    try:
        service.clients.get("s3", target.region).put_object(
            Bucket=bucket, Key=key, Body=content, ContentType=kind, **encryption
        )
    except ClientError as error:
        raise _Failed(f"ClientError: the output {uri} could not be uploaded: {error}") from error


def _notify(
    service: SageMaker, target: Target, body: Thing, status: str, response: dict[str, Any] | None, reason: str | None
) -> None:
    """Tell the topic that the configuration names, if it does."""
    topics = ((target.asynchronous or {}).get("OutputConfig") or {}).get("NotificationConfig") or {}
    topic = topics.get("SuccessTopic" if status == "Completed" else "ErrorTopic")
    if not topic:
        return
    message = {
        "awsRegion": target.region,
        "eventTime": _moment(time.time()),
        "receivedTime": _moment(body["received"]),
        "invocationStatus": status,
        **({"failureReason": reason} if reason else {}),
        "requestParameters": {
            "contentType": body["headers"].get("content-type"),
            "endpointName": target.name,
            "inputLocation": body["input"],
        },
        **({"responseParameters": response} if response else {}),
        "inferenceId": body["inference_id"],
        "eventVersion": "1.0",
        "eventSource": "aws:sagemaker",
        "eventName": "InferenceResult",
    }
    service.clients.get("sns", target.region).publish(TopicArn=topic, Message=json.dumps(message))


def _moment(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def check_input(uri: str) -> None:
    """Raise ApiError for what is no address of S3."""
    s3_files.split_uri(uri)
