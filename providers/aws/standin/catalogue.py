"""All types and functions that the stand-in serves."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import cache
from importlib import import_module
from types import MappingProxyType
from typing import Any

from providers.aws.standin.kind import Aws, Kind, Properties
from providers.errors import NotSupported, did_you_mean

MODULES = ("buckets", "keys", "roles", "registries", "watching", "networks", "network_access", "trails", "budgets")
Function = Callable[[Aws, Properties], dict[str, Any]]


@cache
def kinds() -> Mapping[str, Kind]:
    """Every type by its token."""
    found = (kind for name in MODULES for kind in import_module(f"providers.aws.standin.{name}").KINDS)
    return MappingProxyType({kind.token: kind for kind in found})


def kind(token: str) -> Kind:
    """The type of this token. Raises `NotSupported` for one that the stand-in does not serve."""
    try:
        return kinds()[token]
    except KeyError:
        near = did_you_mean(token, list(kinds()))
        raise NotSupported(
            f"the stand-in for Pulumi's aws provider has no resource type '{token}'"
            f"{near if near.startswith(' (did') else ''}: it serves emulated stacks with the types that are listed in "
            "providers/aws/standin/catalogue.py; others need Pulumi's own aws provider"
        ) from None


def function(token: str) -> Function:
    """The function of this token. Raises `NotSupported`."""
    from providers.aws.standin.functions import FUNCTIONS

    try:
        return FUNCTIONS[token]
    except KeyError:
        raise NotSupported(
            f"the stand-in for Pulumi's aws provider has no function '{token}': it has those of "
            f"providers/aws/standin/functions.py ({', '.join(sorted(FUNCTIONS))})"
        ) from None
