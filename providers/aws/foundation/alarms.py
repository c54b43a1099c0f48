"""Alarms of each endpoint, for each model that it serves, and the topic that tells of them."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pulumi
import pulumi_aws as aws

from providers.aws.foundation.naming import plain, stack_name
from providers.aws.foundation.stack import Stack
from providers.foundation import WatchedEndpoint

NAMESPACE = "AWS/SageMaker"
LATENCY_MS = 1000.0
"""Latency that alarms when the stack's roll-out names none."""
DAY = 86_400


@dataclass(frozen=True)
class Alarm:
    """What is compared with what. `what` ends the alarm's name."""

    what: str
    description: str
    metric: str
    threshold: float
    comparison: str
    statistic: str = ""
    percentile: str = ""
    period: int = 60
    periods: int = 5
    breaching: int = 3
    missing: str = "notBreaching"


def topic(stack: Stack, key_id: pulumi.Input[str]) -> tuple[aws.sns.Topic, aws.sns.TopicPolicy]:
    """The topic that alarms and the budget publish to; whoever wants to hear of them subscribes to it."""
    made = aws.sns.Topic(
        "alarms", name=stack.name("alarms", most=200), kms_master_key_id=key_id, tags=stack.tags(), opts=stack.options()
    )
    policy = aws.sns.TopicPolicy(
        "alarms",
        arn=made.arn,
        policy=made.arn.apply(lambda arn: json.dumps(topic_policy(stack, arn))),
        opts=stack.options(),
    )
    return made, policy


def topic_policy(stack: Stack, arn: str) -> dict[str, Any]:
    """Who may publish: CloudWatch and Budgets for this account, and nobody over a connection without TLS."""
    services = ["cloudwatch.amazonaws.com", "budgets.amazonaws.com"]
    return {
        "Version": "2012-10-17",
        "Statement": [
            {
                "Sid": "Alarms",
                "Effect": "Allow",
                "Principal": {"Service": services},
                "Action": "sns:Publish",
                "Resource": arn,
                "Condition": {"StringEquals": {"aws:SourceAccount": stack.account}},
            },
            {
                "Sid": "OnlyTLS",
                "Effect": "Deny",
                "Principal": "*",
                "Action": "sns:Publish",
                "Resource": arn,
                "Condition": {"Bool": {"aws:SecureTransport": "false"}},
            },
        ],
    }


def alarms(
    stack: Stack, endpoint: WatchedEndpoint, physical_name: pulumi.Input[str], topic_arn: pulumi.Input[str]
) -> list[aws.cloudwatch.MetricAlarm]:
    """The alarms of one endpoint."""
    made = []
    for deployment in endpoint.deployments:
        for alarm in wanted(endpoint):
            base = f"{stack.wanted.project}-{stack.wanted.stack}-{endpoint.name}-{deployment}"
            statistic = {"extended_statistic": alarm.percentile} if alarm.percentile else {"statistic": alarm.statistic}
            made.append(
                aws.cloudwatch.MetricAlarm(
                    f"{endpoint.name}-{deployment}-{alarm.what}",
                    name=stack_name(base, plain(alarm.what), stack.unique, 255),
                    alarm_description=alarm.description,
                    namespace=NAMESPACE,
                    metric_name=alarm.metric,
                    dimensions={"EndpointName": physical_name, "VariantName": deployment},
                    comparison_operator=alarm.comparison,
                    threshold=alarm.threshold,
                    period=alarm.period,
                    evaluation_periods=alarm.periods,
                    datapoints_to_alarm=alarm.breaching,
                    treat_missing_data=alarm.missing,
                    alarm_actions=[topic_arn],
                    ok_actions=[topic_arn],
                    tags=stack.tags(),
                    opts=stack.options(),
                    **statistic,
                )
            )
    return made


def wanted(endpoint: WatchedEndpoint) -> Iterator[Alarm]:
    """Errors, latency, and no requests; an asynchronous endpoint has metrics of its own for them."""
    is_async = endpoint.mode == "async"
    latency = endpoint.max_latency_ms or LATENCY_MS
    above, share = "GreaterThanThreshold", endpoint.max_error_percent / 100
    if is_async:
        yield Alarm("errors", "Asynchronous predictions fail.", "InvocationFailures", 0, above, "Sum")
        yield Alarm("latency", f"Asynchronous predictions wait longer than {latency:g} ms.", "TimeInBacklog",
                    latency, above, percentile="p99")  # fmt: skip
    else:
        # SageMaker reports 1 for a request that failed and 0 for one that did not: the average is the share.
        yield Alarm("errors", f"More than {endpoint.max_error_percent:g} % of the requests fail (5xx).",
                    "Invocation5XXErrors", share, above, "Average")  # fmt: skip
        # In microseconds.
        yield Alarm("latency", f"One request in a hundred takes the model longer than {latency:g} ms.",
                    "ModelLatency", latency * 1000, above, percentile="p99")  # fmt: skip
    yield Alarm(
        "no-requests", "Nobody has asked for a day, while it costs money or something upstream is broken.",
        "InvocationsProcessed" if is_async else "Invocations", 1, "LessThanThreshold", "Sum",
        period=DAY, periods=1, breaching=1, missing="breaching",
    )  # fmt: skip
