"""What the rest of Mooring sees of an engine: a stack, options, events, a result.

Both engines are driven through this: the embedded one (`infra/engine`) and the Pulumi CLI through its
Automation API (`mooring/pulumi_cli.py`).
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal, Protocol


@dataclass(frozen=True)
class StackRef:
    """One stack of one project, and the files that hold it.

    `backend` is the folder that has `.pulumi` in it (Pulumi's file backend); `program` the folder of
    `__main__.py`; `config_file` the stack's own file (`stacks/Pulumi.<stack>.yaml`, or a copy of it).
    """

    project: str
    stack: str
    root: Path
    program: Path
    backend: Path
    config_file: Path
    passphrase_file: Path
    cloud: str
    emulate: bool = False


@dataclass(frozen=True)
class Options:
    """The options both engines have. Names and meanings are the Pulumi CLI's."""

    targets: tuple[str, ...] = ()
    target_dependents: bool = False
    replace: tuple[str, ...] = ()
    refresh: bool = False
    expect_no_changes: bool = False
    parallel: int = 16
    policy_packs: tuple[Path, ...] = ()
    message: str = ""
    environment: Mapping[str, str] = field(default_factory=dict)


Op = Literal[
    "same", "create", "update", "delete", "replace", "create-replacement", "delete-replaced",
    "read", "read-replacement", "read-discard", "discard-replaced", "refresh", "import", "import-replacement",
    "remove-pending-replace",
]  # fmt: skip
"""Pulumi's step kinds, spelled as in `preview --json`."""


@dataclass(frozen=True)
class StepEvent:
    """Something happened to one resource.

    `phase`: `planned` in a preview, `started`, `progress` (message, fraction), `done`, `failed`.
    `diff` lists changed property paths; `detailed` maps a path to its kind (`update`, `add`,
    `delete-replace`, …). `old`, `new` are inputs with secrets masked as `[secret]`.
    """

    urn: str
    type: str
    name: str
    op: Op
    phase: Literal["planned", "started", "progress", "done", "failed"]
    message: str = ""
    fraction: float | None = None
    diff: tuple[str, ...] = ()
    detailed: Mapping[str, str] = field(default_factory=dict)
    old: Mapping[str, Any] | None = None
    new: Mapping[str, Any] | None = None
    seconds: float = 0.0


@dataclass(frozen=True)
class LogEvent:
    """A message of the program, of a provider, or of the engine."""

    severity: Literal["debug", "info", "warning", "error"]
    message: str
    urn: str = ""
    ephemeral: bool = False


Event = StepEvent | LogEvent
OnEvent = Callable[[Event], None]


@dataclass
class Result:
    """How an operation ended. `outputs` are plain values; names in `secret_outputs` must be masked when shown.

    `changes` counts steps by op. `document` is Pulumi's `preview --json` form, for previews.
    `errors` is empty on success.
    """

    changes: dict[str, int] = field(default_factory=dict)
    steps: list[StepEvent] = field(default_factory=list)
    outputs: dict[str, Any] = field(default_factory=dict)
    secret_outputs: frozenset[str] = frozenset()
    document: dict[str, Any] = field(default_factory=dict)
    errors: list[str] = field(default_factory=list)
    seconds: float = 0.0

    @property
    def ok(self) -> bool:
        """Whether everything that was to be done was done."""
        return not self.errors

    @property
    def has_changes(self) -> bool:
        """Whether any step is other than `same` (what `--expect-no-changes` refuses)."""
        return any(count for op, count in self.changes.items() if op not in ("same", "read"))


class Engine(Protocol):
    """What `mooring` drives. `cancel` set once asks to stop cleanly; set, it is never cleared.

    All raise `providers.errors.ConflictError` when another operation holds the stack, and
    `infra.engine.errors.EngineError` for what they cannot do at all; what fails *during* the operation
    is in `Result.errors`.
    """

    def preview(self, ref: StackRef, options: Options, on_event: OnEvent, cancel: threading.Event) -> Result: ...
    def up(self, ref: StackRef, options: Options, on_event: OnEvent, cancel: threading.Event) -> Result: ...
    def refresh(self, ref: StackRef, options: Options, on_event: OnEvent, cancel: threading.Event) -> Result: ...
    def destroy(self, ref: StackRef, options: Options, on_event: OnEvent, cancel: threading.Event) -> Result: ...
    def import_resource(
        self, ref: StackRef, type: str, name: str, id: str, on_event: OnEvent, cancel: threading.Event
    ) -> Result: ...
    def outputs(self, ref: StackRef) -> Result: ...
    def export(self, ref: StackRef) -> dict[str, Any]: ...
    def import_state(self, ref: StackRef, deployment: Mapping[str, Any]) -> None: ...
    def history(self, ref: StackRef) -> list[dict[str, Any]]: ...
    def cancel_lock(self, ref: StackRef) -> list[str]: ...
