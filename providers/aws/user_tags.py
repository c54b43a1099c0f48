"""Tags that the user does not want any more: laying on the new ones leaves them where they are."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from providers.aws.faults import translated


def drop(sagemaker: Any, arn: str, before: Mapping[str, str], after: Mapping[str, str]) -> None:
    """Remove from a thing of SageMaker's the user's tags of `before` that are not in `after`."""
    gone = sorted(set(before) - set(after))
    if gone:
        with translated(f"tagging {arn}"):
            sagemaker.delete_tags(ResourceArn=arn, TagKeys=gone)


def of_record(record: Mapping[str, Any] | None) -> dict[str, str]:
    """The user's tags in a record of a spec."""
    return dict(((record or {}).get("spec") or {}).get("tags") or {})
