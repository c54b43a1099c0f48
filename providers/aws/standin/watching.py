"""Log groups, alarms, and the topics that tell of them."""

from __future__ import annotations

import json
from typing import Any

from botocore.exceptions import ClientError

from providers.aws.standin.kind import (
    Aws,
    Kind,
    Properties,
    again,
    as_list,
    as_mapping,
    changed,
    tag_changes,
    without_none,
    words,
)


def _create_group(aws: Aws, given: Properties) -> str:
    key = {"kmsKeyId": given["kmsKeyId"]} if given.get("kmsKeyId") else {}
    aws.client("logs").create_log_group(logGroupName=given["name"], tags=given.get("tags") or {}, **key)
    return str(given["name"])


def _find_group(aws: Aws, given: Properties) -> str | None:
    found = _read_group(aws, given["name"])
    return given["name"] if found and given.get("tags") and found.get("tags") == given["tags"] else None


def _configure_group(aws: Aws, id: str, new: Properties, old: Properties) -> None:
    logs = aws.client("logs")
    if new.get("retentionInDays", 0) != old.get("retentionInDays", 0):
        if days := new.get("retentionInDays"):
            logs.put_retention_policy(logGroupName=id, retentionInDays=int(days))
        else:
            logs.delete_retention_policy(logGroupName=id)
    if not old:
        return
    if changed(new, old, "kmsKeyId"):
        if key := new.get("kmsKeyId"):
            logs.associate_kms_key(logGroupName=id, kmsKeyId=key)
        else:
            logs.disassociate_kms_key(logGroupName=id)
    arn = aws.arn("logs", f"log-group:{id}")
    to_set, to_remove = tag_changes(new, old)
    if to_set:
        logs.tag_resource(resourceArn=arn, tags=to_set)
    if to_remove:
        logs.untag_resource(resourceArn=arn, tagKeys=to_remove)


def _read_group(aws: Aws, id: str) -> dict[str, Any] | None:
    logs = aws.client("logs")
    for page in logs.get_paginator("describe_log_groups").paginate(logGroupNamePrefix=id):
        for group in page["logGroups"]:
            if group["logGroupName"] == id:
                arn = group["arn"].removesuffix(":*")
                tags = logs.list_tags_for_resource(resourceArn=arn)["tags"]
                return without_none(
                    name=id, arn=arn, retentionInDays=group.get("retentionInDays", 0), kmsKeyId=group.get("kmsKeyId"),
                    logGroupClass=group.get("logGroupClass", "STANDARD"), tags=tags or None,
                )  # fmt: skip
    return None


def _delete_group(aws: Aws, id: str, state: Properties) -> None:
    if not state.get("skipDestroy"):
        aws.client("logs").delete_log_group(logGroupName=id)


LOG_GROUP = Kind(
    token="aws:cloudwatch/logGroup:LogGroup", inputs=words("kmsKeyId name retentionInDays skipDestroy tags"),
    create=_create_group, configure=_configure_group, read=_read_group, delete=_delete_group, find=_find_group,
    replaces=words("name"), kept=words("skipDestroy"), name="name",
    defaults={"retentionInDays": 0, "skipDestroy": False}, computed=("arn", "logGroupClass"),
)  # fmt: skip

_ALARM = {
    "name": "AlarmName", "alarmDescription": "AlarmDescription", "actionsEnabled": "ActionsEnabled",
    "alarmActions": "AlarmActions", "okActions": "OKActions", "insufficientDataActions": "InsufficientDataActions",
    "comparisonOperator": "ComparisonOperator", "datapointsToAlarm": "DatapointsToAlarm",
    "evaluationPeriods": "EvaluationPeriods", "extendedStatistic": "ExtendedStatistic", "metricName": "MetricName",
    "namespace": "Namespace", "period": "Period", "statistic": "Statistic", "threshold": "Threshold",
    "treatMissingData": "TreatMissingData", "unit": "Unit",
}  # fmt: skip
"""Properties of an alarm and their names in the API; `dimensions` and `tags` have forms of their own."""


def _put_alarm(aws: Aws, given: Properties) -> str:
    fields = {_ALARM[key]: value for key, value in given.items() if key in _ALARM}
    dimensions = as_list(given.get("dimensions") or {}, "Name")
    aws.client("cloudwatch").put_metric_alarm(
        **fields, Dimensions=dimensions, Tags=as_list(given.get("tags") or {})
    )  # fmt: skip
    return str(given["name"])


def _find_alarm(aws: Aws, given: Properties) -> str | None:
    """Any of the name with the same tags; putting it would change another's."""
    found = _read_alarm(aws, given["name"])
    if found is None:
        return None
    if found["tags"] == (given.get("tags") or {}):
        return str(given["name"])
    reason = f"an alarm named {given['name']} exists already, and is not this stack's"
    raise ClientError({"Error": {"Code": "AlreadyExists", "Message": reason}}, "PutMetricAlarm")


def _configure_alarm(aws: Aws, id: str, new: Properties, old: Properties) -> None:
    if not old:
        return
    _put_alarm(aws, new)
    cloudwatch, arn = aws.client("cloudwatch"), aws.arn("cloudwatch", f"alarm:{id}")
    to_set, to_remove = tag_changes(new, old)
    if to_set:
        cloudwatch.tag_resource(ResourceARN=arn, Tags=as_list(to_set))
    if to_remove:
        cloudwatch.untag_resource(ResourceARN=arn, TagKeys=to_remove)


def _read_alarm(aws: Aws, id: str) -> dict[str, Any] | None:
    cloudwatch = aws.client("cloudwatch")
    found = cloudwatch.describe_alarms(AlarmNames=[id], AlarmTypes=["MetricAlarm"])["MetricAlarms"]
    if not found:
        return None
    alarm = found[0]
    state = {key: alarm[name] for key, name in _ALARM.items() if alarm.get(name) not in (None, [], "")}
    return {
        **state,
        "arn": alarm["AlarmArn"],
        "dimensions": as_mapping(alarm.get("Dimensions", []), "Name"),
        "tags": as_mapping(cloudwatch.list_tags_for_resource(ResourceARN=alarm["AlarmArn"])["Tags"]),
    }


ALARM = Kind(
    token="aws:cloudwatch/metricAlarm:MetricAlarm", inputs=frozenset({*_ALARM, "dimensions", "tags"}),
    create=_put_alarm, configure=_configure_alarm, read=_read_alarm, find=_find_alarm,
    delete=lambda aws, id, state: aws.client("cloudwatch").delete_alarms(AlarmNames=[id]),
    required=("comparisonOperator", "evaluationPeriods"), replaces=words("name"), name="name",
    unordered=words("alarmActions okActions insufficientDataActions"),
    defaults={"actionsEnabled": True, "treatMissingData": "missing"}, computed=("arn",),
)  # fmt: skip

_TOPIC = {"displayName": "DisplayName", "kmsMasterKeyId": "KmsMasterKeyId"}


def _create_topic(aws: Aws, given: Properties) -> str:
    attributes = {name: given[key] for key, name in _TOPIC.items() if given.get(key)}
    made = aws.client("sns").create_topic(
        Name=given["name"], Attributes=attributes, Tags=as_list(given.get("tags") or {})
    )
    return str(made["TopicArn"])


def _configure_topic(aws: Aws, id: str, new: Properties, old: Properties) -> None:
    if not old:
        return
    sns = aws.client("sns")
    for key, name in _TOPIC.items():
        if changed(new, old, key):
            sns.set_topic_attributes(TopicArn=id, AttributeName=name, AttributeValue=new.get(key, ""))
    to_set, to_remove = tag_changes(new, old)
    if to_set:
        sns.tag_resource(ResourceArn=id, Tags=as_list(to_set))
    if to_remove:
        sns.untag_resource(ResourceArn=id, TagKeys=to_remove)


def _read_topic(aws: Aws, id: str) -> dict[str, Any]:
    """Without its policy, which is a `TopicPolicy`'s to tell."""
    sns = aws.client("sns")
    found = sns.get_topic_attributes(TopicArn=id)["Attributes"]
    return without_none(
        name=id.rpartition(":")[2], arn=id, owner=found["Owner"],
        displayName=found.get("DisplayName") or None, kmsMasterKeyId=found.get("KmsMasterKeyId") or None,
        tags=as_mapping(sns.list_tags_for_resource(ResourceArn=id)["Tags"]) or None,
    )  # fmt: skip


TOPIC = Kind(
    token="aws:sns/topic:Topic", inputs=words("displayName kmsMasterKeyId name tags"), create=_create_topic,
    configure=_configure_topic, read=_read_topic,
    delete=lambda aws, id, state: aws.client("sns").delete_topic(TopicArn=id),
    replaces=words("name"), name="name", computed=("arn", "owner"),
)  # fmt: skip


def _put_topic_policy(aws: Aws, given: Properties) -> str:
    aws.client("sns").set_topic_attributes(
        TopicArn=given["arn"], AttributeName="Policy", AttributeValue=given["policy"]
    )
    return str(given["arn"])


def _read_topic_policy(aws: Aws, id: str) -> dict[str, Any] | None:
    found = aws.client("sns").get_topic_attributes(TopicArn=id)["Attributes"]
    return {"arn": id, "owner": found["Owner"], "policy": found["Policy"]} if found.get("Policy") else None


def _delete_topic_policy(aws: Aws, id: str, state: Properties) -> None:
    """A topic cannot be without a policy: Pulumi's provider sets the one that a new topic has, and so does this."""
    actions = ["GetTopicAttributes", "SetTopicAttributes", "AddPermission", "RemovePermission", "DeleteTopic",
               "Subscribe", "ListSubscriptionsByTopic", "Publish"]  # fmt: skip
    statement = {
        "Sid": "__default_statement_ID", "Effect": "Allow", "Principal": {"AWS": "*"}, "Resource": id,
        "Action": [f"SNS:{action}" for action in actions],
        "Condition": {"StringEquals": {"AWS:SourceOwner": aws.account}},
    }  # fmt: skip
    policy = json.dumps({"Version": "2008-10-17", "Id": "__default_policy_ID", "Statement": [statement]})
    _put_topic_policy(aws, {"arn": id, "policy": policy})


TOPIC_POLICY = Kind(
    token="aws:sns/topicPolicy:TopicPolicy", inputs=words("arn policy"), create=_put_topic_policy,
    read=_read_topic_policy, configure=again(_put_topic_policy),
    delete=_delete_topic_policy, required=("arn", "policy"), replaces=words("arn"), documents=words("policy"),
    computed=("owner",),
)  # fmt: skip

KINDS = (LOG_GROUP, ALARM, TOPIC, TOPIC_POLICY)
