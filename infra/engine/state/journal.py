"""What a deployment writes down, step by step, so that no crash loses or repeats anything.

Before a provider is called, what is about to happen is written and synced (`begin`); after it, what came of it
(`end`). In between, the state names the operation as pending. The merge of old and new resources follows
Pulumi's `SnapshotManager`: what this deployment has made comes first, then what it has not touched yet.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable
from typing import Protocol

from infra.engine.state import graph
from infra.engine.state import urn as urns
from infra.engine.state.checkpoint import Snapshot
from infra.engine.state.resource import Operation, OperationType, Resource
from infra.engine.values.property_diff import equal
from infra.engine.values.values import Properties
from providers.boundaries import boundary


class Writer(Protocol):
    """What makes a change of the snapshot durable (`infra.engine.state.store.GroupCommit`)."""

    def commit(self, mutate: Callable[[Snapshot], None]) -> None:
        """Apply `mutate` under a lock, and return once a synced write holds its effect."""


class Unwritten:
    """A writer for previews: changes the snapshot in memory only."""

    def __init__(self, snapshot: Snapshot) -> None:
        self._snapshot, self._lock = snapshot, threading.Lock()

    def commit(self, mutate: Callable[[Snapshot], None]) -> None:
        with self._lock:
            mutate(self._snapshot)


class Journal:
    """The resources and pending operations of one deployment. Thread-safe through its writer."""

    def __init__(self, snapshot: Snapshot, writer: Writer) -> None:
        self._base = list(snapshot.resources)
        self._news: list[Resource] = []
        self._done: set[int] = set()
        self._inherited = list(snapshot.pending_operations)
        self._pending: list[Operation] = []
        self._renamed: dict[str, str] = {}
        self._made: set[str] = set()
        self._base_urns = {r.urn for r in self._base}
        self._disordered = False
        self._unsaved = False
        self._deferred: list[Callable[[], None]] = []
        self._writer = writer
        self._lock = threading.RLock()

    @property
    def inherited(self) -> list[Operation]:
        """Operations that an earlier deployment began, and of whose end nothing is known."""
        return list(self._inherited)

    def begin(self, type: OperationType, resource: Resource) -> Operation:
        """Write down that something is about to happen to `resource`."""
        # A copy: the resource is filled in while others may be writing the state down.
        operation = Operation(resource.copy(), type)

        def mutate(snapshot: Snapshot) -> None:
            with self._lock:
                self._pending.append(operation)
                self._inherited = [o for o in self._inherited if o.resource.urn != resource.urn]
                self._apply(snapshot)

        self._writer.commit(mutate)
        boundary(f"step:{type}-written")
        return operation

    def end(
        self,
        operation: Operation | None,
        *,
        new: Resource | None = None,
        done: Iterable[Resource] = (),
        change: Callable[[], None] | None = None,
    ) -> None:
        """Write down how it ended: `new` is there, `done` are gone; `change` changes resources in place."""

        def mutate(snapshot: Snapshot) -> None:
            with self._lock:
                self._pending = [o for o in self._pending if o is not operation]
                if change is not None:
                    change()
                self._note(new, done)
                self._apply(snapshot)

        self._writer.commit(mutate)
        boundary("step:result-written")

    def note(self, new: Resource | None, done: Iterable[Resource] = ()) -> None:
        """The same for what need not be durable at once: it goes along with the next write."""
        with self._lock:
            self._note(new, done)
            self._unsaved = True

    def replace_unchanged(self, old: Resource, new: Resource) -> None:
        """`new` takes the place of an equal `old`; there is nothing to write for that."""
        with self._lock:
            self._note(new, [old])

    def forget_import_id(self, resource: Resource) -> None:
        """With the next write, a resource no longer says from which id it was imported."""
        with self._lock:
            self._deferred.append(lambda: setattr(resource, "import_id", ""))
            self._unsaved = True

    def set_outputs(self, resource: Resource, outputs: Properties) -> None:
        """Outputs that a component registers after it was made; they are there after the next write."""
        if equal(resource.outputs or {}, outputs):
            return
        with self._lock:
            # Applied under the writer's lock, so that no half-changed resource is written.
            self._deferred.append(lambda: setattr(resource, "outputs", outputs))
            self._unsaved = True

    def finish(self, *, forget: Iterable[str] = (), clean: bool = False) -> None:
        """Write what is not written yet. `forget` names pending creations that were dealt with; `clean` says
        that everything went well, so that other inherited operations are over too."""
        gone = set(forget)
        kept = [o for o in self._inherited if not (o.resource.urn in gone or (clean and o.type != "creating"))]
        if not self._unsaved and len(kept) == len(self._inherited):
            return

        def mutate(snapshot: Snapshot) -> None:
            with self._lock:
                self._inherited = kept
                self._apply(snapshot)

        self._writer.commit(mutate)

    def rename(self, old: str, new: str) -> None:
        """From now on the resource `old` is called `new`; what still names it is written with the new name."""
        self._renamed[old] = new

    def current(self) -> list[Resource]:
        """All resources as they are now, in dependency order."""
        with self._lock:
            merged = self._merged()
            return self._under_new_names(merged) if self._renamed else merged

    def _note(self, new: Resource | None, done: Iterable[Resource]) -> None:
        for resource in done:
            self._done.add(id(resource))
        if new is not None:
            # Old resources stay in their order. Only something new that needs what is still among them
            # (a dependency that the program no longer has, under --target) is out of order.
            self._disordered = self._disordered or any(
                urn not in self._made and urn in self._base_urns for urn in graph.needs(new)
            )
            self._made.add(new.urn)
            self._news.append(new)

    def _apply(self, snapshot: Snapshot) -> None:
        deferred, self._deferred = self._deferred, []
        for change in deferred:
            change()
        merged = self._merged()
        snapshot.resources = self._under_new_names(merged) if self._renamed else merged
        snapshot.pending_operations = [*self._pending, *self._inherited]
        self._unsaved = False

    def _merged(self) -> list[Resource]:
        done = self._done
        merged = [r for r in self._news if id(r) not in done]
        merged += [r for r in self._base if id(r) not in done]
        return graph.ordered(merged) if self._disordered else merged

    def _under_new_names(self, resources: list[Resource]) -> list[Resource]:
        renamed = dict(self._renamed)
        return [renamed_copy(r, renamed) for r in resources]


def renamed_copy(resource: Resource, renamed: dict[str, str]) -> Resource:
    """`resource` naming others by their new URNs; its own URN follows from a renamed parent.

    Itself when nothing of it changes. A URN that changed in this way is added to `renamed`.
    """

    def now(urns_: Iterable[str]) -> list[str]:
        return [renamed.get(u, u) for u in urns_]

    changes: dict[str, object] = {}
    if resource.provider:
        urn, id = urns.parse_provider_ref(resource.provider)
        if urn in renamed:
            changes["provider"] = urns.provider_ref(renamed[urn], id)
    for name in ("dependencies", "replace_with"):
        given = getattr(resource, name)
        if any(u in renamed for u in given):
            changes[name] = now(given)
    if any(u in renamed for deps in resource.property_dependencies.values() for u in deps):
        changes["property_dependencies"] = {k: now(v) for k, v in resource.property_dependencies.items()}
    if resource.deleted_with in renamed:
        changes["deleted_with"] = renamed[resource.deleted_with]
    if resource.parent in renamed:
        parent = renamed[resource.parent]
        parts = urns.parse(resource.urn)
        moved = urns.make(parts.stack, parts.project, parent, parts.type, parts.name)
        renamed.setdefault(resource.urn, moved)
        changes.update(parent=parent, urn=moved)
    return resource.copy(**changes) if changes else resource


def fields_changed(old: Resource, new: Resource) -> bool:
    """Whether an unchanged resource's record must nevertheless be written (`mustWrite` of Pulumi's manager)."""
    names = (
        "urn", "type", "custom", "custom_timeouts", "retain_on_delete", "provider", "parent", "deleted_with",
        "replace_with", "protect", "additional_secret_outputs", "import_id", "ignore_changes", "replace_on_changes",
    )  # fmt: skip
    if any(getattr(old, n) != getattr(new, n) for n in names):
        return True
    if sorted(old.dependencies) != sorted(new.dependencies):
        return True
    return not (equal(old.inputs or {}, new.inputs or {}) and equal(old.outputs or {}, new.outputs or {}))
