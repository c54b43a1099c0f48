"""What is kept of retired versions, and how all of a model goes in the end.

The newest retired versions stay, as many as the model keeps; what an endpoint serves or a state holds always stays.
"""

from __future__ import annotations

import re

from providers.aws import packages, run_retention
from providers.aws.archives import archive_uri
from providers.aws.contents import Contents, uri_of
from providers.aws.model_groups import Group
from providers.aws.objects import Objects, stack_uri
from providers.aws.packages import Package
from providers.boundaries import boundary
from providers.local.home import local_home

_DIGEST = re.compile(rb"sha256:[0-9a-f]{64}")


def served_digests(group: Group) -> set[str]:
    """Digests of all versions that any endpoint of the stack names, whatever stage it is in."""
    objects = Objects(group.region)
    base = stack_uri(group.container, group.owner, "endpoints")
    records = [item.name for item in list(objects.listed(base)) if item.name.endswith("/record.json")]
    return {match.decode() for name in records for match in _DIGEST.findall(objects.read(base + name))}


def held_numbers(group: Group) -> set[int]:
    """Versions that some `ModelVersion` resource holds."""
    return {int(record["number"]) for record in group.records("versions") if record.get("number")}


def enforce(group: Group) -> None:
    """Remove retired versions beyond those to keep, and a group that nobody owns with its last version."""
    with group.lock():
        is_owned = group.owned()
        keep = group.policy().keep_versions if is_owned else 0
        held, served, known = held_numbers(group), served_digests(group), packages.listed(group)
        retired = [one for one in known if one.number not in held and one.digest not in served]
        spent = retired[: max(0, len(retired) - keep)]
        for package in spent:
            remove_version(group, package)
        run_retention.enforce(group)
        if not is_owned and len(spent) == len(known) and not group.records("versions"):
            group.remove()


def purge(group: Group) -> None:
    """Remove all of a model that no state holds: its runs and versions, their bytes, the group."""
    run_retention.purge(group)
    with group.lock():
        for record in group.records("versions"):
            if not record["claimed"]:
                group.drop("versions", record["hex"])
        held = held_numbers(group)
        for package in packages.listed(group):
            if package.number not in held:
                remove_version(group, package)
        if not group.records("versions"):
            group.remove()
            boundary("model:removed")


def remove_version(group: Group, package: Package) -> None:
    """Remove one version: from the registry first, so that nobody finds one without bytes."""
    packages.remove(group, package)
    boundary("version:unregistered")
    remove_bytes(group, package.digest)


def remove_bytes(group: Group, digest: str) -> None:
    """Remove what the group keeps of these bytes."""
    group.objects.delete(archive_uri(group, digest))
    Contents(group.region, local_home()).delete(uri_of(group.artifacts, digest))
