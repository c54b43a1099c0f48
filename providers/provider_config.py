"""The configuration of the provider itself: there is none, each resource names its cloud."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from providers.errors import Problem

_ENGINE = frozenset({"version", "pluginDownloadURL", "pluginChecksums", "parameterization", "__internal"})
"""What the engine itself puts there."""


def check(given: Mapping[str, Any]) -> list[Problem]:
    """The problems of `moor:*` configuration: any key at all."""
    reason = "the provider moor has no configuration; cloud and region are properties of each resource"
    return [Problem(key, reason) for key in given if key not in _ENGINE]
