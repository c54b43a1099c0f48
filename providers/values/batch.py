"""Batch predictions."""

from __future__ import annotations

from pydantic import Field

from providers.values.base import Digest, Machine, Name, Scoped, Value
from providers.values.jobs import Channel, Identity, JobStatus, Network


class BatchSpec(Scoped):
    """Predictions for a whole dataset, written to the store. Any change is a new batch."""

    model: Name
    digest: Digest
    input: Channel
    machine: Machine | str | None = None
    instances: int = Field(default=1, ge=1)
    time_limit: int = Field(default=3600, ge=1)
    identity: Identity = Field(default_factory=Identity)
    network: Network = Field(default_factory=Network)
    container: str = ""


class BatchState(Value):
    """How a batch ended."""

    run: str
    status: JobStatus
    output: str = Field(default="", description="Address of the predictions, CSV with the input's row order.")
    rows: int = 0
    failed_rows: int = 0
