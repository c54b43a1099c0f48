"""Why a job of SageMaker's did not succeed, in one line: the script's own reason where it has one."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

from providers.local.jobs.reasons import SHOWN, shorten, traceback_reason

_ALGORITHM = "AlgorithmError"
_TOOLKIT = re.compile(r"^(?:AlgorithmError: )?(?:\w+Error:)?\s*ExitCode \d+\s*ErrorMessage \"(?P<said>.*?)\"", re.S)
_ENDED = {
    "MaxRuntimeExceeded": "stopped at its time limit of {limit} s",
    "MaxWaitTimeExceeded": "no spot capacity within the time it may wait",
    "Interrupted": "the spot capacity was taken away and did not come back in time",
}
"""Secondary statuses of a job that AWS itself has stopped."""


def reason_of(body: Mapping[str, Any], tail: Sequence[str]) -> str:
    """The reason of a job that failed or was stopped. `tail` are the last lines of its log."""
    ended = str(body.get("SecondaryStatus", ""))
    if ended in _ENDED:
        limit = (body.get("StoppingCondition") or {}).get("MaxRuntimeInSeconds", "?")
        return f"the job was {_ENDED[ended].format(limit=limit)}" if "stopped" in _ENDED[ended] else _ENDED[ended]
    told = str(body.get("FailureReason") or "")
    if not told:
        return "the job was stopped from outside"
    if told.startswith(_ALGORITHM) and (found := traceback_reason(list(tail), SHOWN)):
        return found
    if said := _TOOLKIT.match(told):
        return shorten(" ".join(said["said"].split()))
    plain = re.sub(r", exit code: \d+$", "", told.removeprefix(f"{_ALGORITHM}: "))
    return shorten(" ".join(plain.split()))
