"""Numbers that a fitted model keeps of what it learned from, by column: where made-up rows have to be.

Rows around zero say nothing about a tree that splits an income at 30,000, or about a transformer that knows the
quantiles of a length: they all take one way through it. So rows are made around what the model has seen.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

from training.forms.fitted import steps, wrapped

MOST = 4096
"""So many numbers of a column are enough."""
_ROWS = ("quantiles_", "X_train_", "support_vectors_", "cluster_centers_", "theta_", "means_", "_fit_X")
"""Attributes that hold rows of the training data, or the like of them."""
_VECTORS = ("data_min_", "data_max_", "center_", "statistics_")
"""Attributes that hold one number a column."""


@dataclass
class Values:
    """Of one column: numbers that the data had (`seen`), and numbers between which the model decides (`splits`)."""

    seen: list[float] = field(default_factory=list)
    splits: list[float] = field(default_factory=list)

    def drawn(self, random: Any, count: int) -> npt.NDArray[Any] | None:
        """Numbers of the column: seen ones as they are, or near a split, and some near any of them."""
        known = np.array(self.seen[:MOST] + self.splits[:MOST], dtype=np.float64)
        known = known[np.isfinite(known)]
        if not known.size:
            return None
        spread = float(known.std()) or float(np.abs(known).max()) or 1.0
        near: npt.NDArray[Any] = random.choice(known, size=count) + 0.1 * spread * random.standard_normal(count)
        seen = np.array(self.seen[:MOST], dtype=np.float64)
        if (seen := seen[np.isfinite(seen)]).size:
            near[::2] = random.choice(seen, size=len(near[::2]))
        return near


def known_values(model: Any, places: Sequence[int]) -> dict[int, Values]:
    """By place of the column; `places` are those of the model's own columns in the whole matrix."""
    found: dict[int, Values] = {}
    for step in steps(model):
        if indices := getattr(step, "_transformer_to_input_indices", None):
            for name, inner in indices.items():
                part = step.named_transformers_.get(name)
                if part is not None and not isinstance(part, str):
                    _merge(found, known_values(part, [places[at] for at in inner]))
            return found
        for at, values, decides in _own(step, len(places)):
            kept = found.setdefault(places[at], Values())
            (kept.splits if decides else kept.seen).extend(np.asarray(values, dtype=np.float64).reshape(-1).tolist())
        for inner in wrapped(step):
            _merge(found, known_values(inner, places))
        if "Imputer" not in type(step).__name__:  # what comes after sees other numbers
            return found
    return found


def _merge(found: dict[int, Values], more: dict[int, Values]) -> None:
    for place, values in more.items():
        kept = found.setdefault(place, Values())
        if len(kept.seen) < MOST:
            kept.seen += values.seen
        if len(kept.splits) < MOST:
            kept.splits += values.splits


def _own(step: Any, count: int) -> Iterator[tuple[int, Any, bool]]:
    """Column, numbers, and whether they are splits, of what one estimator keeps itself."""
    for name in _ROWS:
        rows = getattr(step, name, None)
        if isinstance(rows, np.ndarray) and rows.ndim == 2 and rows.shape[1] == count and rows.dtype.kind == "f":
            yield from ((at, rows[:MOST, at], False) for at in range(count))
    for name in _VECTORS:
        vector = getattr(step, name, None)
        if isinstance(vector, np.ndarray) and vector.shape == (count,) and vector.dtype.kind == "f":
            yield from ((at, vector[at : at + 1], False) for at in range(count))
    edges = getattr(step, "bin_edges_", None)
    if isinstance(edges, np.ndarray) and len(edges) == count:
        yield from ((at, edges[at], False) for at in range(count))
    for tree in _trees(step):
        for at in np.unique(tree.feature[tree.feature >= 0]):
            if at < count:
                yield int(at), tree.threshold[tree.feature == at], True
    if getattr(step, "_preprocessor", None) is None:
        for stage in getattr(step, "_predictors", None) or []:
            for predictor in stage:
                nodes = predictor.nodes[predictor.nodes["is_leaf"] == 0]
                for at in np.unique(nodes["feature_idx"]):
                    yield int(at), nodes["num_threshold"][nodes["feature_idx"] == at], True


def _trees(step: Any) -> Iterator[Any]:
    if hasattr(step, "tree_"):
        yield step.tree_
    stages = getattr(step, "estimators_", None)
    if isinstance(stages, np.ndarray):  # gradient boosting keeps a table of trees
        yield from (tree.tree_ for tree in stages.reshape(-1)[:200] if hasattr(tree, "tree_"))
