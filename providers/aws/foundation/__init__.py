"""The foundation on AWS, with Pulumi's own package `pulumi_aws`: storage, keys, roles, registry, logs, alarms, network.

One idea a file; `stack.py` has what they share. Nothing here knows whether the account is a real one or the emulator's,
but `account.py`, which connects.
"""

from __future__ import annotations

from providers.foundation import Foundation, Wanted


def provision(wanted: Wanted) -> Foundation:
    """Register the foundation's resources. Raises `pulumi.RunError` for an account or region it must not touch."""
    from providers.aws.foundation.component import AwsFoundation

    return AwsFoundation("foundation", wanted).given
