"""Whether a service may take on a role, and whether the role may do what is asked of it then.

SageMaker's operations ask this in process, before a job starts.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import UTC, datetime

from providers.aws.emulator.account import ACCOUNT
from providers.aws.emulator.clock import compressed
from providers.aws.emulator.moto import gates, policies, principals, resource_policies
from providers.aws.emulator.moto.policies import Policy, Principal, Wanted

SECONDS_UNTIL_KNOWN = 10.0
"""Seconds of AWS's until a new role is known everywhere."""
SAGEMAKER = "sagemaker.amazonaws.com"

Want = tuple[str, str]
"""An action and the ARN of the resource: `("s3:GetObject", "arn:aws:s3:::bucket/key")`."""


def role_problem(region: str, arn: str, service: str = SAGEMAKER) -> str:
    """Empty when `service` may assume the role now, else AWS's sentence: it is absent, too new, or does not trust."""
    context = {
        "aws:sourceaccount": [ACCOUNT],
        "aws:sourcearn": [f"arn:aws:{service.partition('.')[0]}:{region}:{ACCOUNT}:*"],
    }
    if _is_known(arn) and _trusts(arn, Principal(service=service), context):
        return ""
    return (
        f"Could not assume role {arn}. Please ensure that the role exists and allows principal '{service}' to "
        "assume the role."
    )


def user_may_assume(arn: str, user: str) -> bool:
    """Whether a user of the account may assume the role now."""
    return _is_known(arn) and _trusts(arn, Principal(arn=user, account=ACCOUNT), {"aws:principalarn": [user]})


def denied(role_arn: str, wants: Iterable[Want], context: Mapping[str, str] | None = None) -> list[Want]:
    """Those of `wants` that the role may not do, by its own policies and those of the bucket or key concerned.

    `context` are values of condition keys beyond those that every request has. Raises ApiError (`NoSuchEntity`) when
    there is no such role.
    """
    with gates.of("iam").reading():
        holder = principals.holder(role_arn)
    values = {"aws:securetransport": "true", "aws:principalaccount": ACCOUNT, "aws:principalarn": role_arn,
              "aws:resourceaccount": ACCOUNT, "aws:principaltype": "AssumedRole", **(context or {})}  # fmt: skip
    known = {key.lower(): [value] for key, value in values.items()}
    found = []
    for action, resource in wants:
        wanted = Wanted(action, resource, known)
        own = policies.decide(holder.policies, wanted).decision
        if own == "allowed" and holder.boundary:
            own = policies.decide(holder.boundary, wanted).decision
        if not resource_policies.allows(wanted, Principal(role_arn, ACCOUNT), own):
            found.append((action, resource))
    return found


def _is_known(arn: str) -> bool:
    with gates.of("iam").reading():
        role = principals.role(arn)
        created = role.create_date if role is not None else None
    if created is None:
        return False
    age = datetime.now(UTC).timestamp() - created.replace(tzinfo=UTC).timestamp()
    return bool(age >= compressed(SECONDS_UNTIL_KNOWN))


def _trusts(arn: str, principal: Principal, context: Mapping[str, list[str]]) -> bool:
    with gates.of("iam").reading():
        role = principals.role(arn)
        document = role.assume_role_policy_document if role is not None else ""
    trust = [Policy("trust", "resource", document)] if document else []
    return policies.decide(trust, Wanted("sts:AssumeRole", arn, context), principal).decision == "allowed"
