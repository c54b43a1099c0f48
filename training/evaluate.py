"""`python -m training.evaluate --model DIR --input FILE [--target COL] --output DIR`: a model on data it has not seen.

The rows are predicted by the model server's own code, in a process of its own: measured is what would be served.
Choices are measured in `training.ranking.evaluation`.
Written are `metrics.json`, `evaluation.json`, `predictions.csv`, the figures and `report.html`.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from training.data.compressed import is_packed, plain_name, unpack
from training.errors import TrainingError, nearest
from training.report.drawing import KIT
from training.report.folder import write_folder

MEASURED = ("classification", "regression", "ranking")
PREFIX = "prediction failed: "
"""What the predicting process puts before its reason."""


@dataclass(frozen=True)
class Predicted:
    """The rows that have a true value: their places in the data, and what the model says about them."""

    rows: list[int]
    truth: list[Any]
    predictions: list[Any]
    probabilities: list[list[float]] | None
    further: dict[str, list[Any]]
    without_truth: int


def evaluate(
    model: Path, data: Path, output: Path, *, target: str = "", slices: Sequence[str] = ()
) -> dict[str, float]:
    """Evaluate an artifact, write what was found into `output`, and return the metrics.

    `target` is the column with the true values, by default the one the model was trained to predict. Raises
    TrainingError for an artifact that cannot be trusted, and for data that does not fit it.
    """
    from training.artifact.manifest import verify

    manifest = verify(model)
    signature = json.loads((model / "signature.json").read_bytes())
    task, prediction = manifest["task"], signature["prediction"]
    if task not in MEASURED:
        raise TrainingError(
            f"{model.name}: a model of the task '{task}' cannot be evaluated on a table; use its metrics"
        )
    data = _single(data)
    if task == "ranking":
        _write_ranking(model, manifest, signature, data, target, slices, output)
    else:
        target = target or prediction["name"]
        classes = prediction.get("classes")
        with tempfile.TemporaryDirectory(prefix="mooring-evaluate-") as scratch:
            told = Path(scratch) / "told.jsonl"
            plain = unpack(data, Path(scratch) / plain_name(data)) if is_packed(data) else data
            _predict(model, plain, told, probabilities=bool(classes) and _has_probabilities(manifest))
            found = _read(told, data.name, target, list(slices), classes)
        _write(model, manifest, signature, data, target, found, output)
    metrics: dict[str, float] = json.loads((output / "metrics.json").read_bytes())
    return metrics


def _single(data: Path) -> Path:
    from training.jobs.job import single_file

    found = single_file(data)
    if found.is_dir():
        raise TrainingError(f"{data.name}: a folder of several files; name the one that the model is evaluated on")
    return found


def _has_probabilities(manifest: Mapping[str, Any]) -> bool:
    return bool(manifest["forms"][manifest["serve"]].get("probabilities"))


def _predict(model: Path, data: Path, told: Path, *, probabilities: bool) -> None:
    """Each row of the data as JSON, with the model's answer. Raises TrainingError with the server's own reason."""
    command = [sys.executable, "-m", "serving.offline", "--model", str(model), "--input", str(data)]
    command += ["--output", str(told), *(["--probabilities"] if probabilities else [])]
    path = os.pathsep.join(filter(None, (str(KIT), os.environ.get("PYTHONPATH"))))
    done = subprocess.run(
        command, env={**os.environ, "PYTHONPATH": path}, stdin=subprocess.DEVNULL, capture_output=True, text=True
    )
    if done.returncode:
        lines = done.stderr.strip().splitlines() or [f"exit code {done.returncode}"]
        raise TrainingError(lines[-1].removeprefix(PREFIX))


def _read(told: Path, name: str, target: str, slices: list[str], classes: Sequence[Any] | None) -> Predicted:
    """Truth, predictions and what is sliced by, out of the predicted rows."""
    found = Predicted([], [], [], [] if classes else None, {column: [] for column in slices}, 0)
    without = 0
    with told.open(encoding="utf-8") as stream:
        for at, line in enumerate(stream):
            row = json.loads(line)
            answer = "model_prediction" if "model_prediction" in row else "prediction"
            shares = row.pop("probabilities", None)
            for column, option in ((target, "the target"), *((column, "--slices:") for column in slices)):
                if column not in row:
                    given = [known for known in row if known != answer]
                    raise TrainingError(
                        f"{name}: {option} column '{column}' is not in the data{nearest(column, given)}"
                    )
            if (truth := _plain(row[target])) is None:
                without += 1
                continue
            found.rows.append(at)
            found.truth.append(truth)
            found.predictions.append(row[answer])
            if found.probabilities is not None and isinstance(shares, dict):
                found.probabilities.append([float(shares[str(label)]) for label in classes or []])
            for column in slices:
                found.further[column].append(_plain(row[column]))
    if not found.truth:
        raise TrainingError(f"{name}: the column '{target}' has no value in any row; nothing to compare with")
    return Predicted(found.rows, found.truth, found.predictions, found.probabilities or None, found.further, without)


def _plain(value: Any) -> Any:
    """A value of the data; None where it is missing."""
    from training.data.cells import MISSING

    if isinstance(value, str):
        value = value.strip()
        return None if value.lower() in MISSING else value
    return None if isinstance(value, float) and value != value else value


def _write(
    model: Path, manifest: Mapping[str, Any], signature: Mapping[str, Any], data: Path, target: str,
    found: Predicted, output: Path,
) -> None:  # fmt: skip
    import numpy as np

    from training.artifact.digest import file_digest
    from training.artifact.records import predictions_csv
    from training.evaluation.metrics import assess

    classes = signature["prediction"].get("classes")
    regression = manifest["task"] == "regression"
    truth = np.array(_numbers(found, data.name, target) if regression else _labels(found.truth, classes), dtype=object)
    guess = np.array(found.predictions if regression else [str(label) for label in found.predictions], dtype=object)
    shares = None if found.probabilities is None else np.array(found.probabilities, dtype=np.float64)
    known = None if classes is None else [str(label) for label in classes]
    if known and not set(truth.tolist()) & set(known):
        raise TrainingError(
            f"{data.name}: no value of the column '{target}' is a class of the model ({', '.join(known[:5])}), but "
            f"such as '{truth[0]}'; --target names another column"
        )
    sliced = [_column(name, values) for name, values in found.further.items()]
    measured = assess(truth, guess, shares, known, manifest["task"], sliced)
    about = {"file": data.name, "digest": file_digest(data), "without_truth": found.without_truth}
    write_folder(
        model, manifest, signature, {**measured.details, "data": about}, output,
        lambda: predictions_csv(np.array(found.rows), truth, guess, shares, known or []),
    )  # fmt: skip


def _write_ranking(
    model: Path, manifest: Mapping[str, Any], signature: Mapping[str, Any], data: Path, target: str,
    slices: Sequence[str], output: Path,
) -> None:  # fmt: skip
    from training.artifact.digest import file_digest
    from training.ranking.evaluation import evaluate_ranking

    found = evaluate_ranking(model, manifest, signature, data, target, slices)
    about = {"file": data.name, "digest": file_digest(data), "learned_from": found.known}
    write_folder(
        model, manifest, signature, {**found.measured.details, "data": about}, output, lambda: found.predictions
    )


def _numbers(found: Predicted, name: str, target: str) -> list[float]:
    numbers = []
    for row, value in zip(found.rows, found.truth, strict=True):
        try:
            numbers.append(float(value))
        except (TypeError, ValueError):
            raise TrainingError(
                f"{name}, row {row}, column '{target}': '{value}' is not a number, and the model predicts numbers"
            ) from None
    return numbers


def _labels(truth: Sequence[Any], classes: Sequence[Any] | None) -> list[str]:
    """Labels as the model has them: 1.0 is its class 1, and true its class `true` or `True`."""
    from training.data.cells import TRUTHS

    known = {str(label) for label in classes or []}
    if known == {"true", "false"}:  # perhaps of a column that was declared boolean
        return [text if text in known else TRUTHS.get(text.lower(), text) for text in map(_whole, truth)]
    whole = bool(classes) and all(type(label) is int for label in classes or [])
    found = []
    for value in truth:
        text = _whole(value) if whole else str(value)
        found.append(text.lower() if isinstance(value, bool) and text not in known else text)
    return found


def _whole(value: Any) -> str:
    try:
        number = float(value)
    except (TypeError, ValueError):
        return str(value)
    return str(int(number)) if number.is_integer() else str(value)


def _column(name: str, values: Sequence[Any]) -> Any:
    """What is sliced by, as a column: numbers where all values are."""
    import numpy as np

    from training.data.table import Column

    try:
        numbers = [float("nan") if value is None else float(value) for value in values]
    except (TypeError, ValueError):
        return Column(name, "string", np.array(["" if value is None else str(value) for value in values], dtype=object))
    return Column(name, "number", np.array(numbers, dtype=np.float64))


def main(arguments: Sequence[str] | None = None) -> int:
    """The command; its exit code. The last line of standard error says what is wrong."""
    parser = argparse.ArgumentParser(prog="python -m training.evaluate", description="Evaluate a model on new data.")
    parser.add_argument("--model", type=Path, required=True, help="the artifact folder")
    parser.add_argument(
        "--input", type=Path, required=True, help="a CSV, JSON, JSON Lines or Parquet file, compressed or not"
    )
    parser.add_argument("--output", type=Path, required=True, help="folder that receives what was found")
    parser.add_argument("--target", default="", help="column with the true values; the model's own by default")
    parser.add_argument("--slices", default="", help="columns by whose values to measure too, separated by commas")
    given = parser.parse_args(arguments)
    slices = [name.strip() for name in given.slices.split(",") if name.strip()]
    try:
        metrics = evaluate(given.model, given.input, given.output, target=given.target, slices=slices)
    except (TrainingError, OSError) as error:
        print(f"evaluation failed: {error}", file=sys.stderr)
        return 1
    from training.evaluation.metrics import headline

    print(f"metrics: {headline(metrics)}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
