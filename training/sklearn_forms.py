"""The two forms of a fitted scikit-learn model that an artifact can hold, and which of them is served."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from training import onnx_form, skops_form
from training.onnx_form import Input, Parity


@dataclass(frozen=True)
class Layout:
    """The matrix a model takes: its columns in order, and the inputs that its ONNX form shall have.

    Without inputs no ONNX form is made. `flat` models take a list of texts instead of a matrix.
    """

    columns: tuple[str, ...]
    inputs: tuple[Input, ...]
    flat: bool = False


@dataclass(frozen=True)
class Forms:
    """Files of the forms, and the manifest's entries `forms`, `serve`, `parity` about them."""

    files: dict[str, bytes]
    entries: dict[str, Any]


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
) -> Forms:
    """Both forms, and the parity measured on `features` (the model's input matrix; `rows` names its rows).

    `original` is the model's own file and manifest entry, for a model that came as one; else skops is made.
    An ONNX form that cannot be made, or is over the limit, is left out, and the manifest says why.
    """
    if original is None:
        data = skops_form.dumps(model)
        original = data, {"file": "model.skops", "format": "skops", "trusted_types": skops_form.untrusted_types(data)}
    content, entry = original
    scores = hasattr(model, "predict_proba")
    files = {str(entry["file"]): content}
    forms: dict[str, Any] = {"sklearn": {**entry, "columns": list(layout.columns), "probabilities": scores}}
    if layout.flat:
        forms["sklearn"]["flat"] = True
    converted, names, parity = _onnx(model, layout.inputs, features, rows)
    if converted is not None:
        files["model.onnx"] = converted
        forms["onnx"] = {
            "file": "model.onnx",
            "inputs": [
                {"name": given.name, "dtype": given.dtype, "columns": [layout.columns[at] for at in given.places]}
                for given in layout.inputs
            ],
            "prediction": names[0],
            "probabilities": names[1] if scores and hasattr(model, "classes_") else None,
        }
    return Forms(files, {"serve": "onnx" if converted else "sklearn", "forms": forms, "parity": parity})


def _onnx(
    model: Any, inputs: Sequence[Input], features: npt.NDArray[Any], rows: Sequence[int]
) -> tuple[bytes | None, list[str], dict[str, Any]]:
    """ONNX bytes (None where they are not to be used), the outputs' names, and the record of the parity."""
    if not inputs:
        return None, [], _no_form("its input is free text, whose splitting into words ONNX does differently")
    try:
        data = onnx_form.convert(model, inputs)
        names, outputs = onnx_form.run(data, features, inputs)
    except Exception as error:  # noqa: BLE001 - skl2onnx and ONNX Runtime raise what they like
        lines = str(error).strip().splitlines() or ["no reason given"]
        return None, [], _no_form(f"it cannot be converted ({type(error).__name__}: {lines[0][:300]})")
    parity = measure(model, outputs, features, rows)
    return (data if parity.used else None), names, parity.to_json()


def _no_form(reason: str) -> dict[str, Any]:
    return {"within_limit": False, "reason": reason}


def measure(model: Any, outputs: Sequence[Any], features: npt.NDArray[Any], rows: Sequence[int]) -> Parity:
    """The parity of an ONNX form's outputs with what the model answers for the same features."""
    if not hasattr(model, "classes_"):
        return onnx_form.regressor_parity(outputs, model.predict(features))
    scores = model.predict_proba(features) if hasattr(model, "predict_proba") else None
    return onnx_form.classifier_parity(outputs, np.asarray(model.predict(features)), scores, rows)
