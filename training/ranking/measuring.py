"""How good a recommender is on choices that it did not learn from, and the records of it."""

from __future__ import annotations

import csv
import io
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from mooring_transforms.recommender import Recommender
from training.artifact.signature import rounded
from training.ranking.interactions import Interactions, liked
from training.ranking.metrics import averaged

Offered = Mapping[str, list[dict[str, Any]]]
"""What each user is offered, best first: `item` and `score`."""


@dataclass(frozen=True)
class Measured:
    """Metrics, all that was measured (`evaluation.json`), and what each user is offered."""

    metrics: dict[str, float]
    details: dict[str, Any]
    offered: Offered


def measure(model: Recommender, test: Interactions, least: float | None) -> Measured | None:
    """The metrics on choices that the model did not learn from, `least` being the rating from which on an item is liked
    (None: every choice is). None where nobody likes any item."""
    users, wanted = liked(test, least)
    if not users:
        return None
    k = model.k
    everybody = sorted(set(test.users.tolist()))  # also those who like nothing of it, and so have no metrics
    matrix = np.empty((len(everybody), 2), dtype=object)
    matrix[:, 0], matrix[:, 1] = float(k), everybody
    offered = dict(zip(everybody, model.predict(matrix), strict=True))
    metrics = averaged([[entry["item"] for entry in offered[user]] for user in users], wanted, k)
    details = {
        "task": "ranking",
        "rows": len(test),
        "metrics": metrics,
        "k": k,
        "users": len(users),
        "liked_from": None if least is None else rounded(least),
        "items": {"known": len(model.items_), "offered": len({e["item"] for user in users for e in offered[user]})},
        "most_popular": averaged([_popular(model, user)[:k] for user in users], wanted, k),
    }
    return Measured(metrics, details, offered)


def seen(model: Recommender, user: str) -> set[str]:
    """The items of which the model learned that this user chose them; it never offers them again."""
    at = int(np.searchsorted(model.users_, user))
    if at >= len(model.users_) or model.users_[at] != user:
        return set()
    return set(model.items_[model.seen_items_[model.seen_starts_[at] : model.seen_starts_[at + 1]]].tolist())


def _popular(model: Recommender, user: str) -> list[str]:
    """What everybody is offered by how many chose it, but for what the user chose already."""
    known = seen(model, user)
    order = np.argsort(-model.popularity_, kind="stable")
    return [str(item) for item in model.items_[order].tolist() if item not in known]


def predictions(test: Interactions, offered: Offered) -> bytes:
    """The choices as CSV: place in the data, user, item, weight, and the item's rank among those offered, from 1."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(["row", "user", "item", "weight", "rank"])
    places = {
        user: {entry["item"]: place for place, entry in enumerate(given, start=1)} for user, given in offered.items()
    }
    for at in range(len(test)):
        user, item = test.users[at], test.items[at]
        place = places.get(user, {}).get(item, "")
        writer.writerow([int(test.rows[at]), user, item, f"{test.weights[at]:.12g}", place])
    return out.getvalue().encode()
