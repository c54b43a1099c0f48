"""Operations that moto lacks."""

from __future__ import annotations

import json
import urllib.error
import urllib.request
from collections.abc import Callable
from typing import Any

import pytest
from botocore.exceptions import ClientError
from running_emulator import RunningEmulator

Names = Callable[[str], str]


def code_of(call: Callable[..., object], **arguments: object) -> str:
    """The error code that boto3 raises with."""
    with pytest.raises(ClientError) as caught:
        call(**arguments)
    return str(caught.value.response["Error"]["Code"])


def document(*statements: dict[str, Any]) -> str:
    """A policy."""
    return json.dumps({"Version": "2012-10-17", "Statement": [{"Effect": "Allow", **one} for one in statements]})


def role(emulator: RunningEmulator, name: str, policy: str) -> str:
    """A role with one policy of its own; its ARN."""
    iam = emulator.client("iam")
    trust = document({"Principal": {"Service": "sagemaker.amazonaws.com"}, "Action": "sts:AssumeRole"})
    arn: str = iam.create_role(RoleName=name, AssumeRolePolicyDocument=trust)["Role"]["Arn"]
    iam.put_role_policy(RoleName=name, PolicyName="inline", PolicyDocument=policy)
    return arn


def decisions(answer: dict[str, Any]) -> dict[tuple[str, str], str]:
    """Action and resource to decision."""
    return {
        (one["EvalActionName"], one["EvalResourceName"]): one["EvalDecision"] for one in answer["EvaluationResults"]
    }


def test_simulating_a_roles_policies_tells_what_it_may(emulator: RunningEmulator, unique: Names) -> None:
    iam, name = emulator.client("iam"), unique("role")
    arn = role(emulator, name, document(
        {"Action": ["s3:Get*", "s3:PutObject"], "Resource": "arn:aws:s3:::data/*"},
        {"Effect": "Deny", "Action": "s3:GetObject", "Resource": "arn:aws:s3:::data/secret/*"},
        {"NotAction": ["iam:*", "s3:*", "sagemaker:*"], "Resource": "*"},
    ))  # fmt: skip
    iam.attach_role_policy(RoleName=name, PolicyArn="arn:aws:iam::aws:policy/AmazonEC2ContainerRegistryReadOnly")
    answer = iam.simulate_principal_policy(
        PolicySourceArn=arn, ActionNames=["s3:GetObject", "s3:DeleteObject"],
        ResourceArns=["arn:aws:s3:::data/a", "arn:aws:s3:::data/secret/a", "arn:aws:s3:::other/a"])  # fmt: skip
    assert decisions(answer) == {
        ("s3:GetObject", "arn:aws:s3:::data/a"): "allowed",
        ("s3:GetObject", "arn:aws:s3:::data/secret/a"): "explicitDeny",
        ("s3:GetObject", "arn:aws:s3:::other/a"): "implicitDeny",
        ("s3:DeleteObject", "arn:aws:s3:::data/a"): "implicitDeny",
        ("s3:DeleteObject", "arn:aws:s3:::data/secret/a"): "implicitDeny",
        ("s3:DeleteObject", "arn:aws:s3:::other/a"): "implicitDeny",
    }
    assert answer["EvaluationResults"][0]["MatchedStatements"][0]["SourcePolicyId"] == "inline"
    actions = ["ecr:GetAuthorizationToken", "logs:PutLogEvents", "iam:PassRole"]
    more = iam.simulate_principal_policy(PolicySourceArn=arn, ActionNames=actions)
    assert list(decisions(more).values()) == ["allowed", "allowed", "implicitDeny"]
    assert {one["SourcePolicyId"] for one in more["EvaluationResults"][0]["MatchedStatements"]} == {
        "inline", "AmazonEC2ContainerRegistryReadOnly"}  # fmt: skip


def test_a_condition_is_weighed_with_the_values_that_are_given(emulator: RunningEmulator, unique: Names) -> None:
    iam = emulator.client("iam")
    arn = role(emulator, unique("role"), document(
        {"Action": "cloudwatch:PutMetricData", "Resource": "*",
         "Condition": {"StringLike": {"cloudwatch:namespace": ["/aws/sagemaker/*", "mine"]}}},
    ))  # fmt: skip
    ask = {"PolicySourceArn": arn, "ActionNames": ["cloudwatch:PutMetricData"]}

    def entry(value: str) -> list[dict[str, Any]]:
        return [{"ContextKeyName": "cloudwatch:namespace", "ContextKeyValues": [value], "ContextKeyType": "string"}]

    (without,) = iam.simulate_principal_policy(**ask)["EvaluationResults"]
    assert (without["EvalDecision"], without["MissingContextValues"]) == ("implicitDeny", ["cloudwatch:namespace"])
    allowed = iam.simulate_principal_policy(**ask, ContextEntries=entry("/aws/sagemaker/TrainingJobs"))
    assert allowed["EvaluationResults"][0]["EvalDecision"] == "allowed"
    other = iam.simulate_principal_policy(**ask, ContextEntries=entry("theirs"))
    assert other["EvaluationResults"][0]["EvalDecision"] == "implicitDeny"


def test_a_permissions_boundary_limits_what_policies_allow(emulator: RunningEmulator) -> None:
    answer = emulator.client("iam").simulate_custom_policy(
        PolicyInputList=[document({"Action": "s3:*", "Resource": "*"})],
        PermissionsBoundaryPolicyInputList=[document({"Action": "s3:Get*", "Resource": "*"})],
        ActionNames=["s3:GetObject", "s3:PutObject"],
    )
    assert [one["EvalDecision"] for one in answer["EvaluationResults"]] == ["allowed", "implicitDeny"]
    details = [one["PermissionsBoundaryDecisionDetail"] for one in answer["EvaluationResults"]]
    assert [one["AllowedByPermissionsBoundary"] for one in details] == [True, False]


def test_results_come_in_pages(emulator: RunningEmulator) -> None:
    ask = {
        "PolicyInputList": [document({"Action": "*", "Resource": "*"})],
        "ActionNames": ["s3:GetObject", "s3:PutObject"],
    }
    first = emulator.client("iam").simulate_custom_policy(**ask, MaxItems=1)
    assert (len(first["EvaluationResults"]), first["IsTruncated"]) == (1, True)
    second = emulator.client("iam").simulate_custom_policy(**ask, MaxItems=1, Marker=first["Marker"])
    assert (second["EvaluationResults"][0]["EvalActionName"], second["IsTruncated"]) == ("s3:PutObject", False)


def test_a_role_that_there_is_not_cannot_be_simulated(emulator: RunningEmulator) -> None:
    iam = emulator.client("iam")
    arn = "arn:aws:iam::123456789012:role/never-made"
    with pytest.raises(iam.exceptions.NoSuchEntityException, match="The role with name never-made cannot be found"):
        iam.simulate_principal_policy(PolicySourceArn=arn, ActionNames=["s3:GetObject"])
    assert code_of(iam.simulate_custom_policy, PolicyInputList=["{"], ActionNames=["s3:GetObject"]) == "InvalidInput"


def test_scalable_targets_have_tags_and_their_policies_go_with_them(emulator: RunningEmulator, unique: Names) -> None:
    scaling = emulator.client("application-autoscaling")
    target = {"ServiceNamespace": "sagemaker", "ResourceId": f"endpoint/{unique('e')}/variant/main",
              "ScalableDimension": "sagemaker:variant:DesiredInstanceCount"}  # fmt: skip
    assert code_of(scaling.deregister_scalable_target, **target) == "ObjectNotFoundException"
    policy = {"PolicyType": "TargetTrackingScaling", "TargetTrackingScalingPolicyConfiguration": {
        "TargetValue": 5.0, "PredefinedMetricSpecification": {
            "PredefinedMetricType": "SageMakerVariantInvocationsPerInstance"}}}  # fmt: skip
    assert code_of(scaling.put_scaling_policy, **target, PolicyName="p", **policy) == "ObjectNotFoundException"
    made = scaling.register_scalable_target(**target, MinCapacity=1, MaxCapacity=2, Tags={"a": "b"})
    arn = made["ScalableTargetARN"]
    scaling.put_scaling_policy(**target, PolicyName="p", **policy)
    scaling.tag_resource(ResourceARN=arn, Tags={"c": "d"})
    assert scaling.list_tags_for_resource(ResourceARN=arn)["Tags"] == {"a": "b", "c": "d"}
    emulator.restart()
    scaling.untag_resource(ResourceARN=arn, TagKeys=["a"])
    assert scaling.list_tags_for_resource(ResourceARN=arn)["Tags"] == {"c": "d"}
    absent = f"{arn}x"
    assert code_of(scaling.list_tags_for_resource, ResourceARN=absent) == "ResourceNotFoundException"
    scaling.deregister_scalable_target(**target)
    shown = scaling.describe_scaling_policies(ServiceNamespace="sagemaker", ResourceId=target["ResourceId"])
    assert shown["ScalingPolicies"] == []


def test_a_log_group_is_given_a_key_and_loses_it(emulator: RunningEmulator, unique: Names) -> None:
    logs, name = emulator.client("logs"), unique("group")
    key = emulator.client("kms").create_key()["KeyMetadata"]["Arn"]
    logs.create_log_group(logGroupName=name)
    logs.associate_kms_key(logGroupName=name, kmsKeyId=key)
    (group,) = logs.describe_log_groups(logGroupNamePrefix=name)["logGroups"]
    assert group["kmsKeyId"] == key
    logs.disassociate_kms_key(resourceIdentifier=group["arn"])
    assert "kmsKeyId" not in logs.describe_log_groups(logGroupNamePrefix=name)["logGroups"][0]
    assert code_of(logs.associate_kms_key, logGroupName=f"{name}-not", kmsKeyId=key) == "ResourceNotFoundException"
    assert code_of(logs.associate_kms_key, logGroupName=name, kmsKeyId=f"{key[:-4]}0000") == "InvalidParameterException"


def control(emulator: RunningEmulator, method: str, path: str, body: str = "") -> tuple[int, str]:
    """A request to S3's control plane, as Pulumi's provider makes it: the account in front of the host."""
    scope = "test/20260101/us-east-1/s3/aws4_request"
    headers = {"Authorization": f"AWS4-HMAC-SHA256 Credential={scope}, SignedHeaders=host, Signature=0",
               "x-amz-account-id": "123456789012", "Content-Type": "application/xml",
               "Host": f"123456789012.127.0.0.1:{emulator.port}"}  # fmt: skip
    request = urllib.request.Request(emulator.url + path, body.encode() or None, headers, method=method)
    try:
        with urllib.request.urlopen(request, timeout=10) as answer:
            return answer.status, answer.read().decode()
    except urllib.error.HTTPError as error:
        return error.code, error.read().decode()


def test_a_buckets_tags_are_read_and_changed_through_s3s_control_plane(
    emulator: RunningEmulator, unique: Names
) -> None:
    s3, name = emulator.client("s3"), unique("tags")
    s3.create_bucket(Bucket=name)
    s3.put_bucket_tagging(Bucket=name, Tagging={"TagSet": [{"Key": "a", "Value": "b & c"}]})
    path = f"/v20180820/tags/arn%3Aaws%3As3%3A%3A%3A{name}"
    status, body = control(emulator, "GET", path)
    assert status == 200
    assert "<Tag><Key>a</Key><Value>b &amp; c</Value></Tag>" in body
    tags = "<Tags><Tag><Key>k</Key><Value>v</Value></Tag></Tags>"
    added = f'<TagResourceRequest xmlns="http://awss3control.amazonaws.com/doc/2018-08-20/">{tags}</TagResourceRequest>'
    assert control(emulator, "POST", path, added)[0] == 204
    assert control(emulator, "DELETE", f"{path}?tagKeys=a")[0] == 204
    assert s3.get_bucket_tagging(Bucket=name)["TagSet"] == [{"Key": "k", "Value": "v"}]
    status, body = control(emulator, "GET", f"{path}-not")
    assert (status, "<Code>NoSuchBucket</Code>" in body) == (404, True)


def test_the_owner_pays_for_requests(emulator: RunningEmulator, unique: Names) -> None:
    s3, name = emulator.client("s3"), unique("payer")
    s3.create_bucket(Bucket=name)
    assert s3.get_bucket_request_payment(Bucket=name)["Payer"] == "BucketOwner"
    s3.put_bucket_request_payment(Bucket=name, RequestPaymentConfiguration={"Payer": "BucketOwner"})
    assert (
        code_of(s3.put_bucket_request_payment, Bucket=name, RequestPaymentConfiguration={"Payer": "Requester"})
        == "NotImplementedException"
    )


def test_a_budget_is_changed_tagged_and_has_subscribers(emulator: RunningEmulator, unique: Names) -> None:
    budgets, name = emulator.client("budgets"), unique("budget")
    account, arn = "123456789012", f"arn:aws:budgets::123456789012:budget/{name}"
    limit = {"BudgetName": name, "BudgetType": "COST", "TimeUnit": "MONTHLY"}
    mail = {"SubscriptionType": "EMAIL", "Address": "a@example.com"}
    notification = {"NotificationType": "ACTUAL", "ComparisonOperator": "GREATER_THAN", "Threshold": 80.0}
    budgets.create_budget(
        AccountId=account, Budget={**limit, "BudgetLimit": {"Amount": "10", "Unit": "USD"}},
        NotificationsWithSubscribers=[{"Notification": notification, "Subscribers": [mail]}],
        ResourceTags=[{"Key": "a", "Value": "b"}])  # fmt: skip
    budgets.update_budget(AccountId=account, NewBudget={**limit, "BudgetLimit": {"Amount": "20", "Unit": "USD"}})
    assert budgets.describe_budget(AccountId=account, BudgetName=name)["Budget"]["BudgetLimit"]["Amount"] == "20"
    ask = {"AccountId": account, "BudgetName": name, "Notification": {**notification, "ThresholdType": "PERCENTAGE"}}
    other = {"SubscriptionType": "EMAIL", "Address": "b@example.com"}
    budgets.create_subscriber(**ask, Subscriber=other)
    assert budgets.describe_subscribers_for_notification(**ask)["Subscribers"] == [mail, other]
    budgets.delete_subscriber(**ask, Subscriber=mail)
    assert budgets.describe_subscribers_for_notification(**ask)["Subscribers"] == [other]
    budgets.tag_resource(ResourceARN=arn, ResourceTags=[{"Key": "c", "Value": "d"}])
    budgets.untag_resource(ResourceARN=arn, ResourceTagKeys=["a"])
    assert budgets.list_tags_for_resource(ResourceARN=arn)["ResourceTags"] == [{"Key": "c", "Value": "d"}]
    assert code_of(budgets.list_tags_for_resource, ResourceARN=f"{arn}-not") == "NotFoundException"


def test_an_endpoint_of_a_vpc_is_a_gateway_unless_it_says_otherwise(emulator: RunningEmulator) -> None:
    ec2 = emulator.client("ec2")
    vpc = ec2.create_vpc(CidrBlock="10.9.0.0/16")["Vpc"]["VpcId"]
    made = ec2.create_vpc_endpoint(VpcId=vpc, ServiceName="com.amazonaws.us-east-1.s3")["VpcEndpoint"]
    assert made["VpcEndpointType"] == "Gateway"
    ec2.delete_vpc_endpoints(VpcEndpointIds=[made["VpcEndpointId"]])
    found = ec2.describe_vpc_endpoints(Filters=[{"Name": "vpc-id", "Values": [vpc]}])["VpcEndpoints"]
    assert [one["State"] for one in found] == ["deleted"]
