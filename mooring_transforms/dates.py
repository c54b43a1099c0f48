"""Dates in a pipeline: the parts of the calendar as columns."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Self

import numpy as np
import numpy.typing as npt
from sklearn.base import BaseEstimator, TransformerMixin
from sklearn.utils.validation import check_is_fitted

from mooring_transforms.moments import DAY, named_parts


class DateParts(TransformerMixin, BaseEstimator):  # type: ignore[misc]  # scikit-learn has no types
    """Takes [rows, columns] of seconds without missing values; gives the parts of each column side by side.

    With `cyclic`, parts that begin again are given as sine and cosine, so that December lies beside January.
    """

    def __init__(self, parts: Sequence[str] = ("year", "month", "day", "weekday"), cyclic: bool = False) -> None:
        self.parts = parts
        self.cyclic = cyclic

    def fit(self, values: Any, y: Any = None) -> Self:
        """Note the earliest date of each column."""
        self.origin_ = np.floor(np.asarray(values, dtype=np.float64).min(axis=0) / DAY)
        self.n_features_in_ = len(self.origin_)
        return self

    def transform(self, values: Any) -> npt.NDArray[np.float64]:
        """The parts as float64: for each column all its parts, in the order of `parts`."""
        check_is_fitted(self)
        matrix = np.asarray(values, dtype=np.float64)
        columns: list[npt.NDArray[np.float64]] = []
        for at in range(matrix.shape[1]):
            columns += named_parts(matrix[:, at], float(self.origin_[at]), self.parts, self.cyclic)
        return np.column_stack(columns)
