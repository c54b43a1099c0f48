"""What all resources of a stack share: the cloud, the region, tags, vendor settings, the network."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import pulumi

from infra.settings import Settings
from providers.values import Network


@dataclass(frozen=True)
class Placement:
    """Where the stack's resources live, taken from its settings."""

    settings: Settings

    @property
    def network(self) -> Network | None:
        """The stack's network, None when the settings say nothing about it."""
        return self.settings.network

    def of(self, kind: str, own: Mapping[str, Mapping[str, Any]] | None = None) -> dict[str, Any]:
        """Arguments of every resource of `kind` (`trainingRun`); `own` are its vendor settings by cloud,
        which come before the stack's."""
        cloud = self.settings.cloud
        shared = self.settings.overrides.get(cloud, {}).get(kind, {})
        vendor = merged(shared, (own or {}).get(cloud, {}))
        secret = any(self.settings.is_secret(key) for key in ("overrides", "models", "endpoints", "batches"))
        return {
            "cloud": cloud,
            "region": self.settings.region or None,
            "tags": self.settings.tags or None,
            "overrides": (pulumi.Output.secret(vendor) if secret else vendor) if vendor else None,
        }

    def secret(self, key: str) -> Callable[[Mapping[str, Any]], Any]:
        """A function that makes a mapping secret when the settings under `key` hold a secret.

        Pulumi tells of a whole configuration key that it has a secret, not of which value in it, so all
        values that may be one are kept secret. An empty mapping is left out.
        """
        if self.settings.is_secret(key):
            return lambda value: pulumi.Output.secret(dict(value)) if value else None
        return lambda value: dict(value) or None


def merged(base: Mapping[str, Any], over: Mapping[str, Any]) -> dict[str, Any]:
    """`base` with `over` laid on it, mapping by mapping."""
    result = dict(base)
    for key, value in over.items():
        below = result.get(key)
        result[key] = merged(below, value) if isinstance(below, Mapping) and isinstance(value, Mapping) else value
    return result
