"""How good a recommender is on choices that it has not seen: what `training.evaluate` does for the task `ranking`."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from training.errors import TrainingError
from training.options import Options
from training.ranking.interactions import Interactions, read_interactions
from training.ranking.measuring import Measured, measure, predictions, seen


@dataclass(frozen=True)
class Evaluated:
    """What was measured, `predictions.csv`, and how many of the choices the model had learned from already."""

    measured: Measured
    predictions: bytes
    known: int


def evaluate_ranking(
    model: Path, manifest: Mapping[str, Any], signature: Mapping[str, Any], data: Path, target: str,
    slices: Sequence[str],
) -> Evaluated:  # fmt: skip
    """Measure a verified artifact on choices. Those that it learned from are left out: it never offers them again.

    `target` is the column with ratings, by default that of training. Raises TrainingError for data that does not fit.
    """
    from training.forms import skops_form

    if slices:
        raise TrainingError("--slices does not fit a ranking, which knows users and items alone")
    if data.suffix.lower() == ".json":
        raise TrainingError(f"{data.name}: a ranking is measured on CSV, JSON Lines or Parquet")
    options = _options(model, signature, target)
    least = json.loads((model / "evaluation" / "evaluation.json").read_bytes())["liked_from"]
    if least is None and target:
        raise TrainingError(f"--target {target}: {model.name} learned from choices without ratings; leave it out")
    found = read_interactions(data, options, schema=False)
    recommender = skops_form.loads((model / manifest["forms"]["sklearn"]["file"]).read_bytes())
    new = _new(found, recommender)
    if not len(new):
        raise TrainingError(f"{data.name}: the model learned from all of these choices; others are needed")
    measured = measure(recommender, new, least)
    if measured is None:
        raise TrainingError(
            f"{data.name}: no choice is rated {least:g} or better, from which on the model takes an item for liked"
        )
    return Evaluated(measured, predictions(new, measured.offered), len(found) - len(new))


def _options(model: Path, signature: Mapping[str, Any], target: str) -> Options:
    """The columns of the choices, as training named them."""
    users = next(column["name"] for column in signature["columns"] if column["type"] == "string")
    given = json.loads((model / "lineage.json").read_bytes())["hyperparameters"]
    named = Options(target=str(given.get("target", "")), user=users, item=signature["prediction"]["name"])
    return replace(named, target=target or named.target)


def _new(found: Interactions, model: Any) -> Interactions:
    """The choices that the model did not learn from."""
    known = {user: seen(model, user) for user in set(found.users.tolist())}
    pairs = zip(found.users.tolist(), found.items.tolist(), strict=True)
    return found.take(np.array([item not in known[user] for user, item in pairs], dtype=np.bool_))
