"""How many machines a job may have: each is processes of this machine here, so that a slip must not pass."""

from __future__ import annotations

from providers.aws.emulator.errors import ApiError

MOST_MACHINES = 20
"""Of one job: what a new account of AWS's may have of training instances."""


def check(kind: str, usage: str, machines: int) -> None:
    """Raise ApiError (`ResourceLimitExceeded`) for more machines of a `kind` than there are for a `usage`."""
    if machines > MOST_MACHINES:
        raise ApiError(
            "ResourceLimitExceeded",
            f"The account-level service limit '{kind} for {usage} usage' is {MOST_MACHINES} Instances, with current "
            f"utilization of 0 Instances and a request delta of {machines} Instances. Please use AWS Service Quotas to "
            "request an increase for this quota. If AWS Service Quotas is not available, contact AWS support to "
            "request an increase for this quota.",
        )
