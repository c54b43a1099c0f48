"""The two forms of a fitted scikit-learn model that an artifact can hold, and which of them is served."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from training import onnx_form, skops_form


@dataclass(frozen=True)
class Forms:
    """Files of the forms, and the manifest's entries `forms`, `serve`, `parity` about them."""

    files: dict[str, bytes]
    entries: dict[str, Any]

    @property
    def served(self) -> str:
        """`onnx` or `sklearn`."""
        name: str = self.entries["serve"]
        return name


def make_forms(
    model: Any,
    numbers: Sequence[str],
    texts: Sequence[str],
    features: npt.NDArray[Any],
    rows: Sequence[int],
    original: tuple[bytes, Mapping[str, Any]] | None = None,
) -> Forms:
    """Both forms, and the parity measured on `features` (the pipeline's input matrix; `rows` names its rows).

    `original` is the model's own file and manifest entry, for a model that came as one; else skops is made.
    An ONNX form that cannot be made, or is over the limit, is left out, and the manifest says why.
    """
    if original is None:
        data = skops_form.dumps(model)
        original = data, {"file": "model.skops", "format": "skops", "trusted_types": skops_form.untrusted_types(data)}
    content, entry = original
    files = {str(entry["file"]): content}
    forms: dict[str, Any] = {
        "sklearn": {**entry, "columns": [*numbers, *texts], "probabilities": hasattr(model, "predict_proba")}
    }
    converted, parity = _onnx(model, len(numbers), len(texts), features, rows)
    if converted is not None:
        files["model.onnx"] = converted
        forms["onnx"] = _entry(model, numbers, texts)
    return Forms(files, {"serve": "onnx" if converted else "sklearn", "forms": forms, "parity": parity})


def _onnx(
    model: Any, numbers: int, texts: int, features: npt.NDArray[Any], rows: Sequence[int]
) -> tuple[bytes | None, dict[str, Any]]:
    try:
        data = onnx_form.convert(model, numbers, texts)
        outputs = onnx_form.run(data, features, numbers)
    except Exception as error:  # noqa: BLE001 - skl2onnx and ONNX Runtime raise what they like; the model is served anyway
        reason = str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__
        return None, {
            "within_limit": False,
            "reason": f"it cannot be converted ({type(error).__name__}: {reason[:300]})",
        }
    parity = measure(model, outputs, features, rows)
    return (data if parity.used else None), parity.to_json()


def measure(model: Any, outputs: Sequence[Any], features: npt.NDArray[Any], rows: Sequence[int]) -> onnx_form.Parity:
    """The parity of an ONNX form's outputs with what the model answers for the same features."""
    if not hasattr(model, "classes_"):
        return onnx_form.regressor_parity(outputs, model.predict(features))
    scores = model.predict_proba(features) if hasattr(model, "predict_proba") else None
    return onnx_form.classifier_parity(outputs, np.asarray(model.predict(features)), scores, rows)


def _entry(model: Any, numbers: Sequence[str], texts: Sequence[str]) -> dict[str, Any]:
    """The manifest's entry of the ONNX form: which columns go into which input, which output means what."""
    inputs = [("numbers", "float32", numbers), ("texts", "string", texts)]
    classifier = hasattr(model, "classes_")
    return {
        "file": "model.onnx",
        "inputs": [
            {"name": name, "dtype": dtype, "columns": list(columns)} for name, dtype, columns in inputs if columns
        ],
        "prediction": "label" if classifier else "variable",
        "probabilities": "probabilities" if classifier and hasattr(model, "predict_proba") else None,
    }
