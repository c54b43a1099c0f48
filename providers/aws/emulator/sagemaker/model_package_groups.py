"""The model registry's groups: each holds the versions of one model, and may have a policy for other accounts."""

from __future__ import annotations

import json
from typing import Any

from providers.aws.emulator.errors import ApiError, validation
from providers.aws.emulator.sagemaker import listing, tags
from providers.aws.emulator.sagemaker.call import Call, operation
from providers.aws.emulator.state import Thing

KIND = "model_package_groups"
ARN_KIND = "model-package-group"
VERSIONS = "_versions"
"""Member of a group that counts the versions it ever had, so that no number is given twice."""
_POLICY = "_policy"


@operation("CreateModelPackageGroup")
def create(call: Call) -> dict[str, Any]:
    """Make a group."""
    if "ManagedConfiguration" in call.given:
        raise validation("ManagedConfiguration is not emulated; the model data stays in a bucket of the account's own")
    name = call.given["ModelPackageGroupName"]
    arn = call.arn(ARN_KIND, name)
    with call.state.transaction():
        if call.state.find(KIND, call.region, arn):
            raise validation(f"Model Package Group already exists: {arn}")
        facts = {"ModelPackageGroupStatus": "Completed", "CreatedBy": {}, VERSIONS: 0}
        tags.add(call.state, call.region, arn, call.given.get("Tags"))
        call.state.put(KIND, call.region, arn, call.new("ModelPackageGroupArn", arn, **facts))
    return {"ModelPackageGroupArn": arn}


@operation("DescribeModelPackageGroup")
def describe(call: Call) -> Thing:
    """One group."""
    return existing(call, call.given["ModelPackageGroupName"])


@operation("ListModelPackageGroups")
def list_groups(call: Call) -> dict[str, Any]:
    """A page of groups. There is one account, so that none is shared by another."""
    others = call.given.get("CrossAccountFilterOption") == "CrossAccount"
    groups = [] if others else call.state.list(KIND, call.region)
    return listing.listed(call, groups, "ModelPackageGroupName", "ModelPackageGroupStatus")


@operation("DeleteModelPackageGroup")
def delete(call: Call) -> None:
    """Remove a group that has no versions any more."""
    from providers.aws.emulator.sagemaker import model_packages

    with call.state.transaction():
        arn = existing(call, call.given["ModelPackageGroupName"])["ModelPackageGroupArn"]
        if model_packages.of_group(call, arn):
            reason = "Model Package Group cannot be deleted because it still contains Model Packages"
            raise ApiError("ConflictException", f"{reason}: {arn}")
        call.state.remove(KIND, call.region, arn)
        tags.forget(call.state, call.region, arn)


@operation("PutModelPackageGroupPolicy")
def put_policy(call: Call) -> dict[str, Any]:
    """Set the policy of a group."""
    policy = call.given["ResourcePolicy"]
    try:
        parsed = json.loads(policy)
    except ValueError as error:
        raise validation(f"The resource policy is not valid JSON: {error}") from error
    if not isinstance(parsed, dict) or not parsed.get("Statement"):
        raise validation("The resource policy has no Statement")
    arn = existing(call, call.given["ModelPackageGroupName"])["ModelPackageGroupArn"]
    call.state.change(KIND, call.region, arn, **{_POLICY: policy})
    return {"ModelPackageGroupArn": arn}


@operation("GetModelPackageGroupPolicy")
def get_policy(call: Call) -> dict[str, Any]:
    """The policy of a group."""
    return {"ResourcePolicy": _with_policy(call)[_POLICY]}


@operation("DeleteModelPackageGroupPolicy")
def delete_policy(call: Call) -> None:
    """Remove the policy of a group."""
    arn = _with_policy(call)["ModelPackageGroupArn"]
    call.state.edit(KIND, call.region, arn, lambda group: group.pop(_POLICY, None))


def _with_policy(call: Call) -> Thing:
    group = existing(call, call.given["ModelPackageGroupName"])
    if _POLICY not in group:
        raise validation(f"Cannot find resource policy for: {group['ModelPackageGroupArn']}")
    return group


def existing(call: Call, name_or_arn: str) -> Thing:
    """The group. Raises ApiError where there is none."""
    arn = name_or_arn.lower() if name_or_arn.startswith("arn:") else call.arn(ARN_KIND, name_or_arn)
    group = call.state.find(KIND, call.region, arn)
    if group is None:
        raise validation(f"ModelPackageGroup {arn} does not exist.")
    return group
