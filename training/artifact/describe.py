"""All records of a trained model: the files of its artifact besides the model's own forms."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from training.artifact.card import model_card
from training.artifact.manifest import as_json, compact_json
from training.artifact.profile import profile
from training.artifact.records import lineage, predictions_csv
from training.artifact.signature import describe_column, describe_prediction
from training.data.table import Column, Table
from training.evaluation.metrics import Evaluation
from training.evaluation.record import DETAILS, PREDICTIONS, evaluation_files
from training.report.drawing import Figures
from training.report.page import report_files


@dataclass(frozen=True)
class Trained:
    """What there is to tell. `train` are the features of the rows learned from, with `train_target`; `test_rows` the
    places in the data of the rows held out, with `test_target`. `metrics` may be more than the evaluation's own."""

    task: str
    target: str
    train: Table
    train_target: npt.NDArray[Any]
    test_rows: npt.NDArray[np.int64]
    test_target: npt.NDArray[Any]
    evaluation: Evaluation
    metrics: Mapping[str, float]
    classes: Sequence[Any] | None
    dropped_rows: int = 0
    needed: Sequence[str] = ()
    """Columns that the model cannot do without a value of."""
    date_formats: Mapping[str, str] = field(default_factory=dict)
    """Forms of dates (`strptime`) by column, where they are not ISO 8601."""


def records_of(
    trained: Trained,
    manifest: Mapping[str, Any],
    details: Mapping[str, Any],
    figures: Figures,
    *,
    data: Path,
    options: Mapping[str, Any],
    card: str = "",
) -> dict[str, bytes]:
    """Files by name: signature, metrics, profile, lineage, card, `evaluation/…` with figures and the report.

    `manifest` has the entries of `forms`, `details` are the evaluation's (with what was added), `options` the
    hyperparameters with the seed, `card` what the user says about the model.
    """
    signature = {
        "columns": [_described(column, trained) for column in trained.train.columns],
        "prediction": describe_prediction(trained.target, trained.task, trained.classes),
    }
    statistics = profile(trained.train, _target(trained))
    rows = {"train": len(trained.train), "test": len(trained.test_rows), "dropped": trained.dropped_rows}
    origin = lineage(data, options, rows=rows, sample=trained.train.sample)
    whole = {**details, "metrics": dict(trained.metrics)}
    report = report_files(
        manifest, signature=signature, details=whole, profile=statistics, lineage=origin, figures=figures
    )
    measured = evaluation_files(trained.metrics, details)
    return {
        "signature.json": as_json(signature),
        "metrics.json": as_json(dict(trained.metrics)),
        "profile.json": as_json(statistics),
        "lineage.json": as_json(origin),
        "model_card.md": model_card(manifest, signature, trained.metrics, details=whole, lineage=origin, use=card),
        **{name: compact_json(found) if name == DETAILS else as_json(found) for name, found in measured.items()},
        PREDICTIONS: predictions_csv(
            trained.test_rows,
            trained.test_target,
            trained.evaluation.predictions,
            trained.evaluation.probabilities,
            trained.classes or [],
        ),
        **report,
    }


def _described(column: Column, trained: Trained) -> dict[str, Any]:
    entry = describe_column(column, nullable=column.name not in trained.needed)
    return entry | ({"format": form} if (form := trained.date_formats.get(column.name)) else {})


def _target(trained: Trained) -> Column:
    """The target's training values, class labels as text."""
    values = trained.train_target
    if trained.task == "regression":
        return Column(trained.target, "number", values)
    return Column(trained.target, "string", values.astype(str).astype(object))
