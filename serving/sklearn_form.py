"""A model served by scikit-learn itself, where its ONNX form would not be the same model."""

from __future__ import annotations

import pickle
import warnings
from collections.abc import Collection, Iterator, Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

from serving.artifact import Artifact
from serving.cells import Column
from serving.columns import Features
from serving.errors import ModelError, RequestError
from serving.forms import Answer, first_line, pixels

_ABSENT: Mapping[str, Any] = {"nan": float("nan"), "none": None, "empty": ""}
"""What models know as "no text"; `training/columns_of.py` finds out which."""


class SklearnForm:
    """A scikit-learn model: skops with the types the manifest trusts, or a pickle that the manifest trusts."""

    fast = False

    def __init__(self, artifact: Artifact, columns: list[Column]) -> None:
        entry = artifact.form("sklearn")
        self._model = _load_sklearn(artifact, entry)
        _by_position(self._model)
        numbers = [column.name for column in columns if column.numeric]
        texts = [column.name for column in columns if column.textual]
        wanted: list[str] = entry["columns"]
        self._images = [name for name in wanted if name not in numbers and name not in texts]
        self._numbers = [numbers.index(name) for name in wanted if name in numbers]
        self._texts = [texts.index(name) for name in wanted if name in texts]
        order = [name for group in (numbers, self._images, texts) for name in wanted if name in group]
        self._places = None if order == wanted else [order.index(name) for name in wanted]
        self._flat = bool(entry.get("flat"))
        ranking = artifact.task == "ranking"
        self.known: Mapping[str, Collection[str]] = (
            {texts[0]: frozenset(map(str, self._model.users_))} if ranking else {}
        )
        self._classifier = artifact.task == "classification"
        self._scores = self._classifier and hasattr(self._model, "predict_proba")
        self._absent = [(texts.index(name), _ABSENT[said]) for name, said in entry.get("absent", {}).items()]
        self._integers = artifact.signature["prediction"].get("type") == "integer"

    def run(self, features: Features) -> Answer:
        """Predict as scikit-learn does."""
        matrix = self._matrix(features)
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                values = np.asarray(self._model.predict(matrix))
                scores = np.asarray(self._model.predict_proba(matrix)) if self._scores else None
        except Exception as error:  # an estimator raises what it likes
            raise RequestError(f"the model refuses these values: {first_line(error)}") from error
        if not self._classifier:
            return Answer(np.ascontiguousarray(values) if values.dtype.kind in "fiu" else values.tolist())
        labels = values.astype(np.int64).tolist() if self._integers else [str(label) for label in values.tolist()]
        return Answer(labels, None if scores is None else np.ascontiguousarray(scores))

    def _matrix(self, features: Features) -> npt.NDArray[Any]:
        """The columns as the model was fitted with them: float64, float32 where all is pictures, objects where there
        are texts."""
        blocks: list[npt.NDArray[Any]] = [features.numbers[:, self._numbers]] if self._numbers else []
        blocks += [pixels(features, name).astype(np.float32) for name in self._images]
        if self._texts:
            blocks = [*(block.astype(object) for block in blocks), self._known(features)[:, self._texts]]
        matrix = blocks[0] if len(blocks) == 1 else np.concatenate(blocks, axis=1)
        if self._flat:
            return matrix[:, 0]
        return matrix if self._places is None else matrix[:, self._places]

    def _known(self, features: Features) -> npt.NDArray[Any]:
        """The text columns, a missing one as what the model was fitted with."""
        if not self._absent:
            return features.texts
        texts = features.texts.copy()
        for at, value in self._absent:
            texts[texts[:, at] == "", at] = value
        return texts


def _load_sklearn(artifact: Artifact, entry: Mapping[str, Any]) -> Any:
    path, kind = artifact.path(dict(entry)), entry["format"]
    if kind in ("joblib", "pickle") and entry.get("trust") is not True:
        raise ModelError(f"{path}: a pickle that the manifest does not trust; package the model again with --trust")
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            if kind == "skops":
                import skops.io

                return skops.io.load(path, trusted=list(entry.get("trusted_types", [])))
            if kind == "joblib":
                import joblib

                return joblib.load(path)
            with path.open("rb") as stream:
                return pickle.load(stream)
    except Exception as error:  # a foreign model's code runs here
        raise ModelError(f"{path}: cannot be loaded ({type(error).__name__}: {first_line(error)})") from error


def _by_position(model: Any) -> None:
    """Let column transformers that were fitted on a data frame pick their columns by place: there are no data
    frames here. `training/fitted.py` did the same when the model was packaged."""
    for step in _walk(model):
        if getattr(step, "_sklearn_output_config", None):  # `set_output(transform="pandas")`
            step._sklearn_output_config = {}
        indices = getattr(step, "_transformer_to_input_indices", None)
        if indices is not None and hasattr(step, "feature_names_in_"):
            step.transformers_ = [
                (name, inner, indices[name][0] if isinstance(columns, str) else list(indices[name]))
                for name, inner, columns in step.transformers_
            ]


def _walk(model: Any) -> Iterator[Any]:
    """Every object of scikit-learn's that a model consists of, trees aside, each once."""
    seen: set[int] = set()
    queue = [model]
    while queue:
        found = queue.pop()
        if isinstance(found, dict):
            queue += found.values()
        elif isinstance(found, list | tuple) or (isinstance(found, np.ndarray) and found.dtype == object):
            queue += list(found)
        elif id(found) not in seen and _is_part(found):
            seen.add(id(found))
            yield found
            queue += vars(found).values()


def _is_part(value: Any) -> bool:
    module = type(value).__module__
    if module.startswith("sklearn.tree.") or not hasattr(value, "__dict__") or isinstance(value, type):
        return False
    return hasattr(value, "get_params") or module.startswith("sklearn.")
