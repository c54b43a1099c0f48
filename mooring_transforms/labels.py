"""Classifiers that know classes as 0, 1, … only (XGBoost's), with the classes the data has."""

from __future__ import annotations

from typing import Any, Self

import numpy as np
import numpy.typing as npt
from sklearn.base import BaseEstimator, ClassifierMixin


class EncodedLabels(ClassifierMixin, BaseEstimator):  # type: ignore[misc]  # scikit-learn has no types
    """Fits `estimator` on the numbers of the classes in `classes_`, and answers with the classes themselves."""

    def __init__(self, estimator: Any) -> None:
        self.estimator = estimator

    def fit(self, features: Any, labels: Any, **further: Any) -> Self:
        """Fit. Targets within `eval_set` are encoded too."""
        self.classes_, encoded = np.unique(np.asarray(labels), return_inverse=True)
        if "eval_set" in further:
            further["eval_set"] = [(rows, np.searchsorted(self.classes_, truth)) for rows, truth in further["eval_set"]]
        self.estimator.fit(features, encoded, **further)
        self.n_features_in_ = features.shape[1]
        return self

    def predict(self, features: Any) -> npt.NDArray[Any]:
        """The class of each row."""
        found: npt.NDArray[Any] = self.classes_[np.asarray(self.estimator.predict(features)).astype(np.int64)]
        return found

    def predict_proba(self, features: Any) -> npt.NDArray[np.float64]:
        """The probability of each class, in the order of `classes_`."""
        return np.asarray(self.estimator.predict_proba(features))

    @property
    def feature_importances_(self) -> npt.NDArray[Any]:
        """Those of the estimator."""
        return np.asarray(self.estimator.feature_importances_)
