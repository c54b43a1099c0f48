"""Which account and region a deployment goes to: an explicit provider, and a refusal before anything is made."""

from __future__ import annotations

import os

import pulumi
import pulumi_aws as aws

from providers.errors import did_you_mean
from providers.foundation import Wanted

ENDPOINT = "MOORING_AWS_ENDPOINT"
"""Set where the stack is emulated: the emulator's address, on this machine."""

SERVICES = ("budgets", "cloudtrail", "cloudwatch", "cloudwatchlogs", "ec2", "ecr", "iam", "kms", "s3", "s3control",
            "sagemaker", "sns", "sts")  # fmt: skip
"""Services that the foundation's resources call, as the provider names them."""

_NO_SECRET = "mooring"
"""The emulator takes any credentials; ambient ones must never be used for it."""


def provider(wanted: Wanted, parent: pulumi.Resource) -> aws.Provider:
    """The explicit provider of all of the stack's AWS resources. Raises `pulumi.RunError` for a region there is not."""
    check_region(wanted.region)
    options = pulumi.ResourceOptions(parent=parent)
    url = os.environ.get(ENDPOINT)
    if not url:
        pinned = [wanted.account] if wanted.account else None
        return aws.Provider("aws", region=wanted.region, allowed_account_ids=pinned, opts=options)
    return aws.Provider(
        "aws",
        region=wanted.region,
        endpoints=[dict.fromkeys(SERVICES, url)],
        s3_use_path_style=True,
        skip_credentials_validation=True,
        skip_metadata_api_check=True,
        skip_region_validation=True,
        skip_requesting_account_id=False,
        access_key=_NO_SECRET,
        secret_key=_NO_SECRET,
        opts=options,
    )


def check_region(region: str) -> None:
    """Raise `pulumi.RunError` for a region that AWS does not have."""
    known = sorted(str(one.value) for one in aws.Region)
    if region not in known:
        raise pulumi.RunError(f"region: AWS has no region '{region}'{did_you_mean(region, known)}")


def account_of(provider: aws.Provider, wanted: Wanted) -> str:
    """The account that the credentials belong to. Raises `pulumi.RunError` when the stack pins another one.

    The emulator has one account, which stands for whichever the stack pins.
    """
    found: str = aws.get_caller_identity(opts=pulumi.InvokeOptions(provider=provider)).account_id
    if wanted.account and found != wanted.account and not os.environ.get(ENDPOINT):
        raise pulumi.RunError(
            f"account: the stack '{wanted.stack}' is pinned to the AWS account {wanted.account}, and these credentials "
            f"belong to {found}; nothing was made. Use credentials of {wanted.account}, or change mooring:account"
        )
    return found
