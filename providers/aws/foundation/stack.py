"""What all parts of the foundation share: whose they are, how they are called and tagged, and who makes them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import pulumi

from providers.aws.foundation import naming
from providers.foundation import Wanted, WatchedEndpoint


@dataclass(frozen=True)
class Stack:
    """One stack in one account. `account` is the one that the credentials belong to."""

    wanted: Wanted
    account: str
    provider: pulumi.ProviderResource
    parent: pulumi.Resource

    @property
    def region(self) -> str:
        return self.wanted.region

    @cached_property
    def partition(self) -> str:
        """`aws`, `aws-cn`, …"""
        return naming.partition(self.region)

    @cached_property
    def unique(self) -> str:
        """The part of names that no other stack has."""
        return naming.unique_part(self.wanted.project, self.wanted.stack, self.account, self.region)

    def name(self, what: str = "", most: int = 63) -> str:
        """The name of something in AWS; see `naming.stack_name`."""
        return naming.stack_name(f"{self.wanted.project}-{self.wanted.stack}", what, self.unique, most)

    def arn(self, service: str, resource: str, *, region: str | None = None, account: str | None = None) -> str:
        """An ARN in the stack's partition, region and account, or in others (empty where a service has none)."""
        where = f"{self.region if region is None else region}:{self.account if account is None else account}"
        return f"arn:{self.partition}:{service}:{where}:{resource}"

    def tags(self, name: str = "") -> pulumi.Input[Mapping[str, str]]:
        """Tags of every resource: the user's, whose stack it is, and a `Name` for those that AWS gives no other."""
        own = {"mooring:project": self.wanted.project, "mooring:stack": self.wanted.stack}
        tags = {**self.wanted.tags, **({"Name": name} if name else {}), **own}
        return pulumi.Output.secret(tags) if self.wanted.tags_are_secret else tags

    def options(self, **more: Any) -> pulumi.ResourceOptions:
        """Options of every resource."""
        return pulumi.ResourceOptions(parent=self.parent, provider=self.provider, **more)

    def endpoint_name(self, endpoint: WatchedEndpoint) -> str:
        """SageMaker's name of one of the stack's endpoints."""
        return naming.endpoint_name(self.wanted.project, self.wanted.stack, endpoint)
