"""Serverless variants: asleep when nobody asks, awake again with the first request, and only so many at once."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from providers.aws.emulator import clock
from providers.aws.emulator.errors import ApiError
from providers.aws.emulator.sagemaker.hosting import live, records, targets
from providers.aws.emulator.sagemaker.hosting.counting import VariantKey
from providers.aws.emulator.sagemaker.hosting.target import Target
from providers.errors import MooringError
from providers.local.supervisor import client

if TYPE_CHECKING:
    from providers.aws.emulator.sagemaker.service import SageMaker

IDLE_SECONDS = 300.0
"""AWS's seconds without a request after which its servers end."""
LEAST_IDLE = 3.0
"""Our seconds that a variant stays awake at least."""


@contextmanager
def admitted(service: SageMaker, target: Target) -> Iterator[None]:
    """A request to a serverless endpoint while it lasts. Raises ApiError where there are too many."""
    variant = target.serverless
    if variant is None or variant.serverless is None:
        yield
        return
    key = _key(target)
    with live.of(service).in_flight.one(key, variant.serverless.concurrency, time.monotonic()) as is_admitted:
        if not is_admitted:
            raise ApiError("ThrottlingException", "Rate exceeded", 429)
        yield
        live.of(service).in_flight.last[key] = time.monotonic()


def wake(service: SageMaker, target: Target) -> None:
    """Have a server started, unless one is there or on its way."""
    live.of(service).in_flight.asleep.discard(_key(target))
    _scale(service, target, 1)


def woke(service: SageMaker, target: Target, seconds: float) -> None:
    """Note how long a request waited for that."""
    live.of(service).counted.woken(_key(target), target.config, seconds)


def step(service: SageMaker) -> None:
    """Put to sleep what nobody asks."""
    quiet = clock.compressed(IDLE_SECONDS, least=LEAST_IDLE)
    for region, name, body in records.everywhere(service):
        if body["EndpointStatus"] != "InService":
            continue
        target = targets.find(service, region, name)
        if target is None or (variant := target.serverless) is None or variant.serverless is None:
            continue
        key, held = _key(target), live.of(service).in_flight
        last = held.last.setdefault(key, time.monotonic())
        if variant.serverless.provisioned or key in held.asleep or held.busy(key):
            continue
        if time.monotonic() - last > quiet and _scale(service, target, 0):
            held.asleep.add(key)


def _scale(service: SageMaker, target: Target, servers: int) -> bool:
    variant = target.serverless
    assert variant is not None
    try:
        client.call(
            service.home, "endpoint.scale", id=records.id_of(target.region, target.name), slot=variant.slot,
            replicas=servers,
        )  # fmt: skip
    except MooringError:
        return False  # being changed or deleted just now: that decides
    return True


def _key(target: Target) -> VariantKey:
    variant = target.serverless
    return target.region, target.name, variant.name if variant is not None else ""
