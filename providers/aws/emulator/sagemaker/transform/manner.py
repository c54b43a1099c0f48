"""How a transform job asks its model: by its request, else as the model wants it, else AWS's defaults."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from providers.aws.emulator.sagemaker.transform.batches import MEGABYTE

DEFAULT_MEGABYTES = 6
_NAMES = {"SingleRecord": "SINGLE_RECORD", "MultiRecord": "MULTI_RECORD"}


@dataclass(frozen=True)
class Manner:
    """At how many payloads at once, of how many bytes, and of how many records (`strategy`)."""

    concurrent: int
    most: int
    strategy: str

    @property
    def told(self) -> str:
        """The first line of the job's log."""
        return (
            f"MaxConcurrentTransforms={self.concurrent}, MaxPayloadInMB={self.most // MEGABYTE}, "
            f"BatchStrategy={_NAMES[self.strategy]}"
        )


def manner(job: Mapping[str, Any], asked: Mapping[str, Any]) -> Manner:
    """`asked` is what the model's `/execution-parameters` say; empty where it has none."""
    concurrent = job.get("MaxConcurrentTransforms") or asked.get("MaxConcurrentTransforms") or 1
    megabytes = job.get("MaxPayloadInMB")
    if megabytes is None:
        megabytes = asked.get("MaxPayloadInMB", DEFAULT_MEGABYTES)
    single = "single" in str(job.get("BatchStrategy") or asked.get("BatchStrategy") or "").lower()
    return Manner(int(concurrent), int(megabytes) * MEGABYTE, "SingleRecord" if single else "MultiRecord")


def variables(job: Mapping[str, Any]) -> dict[str, str]:
    """What the container finds beside the model's own variables.

    https://docs.aws.amazon.com/sagemaker/latest/dg/your-algorithms-batch-code.html
    """
    found = {"SAGEMAKER_BATCH": "true"}
    if job.get("BatchStrategy"):
        found["SAGEMAKER_BATCH_STRATEGY"] = _NAMES[job["BatchStrategy"]]
    if job.get("MaxPayloadInMB") is not None:
        found["SAGEMAKER_MAX_PAYLOAD_IN_MB"] = str(job["MaxPayloadInMB"])
    if job.get("MaxConcurrentTransforms"):
        found["SAGEMAKER_MAX_CONCURRENT_TRANSFORMS"] = str(job["MaxConcurrentTransforms"])
    return found | dict(job.get("Environment") or {})
