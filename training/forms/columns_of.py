"""What a fitted scikit-learn model tells about its columns: how many, their names, which hold text.

A model that was fitted elsewhere brings no signature; but its fitted steps know the categories they saw.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from training.errors import TrainingError
from training.forms.fitted import steps, takes_words, walk, wrapped
from training.forms.known_values import known_values
from training.forms.onnx_form import Input
from training.forms.sklearn_forms import Layout

ABSENT: Mapping[str, Any] = {"nan": float("nan"), "none": None, "empty": ""}
"""What models know as "no text"; data frames have NaN."""


@dataclass(frozen=True)
class ModelColumn:
    """One column of a fitted model. `categories` are those its encoder saw, for text; `absent` is the name in
    ABSENT of what the model takes for a missing text. `values` are the only numbers an encoder knows. The model passes
    over an `unused` one."""

    name: str
    kind: Literal["number", "string"]
    categories: tuple[str, ...] = ()
    nullable: bool = False
    absent: str = "empty"
    values: tuple[float, ...] = ()
    unused: bool = False


@dataclass(frozen=True)
class Known:
    """All that is known about a fitted model's input. `flat`: it takes a list of texts; `positive`: no negative
    numbers."""

    columns: tuple[ModelColumn, ...]
    flat: bool = False
    positive: bool = False

    def layout(self, model: Any) -> Layout:
        """The matrix and the ONNX inputs: one input for all numbers, else one a column, by its name."""
        names = tuple(column.name for column in self.columns)
        if reason := _only_itself(model):
            return Layout(names, (), flat=self.flat, reason=reason)
        if all(column.kind == "number" for column in self.columns) and not _selects_by_name(model):
            return Layout(names, (Input("numbers", "number", tuple(range(len(names)))),))
        return Layout(names, tuple(Input(column.name, column.kind, (at,)) for at, column in enumerate(self.columns)))

    @property
    def absent(self) -> dict[str, str]:
        """What stands for a missing text, of the columns where that is no empty one."""
        return {column.name: column.absent for column in self.columns if column.nullable and column.absent != "empty"}


def columns_of(model: Any, names: Sequence[str] = ()) -> Known:
    """The columns of a fitted model; `names` override its own. Raises TrainingError where they cannot be told."""
    from training.forms.missing import needs_positive, with_nullable

    if takes_words(steps(model)[0]):
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
    encoded = _encoded(model, list(range(count)))
    columns = [_column(name, encoded.get(at)) for at, name in enumerate(found)]
    positive = needs_positive(model, columns)
    unused = _unused(model, count)
    columns = [
        replace(column, nullable=True, unused=True) if at in unused else column
        for at, column in enumerate(with_nullable(model, columns, positive))
    ]
    return Known(tuple(columns), positive=positive)


def sample(
    model: Any,
    columns: Sequence[ModelColumn],
    rows: int = 300,
    *,
    missing: bool = True,
    positive: bool = False,
) -> npt.NDArray[Any]:
    """Plausible rows for a parity check: numbers of several magnitudes, around the scaler's means where the model has
    one, and in every second row around what the model knows of the column; texts out of the known categories; every
    tenth row with missing values where they are taken."""
    random = np.random.default_rng(0)
    mean, scale = _scale(model, len(columns))
    spread = random.choice([1.0, 3.0, 10.0], size=(rows, 1))
    noise = random.standard_normal((rows, len(columns)))
    numbers: npt.NDArray[Any] = mean + scale * spread * noise
    known = known_values(model, range(len(columns))) if rows > 1 else {}
    for at, values in known.items():
        if (drawn := values.drawn(random, len(numbers[1::2]))) is not None:
            numbers[1::2, at] = drawn
    for at, column in enumerate(columns):
        if column.values:
            numbers[:, at] = random.choice(column.values, size=rows)
    if positive:
        numbers = np.abs(numbers) + np.finfo(np.float32).eps
    for at, column in enumerate(columns):
        if missing and column.kind == "number" and column.nullable:
            numbers[at % 10 :: 10, at] = np.nan
    if all(column.kind == "number" for column in columns):
        return numbers
    mixed: npt.NDArray[Any] = numbers.astype(object)
    for at, column in enumerate(columns):
        if column.kind == "string":
            mixed[:, at] = random.choice([*column.categories, "(unseen)"][: max(len(column.categories), 1)], size=rows)
            if missing and column.nullable:
                mixed[at % 10 :: 10, at] = ABSENT[column.absent]
    return mixed


def _only_itself(model: Any) -> str:
    """Why only scikit-learn gives this model's answers; empty where ONNX may as well."""
    for step in walk(model):
        if takes_words(step):
            return "ONNX splits free text into words differently"
        if "Neighbors" in type(step).__name__:
            return "ONNX chooses otherwise among neighbours at the same distance"
        if "GaussianProcess" in type(step).__name__:
            return "ONNX's single precision is too little for a Gaussian process near what it learned from"
    return ""


def _unused(model: Any, count: int) -> set[int]:
    """Columns that a ColumnTransformer at the beginning drops; what they hold, also text, is nothing to the model."""
    first = steps(model)[0]
    indices = getattr(first, "_transformer_to_input_indices", None)
    if not indices:
        return set()
    kept = [name for name, inner, _ in first.transformers_ if not (isinstance(inner, str) and inner == "drop")]
    used = {int(at) for name in kept for at in indices.get(name, ())}
    return set(range(count)) - used if used else set()


def _selects_by_name(model: Any) -> bool:
    """Whether a ColumnTransformer in it was fitted on a data frame, and may tell numbers from texts."""
    return any(hasattr(step, "transformers_") and hasattr(step, "feature_names_in_") for step in walk(model))


def _encoded(model: Any, places: Sequence[int]) -> dict[int, list[Any]]:
    """Places of columns that an encoder sees, with its categories; none for free text. `places` are the model's
    columns in the whole matrix."""
    found: dict[int, list[Any]] = {}
    for step in steps(model):
        if indices := getattr(step, "_transformer_to_input_indices", None):
            fitted: Mapping[str, Any] = step.named_transformers_
            for name, inner in indices.items():
                if name in fitted and not isinstance(fitted[name], str):
                    found |= _encoded(fitted[name], [places[at] for at in inner])
            return found
        categories = getattr(step, "categories_", None)
        if takes_words(step) and len(places) == 1:
            return {places[0]: []}
        if isinstance(categories, list) and len(categories) == len(places):
            for at, seen in zip(places, categories, strict=True):
                found[at] = np.asarray(seen).tolist()
            return found
        for inner in wrapped(step):
            found = _encoded(inner, places) | found
        if not hasattr(step, "transform"):
            return found
    return found


def _column(name: str, seen: list[Any] | None) -> ModelColumn:
    """A column, by the categories that its encoder saw; None where it has no encoder."""
    if seen is None:
        return ModelColumn(name, "number")
    present = [value for value in seen if value is not None and value == value]
    if present and not any(isinstance(value, str) for value in present):
        return ModelColumn(name, "number", values=tuple(float(value) for value in present))
    absent = "nan" if any(value != value for value in seen) else "none" if None in seen else ""
    return ModelColumn(
        name, "string", tuple(text for text in present if isinstance(text, str)), bool(absent), absent or "empty"
    )


def _scale(model: Any, count: int) -> tuple[npt.NDArray[Any], npt.NDArray[Any]]:
    """Mean and scale of each column out of a StandardScaler that sees all of them; else 0 and 1."""
    for step in steps(model):
        mean, scale = getattr(step, "mean_", None), getattr(step, "scale_", None)
        if mean is not None and scale is not None and len(mean) == count:
            return np.asarray(mean), np.asarray(scale)
    return np.zeros(count), np.ones(count)
