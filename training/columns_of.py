"""What a fitted scikit-learn model tells about its columns: how many, their names, which hold text.

A model that was fitted elsewhere brings no signature; but its fitted steps know the categories they saw.
"""

from __future__ import annotations

import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from training.errors import TrainingError
from training.onnx_form import Input
from training.sklearn_forms import Layout

MAX_PROBES = 64
"""Up to so many columns are tried one by one whether the model takes a missing value there."""


@dataclass(frozen=True)
class ModelColumn:
    """One column of a fitted model. `categories` are those its encoder saw, for text."""

    name: str
    kind: Literal["number", "string"]
    categories: tuple[str, ...] = ()
    nullable: bool = False


@dataclass(frozen=True)
class Known:
    """All that is known about a fitted model's input. `flat`: it takes a list of texts."""

    columns: tuple[ModelColumn, ...]
    flat: bool = False

    def layout(self, model: Any) -> Layout:
        """The matrix and the ONNX inputs: one input for all numbers, else one a column, by its name."""
        names = tuple(column.name for column in self.columns)
        if self.flat:
            return Layout(names, (), flat=True)
        if all(column.kind == "number" for column in self.columns) and not _selects_by_name(model):
            return Layout(names, (Input("numbers", "number", tuple(range(len(names)))),))
        return Layout(names, tuple(Input(column.name, column.kind, (at,)) for at, column in enumerate(self.columns)))


def by_position(model: Any) -> None:
    """Let column transformers that were fitted on a data frame pick their columns by place instead of by name:
    the trainer's and the server's environments have no data frames. `serving/forms.py` does the same."""
    for step in _steps(model):
        indices = getattr(step, "_transformer_to_input_indices", None)
        if indices is not None and hasattr(step, "feature_names_in_"):
            step.transformers_ = [
                (name, inner, indices[name][0] if isinstance(columns, str) else list(indices[name]))
                for name, inner, columns in step.transformers_
            ]


def columns_of(model: Any, names: Sequence[str] = ()) -> Known:
    """The columns of a fitted model; `names` override its own. Raises TrainingError where they cannot be told."""
    if _takes_texts(model):
        return Known((ModelColumn(names[0] if names else "text", "string"),), flat=True)
    fitted = getattr(model, "feature_names_in_", None)
    count = getattr(model, "n_features_in_", None)
    if count is None:
        if not names:
            raise TrainingError("the model does not say how many columns it takes; name them with --columns a,b,c")
        count = len(names)
    if names and len(names) != count:
        raise TrainingError(f"--columns has {len(names)} names, but the model takes {count} columns")
    found = list(names) or ([str(name) for name in fitted] if fitted is not None else [f"x{at}" for at in range(count)])
    texts = _texts(model, list(range(count)))
    columns = [
        ModelColumn(name, "string", tuple(texts[at])) if at in texts else ModelColumn(name, "number")
        for at, name in enumerate(found)
    ]
    return Known(tuple(_with_nullable(model, columns)))


def sample(model: Any, columns: Sequence[ModelColumn], rows: int = 300, seed: int = 0) -> npt.NDArray[Any]:
    """Plausible rows for a parity check: numbers of several magnitudes, around the scaler's means where the
    model has one; texts out of the known categories; every tenth row with missing values where they are taken."""
    random = np.random.default_rng(seed)
    mean, scale = _scale(model, len(columns))
    spread = random.choice([1.0, 3.0, 10.0], size=(rows, 1))
    noise = random.standard_normal((rows, len(columns)))
    numbers: npt.NDArray[Any] = mean + scale * spread * noise
    for at, column in enumerate(columns):
        if column.kind == "number" and column.nullable:
            numbers[at % 10 :: 10, at] = np.nan
    if all(column.kind == "number" for column in columns):
        return numbers
    mixed: npt.NDArray[Any] = numbers.astype(object)
    for at, column in enumerate(columns):
        if column.kind == "string":
            mixed[:, at] = random.choice([*column.categories, "(unseen)"][: max(len(column.categories), 1)], size=rows)
    return mixed


def _steps(model: Any) -> list[Any]:
    """The steps of a pipeline, or the model itself."""
    steps = getattr(model, "steps", None)
    return [step for _, step in steps] if isinstance(steps, list) else [model]


def _takes_texts(model: Any) -> bool:
    first = _steps(model)[0]
    return hasattr(first, "vocabulary_") or type(first).__name__ == "HashingVectorizer"


def _selects_by_name(model: Any) -> bool:
    """Whether a ColumnTransformer in it was fitted on a data frame, and may tell numbers from texts."""
    return any(hasattr(step, "transformers_") and hasattr(step, "feature_names_in_") for step in _steps(model))


def _texts(model: Any, places: Sequence[int]) -> dict[int, list[str]]:
    """Places of text columns and their categories. `places` are the model's columns in the whole matrix."""
    found: dict[int, list[str]] = {}
    for step in _steps(model):
        if indices := getattr(step, "_transformer_to_input_indices", None):
            fitted: Mapping[str, Any] = step.named_transformers_
            for name, inner in indices.items():
                if name in fitted and not isinstance(fitted[name], str):
                    found |= _texts(fitted[name], [places[at] for at in inner])
            return found
        categories = getattr(step, "categories_", None)
        if isinstance(categories, list) and len(categories) == len(places):
            for at, seen in zip(places, categories, strict=True):
                if np.asarray(seen).dtype.kind in "OUS":
                    found[at] = [value for value in np.asarray(seen).tolist() if isinstance(value, str)]
            return found
        if not hasattr(step, "transform"):
            return found
    return found


def _with_nullable(model: Any, columns: list[ModelColumn]) -> list[ModelColumn]:
    """Numeric columns are nullable where the model is made for missing values and predicts for a NaN.

    A forest that never saw one answers too, but arbitrarily, and its ONNX form otherwise: a clear error is better.
    """
    if not _made_for_missing(model):
        return columns
    numeric = [at for at, column in enumerate(columns) if column.kind == "number"]
    groups = [[at] for at in numeric] if len(numeric) <= MAX_PROBES else [numeric]
    row = sample(model, columns, rows=1)
    taken: set[int] = set()
    for group in groups:
        probe = row.copy()
        probe[0, group] = np.nan
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                model.predict(probe)
        except Exception:  # noqa: BLE001 - any refusal means the same: no missing values here
            continue
        taken.update(group)
    return [
        ModelColumn(column.name, column.kind, column.categories, nullable=at in taken)
        for at, column in enumerate(columns)
    ]


def _made_for_missing(model: Any) -> bool:
    """Whether an imputer, or an estimator that learns where missing values go, is in it."""
    steps = _steps(model)
    for step in list(steps):
        steps += [inner for _, given, _ in getattr(step, "transformers_", []) for inner in _steps(given)]
    return any("Imputer" in type(step).__name__ or type(step).__name__.startswith("HistGradient") for step in steps)


def _scale(model: Any, count: int) -> tuple[npt.NDArray[Any], npt.NDArray[Any]]:
    """Mean and scale of each column out of a StandardScaler that sees all of them; else 0 and 1."""
    for step in _steps(model):
        mean, scale = getattr(step, "mean_", None), getattr(step, "scale_", None)
        if mean is not None and scale is not None and len(mean) == count:
            return np.asarray(mean), np.asarray(scale)
    return np.zeros(count), np.ones(count)
