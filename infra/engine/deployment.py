"""All that one operation on a stack knows while it runs."""

from __future__ import annotations

import threading
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from infra.engine.api import Options, StackRef
from infra.engine.events import Events
from infra.engine.planning.goal import Goal
from infra.engine.planning.targets import Targets
from infra.engine.providers.provider_host import ProviderHost
from infra.engine.state.checkpoint import Snapshot
from infra.engine.state.journal import Journal
from infra.engine.state.resource import Resource

if TYPE_CHECKING:
    from infra.engine.planning.analyzers import Analyzer


@dataclass
class Config:
    """A stack's configuration as programs see it: text by `namespace:key`, and which keys are secret."""

    values: Mapping[str, str] = field(default_factory=dict)
    secret_keys: frozenset[str] = frozenset()

    def of_package(self, package: str) -> dict[str, str]:
        """The keys of one namespace, without it."""
        prefix = f"{package}:"
        return {k[len(prefix) :]: v for k, v in self.values.items() if k.startswith(prefix)}


@dataclass
class Marks:
    """What this deployment has decided about each URN so far."""

    seen: set[str] = field(default_factory=set)
    sames: set[str] = field(default_factory=set)
    creates: set[str] = field(default_factory=set)
    updates: set[str] = field(default_factory=set)
    replaces: set[str] = field(default_factory=set)
    reads: set[str] = field(default_factory=set)
    deletes: set[str] = field(default_factory=set)
    skipped: set[str] = field(default_factory=set)
    failed: set[str] = field(default_factory=set)
    new_by_old_name: dict[str, str] = field(default_factory=dict)
    old_by_new_name: dict[str, str] = field(default_factory=dict)
    condemned: set[int] = field(default_factory=set)
    replace_keys: dict[str, tuple[str, ...]] = field(default_factory=dict)

    def operated_on(self, urn: str) -> bool:
        """Whether the program has this resource, under this name or a newer one."""
        now = self.new_by_old_name.get(urn, urn)
        return any(now in marks for marks in (self.sames, self.updates, self.replaces, self.reads))

    def processed(self) -> set[str]:
        """Every URN that something was decided about."""
        return self.reads | self.creates | self.sames | self.updates | self.deletes | self.replaces


class Deployment:
    """The stack, its state as it was (`olds`) and as it becomes (`news`), and the parts that work on it.

    `planning` is held while it is decided what to do with a resource, one at a time; what was decided is then
    done by as many threads as `Options.parallel` allows (`slots`).
    """

    def __init__(
        self,
        ref: StackRef,
        options: Options,
        snapshot: Snapshot,
        journal: Journal,
        events: Events,
        *,
        dry_run: bool,
        config: Config | None = None,
        cancel: threading.Event | None = None,
    ) -> None:
        self.ref, self.options, self.snapshot = ref, options, snapshot
        self.journal, self.events, self.dry_run = journal, events, dry_run
        self.config = config or Config()
        self.cancel = cancel or threading.Event()
        self.host: ProviderHost
        self.analyzers: list[Analyzer] = []
        self.previous = list(snapshot.resources)
        self.olds: dict[str, Resource] = {r.urn: r for r in self.previous if not r.delete}
        self.news: dict[str, Resource] = {}
        self.reads: dict[str, Resource] = {}
        self.providers: dict[str, Resource] = {}
        self.goals: dict[str, Goal] = {}
        self.marks = Marks()
        self.targets = Targets(options.targets)
        self.replace = Targets(options.replace)
        self.planning = threading.RLock()
        self.slots = threading.Semaphore(max(1, options.parallel))
        self.told = False
        """Whether the reason why the program ends was told already, so that its exception adds nothing."""
        self.interrupted = {o.resource.urn: o.type for o in journal.inherited}

    @property
    def folder(self) -> Path:
        """Where relative paths of assets begin."""
        return self.ref.program

    @property
    def stopping(self) -> bool:
        """Whether the user asked to stop: nothing new is begun."""
        return self.cancel.is_set()

    def included(self, resource: Resource) -> bool:
        """Whether `--target` lets this resource take part."""
        return self.targets.includes(resource, dependents=self.options.target_dependents)
