"""One endpoint on AWS: its names, its tags, and the record that stands in the stack's bucket.

::

    s3://<bucket>/mooring/<project>/<stack>/endpoints/<endpoint>/record.json     owner, claimed, spec
                                                                /async/…         rows and answers of mode async

What it serves is read off AWS itself; the record has what AWS cannot tell. It is written before anything else is made,
so that whatever a killed deployment leaves is found.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from providers.aws import naming, session
from providers.aws.faults import is_absent, translated
from providers.aws.objects import Objects, stack_uri
from providers.aws.places import region_of
from providers.aws.stack_bucket import container_of
from providers.aws.tagging import Pairs, escaped, tags_of, unescaped
from providers.contract import Ownership
from providers.errors import NotFound
from providers.values import EndpointSpec

Record = dict[str, Any]


@dataclass(frozen=True)
class Place:
    """Where an endpoint is."""

    region: str
    container: str
    project: str
    stack: str
    name: str

    @property
    def id(self) -> str:
        """Its id."""
        return naming.id_of(self.region, self.name)

    @property
    def owner(self) -> Ownership:
        """The stack."""
        return Ownership(self.project, self.stack, "", "", self.region, self.container)

    @property
    def base(self) -> str:
        """The address of all that is the endpoint's."""
        return stack_uri(self.container, self.owner, "endpoints", self.name)

    @property
    def sagemaker(self) -> Any:
        """SageMaker's client."""
        return session.client("sagemaker", self.region)

    def record(self) -> Record | None:
        """The record; None where there is none."""
        return Objects(self.region).read_json(f"{self.base}record.json")

    def save(self, record: Record) -> None:
        """Write the record."""
        Objects(self.region).write_json(f"{self.base}record.json", record)

    def forget(self) -> None:
        """Remove the record and all beside it."""
        Objects(self.region).delete(self.base)

    def described(self) -> dict[str, Any] | None:
        """The endpoint as AWS has it; None where there is none."""
        return described(self.region, self.name)

    def tags(self, owner: Ownership, spec: EndpointSpec) -> Pairs:
        """Tags of the endpoint, its configurations, models and alarms."""
        own = {"mooring:bucket": self.container, "mooring:endpoint": self.name}
        return tags_of(owner, {**spec.tags, **{name: escaped(value) for name, value in own.items()}})


def described(region: str, name: str) -> dict[str, Any] | None:
    """An endpoint as AWS has it; None where there is none."""
    from botocore.exceptions import ClientError

    with translated(f"reading endpoint {name}"):
        try:
            found: dict[str, Any] = session.client("sagemaker", region).describe_endpoint(EndpointName=name)
            return found
        except ClientError as error:
            if is_absent(error):
                return None
            raise


def place_of(id: str) -> Place | None:
    """The place of an endpoint that is there, by its tags; None for one that is not there, or is not Mooring's.

    Raises NotFound for what cannot be an id.
    """
    region, name = naming.split(id)
    found = described(region, name)
    if found is None:
        return None
    tags = tags_on(region, found["EndpointArn"])
    if "mooring:bucket" not in tags:
        return None
    bucket, project, stack = (unescaped(tags.get(f"mooring:{part}", "")) for part in ("bucket", "project", "stack"))
    return Place(region, bucket, project, stack, name)


def existing(id: str) -> Place:
    """The same; raises NotFound where there is none."""
    place = place_of(id)
    if place is None:
        raise NotFound(f"there is no endpoint '{id}' of Mooring's (any more); a refresh notes that")
    return place


def place_in(id: str, owner: Ownership, container: str = "") -> Place:
    """The place of an endpoint of an owner's stack, whether it is there or not."""
    region, name = naming.split(id)
    bucket = container or container_of(owner)
    return Place(region, bucket, owner.project, owner.stack, name)


def places(owner: Ownership) -> Iterator[Place]:
    """All endpoints of a stack that there is a record of; none where its region or bucket is not known."""
    region, container = region_of(owner), container_of(owner)
    if not region or not container:
        return
    try:
        names = list(Objects(region).folders(stack_uri(container, owner, "endpoints")))
    except NotFound:  # the bucket is gone, or not there yet
        return
    for name in names:
        yield Place(region, container, owner.project, owner.stack, name)


def free_name(spec: EndpointSpec, owner: Ownership) -> str:
    """The name of a new endpoint: the one that the foundation has made a log group for, unless something has it."""
    wanted = spec.physical_name or naming.stable_name(spec.name, owner)
    place = Place(spec.region, spec.container, owner.project, owner.stack, wanted)
    if spec.physical_name or (place.described() is None and place.record() is None):
        return wanted
    return naming.new_name(spec.name)


def tags_on(region: str, arn: str) -> dict[str, str]:
    """Tags of anything of SageMaker's; none where it is gone."""
    from botocore.exceptions import ClientError

    with translated(f"reading tags of {arn}"):
        try:
            pages = session.client("sagemaker", region).get_paginator("list_tags").paginate(ResourceArn=arn)
            return {tag["Key"]: tag["Value"] for page in pages for tag in page["Tags"]}
        except ClientError as error:
            if is_absent(error):
                return {}
            raise
