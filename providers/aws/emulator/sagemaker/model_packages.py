"""The model registry's packages: versions of a group, each with its approval, or single ones by their name.

In the state a package is named by its ARN, as a version has no other name.
"""

from __future__ import annotations

import time
from typing import Any

from providers.aws.emulator.errors import ApiError, validation
from providers.aws.emulator.sagemaker import listing, model_package_groups, package_specifications, tags
from providers.aws.emulator.sagemaker.call import Call, operation
from providers.aws.emulator.state import Thing

KIND = "model_packages"
ARN_KIND = "model-package"
PENDING = "PendingManualApproval"
MOST_PROPERTIES = 50
"""Customer metadata properties that one package may have."""
_TOKEN, _NAME = "_token", "_name"
"""Members that a Describe does not show: the request's token, and what the package is sorted and filtered by."""
_NOT_EMULATED = {
    "SourceAlgorithmSpecification": "give an InferenceSpecification with the container and the model data",
    "ValidationSpecification": "run a transform job of your own on the package's model",
    "ManagedStorageType": "the model data stays in a bucket of the account's own",
}


@operation("CreateModelPackage")
def create(call: Call) -> dict[str, Any]:
    """Register a package: the next version of a group, or one of a name of its own."""
    given = call.given
    if (token := given.get("ClientToken")) and (earlier := _of_token(call, token)):
        return {"ModelPackageArn": earlier["ModelPackageArn"]}
    _check(call)
    with call.state.transaction():
        place = _version(call) if given.get("ModelPackageGroupName") else _single(call)
        arn = place["ModelPackageArn"]
        facts = {
            "ModelPackageStatus": "Completed",
            "ModelPackageStatusDetails": {"ValidationStatuses": [], "ImageScanStatuses": []},
            "CertifyForMarketplace": False, "CreatedBy": {}, _TOKEN: token, **place,
        }  # fmt: skip
        tags.add(call.state, call.region, arn, given.get("Tags"))
        body = call.new("ModelPackageArn", arn, **facts)
        del body["LastModifiedTime"]  # AWS shows one after the first update only
        call.state.put(KIND, call.region, arn, body)
    return {"ModelPackageArn": arn}


def _check(call: Call) -> None:
    given = call.given
    for member, instead in _NOT_EMULATED.items():
        if given.get(member):
            raise validation(f"{member} is not emulated; {instead}")
    if given.get("CertifyForMarketplace"):
        raise validation("CertifyForMarketplace is not emulated: there is no marketplace here")
    if given.get("ModelPackageName") and given.get("ModelPackageGroupName"):
        raise validation(
            "Both ModelPackageName and ModelPackageGroupName are provided in the input. "
            "Cannot determine which one to use."
        )
    if not given.get("ModelPackageName") and not given.get("ModelPackageGroupName"):
        raise validation("Missing ARN.")
    if given.get("ModelPackageName") and given.get("ModelApprovalStatus"):
        raise validation("ModelApprovalStatus applies to versioned model packages only")
    if given.get("ModelPackageName") and not given.get("InferenceSpecification"):
        raise validation("An InferenceSpecification or a SourceAlgorithmSpecification must be provided.")
    package_specifications.check(call, given.get("InferenceSpecification") or {})
    package_specifications.check_additional(call, given.get("AdditionalInferenceSpecifications") or [])


def _version(call: Call) -> Thing:
    """The next number of its group, and what follows from it."""
    group = model_package_groups.existing(call, call.given["ModelPackageGroupName"])
    name, number = group["ModelPackageGroupName"], int(group[model_package_groups.VERSIONS]) + 1
    group[model_package_groups.VERSIONS] = number
    call.state.put(model_package_groups.KIND, call.region, group["ModelPackageGroupArn"], group)
    return {
        "ModelPackageArn": call.arn(ARN_KIND, f"{name}/{number}"),
        "ModelPackageGroupName": name,
        _NAME: name,
        "ModelPackageVersion": number,
        "ModelApprovalStatus": call.given.get("ModelApprovalStatus", PENDING),
    }


def _single(call: Call) -> Thing:
    arn = call.arn(ARN_KIND, call.given["ModelPackageName"])
    if call.state.find(KIND, call.region, arn):
        raise validation(f"Model Package already exists: {arn}")
    return {"ModelPackageArn": arn, _NAME: call.given["ModelPackageName"]}


@operation("DescribeModelPackage")
def describe(call: Call) -> Thing:
    """One package. Of a version there is no `ModelPackageName`, though the service model has it as required."""
    package = existing(call, call.given["ModelPackageName"])
    if call.given.get("IncludedData") == "MetadataOnly" and "ModelCard" in package:
        raise validation("IncludedData MetadataOnly is not emulated for a package with a model card; ask for AllData")
    return package


@operation("BatchDescribeModelPackage")
def describe_many(call: Call) -> dict[str, Any]:
    """Several versions by their ARNs; an error for each that there is not."""
    found: dict[str, Thing] = {}
    absent: dict[str, dict[str, str]] = {}
    for arn in call.given["ModelPackageArnList"]:
        try:
            found[arn] = existing(call, arn)
        except ApiError as error:
            absent[arn] = {"ErrorCode": error.code, "ErrorResponse": error.message}
    return {"ModelPackageSummaries": found, "BatchDescribeModelPackageErrorMap": absent}


@operation("ListModelPackages")
def list_packages(call: Call) -> dict[str, Any]:
    """A page of packages: of a group, or the unversioned ones, unless `ModelPackageType` says otherwise."""
    given = call.given
    kind = given.get("ModelPackageType") or ("Versioned" if given.get("ModelPackageGroupName") else "Unversioned")
    if given.get("ModelPackageGroupName"):
        group = model_package_groups.existing(call, given["ModelPackageGroupName"])
        packages = of_group(call, group["ModelPackageGroupArn"])
    else:
        packages = call.state.list(KIND, call.region)
    approval = given.get("ModelApprovalStatus")
    chosen = [
        package
        for package in packages
        if kind in ("Both", "Versioned" if "ModelPackageVersion" in package else "Unversioned")
        and (not approval or package.get("ModelApprovalStatus") == approval)
    ]
    return listing.listed(call, chosen, _NAME, "ModelPackageStatus")


@operation("UpdateModelPackage")
def update(call: Call) -> dict[str, Any]:
    """Change what may be changed of a package."""
    given = call.given
    package = existing(call, given["ModelPackageArn"])
    arn = package["ModelPackageArn"]
    if given.get("ModelApprovalStatus") and "ModelPackageVersion" not in package:
        raise validation("ModelApprovalStatus applies to versioned model packages only")
    if given.get("InferenceSpecification"):
        package_specifications.check(call, given["InferenceSpecification"])
    further = given.get("AdditionalInferenceSpecificationsToAdd") or []
    with call.state.transaction():
        package = existing(call, arn)
        both = [*package.get("AdditionalInferenceSpecifications", ()), *further]
        if further:
            package_specifications.check_additional(call, both)
        _apply(package, given)
        if both:
            package["AdditionalInferenceSpecifications"] = both
        call.state.put(KIND, call.region, arn, package)
    return {"ModelPackageArn": arn}


def _apply(package: Thing, given: dict[str, Any]) -> None:
    names = ("ModelApprovalStatus", "ApprovalDescription", "InferenceSpecification", "SourceUri", "ModelCard",
             "ModelLifeCycle", "ModelPackageRegistrationType")  # fmt: skip
    package |= {name: given[name] for name in names if given.get(name) is not None}
    properties = {**(package.get("CustomerMetadataProperties") or {}), **given.get("CustomerMetadataProperties", {})}
    for name in given.get("CustomerMetadataPropertiesToRemove", ()):
        properties.pop(name, None)
    if len(properties) > MOST_PROPERTIES:
        raise validation(f"The number of customer metadata properties exceeds the limit of {MOST_PROPERTIES}")
    package |= {"CustomerMetadataProperties": properties or None, "LastModifiedTime": time.time(), "LastModifiedBy": {}}


@operation("DeleteModelPackage")
def delete(call: Call) -> None:
    """Remove a package. The number of a version is not given again."""
    arn = existing(call, call.given["ModelPackageName"])["ModelPackageArn"]
    with call.state.transaction():
        call.state.remove(KIND, call.region, arn)
        tags.forget(call.state, call.region, arn)


def existing(call: Call, name_or_arn: str) -> Thing:
    """The package by its ARN, its name, or `<group>/<version>`. Raises ApiError where there is none."""
    arn = name_or_arn.lower() if name_or_arn.startswith("arn:") else call.arn(ARN_KIND, name_or_arn)
    package = call.state.find(KIND, call.region, arn)
    if package is None:
        raise validation(f"ModelPackage {arn} does not exist.")
    return package


def of_group(call: Call, group_arn: str) -> list[Thing]:
    """The versions of a group, oldest first."""
    name = group_arn.rpartition("/")[2]
    packages = call.state.list(KIND, call.region)
    return [package for package in packages if str(package.get("ModelPackageGroupName", "")).lower() == name]


def _of_token(call: Call, token: str) -> Thing | None:
    """What an earlier request with the same token made."""
    return next((package for package in call.state.list(KIND, call.region) if package.get(_TOKEN) == token), None)
