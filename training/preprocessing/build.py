"""The fitted pipeline's first step: for each treatment one transformer over the columns that get it."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from training.data.table import Column
from training.errors import TrainingError
from training.preprocessing.config import Preprocessing
from training.preprocessing.matrix import Places, places

NAMES = {"number": "numbers", "string": "texts", "text": "words", "date": "dates", "image": "images"}
"""Names of the transformers by kind; a second treatment of a kind gets a number."""


def column_transformer(columns: Sequence[Column], config: Preprocessing, sparse: bool) -> Any:
    """The transformer of all columns, not fitted. `sparse`: whether the estimator takes a sparse matrix."""
    from sklearn.compose import ColumnTransformer

    steps: list[tuple[str, Any, Any]] = []
    taken: dict[str, int] = {}
    for group, treatment in _groups(columns, config):
        kind = group[0].column.kind
        taken[kind] = taken.get(kind, 0) + 1
        name = NAMES[kind] if taken[kind] == 1 else f"{NAMES[kind]}_{taken[kind]}"
        where: Any = [at for place in group for at in range(place.start, place.stop)]
        if kind == "text":
            where = group[0].start  # a single place, so that the vectorizer gets texts and no matrix
        steps.append((name, transformer(group, treatment), where))
    return ColumnTransformer(steps, sparse_threshold=0.3 if sparse else 0)


def dropping(columns: Sequence[Column], config: Preprocessing) -> list[str]:
    """Columns whose rows without a value are left out."""
    return [c.name for c in columns if config.treatment(c.name, c.kind).get("missing") == "drop"]


def _groups(columns: Sequence[Column], config: Preprocessing) -> list[tuple[list[Places], dict[str, Any]]]:
    """Columns with the same treatment, in the matrix's order; texts and images by themselves."""
    found: dict[str, tuple[list[Places], dict[str, Any]]] = {}
    for place in places(columns):
        column = place.column
        treatment = config.treatment(column.name, column.kind)
        if column.kind == "date" and not treatment["parts"]:
            treatment["parts"] = parts_of(column)
        alone = column.name if column.kind in ("text", "image") else ""
        key = f"{column.kind}\0{alone}\0{json.dumps(treatment, sort_keys=True)}"
        found.setdefault(key, ([], treatment))[0].append(place)
    return list(found.values())


def parts_of(column: Column) -> tuple[str, ...]:
    """The parts that a date column's values have: the hour only where there are times of day."""
    present = column.values[~column.missing]
    by_day = bool((present == present.astype("datetime64[D]")).all())
    return (
        ("year", "month", "day", "weekday", "elapsed")
        if by_day
        else ("year", "month", "day", "weekday", "hour", "elapsed")
    )


def transformer(group: Sequence[Places], treatment: Mapping[str, Any]) -> Any:
    """The transformer of some columns of one kind and one treatment."""
    return _MAKERS[group[0].column.kind](group, treatment)


def _pipeline(steps: list[tuple[str, Any]]) -> Any:
    from sklearn.pipeline import Pipeline

    return Pipeline(steps) if steps else "passthrough"


def _numbers(group: Sequence[Places], treatment: Mapping[str, Any]) -> Any:
    return _pipeline([*_imputer(group, treatment, np.nan), *_scaler(treatment["scale"])])


def _imputer(group: Sequence[Places], treatment: Mapping[str, Any], absent: Any) -> list[tuple[str, Any]]:
    from sklearn.impute import SimpleImputer

    strategy = treatment["missing"]
    if strategy in ("drop", "keep"):
        return []
    if strategy == "constant":
        return [("impute", SimpleImputer(missing_values=absent, strategy=strategy, fill_value=treatment["value"]))]
    for place in group:
        if place.column.missing.all():
            raise TrainingError(
                f"column '{place.column.name}' has no value in the rows to learn from, and its {strategy} is to stand "
                f"for missing ones; leave it out with --drop {place.column.name}"
            )
    return [("impute", SimpleImputer(missing_values=absent, strategy=strategy))]


def _scaler(scale: str) -> list[tuple[str, Any]]:
    from sklearn.preprocessing import MinMaxScaler, RobustScaler, StandardScaler

    makers = {"standard": StandardScaler, "minmax": MinMaxScaler, "robust": RobustScaler}
    return [("scale", makers[scale]())] if scale in makers else []


def _categories(group: Sequence[Places], treatment: Mapping[str, Any]) -> Any:
    return _pipeline([*_imputer(group, treatment, ""), ("encode", _encoder(group, treatment))])


def _encoder(group: Sequence[Places], treatment: Mapping[str, Any]) -> Any:
    from sklearn.preprocessing import OneHotEncoder, OrdinalEncoder

    rare = {"min_frequency": treatment.get("min_count"), "max_categories": treatment.get("max_categories")}
    lumped = any(limit is not None for limit in rare.values())
    unseen = treatment["unseen"]
    if unseen == "rare" and not lumped:
        names = ", ".join(place.column.name for place in group)
        raise TrainingError(
            f"--preprocessing: columns.{names}: 'unseen: rare' counts unseen values among the rare ones, and nothing "
            "says which are rare; add 'min_count' or 'max_categories'"
        )
    if treatment["encode"] == "onehot":
        handle = {"ignore": "ignore", "rare": "infrequent_if_exist", "error": "error"}[unseen]
        return OneHotEncoder(handle_unknown=handle, sparse_output=False, **rare)
    order: Any = "auto"
    if treatment.get("order"):
        order = [np.array(_complete(place.column, treatment), dtype=object) for place in group]
    if unseen == "error":
        return OrdinalEncoder(categories=order, **rare)
    return OrdinalEncoder(categories=order, handle_unknown="use_encoded_value", unknown_value=-1, **rare)


def _complete(column: Column, treatment: Mapping[str, Any]) -> tuple[str, ...]:
    """The stated order. Raises TrainingError for a value of the data that it lacks, and for a fill that it lacks."""
    known: tuple[str, ...] = treatment["order"]
    found = set(column.values[~column.missing].tolist()) | ({treatment["value"]} if "value" in treatment else set())
    if left := sorted(found - set(known)):
        raise TrainingError(
            f"--preprocessing: columns.{column.name}.order: lacks {', '.join(repr(name) for name in left[:5])}, which "
            "the data holds"
        )
    return known


def _words(group: Sequence[Places], treatment: Mapping[str, Any]) -> Any:
    from sklearn.feature_extraction.text import TfidfVectorizer

    stop = treatment.get("stop_words", "none")
    return TfidfVectorizer(
        ngram_range=treatment["ngrams"],
        max_features=treatment["max_features"],
        min_df=treatment["min_df"],
        max_df=treatment["max_df"],
        analyzer=treatment["analyzer"],
        lowercase=treatment.get("lowercase", True),
        sublinear_tf=treatment.get("sublinear", False),
        stop_words=None if stop == "none" else stop,
    )


def _dates(group: Sequence[Places], treatment: Mapping[str, Any]) -> Any:
    from mooring_transforms.dates import DateParts

    parts = DateParts(parts=list(treatment["parts"]), cyclic=treatment["cyclic"])
    return _pipeline([*_imputer(group, treatment, np.nan), ("parts", parts), *_scaler(treatment["scale"])])


def _images(group: Sequence[Places], treatment: Mapping[str, Any]) -> Any:
    from mooring_transforms.images import PixelScale

    scale = treatment["scale"]
    if scale == "range":
        values = group[0].column.values
        coloured = values.dtype == np.uint8 and int(values.max(initial=0)) > 64
        return _pipeline([("scale", PixelScale(255.0 if coloured else None))])
    return _pipeline(_scaler(scale))


_MAKERS = {"number": _numbers, "string": _categories, "text": _words, "date": _dates, "image": _images}
