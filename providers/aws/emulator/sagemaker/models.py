"""Models: a container to serve from, by its name."""

from __future__ import annotations

from typing import Any

from providers.aws.emulator.errors import missing, validation
from providers.aws.emulator.sagemaker import listing, permissions, tags
from providers.aws.emulator.sagemaker.call import Call, operation
from providers.aws.emulator.sagemaker.hosting import containers
from providers.aws.emulator.state import Thing

KIND = "models"
ARN_KIND = "model"


@operation("CreateModel")
def create(call: Call) -> dict[str, Any]:
    """Check that there is what the model is made of, and write it down."""
    given = call.given
    arn = call.arn(ARN_KIND, given["ModelName"])
    data = containers.of_model(call.service, call.region, given).data
    if data is not None and given.get("ExecutionRoleArn"):
        permissions.require_model_access(call.region, given["ExecutionRoleArn"], data.uri, below=data.is_prefix)
    body = call.new("ModelArn", arn, EnableNetworkIsolation=bool(given.get("EnableNetworkIsolation")))
    del body["LastModifiedTime"]  # a model is never modified
    for container in [body.get("PrimaryContainer"), *(body.get("Containers") or ())]:
        if container:
            _fill_in(container)
    with call.state.transaction():
        if any(one["ModelArn"] == arn for one in call.state.list(KIND, call.region)):
            raise validation(f'Cannot create already existing model "{arn}".')
        tags.add(call.state, call.region, arn, given.get("Tags"))
        call.state.put(KIND, call.region, given["ModelName"], body)
    return {"ModelArn": arn}


def _fill_in(container: dict[str, Any]) -> None:
    """What a Describe says of a container beyond what was given."""
    container.setdefault("Mode", "SingleModel")
    if container.get("ModelDataUrl"):
        source = {"S3Uri": container["ModelDataUrl"], "S3DataType": "S3Object", "CompressionType": "Gzip"}
        container.setdefault("ModelDataSource", {"S3DataSource": source})


@operation("DescribeModel")
def describe(call: Call) -> Thing:
    """One model."""
    return existing(call, call.given["ModelName"])


@operation("ListModels")
def list_models(call: Call) -> dict[str, Any]:
    """A page of models."""
    return listing.listed(call, call.state.list(KIND, call.region), "ModelName")


@operation("DeleteModel")
def delete(call: Call) -> None:
    """Forget a model. What was deployed of it serves on, and its data stays in S3."""
    model = existing(call, call.given["ModelName"])
    with call.state.transaction():
        call.state.remove(KIND, call.region, model["ModelName"])
        tags.forget(call.state, call.region, model["ModelArn"])


def existing(call: Call, name: str) -> Thing:
    """The model. Raises ApiError where there is none."""
    model = call.state.find(KIND, call.region, name)
    if model is None:
        raise missing(call.arn(ARN_KIND, name))
    return model
