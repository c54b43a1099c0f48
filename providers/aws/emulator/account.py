"""The emulated account: its number, its ARNs, and which part of time it lives in."""

from __future__ import annotations

ACCOUNT = "123456789012"
"""moto's account, and the one that credentials of the emulator belong to."""


def arn(region: str, kind: str, name: str, service: str = "sagemaker") -> str:
    """The ARN of something of SageMaker's (`kind`: training-job, model, …). Names are lower-case in it."""
    return f"arn:aws:{service}:{region}:{ACCOUNT}:{kind}/{name.lower()}"


def name_in(arn_or_name: str) -> str:
    """The name at the end of an ARN; a plain name stays as it is."""
    return arn_or_name.rpartition("/")[2] if arn_or_name.startswith("arn:") else arn_or_name
