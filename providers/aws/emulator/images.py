"""From the URI of a container image to what runs here in its place.

No layer of an image is read: an image is known by its name. Of AWS's own, those in `VENDOR` have a package list; an
image of the account's own ECR gets Mooring's list (`image_lists/own.in`), or the one that the repository's tag
`mooring:environment` names. Anything else is refused, as AWS refuses what it cannot pull.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any, Literal

from providers.aws.emulator.account import ACCOUNT
from providers.aws.emulator.errors import validation
from providers.errors import did_you_mean
from providers.local.environments import image_lists

Architecture = Literal["x86_64", "arm64"]

VENDOR = {"sagemaker-scikit-learn": "aws/scikit-learn", "sagemaker-xgboost": "aws/xgboost"}
"""Repositories of AWS's images to the package lists that stand for them."""
OWN = "aws/own"
ENVIRONMENT_TAG = "mooring:environment"
_URI = re.compile(
    r"(?P<account>\d{12})\.dkr\.ecr\.(?P<region>[a-z0-9-]+)\.amazonaws\.com(?:\.cn)?/"
    r"(?P<repository>[a-z0-9][a-z0-9._/-]*)(?::(?P<tag>[\w.-]+)|@(?P<digest>sha256:[0-9a-f]{64}))?$"
)


@dataclass(frozen=True)
class Image:
    """An image: its URI, the list of its packages, and whether it is AWS's own."""

    uri: str
    environment: str
    is_vendors: bool

    @property
    def brings_our_server(self) -> bool:
        """Whether it serves by Mooring's own server, as Mooring's own image does."""
        return not self.is_vendors


def resolve(uri: str, ecr: Any) -> Image:
    """What runs in the image's place. `ecr` is a client of the emulated ECR in the image's region.

    Raises ApiError (`ValidationException`) for an image that cannot be pulled, or is not emulated.
    """
    found = _URI.match(uri)
    if found is None:
        raise validation(f"The image '{uri}' is not a URI of Amazon ECR: <account>.dkr.ecr.<region>.amazonaws.com/…")
    repository = found["repository"]
    if found["account"] == ACCOUNT:
        return _own(uri, repository, found, ecr)
    if repository in VENDOR:
        return Image(uri, VENDOR[repository], is_vendors=True)
    near = did_you_mean(repository, sorted(VENDOR))
    raise validation(f"The image '{uri}' is not emulated by Mooring{near} (docs/emulators.md lists those that are)")


def _own(uri: str, repository: str, found: re.Match[str], ecr: Any) -> Image:
    from botocore.exceptions import ClientError

    try:
        held = ecr.describe_repositories(repositoryNames=[repository])["repositories"][0]
    except ClientError as error:
        raise validation(f"The repository of the image '{uri}' does not exist: {error}") from error
    tags = {tag["Key"]: tag["Value"] for tag in ecr.list_tags_for_resource(resourceArn=held["repositoryArn"])["tags"]}
    environment = tags.get(ENVIRONMENT_TAG, OWN)
    try:
        image_lists.package_list(environment)
    except ValueError as error:
        raise validation(f"The tag {ENVIRONMENT_TAG} of the repository {repository}: {error}") from error
    return Image(uri, environment, is_vendors=False)
