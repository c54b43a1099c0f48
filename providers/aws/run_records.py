"""What AWS cannot tell of a job: its spec, and what came of it. Small files beside its results in S3.

A spec is written without its variables, which may be secret and which AWS holds with the job.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from providers.aws.objects import Objects, stack_uri
from providers.aws.sagemaker_jobs import Job
from providers.contract import Ownership
from providers.values import TrainingSpec

RECORD, STATE = "record.json", "state.json"


def write(name: str, spec: TrainingSpec, owner: Ownership) -> None:
    """Write down what the job `name` was asked to be."""
    wire = {key: value for key, value in spec.to_wire().items() if key != "environment"}
    record = {"spec": wire, "variables": sorted(spec.environment)}
    Objects(spec.region).write_json(stack_uri(spec.container, owner, "runs", name) + RECORD, record)


def exists(objects: Objects, job: Job) -> bool:
    """Whether that was written down."""
    return objects.exists(job.base + RECORD)


def spec(objects: Objects, job: Job, variables: Mapping[str, str]) -> dict[str, Any] | None:
    """The spec on the wire form; None where it is not there. `variables` are those that the job has."""
    record = objects.read_json(job.base + RECORD)
    if record is None:
        return None
    given = {name: variables[name] for name in record["variables"] if name in variables}
    return {**record["spec"], **({"environment": given} if given else {})}


def keep_state(objects: Objects, job: Job, state: Mapping[str, Any]) -> None:
    """Keep what came of a job that succeeded."""
    objects.write_json(job.base + STATE, dict(state))


def state(objects: Objects, job: Job) -> dict[str, Any] | None:
    """What came of it; None where that is not collected yet."""
    return objects.read_json(job.base + STATE)
