"""Endpoints that can be invoked, by their names."""

from __future__ import annotations

from typing import TYPE_CHECKING

from providers.aws.emulator.sagemaker.hosting import live, records
from providers.aws.emulator.sagemaker.hosting.target import Target, of_body

if TYPE_CHECKING:
    from providers.aws.emulator.sagemaker.service import SageMaker


def find(service: SageMaker, region: str, name: str) -> Target | None:
    """The endpoint; None for one that there is not, or that does not serve."""

    def read() -> Target | None:
        body = records.find(service, region, name)
        return of_body(region, name, body) if body is not None else None

    return live.of(service).target(region, name, read)
