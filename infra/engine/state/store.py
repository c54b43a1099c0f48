"""A stack's state on disk: read, written atomically, restored from its backup, exported, imported."""

from __future__ import annotations

import contextlib
import shutil
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, TypeVar

from infra.engine.configuration.secrets import SecretsManager
from infra.engine.errors import IntegrityError, StackExists, StackNotFound, StateCorrupt, ValueFormatError
from infra.engine.state import checkpoint, integrity
from infra.engine.state.checkpoint import Manifest, Snapshot
from infra.engine.state.files import remove_drafts, replace_file
from infra.engine.state.layout import Layout, ensure_meta, list_stacks
from infra.engine.state.resource import now
from providers.errors import did_you_mean

Notify = Callable[[str], None]
Kept = TypeVar("Kept")
"""A state as it is read: typed, or as a document."""


def _silent(message: str) -> None:
    """Tell nobody."""


class StateStore:
    """The state of one stack in Pulumi's file backend. `backend` is the folder that has `.pulumi` in it.

    Whoever writes holds the stack's lock (`infra.engine.state.locks.StackLock`); the store does not take it.
    """

    def __init__(self, backend: Path, project: str, stack: str) -> None:
        self.layout = Layout(backend, project, stack)
        self._damaged = False
        self._fresh = True

    @property
    def file(self) -> Path:
        """The state file, whether it is there or not."""
        return self.layout.current()

    def exists(self) -> bool:
        """Whether the backend has this stack."""
        return self.file.is_file()

    @staticmethod
    def list_stacks(backend: Path, project: str) -> list[str]:
        """Names of the project's stacks in the backend, sorted."""
        return list_stacks(backend, project)

    def initialise(self) -> None:
        """Make the stack, empty, and the backend where there is none. Raises `StackExists`."""
        if self.exists():
            raise StackExists(f"stack '{self.layout.stack}' is there already: {self.file}")
        ensure_meta(self.layout.backend)
        replace_file(self.layout.checkpoint, checkpoint.dump_empty(self.layout.qualified))

    def load(self, secrets: SecretsManager | None, notify: Notify = _silent) -> Snapshot:
        """The state. A damaged file is replaced by its backup, which `notify` is told; the next write makes that
        last. Raises `StackNotFound`, `StateCorrupt` when no backup is readable either, and `IntegrityError`."""
        try:
            data = self.file.read_bytes()
        except FileNotFoundError:
            raise self._not_found() from None
        try:
            snapshot = checkpoint.load(data, secrets)
        except StateCorrupt as damage:
            snapshot = self._restore(damage, lambda content: checkpoint.load(content, secrets), notify)
        except ValueFormatError as error:
            # Sound JSON with a value that is none: somebody edited it, and an older state would undo that.
            raise StateCorrupt(f"{self.file}: {error}") from None
        try:
            integrity.verify(snapshot)
        except IntegrityError as error:
            raise IntegrityError(f"{self.file}: {error}") from None
        return snapshot

    def save(self, snapshot: Snapshot, secrets: SecretsManager | None) -> None:
        """Write the state; the one before becomes the backup. Raises `StateWriteFailed`."""
        snapshot.manifest = Manifest(time=now())
        self.write(checkpoint.dump(snapshot, secrets, self.layout.qualified))

    def write(self, data: bytes) -> None:
        """Write a checkpoint's bytes, durably. Raises `StateWriteFailed`; the old state is then intact."""
        target = self.layout.checkpoint
        if self._fresh:
            remove_drafts(target)
        if self._damaged:
            # A damaged file must not become the backup of itself.
            with contextlib.suppress(FileNotFoundError):
                self.file.rename(target.with_name(f"{target.name}.damaged"))
        replace_file(target, data, backup=None if self._damaged else self.layout.backup)
        self._damaged = False
        if self._fresh:
            for old in self.layout.compressed():
                old.unlink(missing_ok=True)
            self._fresh = False

    def backup(self) -> None:
        """Keep a copy of the state under `backups/`, as the CLI does after each operation."""
        replace_file(self.layout.backups / f"{self.layout.stack}.{time.time_ns()}.json", self.file.read_bytes())

    def remove(self) -> None:
        """Forget the stack and its history; the last state stays as a backup, as with `pulumi stack rm`.

        It does not look whether resources are left: that is the caller's to ask. Raises `StackNotFound`.
        """
        if not self.exists():
            raise self._not_found()
        self.file.replace(self.layout.backup)
        for other in (self.layout.checkpoint, *self.layout.compressed()):
            other.unlink(missing_ok=True)
        shutil.rmtree(self.layout.history, ignore_errors=True)

    def export(
        self, *, secrets: SecretsManager | None = None, show_secrets: bool = False, notify: Notify = _silent
    ) -> dict[str, Any]:
        """The deployment in the form of `pulumi stack export`. Secrets stay encrypted, and no passphrase is
        needed, unless `show_secrets` and a manager are given. A damaged file is told and restored as by `load`."""
        try:
            document = checkpoint.parse(self.file.read_bytes())
        except FileNotFoundError:
            raise self._not_found() from None
        except StateCorrupt as damage:
            document = self._restore(damage, checkpoint.parse, notify)
        if show_secrets:
            return checkpoint.to_deployment(self.load(secrets), show_secrets=True)
        return {key: document[key] for key in ("version", "features") if key in document} | {
            "deployment": document.get("checkpoint", {}).get("latest") or {}
        }

    def import_(self, untyped: Mapping[str, Any], secrets: SecretsManager | None) -> Snapshot:
        """Replace the state by an exported one. Raises `StateCorrupt`, `IntegrityError` before anything is
        written, and `EngineError` when its resources are of another stack."""
        snapshot = checkpoint.from_deployment(untyped, secrets)
        integrity.verify(snapshot)
        integrity.belongs_to(snapshot, self.layout.project, self.layout.stack)
        ensure_meta(self.layout.backend)
        self.save(snapshot, secrets)
        return snapshot

    def _restore(self, damage: StateCorrupt, read: Callable[[bytes], Kept], notify: Notify) -> Kept:
        """The newest backup that can be read."""
        kept = sorted(self.layout.backups.glob("*.json"), reverse=True) if self.layout.backups.is_dir() else []
        for candidate in (self.layout.backup, *kept):
            try:
                restored = read(candidate.read_bytes())
            except (FileNotFoundError, StateCorrupt):
                continue
            self._damaged = True
            notify(
                f"the state file {self.file} is damaged ({damage}); restored from its backup {candidate}. "
                "What the last operation changed may be missing in it: run a refresh"
            )
            return restored
        raise StateCorrupt(
            f"{self.file}: {damage}, and no backup can be read; import an exported state with "
            "`mooring state import`, or remove the file to start anew"
        )

    def _not_found(self) -> StackNotFound:
        others = list_stacks(self.layout.backend, self.layout.project)
        hint = did_you_mean(self.layout.stack, others) if others else "; no stack has been deployed yet"
        return StackNotFound(f"no stack '{self.layout.stack}' in {self.layout.backend}{hint}")
