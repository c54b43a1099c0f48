"""The model card: what a person reads before relying on a model, in Markdown.

After Mitchell et al. 2019, "Model Cards for Model Reporting": intended use, data, metrics overall and by slice,
limits. What the model is for, only its maker knows: that is the option `card`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

Record = Mapping[str, Any]

FEW = 30
"""Held-out rows of a class or a slice below which its metrics say little."""
WORSE = 0.1
"""How much lower a slice's accuracy may be before the card names it."""
LISTED = 30
"""At most so many classes or slices in the card; the rest is in evaluation/evaluation.json."""
NOT_STATED = "Not stated. The option `card` of the training (`--card TEXT`, `card:` in the stack file) says it here."


def model_card(
    manifest: Record,
    signature: Record,
    metrics: Mapping[str, float],
    *,
    details: Record | None = None,
    lineage: Record | None = None,
    use: str = "",
) -> bytes:
    """The card. `details` are those of the evaluation and `lineage` that of the training; a packaged model has
    neither. `use` is what the user says about the model."""
    prediction, details, lineage = signature["prediction"], details or {}, lineage or {}
    lines = [f"# Model card: {cell(prediction['name'])}", "", "## Intended use", "", use.strip() or NOT_STATED]
    lines += ["", "## Model", "", *_model(manifest, prediction), *_data(lineage, details)]
    if metrics:
        rows = [(name, f"{value:.6g}") for name, value in metrics.items()]
        lines += ["", "## Metrics on the held-out rows", "", *_table(("Metric", "Value"), rows)]
        lines += ["", *(f"- `{name}` is not defined: {why}." for name, why in details.get("undefined", {}).items())]
    lines += [*_classes(details), *_slices(details), "", "## Columns", ""]
    columns = [(column["name"], column["type"], _range(column)) for column in signature["columns"]]
    lines += _table(("Column", "Type", "Range or categories"), columns)
    lines += _limits(signature, details)
    if parity := manifest.get("parity"):
        lines += ["", "## ONNX parity", "", _parity(parity)]
    lines += _reproduce(manifest, lineage)
    text = "\n".join(line for at, line in enumerate(lines) if line or (at and lines[at - 1]))
    return (text.rstrip() + "\n").encode()


def cell(value: object) -> str:
    """A value in a Markdown table or heading, whatever is in it."""
    return " ".join(str(value).split()).replace("\\", "\\\\").replace("|", "\\|").replace("<", "&lt;")


def _table(head: Sequence[str], rows: Sequence[Sequence[object]]) -> list[str]:
    lines = [f"| {' | '.join(head)} |", f"|{'---|' * len(head)}"]
    return lines + [f"| {' | '.join(cell(value) for value in row)} |" for row in rows]


def _model(manifest: Record, prediction: Record) -> list[str]:
    lines = [f"- Task: {manifest['task']}"]
    lines += [f"- Estimator: `{manifest['estimator']}`"] if manifest.get("estimator") else []
    classes = list(map(str, prediction.get("classes") or []))
    more = f", … {len(classes) - LISTED} more" if len(classes) > LISTED else ""
    lines += [f"- Classes: {cell(', '.join(classes[:LISTED]))}{more}"] if classes else []
    return [*lines, f"- Served from: {manifest['serve']}"]


def _data(lineage: Record, details: Record) -> list[str]:
    source = lineage.get("data") or {}
    if not source:
        return []
    lines = ["", "## Data", "", f"- File: `{cell(source['file'])}`, `{source['digest']}`"]
    rows = lineage.get("rows") or {}
    if rows:
        lines.append(f"- Rows: {rows['train']:,} to learn from, {rows['test']:,} held out for the metrics")
        lines += [f"- Rows without a target, left out: {rows['dropped']:,}"] if rows.get("dropped") else []
    elif details.get("rows"):
        lines.append(f"- Rows held out for the metrics: {details['rows']:,}")
    if sample := source.get("sample"):
        rule = sample.get("rule", "")
        lines.append(f"- A sample: {sample['rows']:,} of {sample['of']:,} rows" + (f" ({cell(rule)})" if rule else ""))
    return lines


def _number(entry: Record, name: str) -> str:
    return f"{entry[name]:.4f}" if name in entry else ""


def _classes(details: Record) -> list[str]:
    entries = details.get("per_class", [])[:LISTED]
    if not entries:
        return []
    names = ("precision", "recall", "f1")
    rows = [(entry["class"], entry["rows"], *(_number(entry, name) for name in names)) for entry in entries]
    return ["", "## Classes", "", *_table(("Class", "Rows", "Precision", "Recall", "F1"), rows)]


def _slices(details: Record) -> list[str]:
    entries = details.get("slices", [])[:LISTED]
    if not entries:
        return []
    names = [name for name in ("accuracy", "f1_macro", "mae", "rmse") if name in details["metrics"]]
    rows = [
        (f"{entry['column']} = {entry['value']}", entry["rows"], *(_number(entry["metrics"], name) for name in names))
        for entry in entries
    ]
    return ["", "## Slices", "", *_table(("Slice", "Rows", *names), rows)]


def _limits(signature: Record, details: Record) -> list[str]:
    """What the records themselves say against relying on the model."""
    found = []
    if any("min" in column or "categories" in column for column in signature["columns"]):
        found.append("It has seen the ranges and categories above only; what is outside them is a guess.")
    few = [str(entry["class"]) for entry in details.get("per_class", []) if entry["rows"] < FEW]
    if few:
        names = cell(", ".join(few[:10])) + (f" and {len(few) - 10} more" if len(few) > 10 else "")
        found.append(f"Fewer than {FEW} held-out rows of the classes {names}: their metrics may change with the next.")
    whole = details.get("metrics", {}).get("accuracy")
    for entry in details.get("slices", []):
        value = entry["metrics"].get("accuracy")
        if whole is not None and value is not None and entry["rows"] >= FEW and value < whole - WORSE:
            where = cell(f"{entry['column']} = {entry['value']}")
            found.append(f"Where {where}, its accuracy is {value:.3f}, not {whole:.3f} as over all rows.")
    error = details.get("metrics", {}).get("ece")
    if error is not None and error > WORSE:
        found.append(f"Its probabilities are off by {error:.2f} on average (calibration error).")
    return ["", "## Limits", "", *(f"- {line}" for line in found)] if found else []


def _range(column: Record) -> str:
    if "shape" in column:
        return " × ".join("any" if size is None else str(size) for size in column["shape"])
    if "mean" in column:
        return f"{column['min']:g} to {column['max']:g}, mean {column['mean']:g}"
    if "min" in column:
        return f"{column['min']} to {column['max']}"
    categories = column.get("categories", [])
    return ", ".join(categories[:10]) + (f", … {len(categories) - 10} more" if len(categories) > 10 else "")


def _parity(parity: Record) -> str:
    if "reason" in parity:
        return f"No ONNX form: {parity['reason']}"
    verdict = "within" if parity["within_limit"] else "over"
    return (
        f"Largest difference {parity['max_difference']} on {parity['rows']} rows ({verdict} the limit of "
        f"{parity['limit']:g}); labels that differ: {parity['labels_that_differ']}."
    )


def _reproduce(manifest: Record, lineage: Record) -> list[str]:
    if "code" not in lineage:
        return []
    packages = {**lineage.get("packages", {}), **manifest.get("packages", {})}
    lines = ["", "## How to reproduce", ""]
    lines.append("The same data, code, hyperparameters and packages give the same bytes (see docs/model-format.md):")
    lines += ["", f"- Code: `{lineage['code']}`", f"- Python {lineage['python']}"]
    lines.append("- Packages: " + ", ".join(f"{name} {version}" for name, version in sorted(packages.items())))
    given = [f"`{name}` = `{cell(value)}`" for name, value in sorted(lineage.get("hyperparameters", {}).items())
             if name != "card"]  # fmt: skip
    return [*lines, f"- Hyperparameters: {', '.join(given)}"]
