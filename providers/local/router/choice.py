"""Choosing a deployment for each request so that the shares fit the weights.

Requests are dealt from a shuffled deck in which each deployment has as many of `DECK` cards as its weight
says. So any `DECK` requests in a row split exactly, and no pattern of the clients can line up with the order.
"""

from __future__ import annotations

import random
from collections.abc import Hashable, Sequence
from typing import Generic, TypeVar

T = TypeVar("T", bound=Hashable)

DECK = 100


class Deck(Generic[T]):
    """Deals items in proportion to their weights. Equal seeds deal equally."""

    def __init__(self, weighted: Sequence[tuple[T, float]], seed: int | None = None) -> None:
        self._random = random.Random(seed)
        self._cards = _cards([(item, weight) for item, weight in weighted if weight > 0])
        self._next = len(self._cards)

    def deal(self) -> T | None:
        """The next item; None when no item has a weight."""
        if self._next >= len(self._cards):
            if not self._cards:
                return None
            self._random.shuffle(self._cards)
            self._next = 0
        card = self._cards[self._next]
        self._next += 1
        return card


def _cards(weighted: list[tuple[T, float]]) -> list[T]:
    """`DECK` cards by the largest-remainder method; every weighted item gets one at least."""
    total = sum(weight for _, weight in weighted)
    shares = [(item, weight * DECK / total) for item, weight in weighted]
    counts = {item: max(1, int(share)) for item, share in shares}
    missing = DECK - sum(counts.values())
    by_remainder = sorted(shares, key=lambda pair: pair[1] - int(pair[1]), reverse=True)
    for item, _ in by_remainder[: max(0, missing)]:
        counts[item] += 1
    return [item for item, count in counts.items() for _ in range(count)]
