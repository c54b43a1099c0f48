"""How much each column weighs in a fitted pipeline, where the estimator tells it at no cost.

Trees tell the share of impurity (or gain) that splits on a feature took away; linear models the size of their
coefficients, which compare because numbers are standardised. What several features were made of one column (its
categories, words, parts of a date) is summed. An estimator that tells nothing has no importance.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

SHOWN = 30
"""At most so many columns are told, the heaviest first."""
_MARK = re.compile(r"⟦(\d+)⟧")


def importance(pipeline: Any, columns: Sequence[str]) -> list[dict[str, Any]]:
    """Columns with their share of the whole, heaviest first; empty where the estimator does not tell.

    `pipeline` is a fitted scikit-learn pipeline whose last step is the estimator; `columns` name its input matrix.
    """
    steps = getattr(pipeline, "steps", None)
    if not steps:
        return []
    weights = _weights(steps[-1][1])
    if weights is None:
        return []
    origins = _origins(pipeline, columns, len(weights))
    if origins is None:
        return []
    total: dict[str, float] = {}
    for origin, weight in zip(origins, weights.tolist(), strict=True):
        total[origin] = total.get(origin, 0.0) + weight
    if not (whole := sum(total.values())) > 0:
        return []
    ordered = sorted(total.items(), key=lambda pair: (-pair[1], pair[0]))[:SHOWN]
    return [{"column": name, "share": float(f"{weight / whole:.6g}")} for name, weight in ordered]


def _weights(estimator: Any) -> npt.NDArray[np.float64] | None:
    """One weight a feature, none of them negative."""
    for name in ("feature_importances_", "coef_"):
        try:
            found = getattr(estimator, name)
        except Exception:  # noqa: BLE001 - a property of a foreign estimator raises what it likes; then it tells nothing
            continue
        found = found.toarray() if hasattr(found, "toarray") else found
        try:
            weights = np.abs(np.asarray(found, dtype=np.float64))
        except (TypeError, ValueError):
            continue
        weights = weights.reshape(1, -1) if weights.ndim < 2 else weights
        if weights.ndim == 2 and weights.size and np.isfinite(weights).all():
            mean: npt.NDArray[np.float64] = weights.mean(axis=0)
            return mean
    return None


def _origins(pipeline: Any, columns: Sequence[str], features: int) -> list[str] | None:
    """The column that each of the estimator's features was made of; None where that cannot be told."""
    # The names of the inputs are marks that survive in the names scikit-learn gives to what it makes of them.
    marks = np.array([f"⟦{at}⟧" for at in range(len(columns))], dtype=object)
    try:
        made = [str(name) for name in pipeline[:-1].get_feature_names_out(marks)]
    except Exception:  # noqa: BLE001 - a step of an own kind may not know its names
        made = marks.tolist() if features == len(columns) else []
    if len(made) != features:
        return None
    found = []
    for name in made:
        marked = _MARK.search(name)
        # A step that forgets its inputs (TF-IDF knows words only) stands for itself by its prefix.
        found.append(columns[int(marked[1])] if marked else name.partition("__")[0])
    return found
