"""The foundation, deployed to an emulator by the embedded engine: what is there then, through stock boto3."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest
from aws_stack import AwsStack
from running_emulator import RunningEmulator

REGION = "eu-central-1"
ACCOUNT = "123456789012"
WANTED = """
    project="proj", stack="dev", region="eu-central-1", tags={"owner": "me"}, private=True, audit=True,
    endpoints=(WatchedEndpoint("iris", ("iris", "rival"), max_error_percent=2, max_latency_ms=250),
               WatchedEndpoint("slow", ("iris",), mode="async", fixed_name="my-own-name")),
    budget=WantedBudget("50", "USD", ("a@b.example",)),
    images=("111122223333.dkr.ecr.eu-central-1.amazonaws.com/trainers/own:1",),
"""


@pytest.fixture(scope="module")
def stack(emulator: RunningEmulator, tmp_path_factory: pytest.TempPathFactory) -> Iterator[AwsStack]:
    """A stack with all there is, deployed once for this module and then only looked at."""
    made = AwsStack(tmp_path_factory.mktemp("stack"), emulator.url).foundation(WANTED, ("iris", "slow"))
    made.well("up")
    yield made
    made.well("destroy")


@pytest.fixture
def given(stack: AwsStack) -> dict[str, str]:
    """The stack's output: what its resources get of the foundation."""
    outputs = stack.state()["Stack/proj-dev"]["outputs"]
    return dict(outputs["foundation"])


@pytest.fixture
def client(emulator: RunningEmulator) -> Any:
    return lambda service: emulator.client(service, REGION)


def policy_of(client: Any, role_arn: str) -> list[dict[str, Any]]:
    name = role_arn.rpartition("/")[2]
    found = client("iam").get_role_policy(RoleName=name, PolicyName="mooring")["PolicyDocument"]
    return list(found["Statement"])


def as_mapping(tags: list[dict[str, str]], key: str = "Key", value: str = "Value") -> dict[str, str]:
    return {tag[key]: tag[value] for tag in tags}


@pytest.mark.parametrize("which", ["bucket", "trail"])
def test_buckets_are_versioned_encrypted_closed_and_over_tls_only(
    stack: AwsStack, given: dict[str, str], client: Any, which: str
) -> None:
    s3, name = client("s3"), stack.state()[f"Bucket/{which}"]["id"]
    assert s3.get_bucket_versioning(Bucket=name)["Status"] == "Enabled"
    rule = s3.get_bucket_encryption(Bucket=name)["ServerSideEncryptionConfiguration"]["Rules"][0]
    assert rule["ApplyServerSideEncryptionByDefault"] == {"SSEAlgorithm": "aws:kms", "KMSMasterKeyID": given["key"]}
    assert rule["BucketKeyEnabled"]
    assert set(s3.get_public_access_block(Bucket=name)["PublicAccessBlockConfiguration"].values()) == {True}
    ownership = s3.get_bucket_ownership_controls(Bucket=name)["OwnershipControls"]["Rules"]
    assert ownership == [{"ObjectOwnership": "BucketOwnerEnforced"}]
    denied = json.loads(s3.get_bucket_policy(Bucket=name)["Policy"])["Statement"][0]
    assert (denied["Effect"], denied["Principal"], denied["Action"]) == ("Deny", "*", "s3:*")
    assert denied["Condition"] == {"Bool": {"aws:SecureTransport": "false"}}
    assert denied["Resource"] == [f"arn:aws:s3:::{name}", f"arn:aws:s3:::{name}/*"]
    rules = s3.get_bucket_lifecycle_configuration(Bucket=name)["Rules"]
    assert rules[0]["NoncurrentVersionExpiration"] == {"NoncurrentDays": 30}
    assert rules[0]["AbortIncompleteMultipartUpload"] == {"DaysAfterInitiation": 7}
    assert [rule.get("Expiration") for rule in rules[1:]] == ([{"Days": 365}] if which == "trail" else [])


def test_the_key_is_rotated_and_usable_by_the_account_and_no_other(given: dict[str, str], client: Any) -> None:
    kms = client("kms")
    assert kms.get_key_rotation_status(KeyId=given["key"])["KeyRotationEnabled"]
    statements = json.loads(kms.get_key_policy(KeyId=given["key"], PolicyName="default")["Policy"])["Statement"]
    assert [one["Principal"] for one in statements if "AWS" in one["Principal"]] == [
        {"AWS": f"arn:aws:iam::{ACCOUNT}:root"}
    ]
    assert all(one.get("Condition") for one in statements if "Service" in one["Principal"])
    aliases = kms.list_aliases(KeyId=given["key"])["Aliases"]
    assert [alias["AliasName"].startswith("alias/proj-dev-") for alias in aliases] == [True]


@pytest.mark.parametrize("role", ["trainingRole", "servingRole"])
def test_roles_are_for_sagemaker_in_this_account_and_region_alone(
    given: dict[str, str], client: Any, role: str
) -> None:
    name = given[role].rpartition("/")[2]
    found = client("iam").get_role(RoleName=name)["Role"]["AssumeRolePolicyDocument"]["Statement"]
    assert len(found) == 1
    assert found[0]["Principal"] == {"Service": "sagemaker.amazonaws.com"}
    assert found[0]["Condition"] == {
        "StringEquals": {"aws:SourceAccount": ACCOUNT},
        "ArnLike": {"aws:SourceArn": f"arn:aws:sagemaker:{REGION}:{ACCOUNT}:*"},
    }
    assert not client("iam").list_attached_role_policies(RoleName=name)["AttachedPolicies"]
    assert client("iam").list_role_policies(RoleName=name)["PolicyNames"] == ["mooring"]


@pytest.mark.parametrize("role", ["trainingRole", "servingRole"])
def test_policies_allow_no_wildcard_action_and_no_wildcard_resource_without_need(
    given: dict[str, str], client: Any, role: str
) -> None:
    for statement in policy_of(client, given[role]):
        if statement["Effect"] == "Deny":
            assert statement["Condition"]["StringNotEquals"] == {"aws:RequestedRegion": [REGION]}
            continue
        assert not any("*" in action for action in statement["Action"]), statement
        if "*" in statement["Resource"]:  # AWS takes no resource for these
            assert statement["Sid"] in ("Registry", "Metrics", "Networks")


def test_what_the_roles_may_do_by_iam_s_own_reckoning(given: dict[str, str], client: Any) -> None:
    bucket, other = f"arn:aws:s3:::{given['bucket']}", "arn:aws:s3:::somebody-else"
    region = [{"ContextKeyName": "aws:RequestedRegion", "ContextKeyType": "string", "ContextKeyValues": [REGION]}]
    elsewhere = [{**region[0], "ContextKeyValues": ["us-east-1"]}]

    def allowed(role: str, action: str, resource: str = "*", context: Any = region) -> bool:
        answer = client("iam").simulate_principal_policy(
            PolicySourceArn=given[role], ActionNames=[action], ResourceArns=[resource], ContextEntries=context
        )
        return bool(answer["EvaluationResults"][0]["EvalDecision"] == "allowed")

    for role in ("trainingRole", "servingRole"):
        assert allowed(role, "s3:GetObject", f"{bucket}/data/iris.csv")
        assert allowed(role, "s3:PutObject", f"{bucket}/runs/1/model.tar.gz")
        assert allowed(role, "kms:Decrypt", given["key"])
        assert allowed(role, "ecr:GetAuthorizationToken")
        assert allowed(role, "ec2:DescribeVpcs")
        assert allowed(role, "ecr:BatchGetImage", "arn:aws:ecr:eu-central-1:111122223333:repository/trainers/own")
        assert allowed(role, "logs:PutLogEvents", f"arn:aws:logs:{REGION}:{ACCOUNT}:log-group:/aws/sagemaker/x")
        assert not allowed(role, "s3:GetObject", f"{other}/x")
        assert not allowed(role, "s3:DeleteObject", f"{bucket}/data/iris.csv")
        assert not allowed(role, "s3:DeleteBucket", bucket)
        assert not allowed(role, "kms:ScheduleKeyDeletion", given["key"])
        assert not allowed(role, "iam:PassRole", given[role])
        assert not allowed(role, "sagemaker:CreateEndpoint")
        assert not allowed(role, "s3:GetObject", f"{bucket}/data/iris.csv", elsewhere)
    assert allowed("servingRole", "sns:Publish", given["alarms"])  # there is an asynchronous endpoint
    assert not allowed("trainingRole", "sns:Publish", given["alarms"])


def test_the_registry_scans_never_overwrites_and_forgets(stack: AwsStack, given: dict[str, str], client: Any) -> None:
    ecr, name = client("ecr"), stack.state()["Repository/images"]["id"]
    found = ecr.describe_repositories(repositoryNames=[name])["repositories"][0]
    assert found["repositoryUri"] == given["registry"]
    assert found["imageTagMutability"] == "IMMUTABLE"
    assert found["imageScanningConfiguration"] == {"scanOnPush": True}
    assert found["encryptionConfiguration"] == {"encryptionType": "KMS", "kmsKey": given["key"]}
    rules = json.loads(ecr.get_lifecycle_policy(repositoryName=name)["lifecyclePolicyText"])["rules"]
    assert {rule["selection"]["tagStatus"] for rule in rules} == {"untagged", "any"}


def test_logs_of_endpoints_are_encrypted_and_end(given: dict[str, str], client: Any) -> None:
    groups = client("logs").describe_log_groups(logGroupNamePrefix="/aws/sagemaker/Endpoints/")["logGroups"]
    found = {group["logGroupName"]: (group["retentionInDays"], group["kmsKeyId"]) for group in groups}
    [iris] = [name for name in found if name.startswith("/aws/sagemaker/Endpoints/iris-")]
    assert found[iris] == (30, given["key"])
    assert found["/aws/sagemaker/Endpoints/my-own-name"] == (30, given["key"])


def test_every_model_of_every_endpoint_is_watched(given: dict[str, str], client: Any) -> None:
    alarms = client("cloudwatch").describe_alarms(AlarmNamePrefix="proj-dev-")["MetricAlarms"]
    by = {}
    for alarm in alarms:
        about = as_mapping(alarm["Dimensions"], "Name")
        by[about["EndpointName"], about["VariantName"], alarm["MetricName"]] = alarm
    names = {("proj-dev-iris", variant) for variant in ("iris", "rival")}
    expected = {(*name, metric) for name in names for metric in ("Invocation5XXErrors", "ModelLatency", "Invocations")}
    slow = {("proj-dev-slow", "iris", m) for m in ("InvocationFailures", "TimeInBacklog", "InvocationsProcessed")}
    assert set(by) == expected | slow
    errors = by["proj-dev-iris", "iris", "Invocation5XXErrors"]
    assert (errors["Statistic"], errors["Threshold"]) == ("Average", 0.02)
    latency = by["proj-dev-iris", "iris", "ModelLatency"]
    assert (latency["ExtendedStatistic"], latency["Threshold"]) == ("p99", 250_000)
    quiet = by["proj-dev-iris", "iris", "Invocations"]
    assert (quiet["ComparisonOperator"], quiet["TreatMissingData"]) == ("LessThanThreshold", "breaching")
    assert all(alarm["AlarmActions"] == [given["alarms"]] for alarm in alarms)


def test_alarms_may_publish_to_the_encrypted_topic(given: dict[str, str], client: Any) -> None:
    found = client("sns").get_topic_attributes(TopicArn=given["alarms"])["Attributes"]
    assert found["KmsMasterKeyId"] == given["key"]
    allow, deny = json.loads(found["Policy"])["Statement"]
    assert allow["Principal"] == {"Service": ["cloudwatch.amazonaws.com", "budgets.amazonaws.com"]}
    assert allow["Condition"] == {"StringEquals": {"aws:SourceAccount": ACCOUNT}}
    assert (deny["Effect"], deny["Condition"]) == ("Deny", {"Bool": {"aws:SecureTransport": "false"}})


def test_a_private_network_has_no_way_to_the_internet(stack: AwsStack, client: Any) -> None:
    ec2, state = client("ec2"), stack.state()
    vpc = state["Vpc/network"]["id"]
    own = [{"Name": "vpc-id", "Values": [vpc]}]
    attached = [{"Name": "attachment.vpc-id", "Values": [vpc]}]
    assert not ec2.describe_internet_gateways(Filters=attached)["InternetGateways"]
    assert not ec2.describe_nat_gateways(Filter=own)["NatGateways"]
    subnets = ec2.describe_subnets(Filters=own)["Subnets"]
    assert len({subnet["AvailabilityZone"] for subnet in subnets}) == 2
    assert not any(subnet["MapPublicIpOnLaunch"] for subnet in subnets)
    assert sorted(stack.state()["Stack/proj-dev"]["outputs"]["subnets"]) == sorted(s["SubnetId"] for s in subnets)
    tables = ec2.describe_route_tables(Filters=own)["RouteTables"]
    gateways = {route.get("GatewayId", "") for table in tables for route in table["Routes"]}
    assert all(gateway in ("local", "") or gateway.startswith("vpce-") for gateway in gateways)
    group = state["SecurityGroup/jobs"]["id"]
    rules = ec2.describe_security_group_rules(Filters=[{"Name": "group-id", "Values": [group]}])["SecurityGroupRules"]
    assert not any(rule.get("CidrIpv4") or rule.get("CidrIpv6") for rule in rules)


def test_a_private_network_reaches_the_services_that_jobs_need(
    stack: AwsStack, given: dict[str, str], client: Any
) -> None:
    vpc = stack.state()["Vpc/network"]["id"]
    found = client("ec2").describe_vpc_endpoints(Filters=[{"Name": "vpc-id", "Values": [vpc]}])["VpcEndpoints"]
    by_service = {one["ServiceName"].removeprefix(f"com.amazonaws.{REGION}."): one for one in found}
    assert set(by_service) == {
        "s3", "sagemaker.api", "sagemaker.runtime", "ecr.api", "ecr.dkr", "kms", "logs", "monitoring", "sts",
    }  # fmt: skip
    assert by_service.pop("s3")["VpcEndpointType"] == "Gateway"
    assert all(one["VpcEndpointType"] == "Interface" and one["PrivateDnsEnabled"] for one in by_service.values())
    policy = json.loads(stack.state()["VpcEndpoint/s3"]["outputs"]["policy"])["Statement"]
    assert policy[0]["Resource"] == [f"arn:aws:s3:::{given['bucket']}", f"arn:aws:s3:::{given['bucket']}/*"]


def test_the_audit_trail_records_who_touches_the_bucket(stack: AwsStack, given: dict[str, str], client: Any) -> None:
    trails, arn = client("cloudtrail"), stack.state()["Trail/trail"]["id"]
    assert trails.get_trail_status(Name=arn)["IsLogging"]
    found = trails.get_trail(Name=arn)["Trail"]
    assert found["LogFileValidationEnabled"]
    assert found["S3BucketName"] == stack.state()["Bucket/trail"]["id"] != given["bucket"]
    fields = trails.get_event_selectors(TrailName=arn)["AdvancedEventSelectors"][0]["FieldSelectors"]
    assert {"Field": "resources.ARN", "StartsWith": [f"arn:aws:s3:::{given['bucket']}/"]} in fields


def test_the_budget_counts_this_stack_and_warns(stack: AwsStack, client: Any) -> None:
    named = {"AccountId": ACCOUNT, "BudgetName": stack.state()["Budget/budget"]["outputs"]["name"]}
    budget = client("budgets").describe_budget(**named)["Budget"]
    assert float(budget["BudgetLimit"]["Amount"]) == 50
    assert budget["CostFilters"] == {"TagKeyValue": ["user:mooring:stack$dev"]}
    warnings = client("budgets").describe_notifications_for_budget(**named)["Notifications"]
    assert {(one["NotificationType"], one["Threshold"]) for one in warnings} == {
        ("ACTUAL", 80.0), ("FORECASTED", 100.0), ("ACTUAL", 100.0),
    }  # fmt: skip


def test_everything_carries_the_stack_s_tags(stack: AwsStack) -> None:
    own = {"owner": "me", "mooring:project": "proj", "mooring:stack": "dev"}
    untaggable = {"Alias", "RolePolicy", "LifecyclePolicy", "TopicPolicy", "RouteTableAssociation", "Provider", "Stack"}
    seen = 0
    for key, resource in stack.state().items():
        kind = key.partition("/")[0]
        is_part = kind.startswith("Bucket") and kind != "Bucket"
        if not resource["type"].startswith("aws:") or kind in untaggable or is_part:
            continue
        assert own.items() <= resource["outputs"]["tags"].items(), key
        seen += 1
    assert seen > 25


def test_the_credentials_of_the_emulator_are_not_in_the_state_as_text(stack: AwsStack) -> None:
    provider = next(resource for key, resource in stack.state().items() if key == "aws/aws")
    assert set(provider["inputs"]["accessKey"]) == {"4dabf18193072939515e22adb298388d", "ciphertext"}
    assert "profile" not in provider["inputs"]


def test_nothing_changes_in_a_preview_a_refresh_and_a_second_deployment(stack: AwsStack) -> None:
    for verb in ("preview", "refresh", "preview", "up"):
        stack.well(verb)
        assert not stack.steps
