"""The verbs of `infra.engine.api.Engine`, each one command of the Pulumi CLI."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, TypeVar

from pulumi.automation import Deployment, LocalWorkspace, Stack
from pulumi.automation._stack import StackInitMode
from pulumi.automation.errors import CommandError, ConcurrentUpdateError, StackNotFoundError

from infra.engine.api import OnEvent, Options, Result, StackRef
from infra.engine.errors import EngineError
from mooring.pulumi_cli.command import Command
from mooring.pulumi_cli.environment import environment
from mooring.pulumi_cli.events import Translator
from mooring.pulumi_cli.shadow import work_dir
from mooring.standins import attached
from providers.errors import ConflictError

T = TypeVar("T")


class _Attached(Stack):
    """A stack by its name alone: the Automation API's own would make it the user's selected stack."""

    def __init__(self, name: str, workspace: LocalWorkspace) -> None:
        self.name, self.workspace, self._mode = name, workspace, StackInitMode.SELECT


class PulumiCli:
    """Needs `pulumi` on PATH; raises `NotSupported` with the way to install it when it is not there."""

    def __init__(self) -> None:
        self._command = Command()

    def preview(self, ref: StackRef, options: Options, on_event: OnEvent, cancel: threading.Event) -> Result:
        """`pulumi preview --json`; the document is the CLI's."""

        def run(stack: Stack, events: Translator) -> dict[str, Any]:
            done = stack.preview(
                on_event=events, json=True, policy_packs=_texts(options.policy_packs), **self._flags(ref, options)
            )
            return dict(json.loads(done.stdout))

        return self._operate(ref, run, on_event, cancel, create=True)

    def up(self, ref: StackRef, options: Options, on_event: OnEvent, cancel: threading.Event) -> Result:
        """`pulumi up --skip-preview`."""

        def run(stack: Stack, events: Translator) -> dict[str, Any]:
            stack.up(on_event=events, policy_packs=_texts(options.policy_packs), **self._flags(ref, options))
            return {}

        return self._operate(ref, run, on_event, cancel, create=True, outputs=True)

    def refresh(self, ref: StackRef, options: Options, on_event: OnEvent, cancel: threading.Event) -> Result:
        """`pulumi refresh`."""

        def run(stack: Stack, events: Translator) -> dict[str, Any]:
            stack.refresh(on_event=events, **self._flags(ref, options, without=("replace", "refresh")))
            return {}

        return self._operate(ref, run, on_event, cancel)

    def destroy(self, ref: StackRef, options: Options, on_event: OnEvent, cancel: threading.Event) -> Result:
        """`pulumi destroy`; the stack and its history stay."""

        def run(stack: Stack, events: Translator) -> dict[str, Any]:
            stack.destroy(on_event=events, **self._flags(ref, options, without=("replace",)))
            return {}

        return self._operate(ref, run, on_event, cancel)

    def import_resource(
        self, ref: StackRef, type: str, name: str, id: str, on_event: OnEvent, cancel: threading.Event
    ) -> Result:
        """`pulumi import`, protected as with the embedded engine, and without generated code."""

        def run(stack: Stack, events: Translator) -> dict[str, Any]:
            stack.import_resources(
                resources=[{"type": type, "name": name, "id": id}], protect=True, generate_code=False
            )
            return {}

        return self._operate(ref, run, on_event, cancel, create=True)

    def outputs(self, ref: StackRef) -> Result:
        """The stack's outputs; of a stack that was never deployed none."""
        return self._read(ref, self._outputs, Result())

    def export(self, ref: StackRef) -> dict[str, Any]:
        """`pulumi stack export`."""

        def run(stack: Stack) -> dict[str, Any]:
            exported = stack.export_stack()
            return {"version": exported.version, "deployment": exported.deployment}

        return self._read(ref, run, {"version": 3, "deployment": {}})

    def import_state(self, ref: StackRef, deployment: Mapping[str, Any]) -> None:
        """`pulumi stack import`."""
        self._read(ref, lambda stack: stack.import_stack(Deployment(**deployment)), None, create=True)

    def history(self, ref: StackRef) -> list[dict[str, Any]]:
        """`pulumi stack history --json`, newest first."""

        def run(stack: Stack) -> list[dict[str, Any]]:
            return list(json.loads(self._run(stack, "stack", "history", "--json", "--stack", ref.stack)))

        return self._read(ref, run, [])

    def cancel_lock(self, ref: StackRef) -> list[str]:
        """`pulumi cancel`; what it removed, in its own words."""

        def run(stack: Stack) -> list[str]:
            self._run(stack, "cancel", "--yes", "--stack", ref.stack)
            return [f"the update of stack {ref.stack} was cancelled"]

        return self._read(ref, run, [])

    def create(self, ref: StackRef) -> None:
        """`pulumi stack init` unless the backend has the stack."""
        self._read(ref, lambda stack: stack.export_stack(), None, create=True)

    def remove(self, ref: StackRef, *, force: bool = False) -> None:
        """`pulumi stack rm`; the stack's file stays for the caller to remove."""

        def run(stack: Stack) -> None:
            flags = ["--force"] if force else []
            self._run(stack, "stack", "rm", ref.stack, "--yes", "--preserve-config", *flags)

        self._read(ref, run, None)

    def _flags(self, ref: StackRef, options: Options, without: tuple[str, ...] = ()) -> dict[str, Any]:
        flags: dict[str, Any] = {
            "target": list(options.targets) or None,
            "target_dependents": options.target_dependents or None,
            "replace": list(options.replace) or None,
            "refresh": options.refresh or None,
            "parallel": options.parallel,
            "message": options.message or None,
            "color": "never",
        }
        return {name: value for name, value in flags.items() if value is not None and name not in without}

    def _operate(
        self,
        ref: StackRef,
        run: Callable[[Stack, Translator], dict[str, Any]],
        on_event: OnEvent,
        cancel: threading.Event,
        *,
        create: bool = False,
        outputs: bool = False,
    ) -> Result:
        began = time.monotonic()
        events, result = Translator(on_event), Result()
        self._command.cancel = cancel
        stack = self._stack(ref)
        try:
            result.document = self._with_stack(ref, stack, lambda: run(stack, events), create=create)
            if outputs:
                kept = self._outputs(stack)
                result.outputs, result.secret_outputs = kept.outputs, kept.secret_outputs
        except ConcurrentUpdateError as error:
            raise ConflictError(_stderr(error)) from error
        except CommandError as error:
            result.errors = events.errors or [_stderr(error)]
        finally:
            self._command.cancel = threading.Event()  # what comes after is no part of the cancelled operation
        result.changes, result.steps = events.changes or _count(events), events.steps
        result.seconds = time.monotonic() - began
        return result

    def _read(self, ref: StackRef, run: Callable[[Stack], T], default: T, *, create: bool = False) -> T:
        stack = self._stack(ref)
        try:
            return self._with_stack(ref, stack, lambda: run(stack), create=create)
        except StackNotFoundError:
            return default
        except ConcurrentUpdateError as error:
            raise ConflictError(_stderr(error)) from error
        except CommandError as error:
            raise EngineError(_stderr(error)) from error

    def _with_stack(self, ref: StackRef, stack: Stack, run: Callable[[], T], *, create: bool) -> T:
        try:
            return run()
        except StackNotFoundError:
            if not create:
                raise
            self._run(stack, "stack", "init", ref.stack, "--no-select")
            return run()

    def _outputs(self, stack: Stack) -> Result:
        found = stack.outputs()
        return Result(
            outputs={name: value.value for name, value in found.items()},
            secret_outputs=frozenset(name for name, value in found.items() if value.secret),
        )

    def _run(self, stack: Stack, *words: str) -> str:
        workspace = stack.workspace
        return str(self._command.run(list(words), workspace.work_dir, workspace.env_vars).stdout)

    def _stack(self, ref: StackRef) -> Stack:
        ref.backend.mkdir(parents=True, exist_ok=True)
        variables = {**environment(ref), **attached(ref)}
        workspace = LocalWorkspace(work_dir=str(work_dir(ref)), env_vars=variables, pulumi_command=self._command)
        return _Attached(ref.stack, workspace)


def _texts(folders: tuple[Path, ...]) -> list[str] | None:
    return [str(folder) for folder in folders] or None


def _count(events: Translator) -> dict[str, int]:
    counts: dict[str, int] = {}
    for step in events.steps:
        if step.phase != "failed":
            counts[step.op] = counts.get(step.op, 0) + 1
    return counts


def _stderr(error: CommandError) -> str:
    """The CLI's own words: what follows `error:` on stderr, else the last lines of it."""
    text = str(error).partition("\n stderr: ")[2] or str(error)
    lines = [line for line in text.splitlines() if line.strip()]
    for number, line in enumerate(lines):
        if line.startswith("error:"):
            return "\n".join([line.removeprefix("error:").strip(), *lines[number + 1 :]])
    return "\n".join(lines[-5:])
