"""What is told of any job of SageMaker's, as the contract's states have it."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from providers.aws.sagemaker_jobs import Job


def facts(job: Job, id: str) -> dict[str, Any]:
    """Run, status, times and usage. The time of a tuning is that of all its trials together."""
    body = job.body
    usage = {
        "wall_seconds": body.get("TrainingTimeInSeconds")
        or (body.get("ConsumedResources") or {}).get("RuntimeInSeconds"),
        "billable_seconds": body.get("BillableTimeInSeconds"),
    }
    return {
        "run": id,
        "status": job.status,
        "started": _moment(body.get("TrainingStartTime") or body.get("CreationTime")),
        "ended": _moment(body.get("TrainingEndTime") or body.get("HyperParameterTuningEndTime")),
        "usage": {name: float(value) for name, value in usage.items() if value is not None},
    }


def _moment(value: datetime | None) -> str:
    """A time as RFC 3339; empty for none."""
    return value.astimezone(UTC).isoformat().replace("+00:00", "Z") if value else ""
