"""The foundation of the stack's cloud, where it has one: bucket, keys, identities, network, alarms."""

from __future__ import annotations

import importlib
from dataclasses import replace
from importlib.util import find_spec

import pulumi

from infra.settings import Settings
from providers.foundation import Foundation, Wanted, WantedBudget, WatchedEndpoint

_ENDPOINT = "mooring:infra:Hosting$moor:index:Endpoint"
"""Types of an endpoint in its URN, its component's first."""


def provision(settings: Settings) -> Foundation | None:
    """Register it. None on a cloud that has none, such as this machine."""
    module = f"providers.{settings.cloud}.foundation"
    try:
        if find_spec(module) is None:
            return None
    except ModuleNotFoundError:  # a third party's cloud
        return None
    found: Foundation = importlib.import_module(module).provision(wanted(settings))
    return found


def wanted(settings: Settings) -> Wanted:
    """The settings as a foundation sees them."""
    budget = settings.budget
    return Wanted(
        project=pulumi.get_project(),
        stack=pulumi.get_stack(),
        region=settings.region,
        account=settings.account,
        tags=settings.tags,
        tags_are_secret=settings.is_secret("tags"),
        private=_needs_network(settings),
        budget=WantedBudget(f"{budget.monthly:g}", budget.currency, tuple(budget.notify)) if budget else None,
        endpoints=tuple(_watched(name, settings) for name in settings.endpoints),
        images=_images(settings),
        audit=settings.audit,
        keeps=any(model.on_destroy == "keep" for model in settings.models.values()),
    )


def _needs_network(settings: Settings) -> bool:
    """Whether anything is private and brings no subnets of its own."""
    networks = [settings.network, *(one.network for one in settings.endpoints.values())]
    return any(one is not None and one.access == "private" and not one.subnets for one in networks)


def _watched(name: str, settings: Settings) -> WatchedEndpoint:
    endpoint = settings.endpoints[name]
    urn = f"urn:pulumi:{pulumi.get_stack()}::{pulumi.get_project()}::{_ENDPOINT}::{name}"
    made = WatchedEndpoint(name, tuple(endpoint.traffic()), urn, endpoint.name or "", endpoint.mode)
    if endpoint.rollout is None:
        return made
    limits = endpoint.rollout
    return replace(made, max_error_percent=limits.max_error_percent, max_latency_ms=limits.max_latency_ms)


def _images(settings: Settings) -> tuple[str, ...]:
    trainings = (model.training for model in settings.models.values() if model.training)
    return tuple(sorted({one.image for one in trainings if one.image}))
