"""Tags of everything that has an ARN. They stand on their own, as a Describe does not show them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from providers.aws.emulator.errors import validation
from providers.aws.emulator.sagemaker import listing
from providers.aws.emulator.sagemaker.call import Call, operation
from providers.aws.emulator.state import State

KIND = "tags"
MOST = 50
"""Tags that one thing may have."""
RESERVED = "aws:"

Pairs = Sequence[Mapping[str, str]]


def add(state: State, region: str, arn: str, pairs: Pairs | None) -> list[dict[str, str]]:
    """Lay tags over those that there are. Raises ApiError where it would be too many, or one is AWS's own."""
    if not pairs:
        return of(state, region, arn)
    if any(pair["Key"].lower().startswith(RESERVED) for pair in pairs):
        raise validation(f"{RESERVED} prefixed tag key names are not allowed for external use.")
    with state.lock:
        tags = _read(state, region, arn) | {pair["Key"]: pair["Value"] for pair in pairs}
        if len(tags) > MOST:
            raise validation(f"The number of tags exceeds the limit of {MOST} for {arn}")
        state.put(KIND, region, arn, {"tags": tags})
    return _pairs(tags)


def of(state: State, region: str, arn: str) -> list[dict[str, str]]:
    """The tags of a thing."""
    return _pairs(_read(state, region, arn))


def forget(state: State, region: str, arn: str) -> None:
    """What goes with a thing that is deleted."""
    state.remove(KIND, region, arn)


@operation("AddTags")
def add_tags(call: Call) -> dict[str, Any]:
    """Add or replace tags."""
    return {"Tags": add(call.state, call.region, _known(call), call.given["Tags"])}


@operation("ListTags")
def list_tags(call: Call) -> dict[str, Any]:
    """A page of a thing's tags."""
    pairs, token = listing.page(of(call.state, call.region, _known(call)), call.given, default=MOST)
    return {"Tags": pairs, "NextToken": token}


@operation("DeleteTags")
def delete_tags(call: Call) -> dict[str, Any]:
    """Remove tags by their keys."""
    arn = _known(call)
    with call.state.lock:
        tags = {key: value for key, value in _read(call.state, call.region, arn).items()
                if key not in call.given["TagKeys"]}  # fmt: skip
        call.state.put(KIND, call.region, arn, {"tags": tags})
    return {}


def _known(call: Call) -> str:
    arn: str = call.given["ResourceArn"]
    if not call.state.holds(call.region, arn):
        raise validation(f"Could not find the resource {arn}")
    return arn


def _read(state: State, region: str, arn: str) -> dict[str, str]:
    found = state.find(KIND, region, arn)
    return dict(found["tags"]) if found else {}


def _pairs(tags: Mapping[str, str]) -> list[dict[str, str]]:
    return [{"Key": key, "Value": value} for key, value in tags.items()]
