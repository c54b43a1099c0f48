"""A model in a few lines: metrics, classes, columns, and what can be done with it next."""

from __future__ import annotations

import csv
import shlex
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from mooring.artifact import PREDICTIONS, Artifact
from mooring.display.style import Style
from mooring.display.table import table

PIVOTAL = ("accuracy", "f1_macro", "r2", "mae", "ndcg", "roc_auc")
"""Metrics that are shown first and bold."""
SECONDARY = ("_micro", "_weighted")
"""Averages that a summary leaves to the files."""
MOST_CLASSES = 12
MOST_COLUMNS = 40


def metric_lines(metrics: Mapping[str, float], style: Style) -> Iterator[str]:
    """A line each, the numbers aligned; a standard deviation stands beside its mean."""
    means = {name: value for name, value in metrics.items() if not (name.endswith("_std") and name[:-4] in metrics)}
    width = max((len(name) for name in means), default=0)
    for name, value in means.items():
        number = style(_number(value), "bold") if name in PIVOTAL else _number(value)
        spread = metrics.get(f"{name}_std")
        yield f"  {name:<{width}} {number}" + (f" ± {_number(spread).strip()}" if spread is not None else "")


def class_lines(artifact: Artifact, style: Style) -> Iterator[str]:
    """For each class of a classification the held-out rows, how many were found, and what they were taken for."""
    path = artifact.folder / PREDICTIONS
    if artifact.task != "classification" or not path.is_file():
        return
    with path.open(encoding="utf-8", newline="") as stream:
        pairs = Counter((row["truth"], row["prediction"]) for row in csv.DictReader(stream))
    counts = Counter({label: sum(n for (truth, _), n in pairs.items() if truth == label) for label, _ in pairs})
    rows = []
    for label, count in sorted(counts.items(), key=lambda pair: (-pair[1], pair[0]))[:MOST_CLASSES]:
        right = pairs[label, label]
        wrong = [(n, said) for (truth, said), n in pairs.items() if truth == label and said != label]
        taken = ", ".join(f"{n} as {said}" for n, said in sorted(wrong, key=lambda pair: (-pair[0], pair[1]))[:3])
        rows.append([_short(label), f"{count:>5}", f"{right / count:>6.1%}", taken])
    heads = ["class", " rows", "recall", "mistaken"]
    yield from (f"  {line}" for line in table(heads, rows, style))
    if len(counts) > MOST_CLASSES:
        yield style(f"  … and {len(counts) - MOST_CLASSES} classes more", "dim")


def column_lines(signature: Mapping[str, Any], style: Style) -> Iterator[str]:
    """The columns that a model takes."""
    columns: Sequence[Mapping[str, Any]] = signature.get("columns") or []
    rows = [
        [_short(str(column["name"])), _type(column), "may be missing" if column.get("nullable") else "", _seen(column)]
        for column in columns[:MOST_COLUMNS]
    ]
    yield from (f"  {line}" for line in table(["column", "type", "", "seen in training"], rows, style))
    if len(columns) > MOST_COLUMNS:
        yield style(f"  … and {len(columns) - MOST_COLUMNS} columns more", "dim")


def _type(column: Mapping[str, Any]) -> str:
    kind = str(column.get("type", ""))
    if "shape" in column:
        return f"{kind} {column.get('dtype', '')}{column['shape']}".replace("None", "?")
    return "integer" if column.get("integer") and kind == "number" else kind


def _seen(column: Mapping[str, Any]) -> str:
    if column.get("min") is not None:
        return f"{_plain(column['min'])} to {_plain(column['max'])}"
    categories = [str(name) for name in column.get("categories") or []]
    return _short(", ".join(categories[:6]) + (f", … {len(categories) - 6} more" if len(categories) > 6 else ""), 60)


def _plain(value: Any) -> str:
    return f"{value:g}" if isinstance(value, int | float) else str(value)


def _short(text: str, limit: int = 40) -> str:
    return text if len(text) <= limit else f"{text[: limit - 1]}…"


def trained_lines(artifact: Artifact, shown: Path, data: str, style: Style) -> Iterator[str]:
    """The end of a training: how good the model is, where it is, and what to do with it."""
    rows, name = artifact.rows(), artifact.estimator.rpartition(".")[2]
    sizes = ", ".join(
        f"{rows[part]:,} {word}" for part, word in (("train", "rows learnt from"), ("test", "held out")) if part in rows
    )
    yield ""
    yield (
        style(f"{name} predicts {artifact.prediction.get('name', 'the target')}", "bold")
        + f" ({artifact.task}; {sizes})"
    )
    shown_metrics = {
        name: value for name, value in artifact.metrics.items() if not name.removesuffix("_std").endswith(SECONDARY)
    }
    yield from metric_lines(shown_metrics, style)
    if more := len(artifact.metrics) - len(shown_metrics):
        yield style(f"  and {more} more in {shown / 'metrics.json'}", "dim")
    if found := list(class_lines(artifact, style)):
        yield from ("", *found)
    yield ""
    yield f"  model   {shown}  {style(artifact.digest[:19], 'dim')}"
    if artifact.report:
        yield f"  report  {shown / artifact.report.relative_to(artifact.folder)}"
    yield from next_lines(shown, data, artifact.task, style)


def next_lines(shown: Path, data: str, task: str, style: Style) -> Iterator[str]:
    """Commands that a person may want next."""
    model = shlex.quote(str(shown))
    takes = data.lower().removesuffix(".gz").endswith((".csv", ".jsonl", ".parquet", ".json")) and "://" not in data
    source = shlex.quote(data) if takes and task != "ranking" else "FILE"
    yield ""
    yield style("  next", "bold") + f"    mooring predict --model {model} --input {source}"
    yield f"          mooring inspect {model}"


def compared_lines(metrics: Mapping[str, float], before: Mapping[str, float], style: Style) -> Iterator[str]:
    """Metrics on other data beside those on the rows that were held out in training."""
    rows = []
    for name, value in metrics.items():
        known = before.get(name)
        rows.append(
            [
                name,
                _number(value),
                _number(known) if known is not None else "",
                _sign(value - known) if known is not None else "",
            ]
        )
    yield from (f"  {line}" for line in table(["metric", "        here", "    held out", "  difference"], rows, style))


def _number(value: float) -> str:
    return f"{value:>12,.4f}" if abs(value) < 1e6 else f"{value:>12.4e}"


def _sign(value: float) -> str:
    return f"{value:>+12,.4f}" if abs(value) < 1e6 else f"{value:>+12.4e}"


def packaged_lines(artifact: Artifact, shown: Path, source: str, style: Style) -> Iterator[str]:
    """The end of a packaging: what the model takes and answers, and what can be done with it."""
    what = artifact.estimator.rpartition(".")[2] or "ONNX model"
    yield style(f"{what} of {source}", "bold") + f" ({artifact.task}; served as {artifact.manifest.get('serve')})"
    if reason := (artifact.manifest.get("parity") or {}).get("reason"):
        yield style(f"  no ONNX form: {reason}", "dim")
    yield from column_lines(artifact.signature, style)
    yield ""
    yield f"  model   {shown}  {style(artifact.digest[:19], 'dim')}"
    yield f"  host it without training: models: {{NAME: {{file: {shown}}}}} in a stack's file"
    yield from next_lines(shown, "", artifact.task, style)
