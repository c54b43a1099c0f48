"""A stand-in for Pulumi's `aws` plugin, for emulated stacks: the types that the foundation uses, and no others.

Each type is a small declaration (`kind.Kind`) over botocore calls to the emulator; the servicer is the same for all.
"""

from __future__ import annotations

SERVICERS = {"aws": "providers.aws.standin.servicer:AwsStandin"}
"""Pulumi packages that are stood in for."""
