"""An MLflow model folder (its `MLmodel` file, with one of FLAVORS), read without MLflow.

Format: https://mlflow.org/docs/latest/ml/model/, "MLflow Model format".
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from training.errors import TrainingError, nearest
from training.forms.onnx_model import from_onnx
from training.forms.sklearn_model import Parts, from_pickle, from_skops

MLMODEL = "MLmodel"
FLAVORS = ("onnx", "sklearn", "xgboost", "lightgbm", "keras", "tensorflow")


def from_mlflow(folder: Path, *, trust: bool, columns: Sequence[str] = ()) -> Parts:
    """An MLflow folder. Raises TrainingError for an unknown flavor, and for what its file's form refuses."""
    document = _read(folder)
    flavors = document.get("flavors")
    if not isinstance(flavors, dict) or not flavors:
        raise TrainingError(f"{folder.name}/{MLMODEL}: names no flavors")
    names = list(columns) or _input_names(document)
    if "onnx" in flavors:
        return from_onnx(_file(folder, flavors["onnx"], "data"), names)
    if "sklearn" in flavors:
        flavor = flavors["sklearn"]
        path = _file(folder, flavor, "pickled_model")
        if flavor.get("serialization_format") == "skops" or path.suffix == ".skops":
            return from_skops(path, trust=trust, columns=names)
        return from_pickle(path, "pickle", trust=trust, columns=names)
    for name in ("xgboost", "lightgbm"):
        if name in flavors:
            return _boosted(name, _file(folder, flavors[name], "data"), names, trust=trust)
    for name in ("keras", "tensorflow"):
        if name in flavors:
            from training.forms.keras_model import from_keras

            return from_keras(_keras_file(folder), trust=trust, columns=names)
    if set(flavors) == {"python_function"}:
        raise TrainingError(
            f"{folder.name}/{MLMODEL}: has only the flavor python_function, which is Python code of its author's; save "
            f"the model in it by one of the flavors {', '.join(FLAVORS)}"
        )
    found = ", ".join(sorted(str(name) for name in flavors))
    raise TrainingError(f"{folder.name}/{MLMODEL}: has the flavors {found}; one of {', '.join(FLAVORS)} is needed")


def _boosted(name: str, path: Path, columns: Sequence[str], *, trust: bool) -> Parts:
    """Boosted trees in their library's own format; the estimators of LightGBM MLflow 2 pickles, and MLflow 3 keeps with
    skops."""
    from training.forms.boosting_model import from_lightgbm, from_xgboost

    if path.suffix == ".skops":
        return from_skops(path, trust=trust, columns=columns)
    if path.suffix == ".pkl":
        return from_pickle(path, "pickle", trust=trust, columns=columns)
    return (from_xgboost if name == "xgboost" else from_lightgbm)(path, columns)


def _keras_file(folder: Path) -> Path:
    """The model that MLflow's flavors of Keras keep in `data/`."""
    found = sorted(path for path in folder.rglob("model.*") if path.suffix in (".keras", ".h5"))
    if not found:
        raise TrainingError(
            f"{folder.name}: has no model.keras (TensorFlow's SavedModel is not taken); save the Keras model with "
            "mlflow.keras.save_model, or export it to ONNX"
        )
    return found[0]


def _read(folder: Path) -> dict[str, Any]:
    import yaml

    try:
        document = yaml.safe_load((folder / MLMODEL).read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise TrainingError(f"{folder.name}: not an MLflow model (it has no file {MLMODEL})") from None
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise TrainingError(f"{folder.name}/{MLMODEL}: not YAML ({error})") from error
    if not isinstance(document, dict):
        raise TrainingError(f"{folder.name}/{MLMODEL}: not an MLflow model description")
    return document


def _file(folder: Path, flavor: Any, key: str) -> Path:
    """The file that a flavor names, which must lie inside the folder."""
    name = flavor.get(key) if isinstance(flavor, dict) else None
    if not isinstance(name, str):
        raise TrainingError(f"{folder.name}/{MLMODEL}: the flavor names no '{key}'")
    path = (folder / name).resolve()
    if not path.is_relative_to(folder.resolve()):
        raise TrainingError(f"{folder.name}/{MLMODEL}: '{key}' points outside the folder ({name})")
    if not path.is_file():
        files = [file.name for file in folder.iterdir() if file.is_file()]
        raise TrainingError(f"{folder.name}: the model file '{name}' is missing{nearest(name, files)}")
    return path


def _input_names(document: dict[str, Any]) -> list[str]:
    """Column names of MLflow's own signature; [] where it has none, or tensors."""
    signature = document.get("signature")
    try:
        inputs = json.loads(signature["inputs"]) if isinstance(signature, dict) else []
        return [str(entry["name"]) for entry in inputs]
    except (KeyError, TypeError, ValueError):
        return []
