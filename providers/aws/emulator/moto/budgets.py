"""AWS Budgets: what moto lacks of budgets (changes, tags) and of whom their notifications go to."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

from providers.aws.emulator.account import ACCOUNT
from providers.aws.emulator.errors import ApiError
from providers.aws.emulator.messages import Reply, as_json
from providers.aws.emulator.moto.asked import Asked

_PAGE = 100


def created(asked: Asked) -> None:
    """After a budget was created: note its tags."""
    given = asked.json()
    _tags(_budget(given["Budget"]["BudgetName"])).update(_pairs(given))


def update(asked: Asked) -> Reply:
    """UpdateBudget: all of it is replaced."""
    new = asked.json().get("NewBudget") or {}
    budget = _budget(new.get("BudgetName"))
    kept = {name: budget.budget[name] for name in ("TimePeriod",) if name in budget.budget}
    budget.budget = {**kept, **new, "LastUpdatedTime": time.time()}
    return as_json({})


def list_tags(asked: Asked) -> Reply:
    """ListTagsForResource."""
    tags = _tags(_by_arn(asked))
    return as_json({"ResourceTags": [{"Key": key, "Value": value} for key, value in tags.items()]})


def tag(asked: Asked) -> Reply:
    """TagResource."""
    _tags(_by_arn(asked)).update(_pairs(asked.json()))
    return as_json({})


def untag(asked: Asked) -> Reply:
    """UntagResource."""
    tags = _tags(_by_arn(asked))
    for key in asked.json().get("ResourceTagKeys") or []:
        tags.pop(key, None)
    return as_json({})


def describe_subscribers(asked: Asked) -> Reply:
    """DescribeSubscribersForNotification."""
    given = asked.json()
    token = str(given.get("NextToken") or "0")
    if not token.isdigit():
        raise ApiError("InvalidNextTokenException", "The next token is invalid")
    subscribers = list(_notification(given).subscribers or [])
    end = int(token) + int(given.get("MaxResults") or _PAGE)
    return as_json(
        {"Subscribers": subscribers[int(token) : end], "NextToken": str(end) if end < len(subscribers) else None}
    )


def create_subscriber(asked: Asked) -> Reply:
    """CreateSubscriber."""
    given = asked.json()
    notification = _notification(given)
    if given["Subscriber"] in (notification.subscribers or []):
        raise ApiError("DuplicateRecordException", "the subscriber already exists")
    notification.subscribers = [*(notification.subscribers or []), given["Subscriber"]]
    return as_json({})


def delete_subscriber(asked: Asked) -> Reply:
    """DeleteSubscriber. A notification keeps one at least."""
    given = asked.json()
    notification = _notification(given)
    left = [one for one in notification.subscribers or [] if one != given["Subscriber"]]
    if len(left) == len(notification.subscribers or []):
        raise _not_found("subscriber")
    if not left:
        raise ApiError("InvalidParameterException", "a notification needs at least one subscriber")
    notification.subscribers = left
    return as_json({})


def _budget(name: Any) -> Any:
    from moto.budgets.models import budgets_backends

    budget = budgets_backends[ACCOUNT]["aws"].budgets[ACCOUNT].get(name)
    if budget is None:
        raise ApiError("NotFoundException", f"Unable to get budget: {name} - the budget doesn't exist.")
    return budget


def _by_arn(asked: Asked) -> Any:
    arn = str(asked.json().get("ResourceARN") or "")
    prefix = f"arn:aws:budgets::{ACCOUNT}:budget/"
    if not arn.startswith(prefix):
        raise ApiError("InvalidParameterException", f"{arn} is not the ARN of a budget")
    return _budget(arn.removeprefix(prefix))


def _notification(given: dict[str, Any]) -> Any:
    wanted = _identity(given.get("Notification") or {})
    for notification in _budget(given.get("BudgetName")).notifications:
        if _identity(notification.details) == wanted:
            return notification
    raise _not_found("notification")


def _identity(details: dict[str, Any]) -> tuple[Any, ...]:
    """What tells one notification from another; thresholds are percentages unless they say otherwise."""
    kind = details.get("ThresholdType") or "PERCENTAGE"
    return (
        details.get("NotificationType"),
        details.get("ComparisonOperator"),
        float(details.get("Threshold") or 0),
        kind,
    )


def _not_found(what: str) -> ApiError:
    return ApiError("NotFoundException", f"Unable to get {what} - the {what} doesn't exist.")


def _pairs(given: dict[str, Any]) -> dict[str, str]:
    return {pair["Key"]: pair["Value"] for pair in given.get("ResourceTags") or []}


def _tags(budget: Any) -> dict[str, str]:
    tags: dict[str, str] = vars(budget).setdefault("mooring_tags", {})
    return tags


OPERATIONS: dict[str, Callable[[Asked], Reply]] = {
    "UpdateBudget": update,
    "ListTagsForResource": list_tags,
    "TagResource": tag,
    "UntagResource": untag,
    "DescribeSubscribersForNotification": describe_subscribers,
    "CreateSubscriber": create_subscriber,
    "DeleteSubscriber": delete_subscriber,
}
