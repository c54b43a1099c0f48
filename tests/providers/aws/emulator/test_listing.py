"""Filters, order and pages of `List…`, on groups of the model registry."""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest
from botocore.exceptions import ClientError
from running_emulator import RunningEmulator

Unique = Callable[[str], str]


@pytest.fixture(scope="module")
def prefix(emulator: RunningEmulator) -> str:
    """What the names of twelve groups begin with, made in the order of their numbers."""
    start = f"listed{time.time_ns()}"
    for number in range(12):
        emulator.client("sagemaker").create_model_package_group(ModelPackageGroupName=f"{start}-{11 - number:02}")
    return start


def names(reply: dict[str, Any]) -> list[str]:
    """The last two digits of the groups' names."""
    return [group["ModelPackageGroupName"][-2:] for group in reply["ModelPackageGroupSummaryList"]]


def test_ten_things_are_a_page_and_the_token_leads_on(emulator: RunningEmulator, prefix: str) -> None:
    client = emulator.client("sagemaker")
    first = client.list_model_package_groups(NameContains=prefix)
    assert names(first) == [f"{number:02}" for number in range(11, 1, -1)]
    second = client.list_model_package_groups(NameContains=prefix, NextToken=first["NextToken"])
    assert names(second) == ["01", "00"]
    assert "NextToken" not in second


def test_the_paginator_sees_each_once(emulator: RunningEmulator, prefix: str) -> None:
    pages = emulator.client("sagemaker").get_paginator("list_model_package_groups")
    seen = [name for page in pages.paginate(NameContains=prefix, MaxResults=5) for name in names(page)]
    assert sorted(seen) == [f"{number:02}" for number in range(12)]


def test_a_last_page_that_is_full_has_no_token(emulator: RunningEmulator, prefix: str) -> None:
    reply = emulator.client("sagemaker").list_model_package_groups(NameContains=prefix, MaxResults=12)
    assert len(names(reply)) == 12
    assert "NextToken" not in reply


def test_the_order_is_by_name_or_time_and_either_way(emulator: RunningEmulator, prefix: str) -> None:
    client = emulator.client("sagemaker")

    def ordered(**how: str) -> list[str]:
        return names(client.list_model_package_groups(NameContains=prefix, MaxResults=3, **how))

    assert ordered(SortBy="Name") == ["00", "01", "02"]
    assert ordered(SortBy="Name", SortOrder="Descending") == ["11", "10", "09"]
    assert ordered(SortBy="CreationTime") == ["11", "10", "09"]
    assert ordered(SortBy="CreationTime", SortOrder="Descending") == ["00", "01", "02"]


def test_times_filter(emulator: RunningEmulator, prefix: str) -> None:
    client = emulator.client("sagemaker")
    now = datetime.now(UTC).timestamp()
    early, late = datetime.fromtimestamp(now - 3600, UTC), datetime.fromtimestamp(now + 3600, UTC)
    within = client.list_model_package_groups(
        NameContains=prefix, CreationTimeAfter=early, CreationTimeBefore=late, MaxResults=50
    )
    assert len(names(within)) == 12
    assert not names(client.list_model_package_groups(NameContains=prefix, CreationTimeAfter=late))
    assert not names(client.list_model_package_groups(NameContains=prefix, CreationTimeBefore=early))


def test_a_region_lists_its_own(emulator: RunningEmulator, prefix: str) -> None:
    elsewhere = emulator.client("sagemaker", "eu-west-1")
    assert names(elsewhere.list_model_package_groups(NameContains=prefix)) == []


@pytest.mark.parametrize("token", ["nonsense", "ZnJvbSAtNQ==", "éé"])
def test_a_token_that_is_none_is_refused(emulator: RunningEmulator, token: str) -> None:
    with pytest.raises(ClientError) as caught:
        emulator.client("sagemaker").list_model_package_groups(NextToken=token)
    assert caught.value.response["Error"]["Code"] == "ValidationException"
    assert caught.value.response["Error"]["Message"] == "The token provided for NextToken is invalid"


def test_more_than_a_hundred_are_refused(emulator: RunningEmulator) -> None:
    with pytest.raises(ClientError, match="at 'maxResults' failed to satisfy constraint: Member must have value less"):
        emulator.client("sagemaker").list_model_package_groups(MaxResults=101)
