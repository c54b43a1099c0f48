"""An existing scikit-learn model, in skops, joblib or pickle form, as the parts of an artifact."""

from __future__ import annotations

import io
import pickle
import re
import tempfile
import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from training.artifact.records import package_versions
from training.artifact.signature import describe_prediction
from training.errors import TrainingError
from training.estimators.estimators import public_name
from training.forms import boosting, skops_form
from training.forms.columns_of import ModelColumn, columns_of, sample
from training.forms.fitted import by_position
from training.forms.sklearn_forms import make_forms

_MISSING = re.compile(r"Can't get attribute '([^']+)' on <module '([^']+)'")
PickleFormat = Literal["joblib", "pickle"]


@dataclass(frozen=True)
class Parts:
    """What a packaged model contributes to an artifact: files, manifest entries, signature."""

    files: dict[str, bytes]
    manifest: dict[str, Any]
    signature: dict[str, Any]


def from_skops(path: Path, *, trust: bool, columns: Sequence[str] = ()) -> Parts:
    """A skops file. Raises TrainingError for a damaged one, and for types that are neither known nor trusted."""
    import skops.io

    data = path.read_bytes()
    try:
        types = sorted(skops.io.get_untrusted_types(data=data))
    except Exception as error:
        raise TrainingError(f"{path.name}: not a skops file, or a truncated one ({_reason(error)})") from error
    foreign = [name for name in types if not skops_form.harmless(name)]
    if foreign and not trust:
        raise TrainingError(
            f"{path.name}: holds types that are not trusted: {', '.join(foreign)}; check them, and pass --trust "
            "(trust: true in the stack file) if they are yours"
        )
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            model = skops.io.loads(data, trusted=types)
    except Exception as error:
        raise TrainingError(f"{path.name}: cannot be loaded ({_reason(error)})") from error
    return parts_of(
        model, path.name, (data, {"file": "model.skops", "format": "skops", "trusted_types": types}), columns
    )


def from_pickle(path: Path, kind: PickleFormat, *, trust: bool, columns: Sequence[str] = ()) -> Parts:
    """A joblib or pickle file. Loading one runs the code in it, so it is refused without `trust`."""
    if not trust:
        raise TrainingError(
            f"{path.name}: a {kind} file runs the code it holds when it is loaded; pass --trust (trust: true in the "
            "stack file) if it is yours, or save the model with skops"
        )
    data = path.read_bytes()
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            model = _unpickle(data, kind)
    except ModuleNotFoundError as error:
        raise TrainingError(
            f"{path.name}: needs the module '{error.name}', which is not installed here; convert the model to ONNX "
            "(skl2onnx, onnxmltools), which needs none"
        ) from error
    except AttributeError as error:
        if not (found := _MISSING.search(str(error))):
            raise TrainingError(f"{path.name}: not a {kind} file, or a truncated one ({_reason(error)})") from error
        raise TrainingError(
            f"{path.name}: needs '{found[1]}' of the module '{found[2]}', whose code is not in the file; use what the "
            "library itself has in its place, or convert the model to ONNX (skl2onnx), which needs none"
        ) from error
    except Exception as error:
        raise TrainingError(f"{path.name}: not a {kind} file, or a truncated one ({_reason(error)})") from error
    if type(model).__name__ == "Booster":
        return _booster(model, path, columns)
    entry = {"file": f"model.{'joblib' if kind == 'joblib' else 'pkl'}", "format": kind, "trust": True}
    return parts_of(model, path.name, (data, entry), columns)


def _booster(model: Any, path: Path, columns: Sequence[str]) -> Parts:
    """A pickled model of XGBoost's or LightGBM's own interface, through its library's format, as SageMaker's older
    XGBoost keeps it."""
    from training.forms.boosting_model import from_lightgbm, from_xgboost

    light = type(model).__module__.startswith("lightgbm")
    with tempfile.TemporaryDirectory(prefix="mooring-") as scratch:
        saved = Path(scratch) / f"{path.stem}.{'txt' if light else 'ubj'}"
        model.save_model(str(saved))
        return (from_lightgbm if light else from_xgboost)(saved, columns)


def parts_of(model: Any, source: str, original: tuple[bytes, dict[str, Any]], columns: Sequence[str] = ()) -> Parts:
    """Signature, forms and manifest of a loaded model. Raises TrainingError for one that cannot predict."""
    if isinstance(model, type):
        raise TrainingError(f"{source}: holds the class {model.__name__} itself; save a fitted model of it")
    if not hasattr(model, "predict"):
        raise TrainingError(f"{source}: holds a {type(model).__name__}, which cannot predict; an estimator is expected")
    _check_fitted(model, source)
    classes = getattr(model, "classes_", None)
    if isinstance(classes, list):
        raise TrainingError(f"{source}: predicts {len(classes)} targets at once; one target is supported")
    by_position(model)
    try:
        known = columns_of(model, columns)
    except TrainingError as error:
        raise TrainingError(f"{source}: {error}") from error
    task = "classification" if classes is not None else "regression"
    rows = sample(model, known.columns, positive=known.positive)
    if known.absent:
        original[1]["absent"] = known.absent
    forms = make_forms(model, known.layout(model), rows, range(len(rows)), original)
    manifest = {
        "task": task,
        "origin": "package",
        "estimator": public_name(type(model)),
        **forms.entries,
        "packages": package_versions(type(model).__module__.split(".")[0], *boosting.packages_in(model)),
    }
    names = None if classes is None else list(classes)
    signature = {
        "columns": [_describe(column) for column in known.columns],
        "prediction": describe_prediction("prediction", task, names),
    }
    return Parts(forms.files, manifest, signature)


def _describe(column: ModelColumn) -> dict[str, Any]:
    entry: dict[str, Any] = {"name": column.name, "type": column.kind, "nullable": column.nullable}
    if column.unused:
        return {**entry, "optional": True, "unused": True}
    if column.kind == "number":
        entry["boolean"] = True  # a fitted model does not tell numbers from truth values
    if column.categories:
        entry["categories"] = sorted(column.categories)
    return entry


def _unpickle(data: bytes, kind: PickleFormat) -> Any:
    if kind == "joblib":
        import joblib

        return joblib.load(io.BytesIO(data))
    return pickle.loads(data)


def _check_fitted(model: Any, source: str) -> None:
    from sklearn.exceptions import NotFittedError
    from sklearn.utils.validation import check_is_fitted

    try:
        check_is_fitted(model)
    except NotFittedError:
        raise TrainingError(
            f"{source}: the {type(model).__name__} in it is not fitted; fit it before saving it"
        ) from None
    except TypeError:
        return  # no scikit-learn estimator, but something that predicts; its first prediction will tell


def needs_trust(manifest: Mapping[str, Any]) -> str:
    """Why an artifact with this manifest may only be loaded by who trusts it; empty when anybody may."""
    entry = manifest.get("forms", {}).get("sklearn", {})
    if entry.get("format") in ("joblib", "pickle"):
        return "holds a pickle, which runs the code in it"
    foreign = [name for name in entry.get("trusted_types", []) if not skops_form.harmless(name)]
    return f"holds types that are not trusted: {', '.join(foreign)}" if foreign else ""


def _reason(error: BaseException) -> str:
    lines = str(error).strip().splitlines()
    return lines[0][:200] if lines else type(error).__name__
