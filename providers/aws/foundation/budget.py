"""The stack's budget: what carries its tag may cost so much a month.

AWS counts by tag only after `mooring:stack` was activated as a cost allocation tag of the account (docs/aws.md).
"""

from __future__ import annotations

import pulumi
import pulumi_aws as aws

from providers.aws.foundation.stack import Stack
from providers.foundation import WantedBudget

WARNINGS = (("ACTUAL", 80.0), ("FORECASTED", 100.0), ("ACTUAL", 100.0))


def budget(stack: Stack, wanted: WantedBudget, topic_arn: pulumi.Input[str]) -> aws.budgets.Budget:
    """The budget. It warns the topic and the addresses in the settings; it stops nothing."""
    emails = {"subscriber_email_addresses": list(wanted.notify)} if wanted.notify else {}
    return aws.budgets.Budget(
        "budget",
        name=stack.name("budget", most=100),
        budget_type="COST",
        time_unit="MONTHLY",
        limit_amount=wanted.monthly,
        limit_unit=wanted.currency,
        cost_filters=[{"name": "TagKeyValue", "values": [f"user:mooring:stack${stack.wanted.stack}"]}],
        notifications=[
            {
                "comparison_operator": "GREATER_THAN",
                "notification_type": kind,
                "threshold": percent,
                "threshold_type": "PERCENTAGE",
                "subscriber_sns_topic_arns": [topic_arn],
                **emails,
            }
            for kind, percent in WARNINGS
        ],
        tags=stack.tags(),
        opts=stack.options(),
    )
