"""The forms a model is served from: ONNX Runtime, or scikit-learn itself. Each is imported only when it is used."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

from serving.artifact import Artifact
from serving.cells import Column
from serving.columns import Features
from serving.errors import ModelError, RequestError
from serving.expectations import Unlike


@dataclass(frozen=True)
class Answer:
    """What a model says about some rows. `values` has one entry a row; `probabilities` is [rows, classes]; `unlike`
    are values that training saw nothing like of."""

    values: Any
    probabilities: npt.NDArray[Any] | None = None
    outputs: Mapping[str, npt.NDArray[Any]] = field(default_factory=dict)
    unlike: Sequence[Unlike] = ()


class Form(Protocol):
    """A loaded model."""

    fast: bool
    """Whether one row takes microseconds, so that it may run on the event loop."""
    known: Mapping[str, Collection[str]]
    """The values of text columns that the model itself knows, where its signature does not list them."""

    def run(self, features: Features) -> Answer:
        """Predict. Raises RequestError when the model refuses the values."""


def load_form(artifact: Artifact, columns: list[Column], threads: int) -> Form:
    """The form that the manifest says to serve. Raises ModelError where it cannot be loaded."""
    if artifact.manifest["serve"] == "onnx":
        return OnnxForm(artifact, columns, threads)
    from serving.sklearn_form import SklearnForm

    return SklearnForm(artifact, columns)


class OnnxForm:
    """A model in ONNX Runtime, on the CPU, with `threads` threads an operator."""

    fast = True
    known: Mapping[str, Collection[str]] = {}

    def __init__(self, artifact: Artifact, columns: list[Column], threads: int) -> None:
        import onnxruntime

        entry = artifact.form("onnx")
        path = artifact.path(entry)
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = threads
        options.inter_op_num_threads = 1
        options.log_severity_level = 4
        try:
            self._session = onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
        except Exception as error:  # ONNX Runtime raises a dozen private types
            raise ModelError(f"{path}: ONNX Runtime cannot load it ({first_line(error)})") from error
        self._feeds = [_feed(given, columns) for given in entry["inputs"]]
        self._single_rows = entry.get("batch") == 1
        self._task = artifact.task
        self._prediction: str = entry.get("prediction") or ""
        self._probabilities: str | None = entry.get("probabilities")
        self._classes: list[Any] = artifact.signature["prediction"].get("classes", [])
        self._booleans = bool(entry.get("booleans"))
        self._names = self._output_names()

    def _output_names(self) -> list[str]:
        if self._task == "tensor":
            return [output.name for output in self._session.get_outputs()]
        return [self._prediction, self._probabilities] if self._probabilities else [self._prediction]

    def run(self, features: Features) -> Answer:
        """Predict with one call, or row by row where the model's batch size is fixed to one."""
        feed = {name: make(features) for name, make in self._feeds}
        try:
            if self._single_rows and features.rows > 1:
                runs = [
                    self._session.run(self._names, {name: values[at : at + 1] for name, values in feed.items()})
                    for at in range(features.rows)
                ]
                found = [np.concatenate(parts) for parts in zip(*runs, strict=True)]
            else:
                found = self._session.run(self._names, feed)
        except Exception as error:  # see above
            raise RequestError(f"the model refuses these values: {first_line(error)}") from error
        return self._answer(found, features.rows)

    def _answer(self, found: list[Any], rows: int) -> Answer:
        if self._task == "classification":
            labels = np.asarray(found[0]).reshape(-1).tolist()
            if self._booleans:
                labels = [self._classes[label] for label in labels]
            return Answer(labels, _probabilities(found[1], self._classes) if len(found) > 1 else None)
        if self._task == "regression":
            values = np.asarray(found[0])
            return Answer(np.ascontiguousarray(values.reshape(-1) if values.size == rows else values))
        outputs = {name: np.asarray(values) for name, values in zip(self._names, found, strict=True)}
        if any(values.ndim == 0 or len(values) != rows for values in outputs.values()):
            raise RequestError(
                "the model's outputs have no row for each row of the input; use /v2/…/infer with its shapes"
            )
        if len(outputs) == 1:
            return Answer(_plain(next(iter(outputs.values()))), None, outputs)
        split = {name: _plain(values) for name, values in outputs.items()}
        return Answer([{name: values[at] for name, values in split.items()} for at in range(rows)], None, outputs)


def _plain(values: npt.NDArray[Any]) -> Any:
    """A form that JSON can carry: text as lists, numbers as one contiguous block."""
    return values.tolist() if values.dtype.kind in "OSU" else np.ascontiguousarray(values)


def _probabilities(found: Any, classes: list[Any]) -> npt.NDArray[Any]:
    """[rows, classes]; a ZipMap's list of mappings is put into the classes' order."""
    if isinstance(found, list):
        found = np.array([[row[label] for label in classes] for row in found], dtype=np.float32)
    # Sums of single-precision shares end a little over 1 at times.
    shares: npt.NDArray[Any] = np.minimum(found, np.float32(1))
    return shares


def _feed(given: Mapping[str, Any], columns: list[Column]) -> tuple[str, Callable[[Features], npt.NDArray[Any]]]:
    """How one input of the graph is made from the features."""
    name, dtype, wanted = given["name"], given["dtype"], given["columns"]
    types = {column.name: column for column in columns}
    first = types[wanted[0]]
    if first.type == "tensor":
        return name, lambda features: features.tensors[wanted[0]]
    if first.type == "image":
        kind = np.dtype(dtype)
        return name, lambda features: pixels(features, wanted[0]).astype(kind, copy=False)
    order = [column.name for column in columns if column.textual == first.textual and column.type not in _ARRAYS]
    places = [order.index(column) for column in wanted]
    flat = given.get("rank") == 1
    numpy_type: Any = object if first.textual else np.dtype(dtype)
    whole = places == list(range(len(order)))

    def make(features: Features) -> npt.NDArray[Any]:
        source = features.texts if first.textual else features.numbers
        picked = (source if whole else source[:, places]).astype(numpy_type, copy=False)
        return picked.reshape(-1) if flat else picked

    return name, make


def pixels(features: Features, name: str) -> npt.NDArray[Any]:
    """The images of a column as models take them: [rows, height × width × channels], in C order."""
    images = features.tensors[name]
    return images.reshape(len(images), -1)


_ARRAYS = ("tensor", "image")


def first_line(error: BaseException) -> str:
    """The first line of an error's message, at most 300 characters; its type where it says nothing."""
    text = str(error).strip()
    return text.splitlines()[0][:300] if text else type(error).__name__
