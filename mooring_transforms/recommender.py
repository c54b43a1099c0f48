"""Items for users out of who chose what: a matrix of users and items, factorised.

With truncated SVD this is PureSVD (P. Cremonesi, Y. Koren, R. Turrin, *Performance of Recommender Algorithms on Top-N
Recommendation Tasks*, RecSys 2010): what is not rated counts as 0, and a user's scores are their row of the matrix
as the factors give it back.
"""

from __future__ import annotations

import math
from typing import Any, Self

import numpy as np
import numpy.typing as npt
from sklearn.base import BaseEstimator, clone


class Recommender(BaseEstimator):  # type: ignore[misc]  # scikit-learn has no types
    """Recommends `k` items to each user that they have not chosen yet, best first.

    `factorisation` is an estimator with `fit_transform` and `components_` (TruncatedSVD, NMF). A user whom training
    never saw gets the items that most users chose.
    """

    def __init__(self, factorisation: Any, k: int = 10) -> None:
        self.factorisation = factorisation
        self.k = k

    def fit(self, users: npt.NDArray[Any], items: npt.NDArray[Any], weights: npt.NDArray[np.float64]) -> Self:
        """Learn from interactions: user, item, and what it weighs (a rating, or 1), one a row."""
        from scipy.sparse import csr_matrix

        self.users_, rows = np.unique(users.astype(str), return_inverse=True)
        self.items_, columns = np.unique(items.astype(str), return_inverse=True)
        shape = len(self.users_), len(self.items_)
        chosen = csr_matrix((weights, (rows, columns)), shape=shape)
        fitted = clone(self.factorisation)
        self.user_factors_ = np.asarray(fitted.fit_transform(chosen), dtype=np.float64)
        self.item_factors_ = np.asarray(fitted.components_, dtype=np.float64)
        pairs = csr_matrix((np.ones(len(rows)), (rows, columns)), shape=shape)
        pairs.sort_indices()
        self.popularity_ = np.asarray((pairs > 0).sum(axis=0), dtype=np.float64).ravel() / len(self.users_)
        self.seen_starts_ = np.asarray(pairs.indptr, dtype=np.int64)
        self.seen_items_ = np.asarray(pairs.indices, dtype=np.int64)
        return self

    def recommend(self, user: str, k: int) -> tuple[npt.NDArray[Any], npt.NDArray[np.float64]]:
        """The best items for one user and their scores: at most `k`, fewer where there are no more."""
        at = int(np.searchsorted(self.users_, user))
        known = at < len(self.users_) and self.users_[at] == user
        scores = self.user_factors_[at] @ self.item_factors_ if known else self.popularity_.copy()
        if known:
            scores[self.seen_items_[self.seen_starts_[at] : self.seen_starts_[at + 1]]] = -np.inf
        best = np.argsort(-scores, kind="stable")[: max(0, k)]
        best = best[np.isfinite(scores[best])]
        return self.items_[best], scores[best]

    def predict(self, rows: npt.NDArray[Any]) -> npt.NDArray[Any]:
        """For rows of [k, user] (`k` may be NaN: as many as in training) a list of `{"item", "score"}` each."""
        found = np.empty(len(rows), dtype=object)
        for place, (wanted, user) in enumerate(rows):
            missing = wanted is None or math.isnan(float(wanted))
            items, scores = self.recommend(str(user), self.k if missing else int(wanted))
            pairs = zip(items.tolist(), scores.tolist(), strict=True)
            found[place] = [{"item": item, "score": score} for item, score in pairs]
        return found
