"""What an alarm does when its state changes: a message to topics of SNS. Other actions are noted as failed."""

from __future__ import annotations

import json
from functools import cache
from typing import Any

from providers.aws.emulator.account import ACCOUNT
from providers.aws.emulator.moto import alarms, gates

_MEMBERS = {"ALARM": "alarm_actions", "OK": "ok_actions", "INSUFFICIENT_DATA": "insufficient_data_actions"}


def run(alarm: Any, old: str, region: str) -> None:
    """Carry out the actions of the state that an alarm has entered from `old`. The caller holds CloudWatch's gate."""
    arns = getattr(alarm, _MEMBERS[alarm.state_value]) or [] if alarm.actions_enabled else []
    for arn in arns:
        problem = _publish(arn, alarm, old, region)
        told = {
            "actionState": "Failed" if problem else "Succeeded",
            "notificationResource": arn,
            "error": problem or None,
        }
        verb = f"Failed to execute action {arn}: {problem}" if problem else f"Successfully executed action {arn}"
        alarms.note(alarm, "Action", verb, told)


def _publish(arn: str, alarm: Any, old: str, region: str) -> str:
    """Empty, or why it could not be."""
    parts = arn.split(":")
    if len(parts) != 6 or parts[2] != "sns":
        return "this kind of action is not emulated by Mooring"
    from moto.sns.models import sns_backends

    with gates.of("sns").changing():
        topic = sns_backends[ACCOUNT][parts[3]].topics.get(arn)
        if topic is None:
            return "the topic does not exist"
        topic.publish(
            json.dumps(_message(alarm, old, region)), f'{alarm.state_value}: "{alarm.name}" in {_region_name(region)}'
        )
    return ""


def _message(alarm: Any, old: str, region: str) -> dict[str, Any]:
    """As CloudWatch words it."""
    message: dict[str, Any] = {
        "AlarmName": alarm.name,
        "AlarmDescription": alarm.description,
        "AWSAccountId": ACCOUNT,
        "AlarmConfigurationUpdatedTimestamp": _time(alarm.configuration_updated_timestamp),
        "NewStateValue": alarm.state_value,
        "NewStateReason": alarm.state_reason,
        "StateChangeTime": _time(alarm.state_updated_timestamp),
        "Region": _region_name(region),
        "AlarmArn": alarm.alarm_arn,
        "OldStateValue": old,
        "OKActions": alarm.ok_actions,
        "AlarmActions": alarm.alarm_actions,
        "InsufficientDataActions": alarm.insufficient_data_actions,
    }
    if alarm.rule is not None:
        return {**message, "AlarmRule": alarm.rule}
    trigger: dict[str, Any] = {
        "MetricName": alarm.metric_name,
        "Namespace": alarm.namespace,
        "StatisticType": "Statistic" if alarm.statistic else "ExtendedStatistic",
        "Statistic": _statistic(alarm),
        "Unit": alarm.unit,
        "Dimensions": [{"value": one.value, "name": one.name} for one in alarm.dimensions],
        "Period": alarm.period,
        "EvaluationPeriods": alarm.evaluation_periods,
        "DatapointsToAlarm": alarm.datapoints_to_alarm,
        "ComparisonOperator": alarm.comparison_operator,
        "Threshold": alarm.threshold,
        "TreatMissingData": alarm.treat_missing_data or "missing",
        "EvaluateLowSampleCountPercentile": alarm.evaluate_low_sample_count_percentile or "",
    }
    return {**message, "Trigger": trigger}


def _statistic(alarm: Any) -> str | None:
    words = {
        "Average": "AVERAGE",
        "Sum": "SUM",
        "Minimum": "MINIMUM",
        "Maximum": "MAXIMUM",
        "SampleCount": "SAMPLE_COUNT",
    }
    return words.get(alarm.statistic) or alarm.extended_statistic


def _time(moment: Any) -> str:
    return f"{moment:%Y-%m-%dT%H:%M:%S}.{moment.microsecond // 1000:03d}+0000"


@cache
def _region_name(region: str) -> str:
    """`US East (N. Virginia)`."""
    import botocore.session

    partitions = botocore.session.get_session().get_data("endpoints")["partitions"]
    known = {name: facts["description"] for partition in partitions for name, facts in partition["regions"].items()}
    return str(known.get(region, region))
