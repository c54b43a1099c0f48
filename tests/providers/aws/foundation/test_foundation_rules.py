"""Names, accounts, and the grants of the roles, without a deployment."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pulumi
import pytest

from providers.aws.foundation import account, grants, naming
from providers.aws.foundation.stack import Stack
from providers.aws.naming import stable_name
from providers.contract import Ownership
from providers.foundation import Wanted, WatchedEndpoint


def stack_of(wanted: Wanted) -> Stack:
    nothing: Any = None
    return Stack(wanted, "111122223333", nothing, nothing)


def test_endpoints_are_called_as_the_adapter_calls_them() -> None:
    urn = "urn:pulumi:dev::proj::mooring:infra:Hosting$moor:index:Endpoint::iris"
    endpoint = WatchedEndpoint("iris", ("iris",), urn)
    assert naming.endpoint_name("proj", "dev", endpoint) == stable_name("iris", Ownership("proj", "dev", urn, ""))
    assert naming.endpoint_name("proj", "dev", replace(endpoint, fixed_name="my-own")) == "my-own"


def test_long_names_stay_within_the_limits() -> None:
    name = naming.stack_name("a-very-long_Project.name" * 4, "training", "12345678", 64)
    assert len(name) <= 64
    assert name.startswith("a-very-long-project-name")
    assert name.endswith("-training-12345678")


def test_the_same_stack_in_another_account_or_region_has_other_names() -> None:
    found = {naming.unique_part("p", "s", account, region) for account in ("1", "2") for region in ("a", "b")}
    assert len(found) == 4


def test_arns_follow_the_region_s_partition() -> None:
    chinese = stack_of(Wanted("p", "s", "cn-north-1"))
    assert chinese.arn("sagemaker", "*") == "arn:aws-cn:sagemaker:cn-north-1:111122223333:*"
    assert stack_of(Wanted("p", "s", "us-gov-west-1")).partition == "aws-us-gov"


class Caller:
    account_id = "999988887777"


def test_another_account_than_the_pinned_one_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(account.aws, "get_caller_identity", lambda opts: Caller())
    monkeypatch.setattr(pulumi, "InvokeOptions", lambda provider: None)
    nothing: Any = None
    with pytest.raises(pulumi.RunError, match="pinned to the AWS account 111122223333") as refused:
        account.account_of(nothing, Wanted("p", "dev", "eu-central-1", account="111122223333"))
    assert "999988887777; nothing was made" in str(refused.value)
    assert account.account_of(nothing, Wanted("p", "dev", "eu-central-1")) == "999988887777"
    monkeypatch.setenv("MOORING_AWS_ENDPOINT", "http://127.0.0.1:1")
    assert account.account_of(nothing, Wanted("p", "dev", "eu-central-1", account="111122223333")) == "999988887777"


TARGETS = grants.Targets("arn:aws:s3:::b", "arn:key", "arn:repository", "arn:topic")


@pytest.mark.parametrize("role", ["training", "serving"])
def test_every_grant_has_a_reason_and_is_in_the_table(role: grants.Role) -> None:
    stack = stack_of(Wanted("p", "s", "eu-central-1"))
    table = grants.table(stack, role, TARGETS)
    for grant in grants.grants(stack, role, TARGETS):
        assert len(grant.reason) > 20
        assert grant.reason in table
        assert all(f"`{action}`" in table for action in grant.actions)


def test_a_public_stack_s_roles_touch_no_network() -> None:
    public = grants.document(stack_of(Wanted("p", "s", "eu-central-1")), "training", TARGETS)
    assert not any(action.startswith("ec2:") for one in public["Statement"] for action in one["Action"])
    private = grants.Targets("arn:aws:s3:::b", "arn:key", "arn:repo", "", ("subnet-1",), ("sg-1",))
    found = grants.document(stack_of(Wanted("p", "s", "eu-central-1", private=True)), "training", private)
    interfaces = next(one for one in found["Statement"] if one["Sid"] == "Interfaces")
    assert "arn:aws:ec2:eu-central-1:111122223333:subnet/subnet-1" in interfaces["Resource"]


@pytest.mark.parametrize(
    ("address", "arn"),
    [
        ("444455556666.dkr.ecr.us-east-1.amazonaws.com/a/b:1", "arn:aws:ecr:us-east-1:444455556666:repository/a/b"),
        ("444455556666.dkr.ecr.us-east-1.amazonaws.com/a@sha256:0", "arn:aws:ecr:us-east-1:444455556666:repository/a"),
        ("ghcr.io/somebody/image:1", ""),
        ("scikit-learn", ""),
    ],
)
def test_images_that_settings_name_may_be_pulled(address: str, arn: str) -> None:
    assert grants.image_arn(stack_of(Wanted("p", "s", "eu-central-1")), address) == arn
