"""What goes into a provider's calls and what comes back, in Python values."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from infra.engine.state import urn as urns
from infra.engine.values.values import Properties


class InitFailed(Exception):
    """Something was made, and is not as it should be; `live` is what there is of it."""

    def __init__(self, reasons: Sequence[str], live: Live) -> None:
        self.reasons, self.live = list(reasons), live
        super().__init__("\n".join(reasons) or "resource init failed")


class DiffUnavailable(Exception):
    """The provider cannot be asked yet; an update is assumed."""


@dataclass(frozen=True)
class Live:
    """A resource as a provider gives it back. `inputs` is None where the provider has none to give."""

    id: str
    outputs: Properties
    inputs: Properties | None = None


@dataclass(frozen=True)
class Checked:
    """Inputs as the provider wants them, and what is wrong: (property, reason) each."""

    inputs: Properties
    failures: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True)
class Target:
    """Which resource a call is about."""

    urn: str
    id: str = ""
    timeout: float = 0.0

    @property
    def names(self) -> dict[str, Any]:
        """URN, name and type, as most requests have them."""
        parts = urns.parse(self.urn)
        return {"urn": self.urn, "name": parts.name, "type": parts.type}
