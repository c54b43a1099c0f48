"""Every type that the stand-in serves, through its whole life, as an engine asks for it."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest
from standin_kit import Engine

from providers.aws.standin import catalogue

Inputs = dict[str, Any]
Case = tuple[Inputs, Inputs]
"""Inputs of a resource, and what an update changes in them."""
Make = Callable[[Engine, str], Case]
TAGS, OTHER = {"owner": "me", "stack": "dev"}, {"owner": "you", "more": "x"}


def document(*actions: str, principal: str = "") -> str:
    who = {"Principal": {"Service": principal}} if principal else {}
    statement = {"Effect": "Allow", "Action": list(actions), **({"Resource": "*"} if not principal else {}), **who}
    return json.dumps({"Version": "2012-10-17", "Statement": [statement]})


def bucket(engine: Engine, name: str) -> str:
    return engine.create("aws:s3/bucket:Bucket", {"bucket": name, "forceDestroy": True, "tags": TAGS}, "b").id


def key(engine: Engine) -> str:
    return engine.create("aws:kms/key:Key", {"description": "k", "tags": TAGS}, "k").id


def part(value: Inputs, change: Inputs) -> Make:
    return lambda engine, name: ({"bucket": bucket(engine, name), **value}, change)


def bucket_policy(engine: Engine, name: str) -> Case:
    def text(action: str) -> str:
        statement = {"Effect": "Deny", "Principal": "*", "Action": action, "Resource": f"arn:aws:s3:::{name}/*"}
        return json.dumps({"Version": "2012-10-17", "Statement": [statement]})

    return {"bucket": bucket(engine, name), "policy": text("s3:PutObject")}, {"policy": text("s3:DeleteObject")}


def rules(days: int) -> Inputs:
    rule = {"id": "old", "status": "Enabled", "filter": {"prefix": ""},
            "noncurrentVersionExpiration": {"noncurrentDays": days}}  # fmt: skip
    return {"rules": [rule]}


def encrypted(engine: Engine, name: str) -> Case:
    def with_(algorithm: str, **more: str) -> Inputs:
        default = {"sseAlgorithm": algorithm, **more}
        return {"rules": [{"applyServerSideEncryptionByDefault": default, "bucketKeyEnabled": True}]}

    return {"bucket": bucket(engine, name), **with_("AES256")}, with_("aws:kms", kmsMasterKeyId=key(engine))


def role_policy(engine: Engine, name: str) -> Case:
    trust = document("sts:AssumeRole", principal="sagemaker.amazonaws.com")
    role = engine.create("aws:iam/role:Role", {"name": name, "assumeRolePolicy": trust}, "r").id
    return {"role": role, "name": "p", "policy": document("s3:GetObject")}, {"policy": document("s3:ListBucket")}


def repository_policy(engine: Engine, name: str) -> Case:
    def text(count: int) -> str:
        selection = {"tagStatus": "any", "countType": "imageCountMoreThan", "countNumber": count}
        return json.dumps({"rules": [{"rulePriority": 1, "selection": selection, "action": {"type": "expire"}}]})

    made = engine.create("aws:ecr/repository:Repository", {"name": name, "tags": TAGS}, "r").id
    return {"repository": made, "policy": text(3)}, {"policy": text(4)}


def topic_policy(engine: Engine, name: str) -> Case:
    arn = engine.create("aws:sns/topic:Topic", {"name": name, "tags": TAGS}, "t").id

    def text(service: str) -> str:
        who = {"Effect": "Allow", "Principal": {"Service": service}, "Action": "sns:Publish", "Resource": arn}
        return json.dumps({"Version": "2012-10-17", "Statement": [who]})

    return {"arn": arn, "policy": text("cloudwatch.amazonaws.com")}, {"policy": text("budgets.amazonaws.com")}


def alarm(engine: Engine, name: str) -> Case:
    given = {
        "name": name, "comparisonOperator": "GreaterThanThreshold", "evaluationPeriods": 5, "datapointsToAlarm": 3,
        "metricName": "Invocation5XXErrors", "namespace": "AWS/SageMaker", "period": 60, "statistic": "Average",
        "threshold": 0.05, "dimensions": {"EndpointName": "e", "VariantName": "v"}, "treatMissingData": "notBreaching",
        "alarmDescription": "too many", "tags": TAGS,
    }  # fmt: skip
    return given, {"threshold": 0.1, "tags": OTHER}


def trail(engine: Engine, name: str) -> Case:
    def selectors(start: str) -> Inputs:
        fields = [{"field": "eventCategory", "equals": ["Data"]}, {"field": "resources.ARN", "startsWiths": [start]}]
        return {"advancedEventSelectors": [{"name": "data", "fieldSelectors": fields}]}

    given = {"name": name, "s3BucketName": bucket(engine, name), "enableLogFileValidation": True, "tags": TAGS}
    return {**given, **selectors("arn:aws:s3:::a/")}, {**selectors("arn:aws:s3:::b/"), "enableLogging": False}


def budget(engine: Engine, name: str) -> Case:
    def warns(percent: float) -> Inputs:
        about = {"comparisonOperator": "GREATER_THAN", "notificationType": "ACTUAL", "threshold": percent,
                 "thresholdType": "PERCENTAGE", "subscriberEmailAddresses": ["a@b.example"]}  # fmt: skip
        return {"notifications": [about]}

    given = {"name": name, "budgetType": "COST", "timeUnit": "MONTHLY", "limitAmount": "50", "limitUnit": "USD"}
    return {**given, **warns(80), "tags": TAGS}, {"limitAmount": "70.5", **warns(90), "tags": OTHER}


def vpc(engine: Engine) -> str:
    inputs = {"cidrBlock": "10.9.0.0/16", "enableDnsHostnames": True, "tags": TAGS}
    return engine.create("aws:ec2/vpc:Vpc", inputs, "v").id


def subnet(engine: Engine, network: str, cidr: str = "10.9.0.0/24") -> str:
    return engine.create("aws:ec2/subnet:Subnet", {"vpcId": network, "cidrBlock": cidr, "tags": TAGS}, "s").id


def group(engine: Engine, network: str, name: str) -> str:
    return engine.create("aws:ec2/securityGroup:SecurityGroup", {"name": name, "vpcId": network}, "g").id


def association(engine: Engine, name: str) -> Case:
    network = vpc(engine)
    table = engine.create("aws:ec2/routeTable:RouteTable", {"vpcId": network, "tags": TAGS}, "t").id
    return {"routeTableId": table, "subnetId": subnet(engine, network)}, {}


def rule(engine: Engine, name: str) -> Case:
    made = group(engine, vpc(engine), name)
    given = {"securityGroupId": made, "ipProtocol": "tcp", "fromPort": 443, "toPort": 443, "cidrIpv4": "10.9.0.0/16"}
    return {**given, "tags": TAGS}, {"tags": OTHER}


def interface(engine: Engine, name: str) -> Case:
    network = vpc(engine)
    first, second = subnet(engine, network), subnet(engine, network, "10.9.1.0/24")
    given = {
        "vpcId": network, "serviceName": "com.amazonaws.eu-west-1.sts", "vpcEndpointType": "Interface",
        "subnetIds": [first], "securityGroupIds": [group(engine, network, name)], "privateDnsEnabled": True,
        "tags": TAGS,
    }  # fmt: skip
    return given, {"subnetIds": [first, second]}


CASES: dict[str, Make] = {
    "aws:s3/bucket:Bucket": lambda engine, name: ({"bucket": name, "tags": TAGS}, {"tags": OTHER}),
    "aws:s3/bucketVersioning:BucketVersioning": part(
        {"versioningConfiguration": {"status": "Enabled"}}, {"versioningConfiguration": {"status": "Suspended"}}
    ),
    "aws:s3/bucketServerSideEncryptionConfiguration:BucketServerSideEncryptionConfiguration": encrypted,
    "aws:s3/bucketPublicAccessBlock:BucketPublicAccessBlock": part(
        {"blockPublicAcls": True, "blockPublicPolicy": True}, {"ignorePublicAcls": True}
    ),
    "aws:s3/bucketOwnershipControls:BucketOwnershipControls": part(
        {"rule": {"objectOwnership": "BucketOwnerEnforced"}}, {"rule": {"objectOwnership": "BucketOwnerPreferred"}}
    ),
    "aws:s3/bucketPolicy:BucketPolicy": bucket_policy,
    "aws:s3/bucketLifecycleConfiguration:BucketLifecycleConfiguration": part(rules(30), rules(31)),
    "aws:kms/key:Key": lambda engine, name: (
        {"description": name, "enableKeyRotation": True, "deletionWindowInDays": 7, "tags": TAGS},
        {"description": "other", "enableKeyRotation": False, "tags": OTHER},
    ),
    "aws:kms/alias:Alias": lambda engine, name: (
        {"name": f"alias/{name}", "targetKeyId": key(engine)},
        {"targetKeyId": key(engine)},
    ),
    "aws:iam/role:Role": lambda engine, name: (
        {"name": name, "assumeRolePolicy": document("sts:AssumeRole", principal="sagemaker.amazonaws.com"),
         "description": "d", "tags": TAGS},
        {"assumeRolePolicy": document("sts:AssumeRole", principal="codebuild.amazonaws.com"), "tags": OTHER},
    ),
    "aws:iam/rolePolicy:RolePolicy": role_policy,
    "aws:ecr/repository:Repository": lambda engine, name: (
        {"name": name, "imageTagMutability": "IMMUTABLE", "imageScanningConfiguration": {"scanOnPush": True},
         "tags": TAGS},
        {"imageTagMutability": "MUTABLE", "imageScanningConfiguration": {"scanOnPush": False}, "tags": OTHER},
    ),
    "aws:ecr/lifecyclePolicy:LifecyclePolicy": repository_policy,
    "aws:cloudwatch/logGroup:LogGroup": lambda engine, name: (
        {"name": f"/x/{name}", "retentionInDays": 30, "tags": TAGS}, {"retentionInDays": 7, "tags": OTHER}
    ),
    "aws:cloudwatch/metricAlarm:MetricAlarm": alarm,
    "aws:sns/topic:Topic": lambda engine, name: (
        {"name": name, "displayName": "one", "tags": TAGS}, {"displayName": "two", "tags": OTHER}
    ),
    "aws:sns/topicPolicy:TopicPolicy": topic_policy,
    "aws:cloudtrail/trail:Trail": trail,
    "aws:budgets/budget:Budget": budget,
    "aws:ec2/vpc:Vpc": lambda engine, name: (
        {"cidrBlock": "10.8.0.0/16", "enableDnsHostnames": True, "tags": {"Name": name}},
        {"enableDnsHostnames": False, "tags": {"Name": name, "more": "x"}},
    ),
    "aws:ec2/subnet:Subnet": lambda engine, name: (
        {"vpcId": vpc(engine), "cidrBlock": "10.9.7.0/24", "availabilityZone": "eu-west-1b", "tags": {"Name": name}},
        {"tags": OTHER},
    ),
    "aws:ec2/routeTable:RouteTable": lambda engine, name: (
        {"vpcId": vpc(engine), "tags": {"Name": name}}, {"tags": OTHER}
    ),
    "aws:ec2/routeTableAssociation:RouteTableAssociation": association,
    "aws:ec2/securityGroup:SecurityGroup": lambda engine, name: (
        {"vpcId": vpc(engine), "name": name, "description": "d", "tags": TAGS}, {"tags": OTHER}
    ),
    "aws:vpc/securityGroupIngressRule:SecurityGroupIngressRule": rule,
    "aws:vpc/securityGroupEgressRule:SecurityGroupEgressRule": rule,
    "aws:ec2/vpcEndpoint:VpcEndpoint": interface,
}  # fmt: skip


def test_every_type_that_is_served_is_tested_here() -> None:
    assert set(CASES) == set(catalogue.kinds())


@pytest.mark.parametrize("token", sorted(CASES), ids=lambda token: token.rpartition(":")[2])
def test_a_resource_is_made_read_changed_imported_and_deleted(
    engine: Engine, unique: Callable[[str], str], token: str
) -> None:
    given, change = CASES[token](engine, unique("standin"))
    made = engine.create(token, given)
    kind = catalogue.kind(token)
    assert made.id
    assert made.outputs["id"] == made.id
    assert set(kind.computed) - {"prefixListId"} <= set(made.outputs)
    assert all(made.outputs[name] == value for name, value in given.items())
    assert (made.outputs.get("region") == "eu-west-1") == kind.regional
    assert made.outputs.get("tagsAll") == given.get("tags")

    assert engine.diff(token, made, given).changes == "none"
    refreshed = engine.read(token, made)
    assert refreshed is not None
    assert refreshed.inputs == made.inputs
    assert refreshed.outputs == made.outputs

    if change:
        wanted = {**given, **change}
        found = engine.diff(token, made, wanted)
        assert found.changes == "some"
        assert set(found.changed_keys) == set(change)
        assert not found.replace_keys
        made = engine.update(token, made, wanted)
        refreshed = engine.read(token, made)
        assert refreshed is not None
        assert refreshed.inputs == made.inputs
        assert all(refreshed.outputs[name] == value for name, value in wanted.items())

    imported = engine.import_(token, made.id)
    assert imported is not None
    assert imported.inputs is not None
    comparable = {name: value for name, value in (made.inputs or {}).items() if name not in kind.kept}
    assert {name: imported.inputs.get(name) for name in comparable} == comparable or kind.documents
    assert not engine.check(token, dict(imported.inputs)).failures

    engine.delete(token, made)
    engine.delete(token, made)  # a second time is no failure
    if not token.endswith(("BucketVersioning", "TopicPolicy")):  # a bucket and a topic are never without one
        assert engine.read(token, made) is None


@pytest.mark.parametrize(
    "token", sorted(t for t in CASES if catalogue.kind(t).find), ids=lambda t: t.rpartition(":")[2]
)
def test_what_a_killed_creation_left_is_found_again(engine: Engine, unique: Callable[[str], str], token: str) -> None:
    given, _ = CASES[token](engine, unique("standin"))
    first = engine.create(token, given)
    another = Engine(engine.provider.servicer._configured[""].clients.endpoint_url)  # the next process
    assert another.create(token, given).id == first.id
