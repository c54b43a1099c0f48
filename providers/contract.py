"""The contract that every cloud fulfils.

An `Adapter` has up to seven *kinds*, one for each resource of the `moor` package. What a cloud can do is
what its adapter has: a kind that is None is not supported, and the support table is generated from that.

A kind's life, as the Pulumi provider (`providers/servicer.py`) drives it::

    check ── diff ─┬─ find → create → wait → claim        (Create)
                   ├─ update                              (Update)
                   ├─ read                                (refresh, import)
                   └─ delete                              (Delete)

`create` begins and returns the id at once; `wait` goes on until it is done and may be called again after a
crash, by another process, for an id that an earlier one began. So a killed deployment resumes: the thing
begun carries `Ownership` as tags from its first moment, `find` finds it, and `claim`, some time after the
reply of Create (`providers/claims.py`), says that some state now holds its id.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, ClassVar, Generic, Protocol, TypeVar, runtime_checkable

from providers.errors import Cancelled, Problem
from providers.values import (
    BatchSpec,
    BatchState,
    DatasetSpec,
    DatasetState,
    EndpointSpec,
    EndpointState,
    ModelSpec,
    ModelState,
    ModelVersionSpec,
    ModelVersionState,
    Scoped,
    TrainingSpec,
    TrainingState,
    TuningSpec,
    TuningState,
    Value,
)

S = TypeVar("S", bound=Scoped)
T_co = TypeVar("T_co", bound=Value, covariant=True)


@dataclass(frozen=True)
class Ownership:
    """The tags on all that Mooring makes; they are how it is found again.

    `urn` is the Pulumi URN, `inputs` the SHA-256 of the resource's checked inputs in canonical JSON. `region` and
    `container` are no tags: they say where to look, as far as that is known (`local` has one place only).
    """

    project: str
    stack: str
    urn: str
    inputs: str
    region: str = field(default="", compare=False)
    container: str = field(default="", compare=False)

    def as_tags(self) -> dict[str, str]:
        """Tag names and values as they are put on a cloud's resource."""
        return {
            "mooring:project": self.project,
            "mooring:stack": self.stack,
            "mooring:urn": self.urn,
            "mooring:inputs": self.inputs,
        }


@dataclass
class Context:
    """What an operation may use of its caller.

    `progress(message, fraction)` reports to the display; `fraction` is 0 to 1 or None. `root` is the
    project's root, against which relative paths are read. `deadline` is a `time.monotonic()` value.
    """

    owner: Ownership
    root: Path
    progress: Callable[[str, float | None], None] = lambda message, fraction: None
    cancel: threading.Event = field(default_factory=threading.Event)
    deadline: float | None = None

    def check_cancelled(self, id: str = "") -> None:
        """Raise `Cancelled` with `id` when the user has asked to stop. Call it at least every second."""
        if self.cancel.is_set():
            raise Cancelled(id=id)


@dataclass(frozen=True)
class Found:
    """A thing that carries our tags. `claimed`: some state already holds its id. `usable`: running or
    succeeded, so that adopting it makes sense; a failed one is never adopted."""

    id: str
    owner: Ownership
    claimed: bool
    usable: bool


@dataclass(frozen=True)
class Changes:
    """What `diff` answers: property paths that update in place, and those that replace."""

    update: tuple[str, ...] = ()
    replace: tuple[str, ...] = ()
    delete_before_replace: bool = False


class Kind(Protocol, Generic[S, T_co]):
    """One resource kind on one cloud. Ids are the cloud's own, without a prefix.

    Every method may raise `MooringError`s only; anything else is a bug and is reported as one.
    """

    spec: ClassVar[type[Scoped]]
    state: ClassVar[type[Value]]

    def check(self, spec: S, context: Context) -> tuple[S, Sequence[Problem]]:
        """Fill what only the cloud or the disk knows (hashes, physical names), and list what is wrong.

        Called in previews too: no network, no cloud SDK import, under 50 ms for unchanged input.
        """

    def diff(self, old: Mapping[str, Any], new: Mapping[str, Any], changes: Changes) -> Changes:
        """Refine the generic comparison. `old`, `new` are checked inputs on the wire form and may hold
        unknowns; `changes` is what the generic rule found. Most kinds return `changes`."""

    def find(self, owner: Ownership) -> list[Found]:
        """All things that carry this URN's tags, newest first. An empty `urn` finds the whole stack's."""

    def create(self, spec: S, context: Context) -> str:
        """Begin, tagged with `context.owner`, and return the id as soon as there is one.

        Repeated after a lost reply it must not make a second one where the cloud offers a way to tell.
        """

    def wait(self, id: str, spec: S, context: Context) -> T_co:
        """Go on until `id` is as `spec` asks. Resumes what another process began.

        Raises `JobFailed`, `RolledBack`, `PartialFailure`, and within a second of the request `Cancelled`.
        """

    def claim(self, id: str) -> None:
        """Note that a state file holds this id from now on. The provider calls it as soon as it knows that the
        engine has written its state (`providers/claims.py`); until then a killed deployment's work is adoptable."""

    def read(self, id: str) -> tuple[S | None, T_co | None] | None:
        """Live inputs (None where the cloud does not tell) and state; None when it is gone. The state is None, or
        says so itself (a job that runs), where it was begun and a later `update` goes on with it."""

    def update(self, id: str, old: Mapping[str, Any], new: S, context: Context) -> T_co:
        """Make `id` as `new` asks; called as well to finish what was left partial."""

    def delete(self, id: str, context: Context) -> None:
        """Remove it, or retire it (runs and versions). Silent when it is gone already."""


@runtime_checkable
class HasLogs(Protocol):
    """A kind whose things write logs."""

    def logs(self, id: str, *, follow: bool = False, tail: int | None = None) -> Iterator[str]:
        """Lines without their line end, oldest first; `follow` goes on until the thing has ended."""


@runtime_checkable
class Predicts(Protocol):
    """A kind whose things answer predictions."""

    def predict(self, id: str, rows: Sequence[Mapping[str, Any]], *, timeout: float = 30.0) -> dict[str, Any]:
        """The reply of the endpoint: `predictions`, one a row, and `model_version`."""


@runtime_checkable
class HasVersions(Protocol):
    """The model kind of a cloud with a registry: what rollback and promotion choose from."""

    def versions(self, id: str) -> list[ModelVersionState]:
        """All versions of the model `id` whose artifact still exists, retired ones too, oldest first."""


@dataclass(frozen=True)
class Orphan:
    """A thing with our tags that no state holds. `kind` is the Pulumi type token's last part."""

    kind: str
    id: str
    owner: Ownership
    reason: str


@dataclass(frozen=True)
class Adapter:
    """One cloud. A kind that is None is not supported there."""

    cloud: str
    dataset: Kind[DatasetSpec, DatasetState] | None = None
    training_run: Kind[TrainingSpec, TrainingState] | None = None
    tuning_run: Kind[TuningSpec, TuningState] | None = None
    model: Kind[ModelSpec, ModelState] | None = None
    model_version: Kind[ModelVersionSpec, ModelVersionState] | None = None
    endpoint: Kind[EndpointSpec, EndpointState] | None = None
    batch_prediction: Kind[BatchSpec, BatchState] | None = None
    close: Callable[[], None] = lambda: None

    def kind(self, name: str) -> Kind[Any, Any] | None:
        """The kind by its field name (`training_run`), None when this cloud lacks it."""
        found: Kind[Any, Any] | None = getattr(self, name)
        return found


KINDS: Mapping[str, str] = {
    "Dataset": "dataset",
    "TrainingRun": "training_run",
    "TuningRun": "tuning_run",
    "Model": "model",
    "ModelVersion": "model_version",
    "Endpoint": "endpoint",
    "BatchPrediction": "batch_prediction",
}
"""Pulumi type name (`moor:index:<type>`) to the adapter's field."""

SPECS: Mapping[str, type[Scoped]] = {
    "Dataset": DatasetSpec,
    "TrainingRun": TrainingSpec,
    "TuningRun": TuningSpec,
    "Model": ModelSpec,
    "ModelVersion": ModelVersionSpec,
    "Endpoint": EndpointSpec,
    "BatchPrediction": BatchSpec,
}

STATES: Mapping[str, type[Value]] = {
    "Dataset": DatasetState,
    "TrainingRun": TrainingState,
    "TuningRun": TuningState,
    "Model": ModelState,
    "ModelVersion": ModelVersionState,
    "Endpoint": EndpointState,
    "BatchPrediction": BatchState,
}

REQUIRED_KINDS: Mapping[str, frozenset[str]] = {
    "local": frozenset(KINDS),
    "aws": frozenset(KINDS),
    "azure": frozenset(KINDS),
    "gcp": frozenset(KINDS),
}
"""What each cloud must have; the contract suite fails, not skips, where one of these is missing."""
