"""The foundation over time: one property changes, a deployment is killed, all of it is taken down; and refusals."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from aws_stack import KIT, AwsStack
from running_emulator import RunningEmulator

pytestmark = pytest.mark.slow

BASE = 'project="proj", stack="{stack}", region="{region}", tags={tags}'


def wanted(stack: str = "change", region: str = "eu-west-3", tags: str = "{}", more: str = "") -> str:
    return BASE.format(stack=stack, region=region, tags=tags) + more


def listed(emulator: RunningEmulator, region: str) -> dict[str, set[str]]:
    """Everything of the kinds that the foundation has, through boto3."""

    def of(service: str) -> Any:
        return emulator.client(service, region)

    keys = {k["KeyId"] for k in of("kms").list_keys()["Keys"]}
    usable = {k for k in keys if of("kms").describe_key(KeyId=k)["KeyMetadata"]["KeyState"] == "Enabled"}
    budgets = of("budgets").describe_budgets(AccountId="123456789012").get("Budgets", [])
    return {
        "buckets": {b["Name"] for b in of("s3").list_buckets()["Buckets"]},
        "keys": usable,
        "aliases": {a["AliasName"] for a in of("kms").list_aliases()["Aliases"] if "TargetKeyId" in a},
        "roles": {r["RoleName"] for r in of("iam").list_roles()["Roles"]},
        "repositories": {r["repositoryName"] for r in of("ecr").describe_repositories()["repositories"]},
        "groups": {g["logGroupName"] for g in of("logs").describe_log_groups()["logGroups"]},
        "topics": {t["TopicArn"] for t in of("sns").list_topics()["Topics"]},
        "alarms": {a["AlarmName"] for a in of("cloudwatch").describe_alarms()["MetricAlarms"]},
        "trails": {t["TrailARN"] for t in of("cloudtrail").describe_trails()["trailList"]},
        "budgets": {b["BudgetName"] for b in budgets},
        "vpcs": {v["VpcId"] for v in of("ec2").describe_vpcs()["Vpcs"]},
        "endpoints": {e["VpcEndpointId"] for e in of("ec2").describe_vpc_endpoints()["VpcEndpoints"]
                      if e["State"] != "deleted"},
        "security groups": {g["GroupId"] for g in of("ec2").describe_security_groups()["SecurityGroups"]},
    }  # fmt: skip


def test_destroy_leaves_nothing_and_up_after_it_works(emulator: RunningEmulator, tmp_path: Path) -> None:
    region = "eu-west-3"
    more = """, private=True, audit=True, endpoints=(WatchedEndpoint("iris", ("iris",)),),
        budget=WantedBudget("50", "USD")"""
    stack = AwsStack(tmp_path, emulator.url).foundation(wanted("gone", region, more=more), ("iris",))
    before = listed(emulator, region)
    stack.well("up")
    bucket = stack.state()["Bucket/bucket"]["id"]
    s3 = emulator.client("s3", region)
    for _ in range(2):
        s3.put_object(Bucket=bucket, Key="a", Body=b"x")
    after = listed(emulator, region)
    assert all(after[kind] - before[kind] for kind in after)
    stack.well("destroy")
    assert listed(emulator, region) == before
    stack.foundation(wanted("gone", region)).well("up")
    assert stack.state()["Bucket/bucket"]["id"] == bucket
    stack.well("destroy")


def test_a_changed_property_is_one_update_in_place(emulator: RunningEmulator, tmp_path: Path) -> None:
    stack = AwsStack(tmp_path, emulator.url)
    stack.foundation(wanted(more=', budget=WantedBudget("50", "USD")')).well("up")
    stack.foundation(wanted(more=', budget=WantedBudget("60", "USD")')).well("preview")
    assert stack.steps == [("update", "budget")]
    stack.well("up")
    assert stack.steps == [("update", "budget")]
    name = stack.state()["Budget/budget"]["outputs"]["name"]
    found = emulator.client("budgets").describe_budget(AccountId="123456789012", BudgetName=name)["Budget"]
    assert float(found["BudgetLimit"]["Amount"]) == 60
    stack.well("preview")
    assert not stack.steps
    stack.well("destroy")


def test_a_changed_tag_reaches_everything_that_has_tags(emulator: RunningEmulator, tmp_path: Path) -> None:
    stack = AwsStack(tmp_path, emulator.url)
    more = ', budget=WantedBudget("50", "USD"), endpoints=(WatchedEndpoint("iris", ("iris",)),)'
    stack.foundation(wanted("tags", tags='{"owner": "me"}', more=more), ("iris",)).well("up")
    stack.foundation(wanted("tags", tags='{"owner": "you"}', more=more), ("iris",)).well("up")
    assert {op for op, _ in stack.steps} == {"update"}
    role = stack.state()["Role/training"]["id"]
    tags = emulator.client("iam").list_role_tags(RoleName=role)["Tags"]
    assert {tag["Key"]: tag["Value"] for tag in tags}["owner"] == "you"
    stack.well("destroy")


def test_what_models_leave_behind_stays_readable_and_is_found_again(emulator: RunningEmulator, tmp_path: Path) -> None:
    region = "ca-central-1"
    stack = AwsStack(tmp_path, emulator.url).foundation(wanted("keeps", region, more=", keeps=True"))
    before = listed(emulator, region)
    stack.well("up")
    first = {name: stack.state()[name]["id"] for name in ("Bucket/bucket", "Key/key")}
    s3 = emulator.client("s3", region)
    s3.put_object(Bucket=first["Bucket/bucket"], Key="model", Body=b"kept")
    stack.well("destroy")
    left = listed(emulator, region)
    assert {kind: left[kind] - before[kind] for kind in left if left[kind] != before[kind]} == {
        "buckets": {first["Bucket/bucket"]}, "keys": {first["Key/key"]},
    }  # fmt: skip
    assert s3.get_object(Bucket=first["Bucket/bucket"], Key="model")["Body"].read() == b"kept"
    stack.well("up")
    assert {name: stack.state()[name]["id"] for name in first} == first
    stack.foundation(wanted("keeps", region)).well("up")
    stack.well("destroy")
    assert listed(emulator, region) == before


KILLED = """
import itertools, os, sys
sys.path[:0] = {paths!r}
from pathlib import Path
from aws_stack import KIT, AwsStack
from infra.engine.engine import EmbeddedEngine
from providers.aws.standin.servicer import AwsStandin

count = itertools.count(1)

class Dies(AwsStandin):
    def Create(self, request, context):
        reply = super().Create(request, context)
        if not request.preview and next(count) == {at}:
            os._exit(9)
        return reply

stack = AwsStack(Path({root!r}), {url!r}, name="killed")
stack.engine = EmbeddedEngine({{"aws": Dies}})
stack.run("up")
"""


@pytest.mark.parametrize("at", [1, 8, 30])
def test_a_killed_deployment_is_gone_on_with_and_nothing_is_there_twice(
    emulator: RunningEmulator, tmp_path: Path, at: int
) -> None:
    region = "ap-southeast-2"
    stack = AwsStack(tmp_path, emulator.url, name="killed")
    stack.foundation(wanted("killed", region, more=", private=True"))
    before = listed(emulator, region)
    paths = [str(KIT), str(KIT / "tests" / "providers" / "aws")]
    program = KILLED.format(paths=paths, root=str(tmp_path), url=emulator.url, at=at)
    assert subprocess.run([sys.executable, "-c", program], check=False, timeout=120).returncode == 9
    stack.well("up")
    after = listed(emulator, region)
    made = {kind: len(after[kind] - before[kind]) for kind in after}
    assert made == {
        "buckets": 1, "keys": 1, "aliases": 1, "roles": 2, "repositories": 1, "groups": 0, "topics": 1, "alarms": 0,
        "trails": 0, "budgets": 0, "vpcs": 1, "endpoints": 9, "security groups": 3,
    }  # fmt: skip
    stack.well("preview")
    assert not stack.steps
    stack.well("destroy")
    assert listed(emulator, region) == before


@pytest.mark.parametrize(
    ("region", "said"),
    [("eu-centrall-1", "did you mean 'eu-central-1'?"), ("mars-north-1", "AWS has no region 'mars-north-1'")],
)
def test_a_region_that_does_not_exist_is_refused_before_anything_is_made(
    emulator: RunningEmulator, tmp_path: Path, region: str, said: str
) -> None:
    stack = AwsStack(tmp_path, emulator.url).foundation(wanted(region=region))
    result = stack.run("up")
    assert not result.ok
    assert said in "\n".join([*result.errors, *stack.messages])
    assert not any(resource["type"].startswith("aws:") for resource in stack.state().values())


def test_a_role_that_somebody_else_has_by_the_name_is_left_alone(emulator: RunningEmulator, tmp_path: Path) -> None:
    stack = AwsStack(tmp_path, emulator.url).foundation(wanted("clash"))
    stack.well("up")
    name = stack.state()["Role/training"]["id"]
    stack.well("destroy")
    iam = emulator.client("iam")
    iam.create_role(RoleName=name, AssumeRolePolicyDocument='{"Version":"2012-10-17","Statement":[]}')
    result = stack.run("up")
    assert not result.ok
    assert f"Role with name {name} already exists" in "\n".join(result.errors)
    iam.delete_role(RoleName=name)
    stack.well("up")
    stack.well("destroy")
