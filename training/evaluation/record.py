"""What the artifact keeps of an evaluation: all details, and every number by a name of its own."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from training.evaluation.slices import flat_name

DETAILS = "evaluation/evaluation.json"
ALL_METRICS = "evaluation/metrics.json"
PREDICTIONS = "evaluation/predictions.csv"


def all_metrics(metrics: Mapping[str, float], details: Mapping[str, Any]) -> dict[str, float]:
    """All numbers by name: the metrics, of each class (`recall_class_setosa`), of each slice (`mae[city=Rome]`)."""
    found = dict(metrics)
    for entry in details.get("per_class", []):
        for name in ("precision", "recall", "f1", "roc_auc"):
            if name in entry:
                found[f"{name}_class_{entry['class']}"] = entry[name]
    for entry in details.get("slices", []):
        for name, value in entry["metrics"].items():
            found[flat_name(name, entry["column"], entry["value"])] = value
    return found


def evaluation_files(metrics: Mapping[str, float], details: Mapping[str, Any]) -> dict[str, Any]:
    """The JSON files of an evaluation by name. `metrics` are those of `metrics.json`, which may be more than
    the evaluation's own: means of a cross-validation, for one."""
    return {DETAILS: {**details, "metrics": dict(metrics)}, ALL_METRICS: all_metrics(metrics, details)}
