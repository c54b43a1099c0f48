"""Policy documents that moto takes as they come, and that nobody could evaluate afterwards."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from providers.aws.emulator.account import ACCOUNT
from providers.aws.emulator.errors import ApiError
from providers.aws.emulator.moto import conditions
from providers.aws.emulator.moto.asked import Asked
from providers.aws.emulator.moto.policies import Policy

_MALFORMED, _MALFORMED_BUCKETS = "MalformedPolicyDocument", "MalformedPolicy"


def check_bucket(document: str) -> None:
    """Raise ApiError (`MalformedPolicy`) for a bucket's policy that is none."""
    no_json = "Policies must be valid JSON and the first byte must be '{'"
    for statement in _statements(document, _MALFORMED_BUCKETS, no_json):
        if not statement.get("Principal") and not statement.get("NotPrincipal"):
            raise ApiError(_MALFORMED_BUCKETS, "Missing required field Principal")


def check_iam(asked: Asked) -> None:
    """Raise ApiError for a role's trust that is none, and for a policy that is still needed."""
    if asked.operation == "CreateRole":
        document = asked.parameters.get("AssumeRolePolicyDocument", "")
        for statement in _statements(document, _MALFORMED, "This policy contains invalid Json"):
            if "Resource" in statement or "NotResource" in statement:
                raise ApiError(_MALFORMED, "Has prohibited field Resource")
    if asked.operation == "DeletePolicy":
        _check_unused(asked.parameters.get("PolicyArn", ""))


def _statements(document: str, code: str, no_json: str) -> list[Mapping[str, Any]]:
    try:
        found = Policy("", "", document).statements()
    except ValueError as error:
        raise ApiError(code, no_json) from error
    for statement in found:
        if not isinstance(statement, dict) or statement.get("Effect") not in ("Allow", "Deny"):
            raise ApiError(code, "Syntax errors in policy.")
        if unknown := [name for name in statement.get("Condition") or {} if not conditions.is_known(name)]:
            raise ApiError(code, f"Invalid Condition type : {unknown[0]}")
    return found


def _check_unused(arn: str) -> None:
    from moto.iam.models import iam_backends

    policy = iam_backends[ACCOUNT]["aws"].managed_policies.get(arn)
    if policy is None:
        return
    if policy.attachment_count:
        raise ApiError("DeleteConflict", "Cannot delete a policy attached to entities.", 409)
    if len(policy.versions) > 1:
        reason = (
            "This policy has more than one version. Before you delete a policy, you must delete the policy's versions. "
            "The default version is deleted with the policy."
        )
        raise ApiError("DeleteConflict", reason, 409)
