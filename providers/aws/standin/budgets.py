"""Budgets: what may be spent, and who hears of it."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

from botocore.exceptions import ClientError

from providers.aws.standin.kind import Aws, Kind, Properties, as_list, as_mapping, changed, tag_changes, words

_NOTIFICATION = {"comparisonOperator": "ComparisonOperator", "notificationType": "NotificationType",
                 "threshold": "Threshold", "thresholdType": "ThresholdType"}  # fmt: skip
_SUBSCRIBERS = {"subscriberEmailAddresses": "EMAIL", "subscriberSnsTopicArns": "SNS"}


def _budget(given: Properties) -> dict[str, Any]:
    filters = {one["name"]: one["values"] for one in given.get("costFilters") or []}
    return {
        "BudgetName": given["name"],
        "BudgetType": given["budgetType"],
        "TimeUnit": given["timeUnit"],
        "BudgetLimit": {"Amount": given["limitAmount"], "Unit": given["limitUnit"]},
        **({"CostFilters": filters} if filters else {}),
    }


def _notification(one: Properties) -> tuple[dict[str, Any], list[dict[str, str]]]:
    """A notification and its subscribers in the API's form."""
    about = {name: one[key] for key, name in _NOTIFICATION.items()}
    subscribers = [{"SubscriptionType": kind, "Address": address}
                   for key, kind in _SUBSCRIBERS.items() for address in one.get(key) or []]  # fmt: skip
    return about, subscribers


def _create(aws: Aws, given: Properties) -> str:
    tags = as_list(given.get("tags") or {})
    aws.client("budgets").create_budget(
        AccountId=aws.account, Budget=_budget(given), **({"ResourceTags": tags} if tags else {})
    )
    return f"{aws.account}:{given['name']}"


def _find(aws: Aws, given: Properties) -> str | None:
    """One of the name: it is the account's own, and nobody else gives such names."""
    try:
        found = _read(aws, f"{aws.account}:{given['name']}")
    except ClientError as error:
        if error.response["Error"]["Code"] == "NotFoundException":
            return None
        raise
    alike = ("budgetType", "timeUnit", "limitUnit", "costFilters")
    return (
        f"{aws.account}:{given['name']}" if all((found.get(k) or []) == (given.get(k) or []) for k in alike) else None
    )


def _configure(aws: Aws, id: str, new: Properties, old: Properties) -> None:
    budgets = aws.client("budgets")
    if old and changed(new, old, "limitAmount", "limitUnit", "costFilters", "timeUnit"):
        budgets.update_budget(AccountId=aws.account, NewBudget=_budget(new))
    wanted, had = new.get("notifications") or [], _notifications(aws, new["name"])
    named = {"AccountId": aws.account, "BudgetName": new["name"]}
    for one in had:
        if one not in wanted:
            budgets.delete_notification(**named, Notification=_notification(one)[0])
    for one in wanted:
        if one not in had:
            about, subscribers = _notification(one)
            budgets.create_notification(**named, Notification=about, Subscribers=subscribers)
    if not old:
        return
    to_set, to_remove = tag_changes(new, old)
    if to_set:
        budgets.tag_resource(ResourceARN=_arn(aws, new["name"]), ResourceTags=as_list(to_set))
    if to_remove:
        budgets.untag_resource(ResourceARN=_arn(aws, new["name"]), ResourceTagKeys=to_remove)


def _read(aws: Aws, id: str) -> dict[str, Any]:
    name = id.partition(":")[2]
    budget = aws.client("budgets").describe_budget(AccountId=aws.account, BudgetName=name)["Budget"]
    limit = budget["BudgetLimit"]
    tags = as_mapping(aws.client("budgets").list_tags_for_resource(ResourceARN=_arn(aws, name))["ResourceTags"])
    return {
        **({"tags": tags} if tags else {}),
        "notifications": _notifications(aws, name),
        "name": name,
        "accountId": aws.account,
        "arn": _arn(aws, name),
        "budgetType": budget["BudgetType"],
        "timeUnit": budget["TimeUnit"],
        "limitAmount": str(Decimal(limit["Amount"]).normalize().__format__("f")),
        "limitUnit": limit["Unit"],
        "timePeriodStart": _time(budget.get("TimePeriod", {}).get("Start")),
        "costFilters": [{"name": key, "values": values} for key, values in budget.get("CostFilters", {}).items()],
    }


def _notifications(aws: Aws, name: str) -> list[dict[str, Any]]:
    """A budget's notifications, with whom they go to."""
    budgets, named = aws.client("budgets"), {"AccountId": aws.account, "BudgetName": name}
    result = []
    for one in budgets.describe_notifications_for_budget(**named).get("Notifications", []):
        found: dict[str, Any] = {key: one[field] for key, field in _NOTIFICATION.items()}
        about = {field: one[field] for field in _NOTIFICATION.values()}
        subscribers = budgets.describe_subscribers_for_notification(**named, Notification=about)["Subscribers"]
        for key, kind in _SUBSCRIBERS.items():
            if addresses := [who["Address"] for who in subscribers if who["SubscriptionType"] == kind]:
                found[key] = addresses
        result.append(found)
    return result


def _arn(aws: Aws, name: str) -> str:
    return aws.arn("budgets", f"budget/{name}", region="")


def _time(at: Any) -> str:
    return at.astimezone(UTC).strftime("%Y-%m-%d_%H:%M") if isinstance(at, datetime) else ""


BUDGET = Kind(
    token="aws:budgets/budget:Budget",
    inputs=words("budgetType costFilters limitAmount limitUnit name notifications tags timeUnit"),
    create=_create, configure=_configure, read=_read, find=_find,
    delete=lambda aws, id, state: aws.client("budgets").delete_budget(
        AccountId=aws.account, BudgetName=id.partition(":")[2]
    ),
    required=("budgetType", "timeUnit", "limitAmount", "limitUnit"), replaces=words("budgetType name"), name="name",
    regional=False,
    unordered=words("costFilters notifications"), computed=("accountId", "arn", "timePeriodStart"),
)  # fmt: skip

KINDS = (BUDGET,)
