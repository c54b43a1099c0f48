"""What AWS does not take, said in the preview: checks that several kinds share. Without network and without boto3.

Limits: https://docs.aws.amazon.com/sagemaker/latest/APIReference/API_CreateTrainingJob.html
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from providers.aws.images import account_of
from providers.aws.objects import split_uri
from providers.errors import InvalidInput, Problem
from providers.local import checks
from providers.values import Channel, Identity, Network, Scoped

_REGION = re.compile(r"^[a-z]{2}(-[a-z]+)+-\d$")
_BUCKET = re.compile(r"^[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$")
_TAG = re.compile(r"^[\w\s.:/=+\-@]*$")
_MOST_CHANNELS, _MOST_HYPERPARAMETERS, _MOST_VARIABLES = 20, 100, 100
_LONGEST_HYPERPARAMETER, _LONGEST_VARIABLE = 2500, 512
LONGEST_RUN = 28 * 24 * 3600
"""Seconds that a job may run."""


def scope_problems(spec: Scoped) -> list[Problem]:
    """Region, bucket and tags."""
    found = []
    if not spec.region:
        found.append(Problem("region", "missing; name a region of AWS, such as eu-central-1 (mooring:region)"))
    elif not _REGION.match(spec.region):
        found.append(Problem("region", f"'{spec.region}' is not a region of AWS, such as eu-central-1"))
    container = getattr(spec, "container", None)
    if container == "":
        found.append(Problem("container", "missing; it is the stack's bucket, which the stack's foundation makes"))
    elif container and not _BUCKET.match(container):
        found.append(Problem("container", f"'{container}' is not the name of a bucket"))
    return found + _tag_problems(spec.tags)


def _tag_problems(tags: Mapping[str, str]) -> list[Problem]:
    found = []
    for name, value in tags.items():
        if name.lower().startswith(("aws:", "mooring:")) or not _TAG.match(name) or not 1 <= len(name) <= 128:
            found.append(Problem(f"tags.{name}", "a tag's name has 1 to 128 letters, digits and _ . : / = + - @, and "
                                                 "does not begin with aws: or mooring:"))  # fmt: skip
        elif not _TAG.match(value) or len(value) > 256:
            found.append(Problem(f"tags.{name}", "a tag's value has 0 to 256 letters, digits and _ . : / = + - @"))
    return found


def identity_problems(identity: Identity) -> list[Problem]:
    """The role that a job or a server runs as."""
    if not identity.principal:
        reason = "missing; it is the ARN of the role that it runs as, which the stack's foundation makes"
        return [Problem("identity.principal", reason)]
    try:
        account_of(identity.principal)
    except InvalidInput as error:
        return [Problem("identity.principal", str(error))]
    return []


def network_problems(network: Network) -> list[Problem]:
    """Private means in subnets, and SageMaker takes subnets only with security groups."""
    if network.access == "private" and not network.subnets:
        return [Problem("network.subnets", "missing; a private network needs subnets and security groups")]
    for name, here, other in (
        ("securityGroups", network.security_groups, network.subnets),
        ("subnets", network.subnets, network.security_groups),
    ):
        if other and not here:
            return [Problem(f"network.{name}", "missing; AWS takes subnets and security groups together")]
    return []


def channel_problems(channels: Mapping[str, Channel]) -> list[Problem]:
    """Names and addresses of channels."""
    found: list[Problem] = []
    if not channels:
        found.append(Problem("channels", "a job needs at least one channel, usually 'train'"))
    if len(channels) > _MOST_CHANNELS - 1:
        found.append(Problem("channels", f"{len(channels)}, and a job has {_MOST_CHANNELS - 1} at most"))
    for name, channel in channels.items():
        if not checks.CHANNEL.match(name):
            found.append(
                Problem(f"channels.{name}", "a channel's name is letters, digits, '_' and '-', a letter first")
            )
        found += address_problems(channel.uri, f"channels.{name}.uri")
    return found


def address_problems(uri: str, path: str) -> list[Problem]:
    """An address that is not in S3."""
    try:
        split_uri(uri)
    except InvalidInput as error:
        return [Problem(path, f"{error}; a Dataset's uri is one")]
    return []


def environment_problems(environment: Mapping[str, str]) -> list[Problem]:
    """Variables that AWS would not take, or that are Mooring's own."""
    found = checks.environment_problems(environment)
    if len(environment) > _MOST_VARIABLES - 10:
        found.append(Problem("environment", f"{len(environment)} variables; {_MOST_VARIABLES - 10} at most"))
    for name, value in environment.items():
        if len(value) > _LONGEST_VARIABLE:
            reason = f"{len(value)} characters; AWS takes {_LONGEST_VARIABLE} at most"
            found.append(Problem(f"environment.{name}", reason))
    return found


def hyperparameter_problems(given: Mapping[str, Any]) -> list[Problem]:
    """Names that cannot be written as `--name`, values that are too long."""
    found = checks.hyperparameter_problems(given)
    if len(given) > _MOST_HYPERPARAMETERS - 10:
        found.append(Problem("hyperparameters", f"{len(given)}; {_MOST_HYPERPARAMETERS - 10} at most"))
    for name, value in given.items():
        if len(checks.as_text(value)) > _LONGEST_HYPERPARAMETER - 2:
            reason = f"too long; AWS takes {_LONGEST_HYPERPARAMETER} characters at most. Put it into the code's folder"
            found.append(Problem(f"hyperparameters.{name}", reason))
    return found
