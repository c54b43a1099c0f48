"""The kind `ModelVersion` on AWS: an artifact's bytes in the stack's bucket, registered under a number.

Ids are `<region>/<group>/<holder>`. A version that is on its way has a holder without a number; registered, the same
holder names it. Where the bytes come from is `intake.py`'s part.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, ClassVar

from providers.aws import checks, model_groups, packages, retention
from providers.aws.contents import Contents, uri_of
from providers.aws.intake import Intake
from providers.aws.model_groups import Group, Record
from providers.aws.models import group_of
from providers.boundaries import boundary
from providers.contract import Changes, Context, Found, Ownership
from providers.errors import NotFound, Problem
from providers.local.home import owner_record
from providers.values import ModelVersionSpec, ModelVersionState, Scoped, Value


class ModelVersionKind:
    """Fulfils `providers.contract.Kind` and `HasLogs`. `home` is a local home: supplied files are packaged in it."""

    spec: ClassVar[type[Scoped]] = ModelVersionSpec
    state: ClassVar[type[Value]] = ModelVersionState

    def __init__(self, home: Path, cache: Path | None = None) -> None:
        self.home, self.intake = home, Intake(home, cache)

    def check(self, spec: ModelVersionSpec, context: Context) -> tuple[ModelVersionSpec, Sequence[Problem]]:
        """Hash a file, and list what is wrong with where the bytes come from."""
        problems = checks.scope_problems(spec)
        spec, more = self.intake.check(spec, context)
        return spec, [*problems, *more]

    def diff(self, old: Mapping[str, Any], new: Mapping[str, Any], changes: Changes) -> Changes:
        """Nothing to refine."""
        return changes

    def find(self, owner: Ownership) -> list[Found]:
        """Holders with these tags, newest first."""
        found = [(record["created"], _found(self.intake, group, record))
                 for group, record in model_groups.held(owner, "versions")]  # fmt: skip
        return [one for _, one in sorted(found, key=lambda pair: str(pair[0]), reverse=True)]

    def create(self, spec: ModelVersionSpec, context: Context) -> str:
        """Write down that it is on its way; `wait` fetches the bytes and registers them."""
        group = group_of(spec.model, spec.region, spec.container, context.owner)
        with group.lock():
            for record in reversed(group.records("versions")):
                if record["claimed"] or record["owner"]["urn"] != context.owner.urn:
                    continue
                usable = _found(self.intake, group, record).usable
                if usable and record["owner"] == owner_record(context.owner):
                    return group.id_of(record["hex"])
                self.delete(group.id_of(record["hex"]), context)
            group.ensure()
            record = group.new_record("versions", context.owner, spec)
        boundary("version:created")
        return group.id_of(record["hex"])

    def wait(self, id: str, spec: ModelVersionSpec, context: Context) -> ModelVersionState:
        """Fetch, verify and register the bytes. Raises JobFailed where a threshold is not met."""
        group, record = _existing(id)
        if registered := self._registered(group, record):
            return registered
        taken = self.intake.take(id, spec, group, context)
        boundary("version:stored")
        context.check_cancelled(id)
        with group.lock():
            package = packages.of_digest(group, taken.digest)
            if package is None:
                package = packages.register(group, taken.digest, taken.metrics)
            elif taken.metrics:
                packages.measure(group, package, taken.metrics)
            boundary("version:registered")
            # Read again: the claim may have come meanwhile.
            group.save("versions", (group.record("versions", record["hex"]) or record) | {"number": package.number})
            package = packages.of_number(group, package.number) or package
        self.intake.forget(id)
        return packages.state_of(group, package)

    def claim(self, id: str) -> None:
        """Mark the version as held by a state."""
        group, record = _existing(id)
        with group.lock():
            group.save("versions", record | {"claimed": True})

    def read(self, id: str) -> tuple[ModelVersionSpec | None, ModelVersionState | None] | None:
        """Inputs and state; None when it is gone, or its bytes are. Without a state it is still on its way."""
        found = model_groups.find(id, "versions")
        if found is None:
            return None
        group, record = found
        state = self._registered(group, record)
        if state is None and record.get("number"):
            return None
        return ModelVersionSpec.model_validate(record["spec"]), state

    def update(self, id: str, old: Mapping[str, Any], new: ModelVersionSpec, context: Context) -> ModelVersionState:
        """New thresholds, metrics or tags of the same bytes; or go on with what was left unfinished."""
        group, record = _existing(id)
        package = packages.of_number(group, int(record.get("number") or 0)) if record.get("number") else None
        if package is None:
            return self.wait(id, new, context)
        metrics = dict(new.metrics) or dict(package.metrics)
        self.intake.gate(new, metrics, uri_of(group.artifacts, package.digest), group, id)
        with group.lock():
            if metrics != package.metrics:
                packages.measure(group, package, metrics)
            group.save("versions", record | {"spec": new.to_wire(), "owner": owner_record(context.owner)})
        return packages.state_of(group, packages.of_number(group, package.number) or package)

    def delete(self, id: str, context: Context) -> None:
        """Retire the version: this resource lets go of it."""
        found = model_groups.find(id, "versions")
        if found is None:
            return
        group, record = found
        number = int(record.get("number") or 0)
        self.intake.forget(id)
        with group.lock():
            group.drop("versions", record["hex"])
            boundary("version:retired")
            package = packages.of_number(group, number) if number else None
            if package is not None and number not in retention.held_numbers(group):
                packages.tell_use(group, package, in_use=False)
            self._forget_unregistered(group)
            retention.enforce(group)

    def _forget_unregistered(self, group: Group) -> None:
        """Remove bytes that were taken and never registered, unless something is still on its way."""
        if any(not record.get("number") for record in group.records("versions")):
            return
        known = {package.digest for package in packages.listed(group)}
        for digest in Contents(group.region, self.home).versions(group.artifacts):
            if digest not in known:
                retention.remove_bytes(group, digest)

    def logs(self, id: str, *, follow: bool = False, tail: int | None = None) -> Iterator[str]:
        """Lines of the job on this machine that packages a supplied file; none once it succeeded."""
        return self.intake.logs(id, follow=follow, tail=tail)

    def _registered(self, group: Group, record: Record) -> ModelVersionState | None:
        """The version that a holder names, if it is whole."""
        package = packages.of_number(group, int(record["number"])) if record.get("number") else None
        if package is None or Contents(group.region, self.home).find(uri_of(group.artifacts, package.digest)) is None:
            return None
        return packages.state_of(group, package)


def _found(intake: Intake, group: Group, record: Record) -> Found:
    id = group.id_of(record["hex"])
    usable = bool(record.get("number")) or not intake.has_failed(id)
    return Found(id, Ownership(**record["owner"]), record["claimed"], usable)


def _existing(id: str) -> tuple[Group, Record]:
    found = model_groups.find(id, "versions")
    if found is None:
        raise NotFound(f"model version '{id}' is not there (any more)")
    return found
