"""The XGBoost image (aws/sagemaker-xgboost-container): libsvm and CSV bodies, and a bare model without a script."""

from __future__ import annotations

import importlib
import pickle
import threading
from pathlib import Path
from typing import Any

import numpy as np

from providers.aws.emulator.containers.content import UnsupportedFormatError
from providers.aws.emulator.containers.replies import HTML, Reply, with_charset

CSV, LIBSVM = "text/csv", ("text/libsvm", "text/x-libsvm")


def input_fn(body: Any, content_type: str) -> Any:
    """A script's default: the body as a DMatrix. Raises UnsupportedFormatError."""
    kind = content_type.partition(";")[0].strip().lower()
    text = body.decode() if isinstance(body, bytes) else str(body)
    if kind == CSV:
        return _dmatrix(_from_csv(text))
    if kind in LIBSVM:
        return _dmatrix(_from_libsvm(text))
    raise UnsupportedFormatError(kind)


class BareModel:
    """Algorithm mode: the one model file of the artifact, pickled or in XGBoost's own format."""

    execution_parameters_fn = None

    def __init__(self, model_dir: Path) -> None:
        files = sorted(path for path in model_dir.iterdir() if path.is_file()) if model_dir.is_dir() else []
        if not files:
            raise FileNotFoundError(f"there is no model file in {model_dir}")
        self._booster, self._lock = _load(files[0]), threading.Lock()

    def transform(self, body: bytes, content_type: str, accept: str) -> Reply:
        """One request: a prediction a row, separated by commas."""
        if not body:
            return Reply(204, HTML, b"")
        try:
            data = input_fn(body, content_type)
        except UnsupportedFormatError as error:
            told = f"Content-type {error.args[0].split()[2]} not supported. Supported content-type is text/csv, "
            return Reply(415, HTML, f"{told}text/libsvm".encode())
        except (ValueError, IndexError) as error:
            return Reply(415, HTML, f"Loading data failed with Exception: {type(error).__name__}: {error}".encode())
        try:
            with self._lock:  # a Booster predicts for one thread at a time
                predicted = self._booster.predict(data, validate_features=False)
        except Exception as error:  # noqa: BLE001 - XGBoost's own error, whose class is not known here
            return Reply(400, HTML, f"Unable to evaluate payload provided: {error}".encode())
        return Reply(200, with_charset(CSV), ",".join(map(str, predicted.tolist())).encode())


def _load(file: Path) -> Any:
    xgboost = importlib.import_module("xgboost")
    try:
        with file.open("rb") as stream:
            return pickle.load(stream)
    except Exception:  # noqa: BLE001 - not a pickle, in whatever way: XGBoost says what it is not either
        booster = xgboost.Booster()
        booster.load_model(str(file))
        return booster


def _dmatrix(values: Any) -> Any:
    return importlib.import_module("xgboost").DMatrix(values)


def _from_csv(text: str) -> Any:
    rows = [[cell.strip() or "nan" for cell in line.split(",")] for line in text.strip().splitlines()]
    return np.array(rows).astype(np.float64)


def _from_libsvm(text: str) -> Any:
    """A sparse matrix; a column's number is what stands before the colon, as the container has it."""
    sparse = importlib.import_module("scipy.sparse")
    rows, columns, values = [], [], []
    lines = text.strip().splitlines()
    for number, line in enumerate(lines):
        for item in line.split():
            column, colon, value = item.partition(":")
            if colon:
                rows.append(number)
                columns.append(int(column))
                values.append(float(value))
    width = max(columns, default=-1) + 1
    return sparse.csr_matrix((values, (rows, columns)), shape=(len(lines), width))
