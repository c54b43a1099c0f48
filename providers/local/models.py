"""Models on this machine: groups of versions, and how a version is found by its bytes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, ClassVar

from providers.boundaries import boundary
from providers.contract import Changes, Context, Found, Ownership
from providers.errors import NotFound, Problem
from providers.local import checks
from providers.local.home import new_id, owned_by, owner_record
from providers.local.records import now
from providers.local.storage import Store, short
from providers.local.store import retention
from providers.local.store.groups import Group, VersionRecord, groups, state_of
from providers.values import ModelSpec, ModelState, ModelVersionState, Scoped, Value


class ModelKind:
    """`Model` on this machine. One group a name and stack, however many `Model` resources hold it meanwhile."""

    spec: ClassVar[type[Scoped]] = ModelSpec
    state: ClassVar[type[Value]] = ModelState

    def __init__(self, home: Path) -> None:
        self.home = home

    def check(self, spec: ModelSpec, context: Context) -> tuple[ModelSpec, Sequence[Problem]]:
        """Nothing to fill."""
        return spec, checks.scope_problems(spec)

    def diff(self, old: Mapping[str, Any], new: Mapping[str, Any], changes: Changes) -> Changes:
        """Nothing to refine."""
        return changes

    def find(self, owner: Ownership) -> list[Found]:
        """Holders of groups with these tags, newest first."""
        found = []
        for group in groups(self.home, owner.project, owner.stack):
            for id, holder in group.load()["holders"].items():
                if owned_by(holder, owner):
                    item = Found(id, Ownership(**holder["owner"]), holder["claimed"], True)
                    found.append((holder["created"], item))
        return [item for _, item in sorted(found, key=lambda pair: str(pair[0]), reverse=True)]

    def create(self, spec: ModelSpec, context: Context) -> str:
        """Make the group, or take over one that was kept."""
        group = Group(self.home, context.owner.project, context.owner.stack, spec.name)
        owner = owner_record(context.owner)
        with group.lock():
            record = group.load()
            holders = record["holders"]
            for id, holder in holders.items():
                if not holder["claimed"] and holder["owner"] == owner:
                    return str(id)
            abandoned = [
                id for id, holder in holders.items() if not holder["claimed"] and owned_by(holder, context.owner)
            ]
            for id in abandoned:
                del holders[id]
            id = new_id(spec.name)
            holders[id] = {"owner": owner, "claimed": False, "created": now(), "spec": spec.to_wire()}
            group.save(record | _policy(spec) | {"kept": False})
        boundary("model:created")
        return id

    def wait(self, id: str, spec: ModelSpec, context: Context) -> ModelState:
        """It is there at once."""
        return self._state(self._existing(id))

    def claim(self, id: str) -> None:
        """Mark the group as held by a state."""
        self._change(id, lambda record, holder: holder.update(claimed=True))

    def read(self, id: str) -> tuple[ModelSpec | None, ModelState] | None:
        """Inputs and state; None when it is gone."""
        group = self._group(id)
        if group is None:
            return None
        return ModelSpec.model_validate(group.load()["holders"][id]["spec"]), self._state(group)

    def update(self, id: str, old: Mapping[str, Any], new: ModelSpec, context: Context) -> ModelState:
        """Keep more or fewer versions, or something else on destroy."""
        group = self._existing(id)

        def change(record: dict[str, Any], holder: dict[str, Any]) -> None:
            record.update(_policy(new))
            holder.update(spec=new.to_wire(), owner=owner_record(context.owner))

        self._change(id, change)
        retention.enforce(self.home, group.project, group.stack, group.model)
        return self._state(group)

    def delete(self, id: str, context: Context) -> None:
        """Let go of the group; the last holder removes versions and runs, or leaves them where it was told to."""
        group = self._group(id)
        if group is None:
            return
        record = group.load()
        last = list(record["holders"]) == [id]
        if last and record["on_destroy"] == "delete":
            retention.purge_model(self.home, group.project, group.stack, group.model)
        with group.lock():
            if not group.folder.exists():
                return
            record = group.load()
            record["holders"].pop(id, None)
            group.save(record | {"kept": last and record["on_destroy"] == "keep"})

    def versions(self, id: str) -> list[ModelVersionState]:
        """All versions whose artifact still exists, retired ones too, oldest first."""
        store = Store(self.home)
        return [state_of(version) for version in self._existing(id).versions() if store.exists(version["uri"])]

    def _state(self, group: Group) -> ModelState:
        return ModelState(group=f"{group.project}/{group.stack}/{group.model}")

    def _group(self, id: str) -> Group | None:
        return next((group for group in groups(self.home) if id in group.load()["holders"]), None)

    def _existing(self, id: str) -> Group:
        group = self._group(id)
        if group is None:
            raise NotFound(f"model '{id}' is not on this machine (any more)")
        return group

    def _change(self, id: str, change: Any) -> None:
        group = self._existing(id)
        with group.lock():
            record = group.load()
            if id not in record["holders"]:
                raise NotFound(f"model '{id}' is not on this machine (any more)")
            change(record, record["holders"][id])
            group.save(record)


def _policy(spec: ModelSpec) -> dict[str, Any]:
    return {"keep_versions": spec.keep_versions, "on_destroy": spec.on_destroy}


def find_version(home: Path, model: str, digest: str, stack: str, project: str | None = None) -> VersionRecord:
    """The version of `model` in `stack` with these bytes; `path` is its artifact folder, to be read only.

    Without `project` any project of the home that has this stack counts. Raises `NotFound` naming the versions kept.
    """
    known: list[str] = []
    models: list[str] = []
    for group in groups(home, project, stack):
        models.append(group.model)
        if group.model != model:
            continue
        for record in group.versions():
            if record["digest"] == digest:
                path = Store(home).path(record["uri"])
                return VersionRecord(path, record["number"], digest, record["uri"])
            known.append(f"{record['number']} ({short(record['digest'])})")
    if known:
        raise NotFound(f"model '{model}' of stack '{stack}' has no version {short(digest)}; it has {', '.join(known)}")
    names = f" (models there: {', '.join(sorted(set(models)))})" if models else ""
    raise NotFound(f"stack '{stack}' has no versions of a model '{model}'{names}")
