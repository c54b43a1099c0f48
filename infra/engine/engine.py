"""The embedded engine: deploys stacks that stay on this machine, without the Pulumi CLI.

It runs the unmodified program in process, calls providers in process, and keeps Pulumi's own state, so that
either engine can go on where the other has stopped. `docs/engine.md` says what it has and what it refuses.
"""

from __future__ import annotations

import contextlib
import os
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from typing import TYPE_CHECKING, Any

from infra.engine.api import OnEvent, Options, Result, StackRef
from infra.engine.configuration import configuration
from infra.engine.configuration.secrets import SecretsManager
from infra.engine.errors import EngineError, StackNotFound, StateWriteFailed
from infra.engine.events import Events
from infra.engine.providers.provider_host import Factory
from infra.engine.state import history, locks
from infra.engine.state.checkpoint import Snapshot
from infra.engine.state.group_commit import GroupCommit
from infra.engine.state.history import Entry, Kind
from infra.engine.state.journal import Unwritten, Writer
from infra.engine.state.store import StateStore
from infra.engine.values.values import Properties

if TYPE_CHECKING:
    from infra.engine.operation import Operation

LOCK_SECONDS = 0.0
"""How long a second operation on a stack waits for the first; none, it is told who holds it."""


class EmbeddedEngine:
    """Implements `infra.engine.api.Engine`. `providers` makes a servicer for each package, one for each
    provider resource that a deployment has. `notify` is told what is odd about a state that is only read."""

    def __init__(self, providers: Mapping[str, Factory], notify: Callable[[str], None] = lambda message: None) -> None:
        self._factories, self._notify = dict(providers), notify

    def preview(self, ref: StackRef, options: Options, on_event: OnEvent, cancel: threading.Event) -> Result:
        """What `up` would do; writes nothing, and needs no lock."""
        with self._session(ref, options, on_event) as session:
            operation = session.operation(Unwritten(session.snapshot), dry_run=True, cancel=cancel)
            operation.up()
            return operation.result()

    def up(self, ref: StackRef, options: Options, on_event: OnEvent, cancel: threading.Event) -> Result:
        """Deploy. Raises `ConflictError` when somebody else holds the stack."""
        return self._locked(ref, options, on_event, cancel, "update", lambda operation: operation.up())

    def refresh(self, ref: StackRef, options: Options, on_event: OnEvent, cancel: threading.Event) -> Result:
        """Bring the state in line with what is there."""
        return self._locked(ref, options, on_event, cancel, "refresh", lambda operation: operation.refresh())

    def destroy(self, ref: StackRef, options: Options, on_event: OnEvent, cancel: threading.Event) -> Result:
        """Delete all that the stack has, but for what is protected."""
        return self._locked(ref, options, on_event, cancel, "destroy", lambda operation: operation.destroy())

    def import_resource(
        self, ref: StackRef, type: str, name: str, id: str, on_event: OnEvent, cancel: threading.Event
    ) -> Result:
        """Take an existing resource into the state, protected, as `pulumi import` does."""
        return self._locked(
            ref, Options(), on_event, cancel, "resource-import", lambda operation: operation.take(type, name, id)
        )

    def outputs(self, ref: StackRef) -> Result:
        """The stack's outputs as they are in state. Raises `StackNotFound`."""
        from infra.engine.operation import put_outputs

        result = Result()
        put_outputs(result, _outputs(ref, notify=self._notify))
        return result

    def export(self, ref: StackRef) -> dict[str, Any]:
        """The state in the form of `pulumi stack export`; secrets stay encrypted."""
        return _store(ref).export(notify=self._notify)

    def import_state(self, ref: StackRef, deployment: Mapping[str, Any]) -> None:
        """Replace the state by an exported one. Raises `ConflictError`, `StateCorrupt`."""
        with locks.StackLock(ref.backend, ref.project, ref.stack, wait=LOCK_SECONDS):
            _store(ref).import_(deployment, configuration.load(ref, write_salt=True).secrets)

    def history(self, ref: StackRef) -> list[dict[str, Any]]:
        """Operations so far, the latest first."""
        return history.entries(_store(ref).layout)

    def cancel_lock(self, ref: StackRef) -> list[str]:
        """Remove the stack's locks, whoever's they are, and say whose they were."""
        return [str(holder) for holder in locks.cancel(ref.backend, ref.project, ref.stack)]

    def _locked(
        self,
        ref: StackRef,
        options: Options,
        on_event: OnEvent,
        cancel: threading.Event,
        kind: Kind,
        body: Callable[[Operation], None],
    ) -> Result:
        _refuse_to_leave(ref)
        events = Events(on_event)
        lock = locks.StackLock(
            ref.backend, ref.project, ref.stack, wait=LOCK_SECONDS, notify=lambda m: events.log("warning", m)
        )
        with lock, self._session(ref, options, on_event, events, write=True) as session:
            writer = GroupCommit(session.store, session.snapshot, session.secrets)
            began = int(time.time())
            operation = session.operation(writer, dry_run=False, cancel=cancel)
            try:
                body(operation)
            except StateWriteFailed as failure:
                # What was done is done; the next operation finds it by the intents that were written before.
                events.error(str(failure))
            result = operation.result()
            try:
                session.record(kind, began, result, options)
            except StateWriteFailed as failure:
                told = f"the operation is not in the history: {failure}"
                if result.ok:
                    result.errors.append(told)
                else:  # most likely for the reason that is told already
                    events.log("warning", told)
            return result

    @contextlib.contextmanager
    def _session(
        self, ref: StackRef, options: Options, on_event: OnEvent, events: Events | None = None, *, write: bool = False
    ) -> Iterator[_Session]:
        _refuse_to_leave(ref)
        with _environment(options.environment):
            yield _Session(self._factories, ref, options, events or Events(on_event), write=write)


class _Session:
    """A stack opened for one operation: its configuration, secrets, and state."""

    def __init__(
        self, factories: Mapping[str, Factory], ref: StackRef, options: Options, events: Events, *, write: bool
    ) -> None:
        self._factories, self._ref, self._options, self._events = factories, ref, options, events
        self.store = _store(ref)
        loaded = configuration.load(ref, write_salt=write)
        self.config, self.secrets = loaded.config, loaded.secrets
        self._raw_config = loaded.raw
        if write and not self.store.exists():
            self.store.initialise()
        self.snapshot = self._load()

    def _load(self) -> Snapshot:
        if not self.store.exists():
            return Snapshot()
        return self.store.load(self.secrets, lambda message: self._events.log("warning", message))

    def operation(self, writer: Writer, *, dry_run: bool, cancel: threading.Event) -> Operation:
        """What runs on it."""
        from infra.engine.operation import Operation

        return Operation(
            self._ref,
            self._options,
            self.snapshot,
            writer,
            self._events,
            factories=self._factories,
            read_outputs=lambda name: _outputs(_other(self._ref, name), self.secrets),
            config=self.config,
            dry_run=dry_run,
            cancel=cancel,
        )

    def record(self, kind: Kind, began: int, result: Result, options: Options) -> None:
        """Write the operation into the stack's history, as the CLI does."""
        entry = Entry(
            kind=kind,
            result="succeeded" if result.ok else "failed",
            start=began,
            end=int(time.time()),
            message=options.message,
            environment={"mooring.engine": "embedded"},
            config=self._raw_config,
            changes=result.changes,
        )
        history.record(self.store.layout, entry)


def _store(ref: StackRef) -> StateStore:
    return StateStore(ref.backend, ref.project, ref.stack)


def _outputs(
    ref: StackRef, secrets: SecretsManager | None = None, notify: Callable[[str], None] = lambda message: None
) -> Properties:
    """The outputs of a stack. Raises `StackNotFound`."""
    snapshot = _store(ref).load(secrets or configuration.secrets_of(ref), notify)
    root = snapshot.root()
    return dict((root.outputs if root else None) or {})


def _other(ref: StackRef, name: str) -> StackRef:
    """The stack that a stack reference names. Raises `StackNotFound`."""
    parts = name.split("/")
    if len(parts) > 3 or not all(parts):
        expected = "<stack>, <project>/<stack> or organization/<project>/<stack>"
        raise StackNotFound(f"'{name}' is no stack: expected {expected}")
    if len(parts) == 3 and parts[0] != "organization":
        raise StackNotFound(f"'{name}': the organisation of a file backend is called 'organization'")
    project = parts[-2] if len(parts) > 1 else ref.project
    file = ref.config_file.with_name(f"Pulumi.{parts[-1]}.yaml")
    return StackRef(**{**ref.__dict__, "project": project, "stack": parts[-1], "config_file": file})


def _refuse_to_leave(ref: StackRef) -> None:
    if ref.cloud == "local" or ref.emulate:
        return
    raise EngineError(
        f"stack '{ref.stack}' deploys to '{ref.cloud}', and the embedded engine deploys to this machine only: install "
        "the Pulumi CLI (https://www.pulumi.com/docs/install/) and use --engine pulumi, or try the stack here with "
        "--emulate"
    )


@contextlib.contextmanager
def _environment(changes: Mapping[str, str]) -> Iterator[None]:
    """The process's environment for one operation, as the CLI passes it to programs and plugins."""
    before = {name: os.environ.get(name) for name in changes}
    os.environ.update(changes)
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value
