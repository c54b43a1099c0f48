"""`List…`: filters, order and pages, the same for every kind."""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Mapping, Sequence
from typing import Any, TypeVar

from providers.aws.emulator.errors import validation
from providers.aws.emulator.sagemaker.call import Call
from providers.aws.emulator.state import Thing

PAGE = 10
"""Things on a page where the request says nothing."""

OLDEST_FIRST = frozenset({
    "ListAlgorithms", "ListHyperParameterTuningJobs", "ListModelPackageGroups", "ListModelPackages",
    "ListProcessingJobs", "ListTrainingJobs", "ListTrainingJobsForHyperParameterTuningJob",
})  # fmt: skip
"""Operations whose `SortOrder` is Ascending where the request says nothing; it is Descending with all others."""
BY_NAME = frozenset({"ListHyperParameterTuningJobs", "ListTrainingJobsForHyperParameterTuningJob"})
"""Operations whose `SortBy` is Name where the request says nothing; it is CreationTime with all others."""
_TOKEN = re.compile(r"from (?P<start>\d{1,9})")

T = TypeVar("T")


def listed(call: Call, things: Sequence[Thing], name: str, status: str = "") -> dict[str, Any]:
    """The reply of a `List…`: `things` (oldest first) filtered, sorted and cut as the request says.

    `name` and `status` are the members that hold a thing's name and status.
    """
    given = call.given
    chosen = [thing for thing in things if _is_wanted(thing, given, name, status)]
    keys = {"Name": name, "Status": status, "CreationTime": "CreationTime", "LastModifiedTime": "LastModifiedTime"}
    usual = "Name" if call.operation in BY_NAME else "CreationTime"
    key = keys.get(str(given.get("SortBy") or usual), "CreationTime") or "CreationTime"
    order = given.get("SortOrder") or ("Ascending" if call.operation in OLDEST_FIRST else "Descending")
    chosen.sort(key=lambda thing: thing.get(key, ""))
    if order == "Descending":  # turned round, and not sorted in reverse, so that equal ones are newest first
        chosen.reverse()
    shown, token = page(chosen, given)
    return {call.service.model.list_member(call.operation): shown, "NextToken": token}


def page(things: Sequence[T], given: Mapping[str, Any], default: int = PAGE) -> tuple[list[T], str | None]:
    """One page, and the token of the next one. Raises ApiError for a token that none of ours is."""
    start = _start(given.get("NextToken"))
    end = start + int(given.get("MaxResults") or default)
    token = base64.urlsafe_b64encode(f"from {end}".encode()).decode() if end < len(things) else None
    return list(things[start:end]), token


def _start(token: str | None) -> int:
    if not token:
        return 0
    try:
        found = _TOKEN.fullmatch(base64.urlsafe_b64decode(token.encode()).decode())
    except (ValueError, binascii.Error):
        found = None
    if found is None:
        raise validation("The token provided for NextToken is invalid")
    return int(found["start"])


def _is_wanted(thing: Thing, given: Mapping[str, Any], name: str, status: str) -> bool:
    if (part := given.get("NameContains")) and part.lower() not in str(thing[name]).lower():
        return False
    if (wanted := given.get("StatusEquals")) and thing.get(status) != wanted:
        return False
    for member in ("CreationTime", "LastModifiedTime"):
        if (after := given.get(f"{member}After")) is not None and thing[member] <= after:
            return False
        if (before := given.get(f"{member}Before")) is not None and thing[member] >= before:
            return False
    return True
