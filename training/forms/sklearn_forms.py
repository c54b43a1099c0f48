"""The two forms of a fitted scikit-learn model that an artifact can hold, and which of them is served."""

from __future__ import annotations

import warnings
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from training.errors import TrainingError
from training.forms import onnx_form
from training.forms.onnx_form import Input, Parity
from training.forms.onnx_tools import Elsewhere, Here, Tools


@dataclass(frozen=True)
class Layout:
    """The matrix a model takes: its columns in order, and the inputs that its ONNX form shall have.

    Without inputs no ONNX form is made, for the stated reason. `flat` models take a list of texts instead of a
    matrix.
    """

    columns: tuple[str, ...]
    inputs: tuple[Input, ...]
    flat: bool = False
    reason: str = ""


@dataclass(frozen=True)
class Forms:
    """Files of the forms, and the manifest's entries `forms`, `serve`, `parity` about them."""

    files: dict[str, bytes]
    entries: dict[str, Any]


@dataclass(frozen=True)
class Converted:
    """An ONNX form: its bytes (None where there is none to be used), its outputs' names, the element type of its
    numbers, and the record of its parity."""

    data: bytes | None
    names: list[str]
    dtype: str
    parity: dict[str, Any]


def grouped(numbers: Sequence[str], texts: Sequence[str]) -> Layout:
    """The layout of the trainer's own pipelines: numeric columns first, one input for each kind."""
    split = len(numbers)
    inputs = []
    if numbers:
        inputs.append(Input("numbers", "number", tuple(range(split))))
    if texts:
        inputs.append(Input("texts", "string", tuple(range(split, split + len(texts)))))
    return Layout((*numbers, *texts), tuple(inputs))


def make_forms(
    model: Any,
    layout: Layout,
    features: npt.NDArray[Any],
    rows: Sequence[int],
    original: tuple[bytes, Mapping[str, Any]] | None = None,
    tools: Tools | None = None,
) -> Forms:
    """Both forms, and the parity measured on `features` (the model's input matrix; `rows` names its rows).

    `original` is the model's own file and manifest entry, for a model that came as one; else skops is made. `tools`
    make the ONNX form elsewhere, meanwhile. An ONNX form that cannot be made, or is over the limit, is left out, and
    the manifest says why. Raises TrainingError where `tools` are gone.
    """
    if tools is None:
        content, entry = original or _skops(model, Here())
        converted = _onnx(model, layout, features, rows, Here())
    else:
        with ThreadPoolExecutor(1) as waiting:
            under_way = waiting.submit(_onnx, model, layout, features, rows, tools)
            content, entry = original or _skops(model, tools)
            converted = under_way.result()
    scores = hasattr(model, "predict_proba")
    files = {str(entry["file"]): content}
    forms: dict[str, Any] = {"sklearn": {**entry, "columns": list(layout.columns), "probabilities": scores}}
    if layout.flat:
        forms["sklearn"]["flat"] = True
    if converted.data is not None:
        files["model.onnx"] = converted.data
        forms["onnx"] = {
            "file": "model.onnx",
            "inputs": [
                {
                    "name": given.name,
                    "dtype": converted.dtype if given.kind == "number" else "string",
                    "columns": list(given.columns) or [layout.columns[at] for at in given.places],
                }
                for given in layout.inputs
            ],
            "prediction": converted.names[0],
            "probabilities": converted.names[1] if scores and hasattr(model, "classes_") else None,
        }
        if np.asarray(getattr(model, "classes_", None)).dtype.kind == "b":
            forms["onnx"]["booleans"] = True  # ONNX labels them 0 and 1
    serve = "onnx" if converted.data is not None else "sklearn"
    return Forms(files, {"serve": serve, "forms": forms, "parity": converted.parity})


def _skops(model: Any, tools: Tools) -> tuple[bytes, Mapping[str, Any]]:
    """The model's skops file and its manifest entry."""
    data, types = tools.packed(model)
    return data, {"file": "model.skops", "format": "skops", "trusted_types": types}


def _onnx(model: Any, layout: Layout, features: npt.NDArray[Any], rows: Sequence[int], tools: Tools) -> Converted:
    """The ONNX form that is within the limit of parity: the exact one where there is one, else the plain one."""
    inputs = layout.inputs
    if not inputs:
        return Converted(None, [], "", _no_form(layout.reason))
    record = _no_form("")
    for exact in (True, False):
        try:
            data = tools.convert(model, inputs, exact=exact)
            names, outputs = tools.run(data, features, inputs)
        except TrainingError:
            raise
        except Exception as error:  # noqa: BLE001 - skl2onnx and ONNX Runtime raise what they like
            lines = str(error).strip().splitlines() or ["no reason given"]
            kind = error.kind if isinstance(error, Elsewhere) else type(error).__name__
            if "rows" not in record:
                record = _no_form(f"it cannot be converted ({kind}: {lines[0][:300]})")
            continue
        parity = measure(model, outputs, features, rows)
        if parity.used:
            return Converted(data, names, "float64" if exact else "float32", parity.to_json())
        record = parity.to_json()
    return Converted(None, [], "", record)


def _no_form(reason: str) -> dict[str, Any]:
    return {"within_limit": False, "reason": reason}


def measure(model: Any, outputs: Sequence[Any], features: npt.NDArray[Any], rows: Sequence[int]) -> Parity:
    """The parity of an ONNX form's outputs with what the model answers for the same features."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # such as: the model was fitted on a data frame
        labels = np.asarray(model.predict(features))
        if not hasattr(model, "classes_"):
            return onnx_form.regressor_parity(outputs, labels)
        scores = model.predict_proba(features) if hasattr(model, "predict_proba") else None
    return onnx_form.classifier_parity(outputs, labels, scores, rows)
