"""Application Auto Scaling: tags, which moto lacks, and what is missing, told as AWS tells it."""

from __future__ import annotations

from typing import Any

from providers.aws.emulator.account import ACCOUNT
from providers.aws.emulator.errors import ApiError
from providers.aws.emulator.messages import Reply, as_json
from providers.aws.emulator.moto.asked import Asked

MOST_TAGS = 50
_NEED_TARGET = {
    "PutScalingPolicy": "registered",
    "PutScheduledAction": "registered",
    "DeregisterScalableTarget": "found",
}


def check(asked: Asked) -> None:
    """Raise ApiError (`ObjectNotFoundException`) where there is no such target or policy."""
    given = asked.json()
    where = (
        f"service namespace: {given.get('ServiceNamespace')}, resource ID: {given.get('ResourceId')}, "
        f"scalable dimension: {given.get('ScalableDimension')}"
    )
    if (how := _NEED_TARGET.get(asked.operation)) and _target(asked, given) is None:
        raise ApiError("ObjectNotFoundException", f"No scalable target {how} for {where}")
    if asked.operation == "DeleteScalingPolicy" and not _policies(asked, given, given.get("PolicyName")):
        name = given.get("PolicyName")
        raise ApiError("ObjectNotFoundException", f"No scaling policy found for {where}, policy name: {name}")
    if asked.operation == "RegisterScalableTarget":
        _check_count(given.get("Tags") or {})


def registered(asked: Asked) -> None:
    """After a target was registered: note its tags."""
    given = asked.json()
    target = _target(asked, given)
    if target is not None and given.get("Tags"):
        _tags(target).update(given["Tags"])


def deregistered(asked: Asked) -> None:
    """After a target is gone: its policies and scheduled actions go with it."""
    given = asked.json()
    backend = _backend(asked.region)
    for name in _policies(asked, given, None):
        del backend.policies[name]
    backend.scheduled_actions = [one for one in backend.scheduled_actions if not _is_of(one, given)]


def list_tags(asked: Asked) -> Reply:
    """ListTagsForResource."""
    return as_json({"Tags": _tags(_by_arn(asked))})


def tag(asked: Asked) -> Reply:
    """TagResource."""
    tags = _tags(_by_arn(asked))
    given = dict(asked.json().get("Tags") or {})
    _check_count({**tags, **given})
    tags.update(given)
    return as_json({})


def untag(asked: Asked) -> Reply:
    """UntagResource."""
    tags = _tags(_by_arn(asked))
    for key in asked.json().get("TagKeys") or []:
        tags.pop(key, None)
    return as_json({})


def _backend(region: str) -> Any:
    from moto.applicationautoscaling.models import applicationautoscaling_backends

    return applicationautoscaling_backends[ACCOUNT][region]


def _target(asked: Asked, given: dict[str, Any]) -> Any:
    targets = _backend(asked.region).targets.get(given.get("ScalableDimension"), {})
    return targets.get(given.get("ResourceId"))


def _policies(asked: Asked, given: dict[str, Any], name: str | None) -> list[str]:
    return [
        key
        for key, policy in _backend(asked.region).policies.items()
        if _is_of(policy, given) and name in (None, policy.policy_name)
    ]


def _is_of(thing: Any, given: dict[str, Any]) -> bool:
    found = (thing.service_namespace, thing.resource_id, thing.scalable_dimension)
    return found == (given.get("ServiceNamespace"), given.get("ResourceId"), given.get("ScalableDimension"))


def _by_arn(asked: Asked) -> Any:
    arn = asked.json().get("ResourceARN")
    for targets in _backend(asked.region).targets.values():
        for target in targets.values():
            if target.arn == arn:
                return target
    raise ApiError("ResourceNotFoundException", f"No scalable target found for resource ARN: {arn}")


def _tags(target: Any) -> dict[str, str]:
    tags: dict[str, str] = vars(target).setdefault("mooring_tags", {})
    return tags


def _check_count(tags: dict[str, str]) -> None:
    if len(tags) > MOST_TAGS:
        raise ApiError("TooManyTagsException", f"A scalable target can have at most {MOST_TAGS} tags")
