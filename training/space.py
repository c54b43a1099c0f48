"""The space of hyperparameters that a tuning searches: ranges, grids, and values as arguments."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from itertools import product
from typing import Any


def distribution(limits: Mapping[str, Any]) -> Any:
    """Optuna's distribution for one range."""
    import optuna

    if limits["type"] == "categorical":
        return optuna.distributions.CategoricalDistribution(limits["choices"])
    if limits["type"] == "int":
        return optuna.distributions.IntDistribution(
            int(limits["low"]), int(limits["high"]), log=bool(limits.get("log"))
        )
    return optuna.distributions.FloatDistribution(limits["low"], limits["high"], log=bool(limits.get("log")))


def grid(space: Mapping[str, Any], trials: int) -> Iterator[dict[str, Any]]:
    """Points of a grid over the space: all choices, and of each range as many values as `trials` leaves room for."""
    room = trials
    for limits in space.values():
        room = room // len(limits["choices"]) if limits["type"] == "categorical" else room
    ranges = sum(limits["type"] != "categorical" for limits in space.values())
    count = max(2, int(max(room, 1) ** (1 / ranges) + 1e-9)) if ranges else 0
    axes = [_axis(limits, count) for limits in space.values()]
    return (dict(zip(space, point, strict=True)) for point in product(*axes))


def _axis(limits: Mapping[str, Any], count: int) -> list[Any]:
    if limits["type"] == "categorical":
        return list(limits["choices"])
    low, high, parts = limits["low"], limits["high"], max(1, count - 1)
    if limits.get("log"):
        values = [low * (high / low) ** (index / parts) for index in range(count)]
    else:
        values = [low + (high - low) * index / parts for index in range(count)]
    if limits["type"] == "int":
        return sorted({min(int(high), max(int(low), round(value))) for value in values})
    return [min(high, max(low, value)) for value in values]


def as_arguments(parameters: Mapping[str, Any]) -> list[str]:
    """Sorted `--name value`; null is left out, what is no text is written as JSON."""
    arguments: list[str] = []
    for name, value in sorted(parameters.items()):
        if value is not None:
            arguments += [f"--{name}", value if isinstance(value, str) else json.dumps(value)]
    return arguments
