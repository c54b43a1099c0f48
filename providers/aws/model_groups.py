"""Model groups on AWS: a model package group of SageMaker's registry, and who holds it.

::

    s3://<bucket>/mooring/<project>/<stack>/models/<model>/
        holders/<hex>.json     one `Model` resource: whose it is, and its inputs
        versions/<hex>.json    one `ModelVersion` resource: the same, and which version it holds once that is registered
        artifacts/<digest>/    the bytes of the versions (`contents.py`)
        archives/<digest>/     the same as model.tar.gz, where something takes nothing else (`archives.py`)

The numbers, digests and metrics of versions are in the registry (`packages.py`); AWS takes no tags on versions. A group
may have several holders, so that a replacement that is created before the old one is deleted keeps the versions.
"""

from __future__ import annotations

import hashlib
import threading
import uuid
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Literal
from urllib.parse import unquote

from providers.aws import naming, session
from providers.aws.faults import is_absent, translated
from providers.aws.objects import Objects, stack_uri
from providers.aws.places import region_of
from providers.aws.stack_bucket import container_of
from providers.aws.tagging import escaped, unescaped
from providers.contract import Ownership
from providers.errors import AlreadyExists, ConflictError, NotFound
from providers.local import records
from providers.local.home import owned_by, owner_record
from providers.values import Scoped

Record = dict[str, Any]
Shelf = Literal["holders", "versions"]

KEEP = 5
"""Retired versions kept where no `Model` resource says otherwise."""
_KEEP_TAG, _DESTROY_TAG, _KEPT_TAG = "mooring:keep-versions", "mooring:on-destroy", "mooring:kept"
_locks: dict[tuple[str, str], threading.RLock] = {}
_guard = threading.Lock()


@dataclass(frozen=True)
class Policy:
    """How many retired versions stay, what happens in the end, and whether that has come and all was left."""

    keep_versions: int = KEEP
    on_destroy: str = "delete"
    kept: bool = False

    def as_tags(self) -> list[dict[str, str]]:
        """Tags of the group."""
        told = {_KEEP_TAG: str(self.keep_versions), _DESTROY_TAG: self.on_destroy, _KEPT_TAG: str(self.kept).lower()}
        return [{"Key": key, "Value": value} for key, value in told.items()]


@dataclass(frozen=True)
class Group:
    """One model of one stack."""

    region: str
    container: str
    project: str
    stack: str
    model: str

    @property
    def name(self) -> str:
        """SageMaker's name of the group: the same at each call, another one in each stack of each project."""
        whose = hashlib.sha256("\0".join((self.project, self.stack, self.model)).encode()).hexdigest()[:8]
        return f"{self.model[: naming.LONGEST - 9].rstrip('-')}-{whose}"

    @property
    def owner(self) -> Ownership:
        """The stack."""
        return Ownership(self.project, self.stack, "", "", self.region, self.container)

    @property
    def base(self) -> str:
        """The address of all that is the model's."""
        return stack_uri(self.container, self.owner, "models", self.model)

    @property
    def artifacts(self) -> str:
        """The address of the bytes of its versions."""
        return f"{self.base}artifacts/"

    @property
    def archives(self) -> str:
        """The address of archives of the same."""
        return f"{self.base}archives/"

    @cached_property
    def objects(self) -> Objects:
        """The stack's objects."""
        return Objects(self.region)

    @property
    def sagemaker(self) -> Any:
        """SageMaker's client."""
        return session.client("sagemaker", self.region)

    def lock(self) -> threading.RLock:
        """Held while anything of the group changes. Other processes are kept out by the stack's own lock."""
        with _guard:
            return _locks.setdefault((self.region, self.name), threading.RLock())

    # The registry's group

    def ensure(self, policy: Policy | None = None, further: Mapping[str, str] | None = None) -> None:
        """Make the group where it is not there; lay the policy, and the user's tags, on it where they are given."""
        facts = {"mooring:project": self.project, "mooring:stack": self.stack, "mooring:model": self.model,
                 "mooring:bucket": self.container}  # fmt: skip
        tags = [{"Key": key, "Value": escaped(value)} for key, value in facts.items()]
        try:
            with translated(f"creating model group {self.name}"):
                self.sagemaker.create_model_package_group(
                    ModelPackageGroupName=self.name,
                    ModelPackageGroupDescription=f"{self.model} of the Mooring stack {self.project}/{self.stack}",
                    Tags=tags + (_laid(policy, further) if policy else []),
                )
        except AlreadyExists:
            if policy is not None:
                self.lay(policy, further)

    def arn(self) -> str:
        """The group's ARN; empty where it is not there."""
        return _arn(self.region, self.name)

    def lay(self, policy: Policy, further: Mapping[str, str] | None = None) -> None:
        """Change the policy, and the user's tags where they are given."""
        with translated(f"tagging model group {self.name}"):
            self.sagemaker.add_tags(ResourceArn=self.arn(), Tags=_laid(policy, further))

    def policy(self) -> Policy:
        """The policy, as the last holder laid it."""
        arn = self.arn()
        tags = _tags(self.region, arn) if arn else {}
        keep = tags.get(_KEEP_TAG, "")
        return Policy(
            int(keep) if keep.isdigit() else KEEP, tags.get(_DESTROY_TAG, "delete"), tags.get(_KEPT_TAG) == "true"
        )

    def remove(self) -> None:
        """Forget the group and all of its objects; the registry refuses it while there are versions."""
        self.objects.delete(self.base)
        try:
            with translated(f"deleting model group {self.name}"):
                self.sagemaker.delete_model_package_group(ModelPackageGroupName=self.name)
        except (NotFound, ConflictError):
            return

    def owned(self) -> bool:
        """Whether a `Model` resource owns it, or one left it to be kept."""
        return bool(self.records("holders")) or self.policy().kept

    # Who holds it, and its versions

    def id_of(self, hex: str) -> str:
        """The id of a holder."""
        return naming.id_of(self.region, f"{self.name}/{hex}")

    def new_record(self, shelf: Shelf, owner: Ownership, spec: Scoped, **facts: Any) -> Record:
        """Write down a new holder."""
        record = {"hex": uuid.uuid4().hex[:10], "owner": owner_record(owner), "claimed": False,
                  "created": records.now(), "spec": spec.to_wire(), **facts}  # fmt: skip
        self.save(shelf, record)
        return record

    def records(self, shelf: Shelf) -> list[Record]:
        """All holders, oldest first."""
        base = f"{self.base}{shelf}/"
        found = [self.objects.read_json(base + item.name) for item in list(self.objects.listed(base))]
        return sorted((one for one in found if one), key=lambda one: str(one["created"]))

    def record(self, shelf: Shelf, hex: str) -> Record | None:
        """One holder; None where it is gone."""
        return self.objects.read_json(f"{self.base}{shelf}/{hex}.json")

    def save(self, shelf: Shelf, record: Record) -> None:
        """Write a holder."""
        self.objects.write_json(f"{self.base}{shelf}/{record['hex']}.json", record)

    def drop(self, shelf: Shelf, hex: str) -> None:
        """Forget a holder; silent when it is gone."""
        self.objects.delete(f"{self.base}{shelf}/{hex}.json")


def groups(owner: Ownership) -> Iterator[Group]:
    """All groups of a stack; none where its region or bucket is not known."""
    region, container = region_of(owner), container_of(owner)
    if not region or not container:
        return
    try:
        names = list(Objects(region).folders(stack_uri(container, owner, "models")))
    except NotFound:  # the bucket is gone, or not there yet
        return
    for name in names:
        yield Group(region, container, owner.project, owner.stack, unquote(name))


def held(owner: Ownership, shelf: Shelf) -> Iterator[tuple[Group, Record]]:
    """All holders with these tags."""
    for group in groups(owner):
        for record in group.records(shelf):
            if owned_by(record, owner):
                yield group, record


def find(id: str, shelf: Shelf) -> tuple[Group, Record] | None:
    """The holder of an id, and its group; None where it is gone. Raises NotFound for what cannot be an id."""
    region, whole = naming.split(id)
    name, _, hex = whole.partition("/")
    if not hex.isalnum():
        raise NotFound(f"'{id}' is not the id of a model or version on AWS")
    arn = _arn(region, name)
    tags = _tags(region, arn) if arn else {}
    if "mooring:bucket" not in tags:
        return None
    parts = [unescaped(tags.get(f"mooring:{part}", "")) for part in ("bucket", "project", "stack", "model")]
    group = Group(region, *parts)
    record = group.record(shelf, hex)
    return (group, record) if record is not None else None


def _laid(policy: Policy, further: Mapping[str, str] | None) -> list[dict[str, str]]:
    return [*({"Key": key, "Value": value} for key, value in (further or {}).items()), *policy.as_tags()]


def _arn(region: str, name: str) -> str:
    try:
        with translated(f"reading model group {name}"):
            found = session.client("sagemaker", region).describe_model_package_group(ModelPackageGroupName=name)
            return str(found["ModelPackageGroupArn"])
    except NotFound:
        return ""


def _tags(region: str, arn: str) -> dict[str, str]:
    from botocore.exceptions import ClientError

    with translated(f"reading tags of {arn}"):
        try:
            pages = session.client("sagemaker", region).get_paginator("list_tags").paginate(ResourceArn=arn)
            return {tag["Key"]: tag["Value"] for page in pages for tag in page["Tags"]}
        except ClientError as error:
            if is_absent(error):
                return {}
            raise
