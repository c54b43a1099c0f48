"""Names in AWS: of the stack, unique in the account (buckets: in the world), within each service's limits.

They are made of the stack's own facts and not of chance, so that what a killed deployment has begun is found again,
and whoever reads a bill or a log knows whose it is.
"""

from __future__ import annotations

import hashlib
import re

from providers.aws.naming import stable_name
from providers.contract import Ownership
from providers.foundation import WatchedEndpoint

_OTHER = re.compile(r"[^a-z0-9-]+")


def unique_part(project: str, stack: str, account: str, region: str) -> str:
    """Eight characters that tell this stack from others of the same name in other accounts and regions."""
    return hashlib.sha256("/".join((project, stack, account, region)).encode()).hexdigest()[:8]


def stack_name(base: str, what: str, unique: str, most: int) -> str:
    """`<base>-<what>-<unique>` in lower case, the base cut so that all of it has at most `most` characters."""
    tail = "-".join(part for part in (plain(what), unique) if part)
    return f"{plain(base)[: most - len(tail) - 1].strip('-')}-{tail}"


def plain(text: str) -> str:
    """`text` in lower-case letters, digits and hyphens."""
    return re.sub("-+", "-", _OTHER.sub("-", text.lower())).strip("-")


def endpoint_name(project: str, stack: str, endpoint: WatchedEndpoint) -> str:
    """SageMaker's name of a stack's endpoint: the one the user fixed, else the one that the adapter gives it."""
    return endpoint.fixed_name or stable_name(endpoint.name, Ownership(project, stack, endpoint.urn, ""))


def partition(region: str) -> str:
    """The first part of every ARN of a region."""
    if region.startswith("cn-"):
        return "aws-cn"
    return "aws-us-gov" if region.startswith("us-gov-") else "aws"
