"""What all resources of a stack share: the cloud, the region, tags, vendor settings, the network."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import pulumi

from infra.settings import Settings
from providers.foundation import Foundation
from providers.values import Network

_TRAINED = ("trainingRun", "tuningRun")
_SERVED = ("endpoint", "batchPrediction")
"""Kinds that run as the training identity, and as the serving one."""


@dataclass(frozen=True)
class Placement:
    """Where the stack's resources live, taken from its settings, and from its foundation where the cloud has one."""

    settings: Settings
    foundation: Foundation | None = None

    def network(self, own: Network | None = None) -> Any:
        """The network of a resource: its `own`, else the stack's, else None. A private one that names no subnets is
        the foundation's."""
        chosen = own or self.settings.network
        given = self.foundation.network if self.foundation else None
        if chosen is None or given is None or chosen.access != "private" or chosen.subnets:
            return chosen
        groups = chosen.security_groups or given.security_groups
        return {"access": "private", "subnets": given.subnets, "security_groups": groups}

    @property
    def after(self) -> pulumi.ResourceOptions | None:
        """Options of components whose resources need the foundation: its parts come first, and go last."""
        return pulumi.ResourceOptions(depends_on=list(self.foundation.ready)) if self.foundation else None

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
            **self._founded(kind),
        }

    def _founded(self, kind: str) -> dict[str, Any]:
        """What a resource of `kind` is given of the foundation."""
        if self.foundation is None:
            return {}
        given: dict[str, Any] = {"container": self.foundation.container}
        if kind in _TRAINED:
            given["identity"] = {"principal": self.foundation.training}
        elif kind in _SERVED:
            given["identity"] = {"principal": self.foundation.serving}
        return given

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
