"""Where a tuning job looks next: at random, or at everything once. Optuna's searches are in `optuna_search`."""

from __future__ import annotations

import math
import random
from collections.abc import Sequence
from typing import Protocol

from providers.aws.emulator.sagemaker.tuning.ranges import Category, Range
from providers.aws.emulator.sagemaker.tuning.trials import Trial

Values = dict[str, str]
"""Hyperparameters by name."""


class Search(Protocol):
    """One definition's search. It is told of all trials, and may be made anew from them after a restart."""

    def next(self, number: int) -> Values | None:
        """The values of the trial `number` (from 0); None when there is nothing left to try."""
        ...

    def resume(self, trial: Trial) -> None:
        """Take up a trial that an earlier search began, before anything else is asked."""
        ...

    def reported(self, trial: Trial) -> bool:
        """Take note of a running trial's newest report; whether the trial should be stopped."""
        ...

    def ended(self, trial: Trial) -> None:
        """Take note of what became of a trial."""
        ...


class RandomSearch:
    """Independent draws. The same seed and number give the same values."""

    def __init__(self, ranges: Sequence[Range], seed: int) -> None:
        self._ranges, self._seed = ranges, seed

    def next(self, number: int) -> Values | None:
        """Draw."""
        chance = random.Random(f"{self._seed}/{number}")
        return {one.name: one.drawn(chance) for one in self._ranges}

    def resume(self, trial: Trial) -> None:
        """Nothing is learned from it."""

    def reported(self, trial: Trial) -> bool:
        """Nothing is learned from it."""
        return False

    def ended(self, trial: Trial) -> None:
        """Nothing is learned from it."""


class GridSearch(RandomSearch):
    """Every combination of categories, in an order that the seed makes."""

    def __init__(self, ranges: Sequence[Range], seed: int) -> None:
        super().__init__(ranges, seed)
        self._categories = categories(ranges)
        self._order = list(range(combinations(self._categories)))
        random.Random(seed).shuffle(self._order)

    def next(self, number: int) -> Values | None:
        """The next combination."""
        if number >= len(self._order):
            return None
        rest, values = self._order[number], {}
        for one in self._categories:
            rest, place = divmod(rest, len(one.values))
            values[one.name] = one.values[place]
        return values


def categories(ranges: Sequence[Range]) -> list[Category]:
    """Those ranges that are categories: all of them in a grid."""
    return [one for one in ranges if isinstance(one, Category)]


def combinations(ranges: Sequence[Category]) -> int:
    """How many there are."""
    return math.prod(len(one.values) for one in ranges)
