"""The sections of the report below its figures."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from training.report.figures import sliced
from training.report.markup import Markup, bars, code, definitions, metric, number, paragraph, section, table, text

Record = Mapping[str, Any]

TITLES = {
    "roc_auc": "ROC AUC", "log_loss": "log loss", "brier": "Brier score", "ece": "calibration error",
    "mae": "mean absolute error", "median_ae": "median absolute error", "rmse": "RMSE", "r2": "R²",
    "mape": "mean absolute percentage error", "roc_auc_weighted": "ROC AUC, weighted",
    "ndcg_at_k": "NDCG at k", "map_at_k": "mean average precision at k",
}  # fmt: skip
"""Names of metrics as a person says them; the others are their own names."""
SHOWN = 200
"""At most so many lines of a table."""


def title_of(name: str) -> str:
    """A metric's name as a person says it."""
    if name.startswith("cv_"):
        return f"{title_of(name[3:])}, cross-validated"
    base, _, average = name.rpartition("_")
    if average in ("macro", "micro", "weighted") and base in ("precision", "recall", "f1"):
        return f"{'F1' if base == 'f1' else base}, {average}"
    return TITLES.get(name, name.replace("_", " "))


def left_out(details: Record) -> Markup:
    """How many rows of new data could not be measured."""
    told = (
        ("without_truth", "rows without a true value are left out."),
        ("learned_from", "choices that the model learned from are left out: it does not offer them again."),
    )
    for name, what in told:
        if count := details.get("data", {}).get(name, 0):
            return paragraph(f"{count:,} {what}", kind="note")
    return Markup("")


def all_metrics(details: Record) -> Markup:
    """Every metric, and those that are not defined with the reason."""
    before = details.get("reference", {})
    head = ("Metric", "Value", "In training") if before else ("Metric", "Value")
    rows = []
    for name, value in details["metrics"].items():
        earlier = [metric(before[name]) if name in before else "–"] if before else []
        rows.append((_named(name), metric(value), *earlier))
    table_ = table(head, rows, (1, 2)) if rows else ""
    undefined = [(_named(name), reason) for name, reason in details.get("undefined", {}).items()]
    return section("Metrics", table_, undefined and table(("Not defined", "Because"), undefined))


def _named(name: str) -> Markup:
    """A metric as a person says it, and under it the name that thresholds use."""
    title = title_of(name)
    return Markup(f"{text(title)}<small>{code(name)}</small>" if title != name else text(title))


def classes(details: Record) -> Markup:
    """Precision, recall and F1 of each class."""
    entries = details.get("per_class", [])
    rows = [
        (entry["class"], entry["rows"], entry["predicted"], *(_measured(entry, name) for name in _PER_CLASS))
        for entry in entries[:SHOWN]
    ]
    more = paragraph(f"{len(entries) - SHOWN} more classes are in evaluation/evaluation.json.", kind="note")
    head = ("Class", "Rows", "Predicted", "Precision", "Recall", "F1", "ROC AUC")
    return section("Classes", rows and table(head, rows, range(1, 7)), len(entries) > SHOWN and more)


_PER_CLASS = ("precision", "recall", "f1", "roc_auc")


def _measured(entry: Record, name: str) -> str:
    return metric(entry[name]) if name in entry else "–"


SHORT = {"mae": "MAE", "rmse": "RMSE", "r2": "R²", "roc_auc": "ROC AUC"}


def slices(details: Record) -> Markup:
    """The metrics of each slice; what is clearly better or worse than all rows together is marked."""
    entries = details.get("slices", [])
    if not entries:
        return Markup("")
    main, _ = sliced(details)
    names = [name for name in ("accuracy", "recall_macro", "f1_macro", "roc_auc", "rmse", "mae", "r2")
             if any(name in entry["metrics"] for entry in entries)]  # fmt: skip
    rows = []
    for entry in entries[:SHOWN]:
        values = [_measured(entry["metrics"], name) for name in names]
        if main in names and (verdict := _verdict(entry, main, details["metrics"])):
            at = names.index(main)
            values[at] = Markup(f'<span class="{verdict}">{values[at]}</span>')
        rows.append((f"{entry['column']} = {entry['value']}", entry["rows"], *values))
    note = "Coloured is what differs from all rows by more than chance makes likely; few rows say little."
    head = ("Slice", "Rows", *(SHORT.get(name, title_of(name)) for name in names))
    return section("Slices", table(head, rows, range(1, 2 + len(names))), paragraph(note, kind="note"))


def _verdict(entry: Record, main: str, whole: Mapping[str, float]) -> str:
    """`good`, `bad`, or nothing within two standard errors: of a share sqrt(p (1 - p) / n), of a root mean squared
    error of normal errors about rmse / sqrt(2 n)."""
    if main not in entry["metrics"]:
        return ""
    usual, rows = whole[main], entry["rows"]
    difference = entry["metrics"][main] - usual
    spread = usual / (2 * rows) ** 0.5 if main == "rmse" else max(usual * (1 - usual) / rows, 0.0) ** 0.5
    if abs(difference) <= 2 * spread:
        return ""
    return "bad" if (difference > 0) == (main == "rmse") else "good"


def data(profile: Record, target: str) -> Markup:
    """The rows that were learned from, column by column."""
    columns = profile.get("columns", {})
    rows = []
    for name, entry in list(columns.items())[:SHOWN]:
        title = Markup(f"{code(name)} (target)") if name == target else code(name)
        whole = entry.get("count", 0) + entry.get("missing", 0)
        missing = f"{100 * entry.get('missing', 0) / whole:.3g} %" if whole else "–"
        rows.append((title, entry.get("type"), missing, _values(entry), _distribution(entry)))
    count = paragraph(f"{profile.get('rows', 0):,} rows were learned from.")
    more = paragraph(f"{len(columns) - SHOWN} more columns are in profile.json.", kind="note")
    head = ("Column", "Type", "Missing", "Values", "Distribution")
    return section("Data", rows and count, rows and table(head, rows, (2,)), len(columns) > SHOWN and more)


def _values(entry: Record) -> str:
    if isinstance(entry.get("mean"), int | float):
        return f"{number(entry['min'])} to {number(entry['max'])}, mean {number(entry['mean'])}"
    if entry.get("top"):
        names = list(entry["top"])
        more = entry.get("distinct", len(names)) - 5
        shown = ", ".join(name if len(name) <= 40 else name[:39] + "…" for name in map(str, names[:5]))
        return shown + (f", {more:,} more" if more > 0 else "")
    return f"{entry['min']} to {entry['max']}" if "min" in entry and "max" in entry else ""


def _distribution(entry: Record) -> Markup:
    histogram = entry.get("histogram")
    counts = histogram["counts"] if histogram else list(entry.get("top", {}).values())[:12]
    return bars(counts) if counts else Markup("")


def parity(manifest: Record) -> Markup:
    """How far the ONNX form is from the original."""
    found = manifest.get("parity")
    if not found:
        return Markup("")
    if "rows" not in found:
        return section("ONNX parity", paragraph(f"There is no ONNX form: {found.get('reason', 'none was made')}."))
    verdict = "within the limit: it is what is served" if found["within_limit"] else "over the limit: it is not used"
    facts = {
        "Rows compared": found["rows"],
        "Largest difference": found["max_difference"],
        "Limit": found["limit"],
        "Labels that differ": found["labels_that_differ"],
        "Verdict": f"the ONNX form is {verdict}",
    }
    rows = [(entry["row"], entry["original"], entry["onnx"]) for entry in found.get("differing_rows", [])]
    listed = table(("Row", "Original", "ONNX"), rows) if rows else ""
    return section("ONNX parity", definitions(facts), listed)


def origin(manifest: Record, lineage: Record) -> Markup:
    """Data, code and packages by hash and version: what a second training must have to come to the same bytes."""
    packages = {**manifest.get("packages", {}), **lineage.get("packages", {})}
    source = lineage.get("data", {})
    facts: dict[str, object] = {
        "Data": Markup(f"{code(source['file'])} {code(source['digest'])}") if source.get("digest") else None,
        "Sample": _sample(source.get("sample")),
        "Code": code(lineage["code"]) if lineage.get("code") else None,
        "Estimator": code(manifest["estimator"]) if manifest.get("estimator") else None,
        "Python": lineage.get("python"),
        "Packages": ", ".join(f"{name} {version}" for name, version in sorted(packages.items())),
    }
    parameters = [(code(name), code(value)) for name, value in sorted(lineage.get("hyperparameters", {}).items())]
    table_ = table(("Hyperparameter", "Value"), parameters) if parameters else ""
    return section("Lineage", Markup(f'<div class="card">{definitions(facts)}</div>'), table_)


def _sample(found: Record | None) -> str | None:
    """Which part of the data was read, where it was not all."""
    if not found:
        return None
    return f"{found['rows']:,} of {found['of']:,} rows, {found['rule']} {found['seed']}"
