"""Versions of a model in SageMaker's registry: a model package each, under the number that AWS gives it.

Whatever tells a version from others is in the package's customer metadata, so that the console shows it: the digest,
the metrics, and whether anything still uses it. https://docs.aws.amazon.com/sagemaker/latest/dg/model-registry-version.html
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from providers.aws import images
from providers.aws.contents import folder, uri_of
from providers.aws.faults import translated
from providers.aws.model_groups import Group
from providers.aws.tagging import escaped, unescaped
from providers.errors import NotFound
from providers.values import ModelVersionState

_DIGEST, _STATE, _METRIC = "mooring:digest", "mooring:state", "metric:"
_MOST_METRICS, _LONGEST = 45, 128
"""Of 50 properties; those of more are in the artifact's own `metrics.json`. And the characters of a property's name."""
_AT_ONCE = 8
CONTENT_TYPES = ("application/json", "text/csv", "application/jsonlines", "application/x-npy")
"""What Mooring's own server reads and writes."""


@dataclass(frozen=True)
class Package:
    """One registered version. `created` is an RFC 3339 time."""

    arn: str
    number: int
    digest: str
    metrics: Mapping[str, float]
    created: str


def listed(group: Group) -> list[Package]:
    """All registered versions of a group, by number; none where there is no group."""
    try:
        with translated(f"listing versions of {group.name}"):
            pages = group.sagemaker.get_paginator("list_model_packages").paginate(ModelPackageGroupName=group.name)
            arns = [one["ModelPackageArn"] for page in pages for one in page["ModelPackageSummaryList"]]
    except NotFound:
        return []
    with ThreadPoolExecutor(_AT_ONCE) as pool:
        found = pool.map(lambda arn: _described(group, arn), arns)
        return sorted((one for one in found if one is not None), key=lambda one: one.number)


def of_digest(group: Group, digest: str) -> Package | None:
    """The version with these bytes."""
    return next((one for one in listed(group) if one.digest == digest), None)


def of_number(group: Group, number: int) -> Package | None:
    """The version of this number."""
    arn = group.arn().replace(":model-package-group/", ":model-package/")
    return _described(group, f"{arn}/{number}") if arn else None


def _described(group: Group, arn: str) -> Package | None:
    try:
        with translated(f"reading {arn}"):
            found = group.sagemaker.describe_model_package(ModelPackageName=arn)
    except NotFound:
        return None
    told = {unescaped(key): value for key, value in (found.get("CustomerMetadataProperties") or {}).items()}
    if _DIGEST not in told:
        return None  # somebody else's, registered by hand
    metrics = {key.removeprefix(_METRIC): float(value) for key, value in told.items() if key.startswith(_METRIC)}
    created: datetime = found["CreationTime"]
    moment = created.astimezone(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")
    return Package(arn, int(found["ModelPackageVersion"]), told[_DIGEST], metrics, moment)


def register(group: Group, digest: str, metrics: Mapping[str, float]) -> Package:
    """Register bytes that are among the group's artifacts; AWS gives the next number, and none twice."""
    uri = uri_of(group.artifacts, digest)
    source = {"S3DataSource": {"S3Uri": uri, "S3DataType": "S3Prefix", "CompressionType": "None"}}
    with translated(f"registering a version of {group.model}"):
        arn = group.sagemaker.create_model_package(
            ModelPackageGroupName=group.name,
            ModelPackageDescription=f"{group.model} of the Mooring stack {group.project}/{group.stack}",
            InferenceSpecification={
                "Containers": [{"Image": _image(group), "ModelDataSource": source}],
                "SupportedContentTypes": list(CONTENT_TYPES),
                "SupportedResponseMIMETypes": list(CONTENT_TYPES),
            },
            ModelApprovalStatus="Approved",
            SourceUri=uri,
            CustomerMetadataProperties={_DIGEST: digest, _STATE: "in use", **_written(metrics)},
        )["ModelPackageArn"]
    found = _described(group, arn)
    if found is None:
        raise NotFound(f"{arn} is not there any more, a moment after it was registered")
    return found


def measure(group: Group, package: Package, metrics: Mapping[str, float]) -> None:
    """Note other metrics of a version."""
    gone = sorted(set(_written(package.metrics)) - set(_written(metrics)))
    with translated(f"changing {package.arn}"):
        group.sagemaker.update_model_package(
            ModelPackageArn=package.arn,
            CustomerMetadataProperties={_STATE: "in use", **_written(metrics)},
            **({"CustomerMetadataPropertiesToRemove": gone} if gone else {}),
        )


def tell_use(group: Group, package: Package, *, in_use: bool) -> None:
    """Note whether anything still names a version."""
    with translated(f"changing {package.arn}"):
        group.sagemaker.update_model_package(
            ModelPackageArn=package.arn, CustomerMetadataProperties={_STATE: "in use" if in_use else "retired"}
        )


def remove(group: Group, package: Package) -> None:
    """Remove a version from the registry; silent when it is gone."""
    try:
        with translated(f"removing {package.arn}"):
            group.sagemaker.delete_model_package(ModelPackageName=package.arn)
    except NotFound:
        return


def state_of(group: Group, package: Package) -> ModelVersionState:
    """A version as the contract's value; columns and classes are read from the artifact."""
    uri = uri_of(group.artifacts, package.digest)
    return ModelVersionState(
        version=package.number,
        digest=package.digest,
        uri=uri,
        metrics=dict(package.metrics),
        signature=_signature(group, uri),
        created=package.created,
    )


def _signature(group: Group, uri: str) -> dict[str, Any]:
    try:
        found = json.loads(group.objects.read(f"{folder(uri)}signature.json"))
    except (NotFound, ValueError):
        return {}
    return found if isinstance(found, dict) else {}


def _image(group: Group) -> str:
    """The stack's own image, in the account of the group."""
    account = group.arn().split(":")[4]
    return images.own(group.container, f"arn:aws:iam::{account}:role/any", group.region)


def _written(metrics: Mapping[str, float]) -> dict[str, str]:
    named = {escaped(f"{_METRIC}{name}"): repr(float(value)) for name, value in sorted(metrics.items())}
    fitting = [(name, value) for name, value in named.items() if len(name) <= _LONGEST]
    return dict(fitting[:_MOST_METRICS])
