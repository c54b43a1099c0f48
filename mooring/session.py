"""Joins a stack and an engine: what every stack verb begins with.

`--engine auto` is the embedded engine for what stays on this machine (cloud `local`, or `--emulate`), and the
Pulumi CLI for everything else.
"""

from __future__ import annotations

import importlib.util
import os
import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from infra.engine.api import Engine, Result, StackRef
from providers import paths
from providers.errors import InvalidInput, NotFound, NotSupported, did_you_mean

if TYPE_CHECKING:
    from mooring.project import Project

EngineName = Literal["embedded", "pulumi"]
_TOLD: set[str] = set()


@dataclass
class Session:
    """One stack of a project, and the engine that deploys it; the engine is made at its first use."""

    project: Project
    ref: StackRef
    engine_name: EngineName
    _engine: Engine | None = None

    @property
    def engine(self) -> Engine:
        """The engine; raises `NotSupported` with the way to install it when the Pulumi CLI is missing."""
        if self._engine is None:
            self._engine = build_engine(self.engine_name, self.ref)
        return self._engine

    def export(self) -> dict[str, Any]:
        """The stack's state in the form of `pulumi stack export`; one without a deployment when it has none."""
        from infra.engine.errors import StackNotFound

        try:
            return self.engine.export(self.ref)
        except StackNotFound:
            return {"version": 3, "deployment": {}}

    def outputs(self) -> Result:
        """The stack's outputs; none when it was never deployed."""
        from infra.engine.errors import StackNotFound

        try:
            return self.engine.outputs(self.ref)
        except StackNotFound:
            return Result()

    def history(self) -> list[dict[str, Any]]:
        """What was done to the stack, newest first."""
        from infra.engine.errors import StackNotFound

        try:
            return self.engine.history(self.ref)
        except StackNotFound:
            return []


def open_session(stack: str | None, *, emulate: bool = False, engine: str = "auto", create: bool = False) -> Session:
    """The session of `stack` (see `choose_stack` when it is None).

    `create` makes the stack's file from its template when it is missing. Raises `NotFound` for an unknown stack,
    `NotSupported` for an emulator or engine that is not there, `InvalidInput` for a wrong stack file.
    """
    from mooring.project import Project
    from mooring.standins import endpoint_variable

    project = Project.find()
    name = choose_stack(project, stack)
    if create:
        project.ensure(name)
    ref = project.stack(name, emulate=emulate)
    if emulate:
        require_emulator(ref.cloud)
        start_emulator(ref)
        os.environ["MOORING_HOME"] = str(emulated_home(ref))
    else:
        os.environ.pop(endpoint_variable(ref.cloud), None)  # a shell inside an emulated stack must not lead this astray
    return Session(project, ref, choose_engine(engine, ref))


def choose_stack(project: Project, stack: str | None) -> str:
    """`stack`, else `MOORING_STACK`, else the project's only stack."""
    if chosen := stack or os.environ.get("MOORING_STACK"):
        return chosen
    names = project.stacks()
    if len(names) == 1:
        return names[0]
    listed = (
        f"; the project has {', '.join(names)}" if names else "; the project has none yet (`mooring stack init NAME`)"
    )
    raise InvalidInput(f"say which stack with --stack NAME or MOORING_STACK{listed}")


def choose_engine(wanted: str, ref: StackRef) -> EngineName:
    """The engine that `--engine` means for this stack."""
    stays = ref.cloud == "local" or ref.emulate
    if wanted == "auto":
        return "embedded" if stays else "pulumi"
    if wanted == "embedded" and not stays:
        raise NotSupported(
            f"--engine embedded: stack '{ref.stack}' deploys to '{ref.cloud}', and the embedded engine deploys only to "
            "this machine; use --engine pulumi (or --emulate to try the stack here)"
        )
    if wanted in ("embedded", "pulumi"):
        return "embedded" if wanted == "embedded" else "pulumi"
    raise InvalidInput(f"--engine: there is no engine '{wanted}'{did_you_mean(wanted, ['auto', 'embedded', 'pulumi'])}")


def build_engine(name: EngineName, ref: StackRef) -> Engine:
    """The engine by its name. Imports it only now."""
    if name == "pulumi":
        from mooring.pulumi_cli import PulumiCli

        return PulumiCli()
    from infra.engine.engine import EmbeddedEngine
    from mooring.standins import factories
    from providers.servicer import MoorServicer

    return EmbeddedEngine({"moor": MoorServicer, **factories(ref)}, notify=_warn)


def _warn(message: str) -> None:
    """Tell the user on stderr, once a process."""
    if message not in _TOLD:
        _TOLD.add(message)
        print(f"warning: {message}", file=sys.stderr)


def require_emulator(cloud: str) -> None:
    """Raise `NotSupported` unless stacks of `cloud` can run on this machine."""
    if cloud == "local":
        return
    try:
        found = importlib.util.find_spec(f"providers.{cloud}.emulator")
    except ModuleNotFoundError:
        found = None
    if found is None:
        raise NotSupported(
            f"--emulate: this version of Mooring has no emulator of '{cloud}' (providers/{cloud}/emulator is missing); "
            "stacks with `mooring:cloud: local` run on this machine without one"
        )
    from providers.registry import available

    if cloud not in available():
        raise NotSupported(
            f"--emulate: this version of Mooring has an emulator of '{cloud}' (`mooring emulate {cloud}` runs it), and "
            f"no adapter yet that deploys stacks to it; stacks with `mooring:cloud: local` run on this machine"
        )


def start_emulator(ref: StackRef) -> None:
    """Have the emulator of the stack's cloud run, and tell the program and the adapter where.

    To be called before `MOORING_HOME` leads to the emulated stacks: the emulator is beside `mooring emulate`'s own.
    """
    if ref.cloud == "local":
        return
    from mooring.emulators import emulator
    from mooring.standins import endpoint_variable

    os.environ[endpoint_variable(ref.cloud)] = emulator(ref.cloud, ref.root).start()


def emulated_home(ref: StackRef) -> os.PathLike[str]:
    """Where a project's emulated stacks are, apart from the real ones so that names never meet.

    One place for all of them, as they share a cloud in earnest: a version is promoted from one to the other.
    """
    return paths.home(ref.root) / "emulated"


def require_deployed(session: Session) -> dict[str, Any]:
    """The stack's exported state; raises `NotFound` when it was never deployed."""
    exported = session.export()
    deployment = exported.get("deployment") or {}
    if not deployment.get("resources"):
        raise NotFound(
            f"stack '{session.ref.stack}' has nothing deployed; `mooring up --stack {session.ref.stack}` deploys it"
        )
    return dict(exported)
