"""Data capture: what went in and came out, as JSON lines in S3.

https://docs.aws.amazon.com/sagemaker/latest/dg/model-monitor-data-capture-endpoint.html
"""

from __future__ import annotations

import base64
import json
import random
import uuid
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from providers.aws.emulator.s3_files import split_uri
from providers.aws.emulator.sagemaker.hosting import live, targets
from providers.aws.emulator.sagemaker.hosting.target import Target

if TYPE_CHECKING:
    from providers.aws.emulator.sagemaker.service import SageMaker

CSV_TYPES, JSON_TYPES = ("text/csv",), ("application/json",)
"""Content types that are kept as text where the configuration names none; all others are kept as base64."""


def take(
    service: SageMaker, target: Target, variant: str, sent: Mapping[str, str], body: bytes, got: Mapping[str, str],
    reply: bytes,
) -> None:  # fmt: skip
    """Keep one request and its reply, if they are to be. Headers are lower-case."""
    rules = target.capture
    if rules is None or random.random() * 100 >= rules["InitialSamplingPercentage"]:
        return
    modes = {one["CaptureMode"] for one in rules["CaptureOptions"]}
    both = "InputAndOutput" in modes
    data = {}
    if both or "Input" in modes:
        data["endpointInput"] = _data(rules, "INPUT", sent.get("content-type", ""), body)
    if both or "Output" in modes:
        data["endpointOutput"] = _data(rules, "OUTPUT", got.get("content-type", ""), reply)
    facts: dict[str, Any] = {"eventId": str(uuid.uuid4()), "inferenceTime": _time(datetime.now(UTC))}
    if attributes := sent.get("x-amzn-sagemaker-custom-attributes"):
        facts["customAttributes"] = [attributes]
    if inference := sent.get("x-amzn-sagemaker-inference-id"):
        facts["inferenceId"] = inference
    record = {"captureData": data, "eventMetadata": facts, "eventVersion": "0"}
    live.of(service).captured.add((target.region, target.name, variant), record)


def _data(rules: Mapping[str, Any], mode: str, content_type: str, body: bytes) -> dict[str, Any]:
    named = rules.get("CaptureContentTypeHeader") or {}
    kind = content_type.partition(";")[0].strip()
    encoding = "BASE64"
    if kind in (named.get("CsvContentTypes") or CSV_TYPES):
        encoding = "CSV"
    elif kind in (named.get("JsonContentTypes") or JSON_TYPES):
        encoding = "JSON"
    try:
        text = body.decode() if encoding != "BASE64" else base64.b64encode(body).decode()
    except UnicodeDecodeError:
        encoding, text = "BASE64", base64.b64encode(body).decode()
    return {"observedContentType": content_type, "mode": mode, "data": text, "encoding": encoding}


def write(service: SageMaker) -> None:
    """Write what was kept since the last time: an object a variant."""
    for (region, endpoint, variant), records in live.of(service).captured.take().items():
        target = targets.find(service, region, endpoint)
        if target is None or target.capture is None:
            continue
        bucket, prefix = split_uri(target.capture["DestinationS3Uri"].rstrip("/") + "/")
        now = datetime.now(UTC)
        name = f"{now:%M-%S}-{now.microsecond // 1000:03d}-{uuid.uuid4()}.jsonl"
        lines = "".join(json.dumps(record) + "\n" for record in records)
        key = target.capture.get("KmsKeyId")
        encryption = {"ServerSideEncryption": "aws:kms", "SSEKMSKeyId": key} if key else {}
        service.clients.get("s3", region).put_object(
            Bucket=bucket, Key=f"{prefix}{endpoint}/{variant}/{now:%Y/%m/%d/%H}/{name}", Body=lines.encode(),
            **encryption,
        )  # fmt: skip


def _time(moment: datetime) -> str:
    return moment.strftime("%Y-%m-%dT%H:%M:%SZ")
