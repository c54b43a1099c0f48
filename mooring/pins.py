"""Pins: model versions that `mooring rollback` put on an endpoint and that the next `up` leaves there.

They are in the stack's file, `mooring:endpoints.<endpoint>.pin.<model>: sha256:…`. Read here without the settings'
validation, because it must not cost a preview anything.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any


@dataclass(frozen=True)
class Pin:
    """One endpoint serves one model by `digest`, whatever was trained since."""

    endpoint: str
    model: str
    digest: str

    def __str__(self) -> str:
        return f"endpoint {self.endpoint} is pinned to {self.model} {short_digest(self.digest)}"

    def as_json(self) -> dict[str, str]:
        """The documented form."""
        return {"endpoint": self.endpoint, "model": self.model, "digest": self.digest}


def pins_of(config_file: Path) -> list[Pin]:
    """The pins in a stack file; none when it does not exist or cannot be read (its reader says why)."""
    import yaml

    try:
        content = yaml.load(config_file.read_bytes(), Loader=getattr(yaml, "CSafeLoader", yaml.SafeLoader))
    except (OSError, yaml.YAMLError):
        return []
    found = []
    for endpoint, settings in _mapping(_mapping(_mapping(content).get("config")).get("mooring:endpoints")).items():
        for model, digest in _mapping(_mapping(settings).get("pin")).items():
            found.append(Pin(str(endpoint), str(model), str(digest)))
    return found


def short_digest(digest: str) -> str:
    """`sha256:` and twelve figures."""
    return digest[:19] if digest.startswith("sha256:") else digest


def _mapping(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}
