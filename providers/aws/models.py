"""The kind `Model` on AWS: a group of versions in SageMaker's registry, and what becomes of them.

Ids are `<region>/<group>/<holder>`: several `Model` resources may hold one group, for as long as a replacement takes.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, ClassVar

from providers.aws import checks, model_groups, packages, retention, user_tags
from providers.aws.contents import Contents, uri_of
from providers.aws.model_groups import Group, Policy, Record
from providers.boundaries import boundary
from providers.contract import Changes, Context, Found, Ownership
from providers.errors import NotFound, Problem
from providers.local.home import owner_record
from providers.values import ModelSpec, ModelState, ModelVersionState, Scoped, Value


class ModelKind:
    """Fulfils `providers.contract.Kind` and `HasVersions`. `home` is where hashes of local files are remembered."""

    spec: ClassVar[type[Scoped]] = ModelSpec
    state: ClassVar[type[Value]] = ModelState

    def __init__(self, home: Path) -> None:
        self.home = home

    def check(self, spec: ModelSpec, context: Context) -> tuple[ModelSpec, Sequence[Problem]]:
        """Where it is to be."""
        return spec, checks.scope_problems(spec)

    def diff(self, old: Mapping[str, Any], new: Mapping[str, Any], changes: Changes) -> Changes:
        """Nothing to refine."""
        return changes

    def find(self, owner: Ownership) -> list[Found]:
        """Holders of groups with these tags, newest first."""
        found = [(record["created"], _found(group, record)) for group, record in model_groups.held(owner, "holders")]
        return [one for _, one in sorted(found, key=lambda pair: str(pair[0]), reverse=True)]

    def create(self, spec: ModelSpec, context: Context) -> str:
        """Make the group, or take over one that was kept."""
        group = group_of(spec.name, spec.region, spec.container, context.owner)
        with group.lock():
            for record in group.records("holders"):
                if record["claimed"] or record["owner"]["urn"] != context.owner.urn:
                    continue
                if record["owner"] == owner_record(context.owner):
                    return group.id_of(record["hex"])
                group.drop("holders", record["hex"])
            group.ensure(_policy(spec), spec.tags)
            record = group.new_record("holders", context.owner, spec)
        boundary("model:created")
        return group.id_of(record["hex"])

    def wait(self, id: str, spec: ModelSpec, context: Context) -> ModelState:
        """It is there at once."""
        return ModelState(group=_existing(id)[0].name)

    def claim(self, id: str) -> None:
        """Mark the group as held by a state."""
        group, record = _existing(id)
        group.save("holders", record | {"claimed": True})

    def read(self, id: str) -> tuple[ModelSpec | None, ModelState] | None:
        """Inputs and state; None when it is gone."""
        found = model_groups.find(id, "holders")
        if found is None:
            return None
        return ModelSpec.model_validate(found[1]["spec"]), ModelState(group=found[0].name)

    def update(self, id: str, old: Mapping[str, Any], new: ModelSpec, context: Context) -> ModelState:
        """Keep more or fewer versions, or something else on destroy."""
        group, record = _existing(id)
        with group.lock():
            group.lay(_policy(new), new.tags)
            user_tags.drop(group.sagemaker, group.arn(), user_tags.of_record(record), new.tags)
            group.save("holders", record | {"spec": new.to_wire(), "owner": owner_record(context.owner)})
        retention.enforce(group)
        return ModelState(group=group.name)

    def delete(self, id: str, context: Context) -> None:
        """Let go of the group; the last holder removes versions and runs, or leaves them where it was told to."""
        found = model_groups.find(id, "holders")
        if found is None:
            return
        group, record = found
        with group.lock():
            policy = group.policy()
            is_last = [one["hex"] for one in group.records("holders")] == [record["hex"]]
            if is_last and policy.on_destroy == "keep":
                group.lay(replace(policy, kept=True))
            group.drop("holders", record["hex"])
            boundary("model:let-go")
            if is_last and policy.on_destroy == "delete":
                retention.purge(group)

    def versions(self, id: str) -> list[ModelVersionState]:
        """All versions whose artifact still exists, retired ones too, oldest first."""
        group, _ = _existing(id)
        contents = Contents(group.region, self.home)
        known = packages.listed(group)
        return [packages.state_of(group, one) for one in known if contents.find(uri_of(group.artifacts, one.digest))]


def group_of(model: str, region: str, container: str, owner: Ownership) -> Group:
    """The group of a model of a stack."""
    return Group(region, container, owner.project, owner.stack, model)


def _policy(spec: ModelSpec) -> Policy:
    return Policy(spec.keep_versions, spec.on_destroy)


def _found(group: Group, record: Record) -> Found:
    return Found(group.id_of(record["hex"]), Ownership(**record["owner"]), record["claimed"], True)


def _existing(id: str) -> tuple[Group, Record]:
    found = model_groups.find(id, "holders")
    if found is None:
        raise NotFound(f"model '{id}' is not there (any more)")
    return found
