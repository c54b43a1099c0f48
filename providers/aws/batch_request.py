"""What is asked of SageMaker for a batch prediction, and what its job says when it does not succeed."""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

from providers.aws import images, instances
from providers.aws.batch_parts import ROWS_TYPE
from providers.aws.endpoint.endpoint_requests import said_by_server
from providers.aws.endpoint.plan import DIGEST, MODEL, VERSION, laid_over
from providers.aws.sagemaker_jobs import Job
from providers.values import BatchSpec

_SAID = re.compile(r"part-\d{6}\.\w+: (.*)")
"""A line of the job's log about one object: the answer to it follows its name."""
_CONTENT = {".csv": "text/csv", ".jsonl": "application/jsonlines", ".ndjson": "application/jsonlines"}


def model(name: str, archive: str, number: int, spec: BatchSpec) -> dict[str, Any]:
    """`CreateModel`: a model for one job alone."""
    container = {
        "Image": images.own(spec.container, spec.identity.principal, spec.region),
        "ModelDataUrl": archive,
        "Environment": {MODEL: spec.model, VERSION: str(number), DIGEST: spec.digest},
    }
    request: dict[str, Any] = {
        "ModelName": name, "PrimaryContainer": container, "ExecutionRoleArn": spec.identity.principal,
    }  # fmt: skip
    if spec.network.subnets:
        request["VpcConfig"] = {"Subnets": spec.network.subnets, "SecurityGroupIds": spec.network.security_groups}
    return request


def transform(name: str, base: str, suffix: str, spec: BatchSpec) -> dict[str, Any]:
    """`CreateTransformJob` over the parts below `<base>input/`, with the user's own settings over it."""
    source = {"S3DataSource": {"S3DataType": "S3Prefix", "S3Uri": f"{base}input/"}}
    request = {
        "ModelName": name,
        "TransformInput": {"DataSource": source, "ContentType": _CONTENT[suffix], "SplitType": "None"},
        "TransformOutput": {"S3OutputPath": f"{base}output", "Accept": ROWS_TYPE, "AssembleWith": "None"},
        "TransformResources": {
            "InstanceType": instances.choose(spec.machine, "transform"),
            "InstanceCount": spec.instances,
        },
    }
    return laid_over(request, spec.overrides)


def is_late(job: Job, spec: BatchSpec) -> bool:
    """Whether it has taken longer than it may: AWS has no time limit for transform jobs."""
    ended: datetime = job.body.get("TransformEndTime") or datetime.now(UTC)
    began: datetime = job.body["CreationTime"]
    return (ended - began).total_seconds() > spec.time_limit


def reason_of(job: Job, spec: BatchSpec, tail: Sequence[str]) -> str:
    """Why it did not succeed. `tail` are the last lines of its log."""
    if job.status == "stopped":
        how = f"at its time limit of {spec.time_limit} s" if is_late(job, spec) else "from outside"
        return f"the job was stopped {how}"
    said = [found[1] for line in tail if (found := _SAID.search(line)) and found[1].startswith("{")]
    if said:
        return f"the server refused the rows: {said_by_server(said[-1])}"
    return str(job.body.get("FailureReason") or "AWS gives no reason")
