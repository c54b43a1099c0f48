"""The ranges of a tuning job's hyperparameters. Values are strings outside, as the API has them."""

from __future__ import annotations

import math
import random
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from providers.aws.emulator.errors import validation

MOST = 30
"""Hyperparameters that one job may tune."""
AUTO_LOGARITHMIC = 100.0
"""`Auto` is logarithmic where the largest value is so many times the smallest."""

Coordinate = float | int | str
"""A value as a search sees it: a number on a linear or logarithmic scale, or one of a category's."""


@dataclass(frozen=True)
class Numbers:
    """A range of numbers, both ends within."""

    name: str
    least: float
    most: float
    scaling: str
    is_integer: bool

    @property
    def is_logarithmic(self) -> bool:
        """Whether a search takes its steps on a logarithmic scale."""
        return self.scaling != "Linear"

    @property
    def bounds(self) -> tuple[float, float]:
        """The ends as the search sees them: of 1 - x where the scale is logarithmic in that."""
        reverse = self.scaling == "ReverseLogarithmic"
        return (1 - self.most, 1 - self.least) if reverse else (self.least, self.most)

    def text(self, coordinate: Coordinate) -> str:
        """The value of a coordinate, as a training job gets it."""
        number = float(coordinate)
        value = 1 - number if self.scaling == "ReverseLogarithmic" else number
        value = min(max(value, self.least), self.most)  # rounding may lead a little way out
        return str(round(value)) if self.is_integer else repr(value)

    def coordinate(self, text: str) -> Coordinate | None:
        """The coordinate of a value; None for one that is not within."""
        try:
            value = float(text)
        except ValueError:
            return None
        if not self.least <= value <= self.most:
            return None
        low, high = self.bounds
        number = 1 - value if self.scaling == "ReverseLogarithmic" else value
        return round(number) if self.is_integer else min(max(number, low), high)

    def drawn(self, chance: random.Random) -> str:
        """A value, all parts of the scale being as likely."""
        low, high = self.bounds
        if self.is_integer and not self.is_logarithmic:
            return str(chance.randint(round(low), round(high)))
        if self.is_logarithmic:
            return self.text(math.exp(chance.uniform(math.log(low), math.log(high))))
        return self.text(chance.uniform(low, high))


@dataclass(frozen=True)
class Category:
    """A choice between values."""

    name: str
    values: tuple[str, ...]

    def text(self, coordinate: Coordinate) -> str:
        """The value itself."""
        return str(coordinate)

    def coordinate(self, text: str) -> Coordinate | None:
        """The value itself; None for one that is not a choice."""
        return text if text in self.values else None

    def drawn(self, chance: random.Random) -> str:
        """One of them."""
        return chance.choice(self.values)


Range = Numbers | Category


def parse(given: Mapping[str, Any]) -> list[Range]:
    """The ranges of a request's `ParameterRanges`. Raises ApiError for those that are wrong or not emulated."""
    if given.get("AutoParameters"):
        raise validation("AutoParameters are not emulated; give a range for each hyperparameter")
    found: list[Range] = [
        *(_numbers(one, is_integer=True) for one in given.get("IntegerParameterRanges") or ()),
        *(_numbers(one, is_integer=False) for one in given.get("ContinuousParameterRanges") or ()),
        *(Category(one["Name"], tuple(one["Values"])) for one in given.get("CategoricalParameterRanges") or ()),
    ]
    names = [one.name for one in found]
    if not found:
        raise validation("At least one hyperparameter range must be given")
    if repeated := sorted({name for name in names if names.count(name) > 1}):
        raise validation(f"Hyperparameters have more than one range: {', '.join(repeated)}")
    if len(found) > MOST:
        raise validation(f"A hyperparameter tuning job searches {MOST} hyperparameters at most; there are {len(found)}")
    for one in found:
        if isinstance(one, Category) and len(set(one.values)) < len(one.values):
            raise validation(f"The values of the categorical hyperparameter {one.name} must be unique")
    return found


def _numbers(given: Mapping[str, str], is_integer: bool) -> Numbers:
    name = given["Name"]
    try:
        ends = [int(given[end]) if is_integer else float(given[end]) for end in ("MinValue", "MaxValue")]
    except ValueError as error:
        kind = "an integer" if is_integer else "a number"
        raise validation(f"MinValue and MaxValue of the hyperparameter {name} must each be {kind}: {error}") from error
    least, most = ends
    if not (math.isfinite(least) and math.isfinite(most)) or least >= most:
        raise validation(f"MinValue {given['MinValue']} of the hyperparameter {name} must be less than MaxValue "
                         f"{given['MaxValue']}")  # fmt: skip
    scaling = given.get("ScalingType") or "Auto"
    if scaling == "Auto":
        scaling = "Logarithmic" if least > 0 and most / least >= AUTO_LOGARITHMIC else "Linear"
    if scaling == "Logarithmic" and least <= 0:
        raise validation(f"Logarithmic scaling works only for ranges that have values greater than 0: {name}")
    if scaling == "ReverseLogarithmic" and (is_integer or least < 0 or most >= 1):
        raise validation(f"Reverse logarithmic scaling works only for continuous ranges within 0 <= x < 1.0: {name}")
    return Numbers(name, least, most, scaling, is_integer)
