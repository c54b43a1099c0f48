"""Model versions on this machine: an artifact's bytes, registered under a number.

A version that is on its way is an *intake*; registered, the same id is a *holder* of the version (`groups.py`).
Where the bytes come from is `intake.py`'s part.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, ClassVar

from providers.boundaries import boundary
from providers.contract import Changes, Context, Found, Ownership
from providers.errors import JobFailed, NotFound, Problem
from providers.local import checks, records
from providers.local.home import new_id, owned_by, owner_record
from providers.local.jobs.jobs import Jobs
from providers.local.storage import Store
from providers.local.store import retention
from providers.local.store.groups import Group, groups, state_of
from providers.local.store.intake import Intake
from providers.local.training import read_metrics
from providers.thresholds import unmet
from providers.values import ModelVersionSpec, ModelVersionState, Scoped, Value

ALL_METRICS = "evaluation/metrics.json"
"""Where an artifact keeps its metrics by class and by slice (docs/model-format.md)."""


class ModelVersionKind:
    """`ModelVersion` on this machine."""

    spec: ClassVar[type[Scoped]] = ModelVersionSpec
    state: ClassVar[type[Value]] = ModelVersionState

    def __init__(self, home: Path, cache: Path | None = None) -> None:
        self.home, self.store, self.intake = home, Store(home), Intake(home, cache)

    def check(self, spec: ModelVersionSpec, context: Context) -> tuple[ModelVersionSpec, Sequence[Problem]]:
        """Hash a file, and list what is wrong with where the bytes come from."""
        problems = checks.scope_problems(spec)
        spec, more = self.intake.check(spec, context)
        return spec, [*problems, *more]

    def diff(self, old: Mapping[str, Any], new: Mapping[str, Any], changes: Changes) -> Changes:
        """Nothing to refine."""
        return changes

    def find(self, owner: Ownership) -> list[Found]:
        """Holders and intakes with these tags, newest first."""
        found: dict[str, tuple[str, Found]] = {}
        for group in groups(self.home, owner.project, owner.stack):
            begun = {intake["id"]: intake for intake in group.intakes()}
            held = {id: holder for version in group.versions() for id, holder in version["holders"].items()}
            for id, record in {**begun, **held}.items():
                if owned_by(record, owner):
                    usable = id in held or not self._failed(id)
                    item = Found(id, Ownership(**record["owner"]), record["claimed"], usable)
                    found[id] = (record["created"], item)
        return [item for _, item in sorted(found.values(), key=lambda pair: pair[0], reverse=True)]

    def _failed(self, id: str) -> bool:
        record = Jobs(self.home).find(id)
        return record is not None and record.status in ("failed", "stopped")

    def create(self, spec: ModelVersionSpec, context: Context) -> str:
        """Write the intake down; `wait` fetches the bytes and registers them."""
        for found in self.find(context.owner):
            if not found.claimed and found.usable and found.owner == context.owner:
                return found.id
        for found in self.find(context.owner):
            if not found.claimed:
                self.delete(found.id, context)
        group = Group(self.home, context.owner.project, context.owner.stack, spec.model)
        id = new_id(spec.name)
        owner = owner_record(context.owner)
        intake = {"id": id, "owner": owner, "claimed": False, "created": records.now(), "spec": spec.to_wire()}
        identity = {"project": group.project, "stack": group.stack, "model": group.model}
        with group.lock():
            group.save_intake(intake | identity)
        boundary("version:created")
        return id

    def wait(self, id: str, spec: ModelVersionSpec, context: Context) -> ModelVersionState:
        """Fetch, verify and register the bytes."""
        if held := self._held(id):
            return state_of(held[1])
        group, intake = self._begun(id)
        artifact = self.intake.artifact(id, spec, group, context)
        metrics = dict(spec.metrics) or read_metrics(artifact / "metrics.json", id)
        gate(spec, metrics, artifact, id)
        stored = self.store.put(artifact, group.key, link=True)
        self.intake.verify(spec, stored.digest)
        boundary("version:stored")
        record = self._register(group, intake, spec, stored.uri, stored.digest, metrics)
        retention.purge_job(self.home, id)
        return state_of(record)

    def _register(
        self,
        group: Group,
        intake: Mapping[str, Any],
        spec: ModelVersionSpec,
        uri: str,
        digest: str,
        metrics: dict[str, float],
    ) -> dict[str, Any]:
        """Give the bytes a number, or the one that they have already, and this resource as a holder."""
        with group.lock():
            record, whole = group.version(digest), group.load()
            if record is None:
                number = 1 + max([int(whole["last"]), *(int(version["number"]) for version in group.versions())])
                record = {"number": number, "digest": digest, "uri": uri, "created": records.now(), "holders": {}}
                record |= {name: intake[name] for name in ("project", "stack", "model")}
                record["signature"] = _signature(self.store.path(uri))
            record["metrics"] = metrics or record.get("metrics", {})
            holder = {name: intake[name] for name in ("owner", "claimed", "created")}
            record["holders"][intake["id"]] = holder | {"spec": spec.to_wire()}
            group.save_version(record)
            if record["number"] > whole["last"] and group.owned():
                # After the version, so that a kill in between takes no number out of the sequence.
                group.save(whole | {"last": record["number"]})
            boundary("version:registered")
            group.remove_intake(intake["id"])
        return record

    def claim(self, id: str) -> None:
        """Mark the version as held by a state."""
        if held := self._held(id):
            group, _ = held
            with group.lock():
                self._change(group, id, {"claimed": True})
            return
        group, intake = self._begun(id)
        with group.lock():
            group.save_intake(intake | {"claimed": True})

    def read(self, id: str) -> tuple[ModelVersionSpec | None, ModelVersionState | None] | None:
        """Inputs and state; None when it is gone, or its bytes are. Without a state it is still on its way."""
        if held := self._held(id):
            if not self.store.exists(held[1]["uri"]):
                return None
            return ModelVersionSpec.model_validate(held[1]["holders"][id]["spec"]), state_of(held[1])
        intake = self._intake(id)
        return (ModelVersionSpec.model_validate(intake[1]["spec"]), None) if intake else None

    def update(self, id: str, old: Mapping[str, Any], new: ModelVersionSpec, context: Context) -> ModelVersionState:
        """New thresholds, metrics or tags of the same bytes; or go on with what was left unfinished."""
        held = self._held(id)
        if held is None:
            return self.wait(id, new, context)
        group, version = held
        metrics = dict(new.metrics) or version["metrics"]
        gate(new, metrics, self.store.path(version["uri"]), id)
        with group.lock():
            changed = self._change(group, id, {"spec": new.to_wire(), "owner": owner_record(context.owner)}, metrics)
        return state_of(changed)

    def delete(self, id: str, context: Context) -> None:
        """Retire the version: this resource lets go of it."""
        if held := self._held(id):
            group, version = held
            with group.lock():
                current = group.version(version["digest"])
                if current and current["holders"].pop(id, None):
                    group.save_version(current)
            boundary("version:retired")
            retention.enforce(self.home, group.project, group.stack, group.model)
        for group in groups(self.home):
            if any(intake["id"] == id for intake in group.intakes()):
                retention.purge_job(self.home, id)
                with group.lock():
                    group.remove_intake(id)
                retention.enforce(self.home, group.project, group.stack, group.model)

    def logs(self, id: str, *, follow: bool = False, tail: int | None = None) -> Iterator[str]:
        """Lines of the job that packages a supplied file; none once it succeeded."""
        jobs = Jobs(self.home)
        return jobs.logs(id, follow=follow, tail=tail) if jobs.find(id) else iter(())

    def _change(
        self, group: Group, id: str, changes: Mapping[str, Any], metrics: dict[str, float] | None = None
    ) -> dict[str, Any]:
        version = next((version for version in group.versions() if id in version["holders"]), None)
        if version is None:
            raise NotFound(f"model version '{id}' is not on this machine (any more)")
        version["holders"][id] |= changes
        if metrics is not None:
            version["metrics"] = metrics
        group.save_version(version)
        return version

    def _held(self, id: str) -> tuple[Group, dict[str, Any]] | None:
        for group in groups(self.home):
            for version in group.versions():
                if id in version["holders"]:
                    return group, version
        return None

    def _intake(self, id: str) -> tuple[Group, dict[str, Any]] | None:
        for group in groups(self.home):
            for intake in group.intakes():
                if intake["id"] == id:
                    return group, intake
        return None

    def _begun(self, id: str) -> tuple[Group, dict[str, Any]]:
        if found := self._intake(id):
            return found
        raise NotFound(f"model version '{id}' is not on this machine (any more)")


def gate(spec: ModelVersionSpec, metrics: Mapping[str, float], artifact: Path, id: str) -> None:
    """Raise `JobFailed` when a metric does not meet its threshold, or was not measured; nothing is registered then.

    What `metrics` do not have (metrics of a class or of a slice) is looked for in the artifact's evaluation.
    """
    further = {} if set(spec.thresholds) <= set(metrics) else read_metrics(artifact / ALL_METRICS, id)
    if found := unmet(spec.thresholds, {**further, **metrics}, tuple(metrics)):
        raise JobFailed(f"model '{spec.model}' was not registered: {'; '.join(found)}", job=id)


def _signature(artifact: Path) -> dict[str, Any]:
    try:
        found = json.loads((artifact / "signature.json").read_bytes())
    except (FileNotFoundError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}
