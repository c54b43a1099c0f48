"""One training script for SageMaker, Azure ML, Vertex AI and Mooring's local cloud, written as their samples are:
arguments, whose defaults are the platforms' variables. It needs nothing of Mooring, and only scikit-learn.

The model goes to the model's folder, the metrics beside it, a checkpoint after each epoch to the checkpoint folder.
"""

from __future__ import annotations

import argparse
import csv
import json
import os
import time
from pathlib import Path

import joblib
from sklearn.linear_model import SGDClassifier
from sklearn.metrics import accuracy_score, log_loss
from sklearn.model_selection import train_test_split
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import StandardScaler


def given(*names: str) -> str | None:
    """The first of the variables that is set."""
    return next((os.environ[name] for name in names if os.environ.get(name)), None)


def local(address: str) -> Path:
    """A path; buckets are mounted below /gcs in Vertex AI jobs."""
    return Path(address.replace("gs://", "/gcs/"))


def arguments() -> argparse.Namespace:
    """What the platform and the user say."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--train", default=given("SM_CHANNEL_TRAIN", "AZURE_ML_INPUT_train", "MOORING_CHANNEL_TRAIN"))
    parser.add_argument("--model_dir", default=given("SM_MODEL_DIR", "AIP_MODEL_DIR", "MOORING_MODEL_DIR"))
    parser.add_argument(
        "--checkpoint_dir",
        default=given("AIP_CHECKPOINT_DIR", "AZURE_ML_OUTPUT_checkpoint_dir", "MOORING_CHECKPOINT_DIR"),
    )
    parser.add_argument("--target", required=True)
    parser.add_argument("--epochs", type=int, default=30)
    parser.add_argument("--alpha", type=float, default=1e-3)
    parser.add_argument("--pause", type=float, default=0.0, help="seconds between two epochs")
    chosen = parser.parse_args()
    if chosen.checkpoint_dir is None and "SM_MODEL_DIR" in os.environ:
        chosen.checkpoint_dir = str(Path(os.environ["SM_MODEL_DIR"]).parent / "checkpoints")  # /opt/ml/checkpoints
    return chosen


def read(path: Path, target: str) -> tuple[list[list[float]], list[str]]:
    """Features and labels of the rows without a missing value, of a CSV file or of the one in a folder."""
    file = path if path.is_file() else next(path.glob("*.csv"))
    with file.open(newline="", encoding="utf-8") as stream:
        rows = [row for row in csv.DictReader(stream) if all(row.values())]
    if target not in rows[0]:
        raise ValueError(f"there is no column '{target}' in {file.name}; it has {', '.join(rows[0])}")
    features = [[float(value) for name, value in row.items() if name != target] for row in rows]
    return features, [row[target] for row in rows]


def main() -> None:
    """Train, epoch by epoch, from the last checkpoint on."""
    chosen = arguments()
    features, labels = read(local(chosen.train), chosen.target)
    fit, held_out, fit_labels, held_out_labels = train_test_split(
        features, labels, test_size=0.2, random_state=0, stratify=labels
    )
    scaler = StandardScaler().fit(fit)
    model, begin = SGDClassifier(loss="log_loss", alpha=chosen.alpha, random_state=0), 0
    checkpoint = local(chosen.checkpoint_dir) / "checkpoint.joblib" if chosen.checkpoint_dir else None
    if checkpoint is not None and checkpoint.exists():
        model, begin = joblib.load(checkpoint)
        print(f"going on after epoch {begin}", flush=True)
    for epoch in range(begin, chosen.epochs):
        model.partial_fit(scaler.transform(fit), fit_labels, classes=sorted(set(labels)))
        loss = log_loss(held_out_labels, model.predict_proba(scaler.transform(held_out)))
        print(f"epoch {epoch + 1}: loss={loss:.6f};", flush=True)
        if checkpoint is not None:
            checkpoint.parent.mkdir(parents=True, exist_ok=True)
            joblib.dump((model, epoch + 1), checkpoint.with_suffix(".part"))
            checkpoint.with_suffix(".part").replace(checkpoint)  # whole at any time
        time.sleep(chosen.pause)
    accuracy = accuracy_score(held_out_labels, model.predict(scaler.transform(held_out)))
    folder = local(chosen.model_dir)
    folder.mkdir(parents=True, exist_ok=True)
    joblib.dump(Pipeline([("scale", scaler), ("model", model)]), folder / "model.joblib")
    (folder / "metrics.json").write_text(json.dumps({"accuracy": accuracy}))
    print(f"accuracy {accuracy:.3f} on {len(held_out)} rows", flush=True)


if __name__ == "__main__":
    main()
