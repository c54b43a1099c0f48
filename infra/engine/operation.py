"""One operation on a stack, from its state to its result: the parts joined, and taken down again."""

from __future__ import annotations

import contextlib
import threading
import time
from collections.abc import Callable, Iterator, Mapping

from infra.engine.api import Options, Result, StackRef
from infra.engine.deletes import Deleter
from infra.engine.deployment import Config, Deployment
from infra.engine.errors import EngineError
from infra.engine.events import Events
from infra.engine.planning.targets import Targets, check_urns
from infra.engine.providers.provider_host import Factory, ProviderHost
from infra.engine.state import graph
from infra.engine.state import urn as urns
from infra.engine.state.checkpoint import Snapshot
from infra.engine.state.journal import Journal, Writer
from infra.engine.state.resource import Operation as Pending
from infra.engine.state.resource import OperationType
from infra.engine.values.values import Properties, contains_secrets, strip_secrets

WATCH_SECONDS = 0.1
"""How often it is looked whether the user wants to stop."""


class Operation:
    """Runs what the verbs have in common. `writer` makes changes of `snapshot` durable, or does not (previews)."""

    def __init__(
        self,
        ref: StackRef,
        options: Options,
        snapshot: Snapshot,
        writer: Writer,
        events: Events,
        *,
        factories: Mapping[str, Factory],
        read_outputs: Callable[[str], Properties],
        config: Config,
        dry_run: bool,
        cancel: threading.Event,
    ) -> None:
        self.ref, self.options, self.events, self.dry_run = ref, options, events, dry_run
        self._snapshot, self._writer, self._config, self._cancel = snapshot, writer, config, cancel
        self._factories, self._read_outputs = factories, read_outputs
        self._began = time.monotonic()
        known = [r.urn for r in snapshot.resources]
        check_urns("--target", options.targets, known)
        check_urns("--replace", options.replace, known)
        for urn in Targets(options.replace).missing(known):
            raise EngineError(f"--replace: no resource named '{urn}' was found in the stack")

    def up(self) -> None:
        """Run the program, and let the stack become what it says. With `--refresh`, read everything first."""
        resumed = self._resume()
        with self._deployment() as deployment:
            deployment.interrupted.update(resumed)
            self._program(deployment)

    def refresh(self) -> None:
        """Bring the state in line with what is there."""
        with self._deployment() as deployment:
            from infra.engine.refresh import Refresher

            self._warn_of_missing_targets(deployment)
            Refresher(deployment).run()
            # What was half-done has been read; a creation without an id has nothing to be read by.
            deployment.journal.finish(clean=not self.events.result.errors and not deployment.targets)

    def destroy(self) -> None:
        """Delete everything, or what `--target` names."""
        if self.options.refresh:
            self.refresh()
        with self._deployment() as deployment:
            self._warn_of_missing_targets(deployment)
            self._load_providers(deployment)
            Deleter(deployment).everything()
            failed = bool(self.events.result.errors) or deployment.stopping
            gone = [] if failed or deployment.targets else self._discard_pending(deployment)
            deployment.journal.finish(forget=gone, clean=not failed)

    def take(self, type: str, name: str, id: str) -> None:
        """Import one resource, protected, under the stack's root."""
        from infra.engine.take import take

        with self._deployment() as deployment:
            take(deployment, type, name, id)
            deployment.journal.finish()

    def result(self) -> Result:
        """What it came to."""
        result = self.events.result
        result.seconds = time.monotonic() - self._began
        if self._cancel.is_set():
            result.errors.append("cancelled: what had begun was ended, and nothing new was begun")
        if self.dry_run:
            from infra.engine.preview_document import document

            result.document = document(
                self.events.entries,
                self.events.diagnostics,
                self._config.values,
                self._config.secret_keys,
                result.changes,
                result.seconds,
            )
        return result

    def _resume(self) -> dict[str, OperationType]:
        """Warn of what an earlier operation began, and read what it may have half-changed.

        Under `--refresh`, read everything. Returns what is to be updated even if nothing differs.
        """
        from infra.engine.refresh import Refresher

        pending = self._snapshot.pending_operations
        if pending:
            names = ", ".join(f"{o.type} {urns.name(o.resource.urn)}" for o in pending)
            self.events.log(
                "warning",
                f"an earlier operation was interrupted ({names}); it is taken up again: what was being created is "
                "created again unless its provider finds it",
            )
        half: dict[str, OperationType] = {o.resource.urn: o.type for o in pending if o.type in ("updating", "deleting")}
        if self.options.refresh or half:
            with self._deployment() as deployment:
                Refresher(deployment, tell_same=False).run(None if self.options.refresh else set(half))
                deployment.journal.finish()
        return half

    def _program(self, deployment: Deployment) -> None:
        from infra.engine.program import program
        from infra.engine.program.monitor import Monitor

        monitor = Monitor(deployment)
        with self._policies(deployment):
            try:
                ended_well = program.run(deployment, monitor)
            finally:
                monitor.close()
            failed = not ended_well or bool(self.events.result.errors) or deployment.stopping
            if not failed:
                self._refuse_unknown_targets(deployment)
                Deleter(deployment).leftovers()
            failed = failed or bool(self.events.result.errors) or deployment.stopping
            monitor.registrar.finish_outputs(failed=failed)
            for analyzer in [] if failed else deployment.analyzers:
                analyzer.analyze_stack(list(deployment.news.values()))
        clean = not failed and not deployment.targets
        gone = self._discard_pending(deployment) if clean else []
        deployment.journal.finish(forget=gone, clean=clean)
        root = deployment.news.get(urns.root(self.ref.stack, self.ref.project))
        put_outputs(self.events.result, (root.outputs if root else None) or {})

    def _refuse_unknown_targets(self, deployment: Deployment) -> None:
        missing = deployment.targets.missing([*deployment.news, *deployment.olds, *deployment.reads])
        for urn in missing:
            self.events.error(f"--target: no resource named '{urn}' was found in the stack")

    def _warn_of_missing_targets(self, deployment: Deployment) -> None:
        for urn in deployment.targets.missing(deployment.olds):
            raise EngineError(f"--target: no resource named '{urn}' was found in the stack")

    def _load_providers(self, deployment: Deployment) -> None:
        """Configure the providers that deletions will need, as they were; one that is missing is told at once."""
        if self.dry_run:
            return
        wanted = {graph.provider_urn(r) for r in deployment.previous if r.custom and r.provider and not r.external}
        for resource in deployment.previous:
            if resource.urn in wanted and not resource.delete:
                deployment.host.ensure(resource)

    def _discard_pending(self, deployment: Deployment) -> list[str]:
        """Deal with creations that were interrupted, and that nothing has taken up since.

        A provider in process may offer `discard(urn, inputs)`, which deletes what it finds of such a resource;
        with any other, the record stays and is told.
        """
        if self.dry_run:
            return []
        gone: list[str] = []
        for pending in deployment.journal.inherited:
            if pending.type == "creating" and pending.resource.urn not in deployment.news:
                if self._discard(deployment, pending):
                    gone.append(pending.resource.urn)
                else:
                    self.events.log(
                        "warning",
                        "its creation was interrupted, and the program no longer has it: it may exist. "
                        "`mooring doctor --orphans` lists what belongs to nothing",
                        pending.resource.urn,
                    )
        return gone

    def _discard(self, deployment: Deployment, pending: Pending) -> bool:
        resource = pending.resource
        if not resource.provider:
            return True
        provider = deployment.host.get(resource.provider)
        if provider is None:
            provider = deployment.host.make(urns.package_of(resource.type))
        discard = getattr(provider.servicer, "discard", None)
        if discard is None:
            return False
        discard(resource.urn, strip_secrets(resource.inputs or {}))
        return True

    @contextlib.contextmanager
    def _deployment(self) -> Iterator[Deployment]:
        """A deployment on the state as it is now, with its providers and whoever watches for a cancellation."""
        from infra.engine.providers.builtin_provider import BuiltinProvider

        journal = Journal(self._snapshot, self._writer)
        deployment = Deployment(
            self.ref, self.options, self._snapshot, journal, self.events,
            dry_run=self.dry_run, config=self._config, cancel=self._cancel,
        )  # fmt: skip
        deployment.host = ProviderHost(
            self._factories,
            lambda: BuiltinProvider(
                self._read_outputs, lambda urn: deployment.news.get(urn) or deployment.reads.get(urn)
            ),
            self.events.provider_log,
        )
        over = threading.Event()
        watcher = threading.Thread(target=self._watch, args=(deployment, over), name="cancel", daemon=True)
        watcher.start()
        try:
            yield deployment
        finally:
            over.set()
            watcher.join()
            deployment.host.close()

    def _watch(self, deployment: Deployment, over: threading.Event) -> None:
        while not over.wait(WATCH_SECONDS):
            if self._cancel.is_set():
                self.events.log("info", "stopping: what has begun is ended, nothing new is begun")
                deployment.host.cancel()
                return

    @contextlib.contextmanager
    def _policies(self, deployment: Deployment) -> Iterator[None]:
        if not self.options.policy_packs:
            yield
            return
        from infra.engine.planning.analyzers import PolicyPacks

        packs = PolicyPacks(self.options.policy_packs, deployment)
        deployment.analyzers = packs.analyzers
        try:
            yield
        finally:
            packs.close()


def put_outputs(result: Result, outputs: Properties) -> None:
    """Give a result the stack's outputs, plain, and say which of them are secret."""
    result.outputs = {k: strip_secrets(v) for k, v in outputs.items()}
    result.secret_outputs = frozenset(k for k, v in outputs.items() if contains_secrets(v))
