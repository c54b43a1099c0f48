"""Pictures in a pipeline: pixels to one scale."""

from __future__ import annotations

from typing import Any, Self

import numpy as np
import numpy.typing as npt
from sklearn.base import BaseEstimator, TransformerMixin


class PixelScale(TransformerMixin, BaseEstimator):  # type: ignore[misc]  # scikit-learn has no types
    """Divides pixels by the largest value they can have, in single precision; `None` takes it from training."""

    def __init__(self, largest: float | None = 255.0) -> None:
        self.largest = largest

    def fit(self, values: Any, y: Any = None) -> Self:
        """Note the largest value."""
        matrix = np.asarray(values, dtype=np.float32)
        self.divisor_ = float(self.largest if self.largest is not None else max(float(np.abs(matrix).max()), 1e-12))
        self.n_features_in_ = matrix.shape[1]
        return self

    def transform(self, values: Any) -> npt.NDArray[np.float32]:
        """The pixels, divided."""
        scaled: npt.NDArray[np.float32] = np.asarray(values, dtype=np.float32) / np.float32(self.divisor_)
        return scaled
