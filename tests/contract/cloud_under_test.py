"""What the contract suite needs to know of a cloud."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from contract.provider_calls import Engine

from providers.contract import KINDS, Adapter, Kind


@dataclass
class Cloud:
    """A cloud under test. `inputs(type)` are of a small resource that comes up; `failing` and `slow` those of a
    training run that raises `ValueError: no such flower`, and of one that would take a minute. `source` is a
    dataset's file, which the tests change."""

    name: str
    adapter: Adapter
    root: Path
    source: Path
    inputs: Callable[[str], dict[str, Any]]
    failing: Callable[[], dict[str, Any]]
    slow: Callable[[], dict[str, Any]]

    def engine(self) -> Engine:
        """A provider as another process would have it: nothing remembered."""
        return Engine({self.name: self.adapter}, self.root)

    def kind(self, type_name: str) -> Kind[Any, Any] | None:
        return self.adapter.kind(KINDS[type_name])
