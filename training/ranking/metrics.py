"""How good recommendations are: the items that a user was found to like, among the k offered and how far up.

Definitions as in C. D. Manning, P. Raghavan, H. Schütze, *Introduction to Information Retrieval*, 2008, chapter 8; the
gain of nDCG is 1 for an item that is liked. Averages are over the users who have liked items held out.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Sequence

NAMES = ("precision_at_k", "recall_at_k", "ndcg_at_k", "map_at_k", "hit_rate_at_k")


def of_user(offered: Sequence[str], liked: Collection[str], k: int) -> dict[str, float]:
    """The metrics of one user. `offered` are items, best first; `liked` are those held out, not empty."""
    hits = [item in liked for item in offered[:k]]
    found = sum(hits)
    gain = sum(1 / math.log2(place + 2) for place, hit in enumerate(hits) if hit)
    ideal = sum(1 / math.log2(place + 2) for place in range(min(k, len(liked))))
    precisions = [sum(hits[: place + 1]) / (place + 1) for place, hit in enumerate(hits) if hit]
    return {
        "precision_at_k": found / k,
        "recall_at_k": found / len(liked),
        "ndcg_at_k": gain / ideal,
        "map_at_k": sum(precisions) / min(k, len(liked)),
        "hit_rate_at_k": float(found > 0),
    }


def averaged(offered: Sequence[Sequence[str]], liked: Sequence[Collection[str]], k: int) -> dict[str, float]:
    """The mean of each metric over users, at least one."""
    each = [of_user(items, wanted, k) for items, wanted in zip(offered, liked, strict=True)]
    return {name: math.fsum(found[name] for found in each) / len(each) for name in NAMES}
