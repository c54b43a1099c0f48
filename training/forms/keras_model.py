"""An existing Keras model, `.keras` or `.h5`, as the parts of an artifact: converted to ONNX, and served without Keras.

Only Keras knows what its layers compute, so this runs in the image `keras`: Keras loads the file, tf2onnx makes the
graph of it, and both answer the same made-up rows before anything is written (`keras_parity`).
"""

from __future__ import annotations

import logging
import os
import re
import tempfile
import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from training.artifact.records import package_versions
from training.errors import TrainingError
from training.forms import keras_parity
from training.forms.keras_graph import to_onnx
from training.forms.onnx_model import MAX_COLUMNS, from_onnx
from training.forms.sklearn_model import Parts

PACKAGES = ("keras", "onnx", "tensorflow", "tf2onnx")

_GIVEN_BY_KERAS = re.compile(r"(keras_tensor|input_layer|input|\w+_input)(_\d+)?")
"""Names of inputs that nobody chose; columns are x0, x1, … then, as for any model that does not know them."""


def from_keras(path: Path, *, trust: bool, columns: Sequence[str] = ()) -> Parts:
    """A Keras file. Raises TrainingError for a damaged one, for code in it without `trust`, for layers that are not
    Keras' own or that ONNX cannot compute, and where the ONNX form answers otherwise."""
    keras = _keras()
    model = _load(keras, path, trust=trust)
    original, names = _Original(keras, model), _input_names(model)
    try:
        data = to_onnx(original.call, model.inputs, names, _output_names(keras, model))
    except TrainingError as error:
        raise TrainingError(f"{path.name}: {error}") from error
    with tempfile.TemporaryDirectory(prefix="mooring-") as scratch:
        graph = Path(scratch) / path.name
        graph.write_bytes(data)
        parts = from_onnx(graph, columns or _column_names(model))
    parity = keras_parity.measure(original, data, names, path.name)
    kind = "Sequential" if isinstance(model, keras.Sequential) else "Model"
    manifest = {
        **parts.manifest,
        "estimator": f"keras.{kind}",
        "parity": parity.to_json(),
        "packages": package_versions(*PACKAGES),
    }
    return Parts(parts.files, manifest, parts.signature)


def _keras() -> Any:
    """Keras on TensorFlow without a GPU and without its chatter."""
    os.environ.update(
        KERAS_BACKEND="tensorflow",
        CUDA_VISIBLE_DEVICES="-1",
        TF_CPP_MIN_LOG_LEVEL="3",
        TF_ENABLE_ONEDNN_OPTS="0",  # the plain kernels: what the model computes, not what this processor makes of it
    )
    try:
        import keras
    except ImportError as error:
        raise TrainingError("a Keras model is converted in the image 'keras', and this is another one") from error
    for name in ("tensorflow", "tf2onnx", "absl"):
        logging.getLogger(name).setLevel(logging.CRITICAL)
    return keras


def _load(keras: Any, path: Path, *, trust: bool) -> Any:
    """The model, without its optimizer and losses; built, so that its inputs are known."""
    name = path.name
    with tempfile.TemporaryDirectory(prefix="mooring-") as scratch:
        try:  # Keras goes by the ending, which `--format keras` may have overruled
            link = Path(scratch) / f"model{'.h5' if _is_hdf5(path) else '.keras'}"
            link.symlink_to(path.absolute())
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                model = keras.models.load_model(link, compile=False, safe_mode=not trust)
        except Exception as error:
            raise TrainingError(f"{name}: {_why_not_loaded(str(error))}") from error
    if not hasattr(model, "inputs") or not model.built or not model.inputs:
        raise TrainingError(
            f"{name}: the model does not know its input's shape (it was saved before its first call); begin it with "
            "keras.Input(shape), or call it on a batch, and save it again"
        )
    if any(tensor.dtype == "string" for tensor in model.inputs):
        raise TrainingError(
            f"{name}: takes text, and ONNX has no counterpart of the layers that take it apart or look it up "
            "(TextVectorization, StringLookup, Hashing); leave them out of the model, and send it the numbers they make"
        )
    return model


def _is_hdf5(path: Path) -> bool:
    with path.open("rb") as stream:
        return stream.read(8) == b"\x89HDF\r\n\x1a\n"


def _why_not_loaded(said: str) -> str:
    """Keras' long words as one reason with what to do."""
    if "safe_mode" in said or "unsafe_deserialization" in said:
        return (
            "holds a Lambda layer, whose code runs when it is loaded; pass --trust (trust: true in the stack file) if "
            "it is yours, or write the layer with keras.ops and save again"
        )
    if found := re.search(r"Could not locate (?:class|function) '([^']+)'|Unknown (?:layer|\w+): '?([\w>]+)'?", said):
        return (
            f"holds '{found[1] or found[2]}', which is not Keras' own, and its code is not in the file; where that "
            "code is, `model.export('model.onnx', format='onnx')` writes a file that can be packaged"
        )
    if "No model config found" in said:
        return "holds weights only; save the whole model with model.save('model.keras')"
    if "accessible `.keras` zip" in said or "file signature" in said or "truncated" in said:
        return "not a Keras file, or a truncated one"
    lines = [line for line in said.strip().splitlines() if line.strip()] or ["Keras gave no reason"]
    return f"Keras cannot load it ({lines[0][:300]})"


def _input_names(model: Any) -> list[str]:
    """The inputs as the graph will call them; what Keras numbered by itself is `input`."""
    if len(model.inputs) == 1 and _GIVEN_BY_KERAS.fullmatch(model.inputs[0].name):
        return ["input"]
    return _distinct([tensor.name for tensor in model.inputs])


def _column_names(model: Any) -> list[str]:
    """x0, x1, … for the one table of a model that names none; [] where the graph's own names do."""
    shape = model.inputs[0].shape
    unnamed = len(model.inputs) == 1 and _GIVEN_BY_KERAS.fullmatch(model.inputs[0].name)
    if unnamed and len(shape) == 2 and 1 <= (shape[1] or 0) <= MAX_COLUMNS:
        return [f"x{place}" for place in range(shape[1])]
    return []


def _output_names(keras: Any, model: Any) -> list[str]:
    """The keys of a model that answers with a dictionary, else the names of its last layers."""
    structure = None if isinstance(model, keras.Sequential) else model.output
    if isinstance(structure, dict):
        return _distinct([str(path[-1]) for path, _ in keras.tree.flatten_with_path(structure)])
    names = getattr(model, "output_names", None)
    return _distinct(list(names)) if names and len(names) == len(model.outputs) else ["output"]


def _distinct(names: Sequence[str]) -> list[str]:
    """Names that TensorFlow takes as they are, each once."""
    found: list[str] = []
    for name in names:
        plain = re.sub(r"\W", "_", name, flags=re.ASCII).lstrip("_") or "tensor"
        found.append(plain if plain not in found else f"{plain}_{len(found)}")
    return found


class _Original:
    """The Keras model as `keras_parity` asks it: a list of arrays in, a list of arrays out."""

    def __init__(self, keras: Any, model: Any) -> None:
        self.keras, self.model, self.single = keras, model, isinstance(model, keras.Sequential)
        self.inputs = [(tensor.shape, str(tensor.dtype)) for tensor in model.inputs]
        tables = (keras.layers.Embedding, keras.layers.IntegerLookup, keras.layers.CategoryEncoding)
        known = [layer for layer in model._flatten_layers() if isinstance(layer, tables)]
        computed = {str(layer.compute_dtype) for layer in model._flatten_layers()}
        self.half = bool(computed & {"float16", "bfloat16"})
        self.vocabulary = min((_size(layer) for layer in known), default=0)

    def call(self, given: Sequence[Any]) -> list[Any]:
        """What the model answers, as it does outside of training."""
        packed = given[0] if self.single else self.keras.tree.pack_sequence_as(self.model.input, list(given))
        return list(self.keras.tree.flatten(self.model(packed, training=False)))

    def predict(self, rows: Sequence[Any]) -> list[Any]:
        """Its answers as arrays."""
        import numpy as np

        return [np.asarray(value) for value in self.call([self.keras.ops.convert_to_tensor(array) for array in rows])]


def _size(layer: Any) -> int:
    """How many whole numbers, from 0, a layer has an entry for."""
    for name in ("input_dim", "num_tokens"):
        if size := getattr(layer, name, None):
            return int(size)
    return int(layer.vocabulary_size()) if hasattr(layer, "vocabulary_size") else 2
