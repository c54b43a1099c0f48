"""An own training script under the local contract: data and folders come in by environment variables,
hyperparameters as arguments, and what is written to the model folder becomes the version.

It needs nothing of Mooring. The model folder may hold one ONNX, skops, joblib or pickle file, or an MLflow model.
"""

from __future__ import annotations

import argparse
import csv
import json
import os
from pathlib import Path

import numpy as np
from skl2onnx import to_onnx
from skl2onnx.common.data_types import FloatTensorType
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import accuracy_score
from sklearn.model_selection import train_test_split
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler


def read(file: Path, target: str) -> tuple[list[str], np.ndarray, np.ndarray]:
    """Names of the columns, features and labels of all rows without a missing value."""
    with open(file, newline="") as stream:
        rows = [row for row in csv.DictReader(stream) if all(row.values())]
    columns = [name for name in rows[0] if name != target]
    features = np.array([[float(row[name]) for name in columns] for row in rows])
    return columns, features.astype(np.float32), np.array([row[target] for row in rows])


def main() -> None:
    arguments = argparse.ArgumentParser()
    arguments.add_argument("--target", required=True)
    arguments.add_argument("--regularization", type=float, default=1.0)
    chosen = arguments.parse_args()

    columns, features, labels = read(Path(os.environ["MOORING_CHANNEL_TRAIN"]), chosen.target)
    fit, held_out, fit_labels, held_out_labels = train_test_split(
        features, labels, test_size=0.2, random_state=0, stratify=labels
    )
    model = make_pipeline(StandardScaler(), LogisticRegression(C=1 / chosen.regularization, max_iter=1000))
    model.fit(fit, fit_labels)
    accuracy = accuracy_score(held_out_labels, model.predict(held_out))

    inputs = [(column, FloatTensorType([None, 1])) for column in columns]  # the names that callers send
    onnx = to_onnx(model, initial_types=inputs, options={"zipmap": False})
    Path(os.environ["MOORING_MODEL_DIR"], "model.onnx").write_bytes(onnx.SerializeToString())
    Path(os.environ["MOORING_METRICS_FILE"]).write_text(json.dumps({"accuracy": accuracy}))
    print(f"{len(fit)} rows, accuracy {accuracy:.3f} on {len(held_out)} held out")


if __name__ == "__main__":
    main()
