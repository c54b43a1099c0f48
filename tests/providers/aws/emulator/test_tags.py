"""Tags of whatever has an ARN."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from botocore.exceptions import ClientError
from running_emulator import RunningEmulator

Unique = Callable[[str], str]


@pytest.fixture
def sagemaker(emulator: RunningEmulator) -> Any:
    """A client."""
    return emulator.client("sagemaker")


@pytest.fixture
def group(sagemaker: Any, unique: Unique) -> str:
    """The ARN of a group with one tag; its name has capitals, which its ARN has not."""
    made = sagemaker.create_model_package_group(
        ModelPackageGroupName=unique("Tagged"), Tags=[{"Key": "owner", "Value": "me"}]
    )
    return str(made["ModelPackageGroupArn"])


def tags(sagemaker: Any, arn: str) -> dict[str, str]:
    """All tags of a thing."""
    return {tag["Key"]: tag["Value"] for tag in sagemaker.list_tags(ResourceArn=arn)["Tags"]}


def test_tags_are_added_replaced_and_removed(sagemaker: Any, group: str) -> None:
    assert tags(sagemaker, group) == {"owner": "me"}
    added = sagemaker.add_tags(
        ResourceArn=group, Tags=[{"Key": "owner", "Value": "you"}, {"Key": "größe", "Value": ""}]
    )
    assert {tag["Key"]: tag["Value"] for tag in added["Tags"]} == {"owner": "you", "größe": ""}
    sagemaker.delete_tags(ResourceArn=group, TagKeys=["owner", "absent"])
    assert tags(sagemaker, group) == {"größe": ""}


def test_a_description_does_not_show_tags(sagemaker: Any, group: str) -> None:
    described = sagemaker.describe_model_package_group(ModelPackageGroupName=group)
    assert "Tags" not in described


def test_tags_survive_a_kill_of_the_emulator(emulator: RunningEmulator, sagemaker: Any, group: str) -> None:
    sagemaker.add_tags(ResourceArn=group, Tags=[{"Key": "kept", "Value": "yes"}])
    emulator.kill()
    assert tags(sagemaker, group) == {"owner": "me", "kept": "yes"}


@pytest.mark.parametrize(
    "arn",
    ["arn:aws:sagemaker:us-east-1:123456789012:model-package-group/absent",
     "arn:aws:sagemaker:us-east-1:999999999999:model-package-group/absent", "arn:aws"],
)  # fmt: skip
def test_what_is_not_there_has_no_tags(sagemaker: Any, arn: str) -> None:
    for call in (
        lambda: sagemaker.list_tags(ResourceArn=arn),
        lambda: sagemaker.add_tags(ResourceArn=arn, Tags=[{"Key": "a", "Value": "b"}]),
        lambda: sagemaker.delete_tags(ResourceArn=arn, TagKeys=["a"]),
    ):
        with pytest.raises(ClientError) as caught:
            call()
        assert caught.value.response["Error"]["Code"] == "ValidationException"


def test_another_kind_or_region_of_the_same_name_is_not_meant(
    emulator: RunningEmulator, sagemaker: Any, group: str
) -> None:
    with pytest.raises(ClientError, match="Could not find"):
        sagemaker.list_tags(ResourceArn=group.replace("model-package-group", "model"))
    with pytest.raises(ClientError, match="Could not find"):
        emulator.client("sagemaker", "eu-west-1").list_tags(ResourceArn=group)


def test_tags_end_with_their_thing(sagemaker: Any, group: str) -> None:
    name = sagemaker.describe_model_package_group(ModelPackageGroupName=group)["ModelPackageGroupName"]
    sagemaker.delete_model_package_group(ModelPackageGroupName=name)
    again = sagemaker.create_model_package_group(ModelPackageGroupName=name)
    assert again["ModelPackageGroupArn"] == group
    assert tags(sagemaker, group) == {}


def test_fifty_tags_are_the_most(sagemaker: Any, group: str) -> None:
    sagemaker.add_tags(ResourceArn=group, Tags=[{"Key": f"k{number}", "Value": "v"} for number in range(49)])
    assert len(tags(sagemaker, group)) == 50
    with pytest.raises(ClientError, match="limit of 50"):
        sagemaker.add_tags(ResourceArn=group, Tags=[{"Key": "more", "Value": "v"}])
    assert "more" not in tags(sagemaker, group)


def test_amazons_own_prefix_is_refused(sagemaker: Any, group: str) -> None:
    with pytest.raises(ClientError, match="aws: prefixed tag key names are not allowed for external use"):
        sagemaker.add_tags(ResourceArn=group, Tags=[{"Key": "aws:mine", "Value": "v"}])


def test_a_thing_with_tags_that_are_refused_is_not_made(sagemaker: Any, unique: Unique) -> None:
    name = unique("group")
    with pytest.raises(ClientError, match="aws: prefixed"):
        sagemaker.create_model_package_group(ModelPackageGroupName=name, Tags=[{"Key": "aws:x", "Value": "v"}])
    with pytest.raises(ClientError, match="does not exist"):
        sagemaker.describe_model_package_group(ModelPackageGroupName=name)
