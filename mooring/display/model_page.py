"""A whole model on a terminal's page: what it is, how good, what it takes, where it comes from, its files."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from mooring.artifact import Artifact
from mooring.display.model_summary import column_lines, metric_lines
from mooring.display.style import Style
from mooring.display.table import table
from mooring.display.values import brief


def page(artifact: Artifact, style: Style) -> Iterator[str]:
    """The page of one artifact, a line at a time."""
    yield style(artifact.prediction.get("name", artifact.folder.name), "bold") + f" ({artifact.task})"
    for name, value in _facts(artifact):
        yield f"  {name:<10} {value}"
    if metrics := artifact.metrics:
        yield from ("", style("Metrics on the held-out rows", "bold"), *metric_lines(metrics, style))
    yield from ("", style("Takes", "bold"), *column_lines(artifact.signature, style))
    yield from ("", style("Answers", "bold"), f"  {_answer(artifact.prediction)}")
    if lineage := artifact.json("lineage.json"):
        yield from ("", style("Lineage", "bold"), *_lineage(lineage))
    yield from ("", style("Files", "bold") + "  (each has the SHA-256 that the manifest lists)")
    rows = [[file["name"], f"{file['bytes']:>12,}", file["sha256"][:12]] for file in artifact.files()]
    yield from (f"  {line}" for line in table(["file", "       bytes", "sha256"], rows, style))


def _facts(artifact: Artifact) -> Iterator[tuple[str, str]]:
    manifest, rows = artifact.manifest, artifact.rows()
    if artifact.estimator:
        yield "estimator", artifact.estimator
    yield "digest", artifact.digest
    yield "served", f"{manifest.get('serve')}{_parity(manifest.get('parity') or {})}"
    if rows:
        words = {"train": "learnt from", "test": "held out"}
        yield "rows", ", ".join(f"{rows[part]:,} {words[part]}" for part in rows)
    if packages := manifest.get("packages"):
        yield "packages", ", ".join(f"{name} {version}" for name, version in packages.items())
    if ended := artifact.json("run.json").get("ended"):
        yield "made", str(ended)
    if artifact.report:
        yield "report", str(artifact.report)


def _parity(parity: Mapping[str, Any]) -> str:
    if "reason" in parity:
        return f" ({parity['reason']})"
    if "rows" not in parity:
        return ""
    differing = parity.get("labels_that_differ", 0)
    labels = f", {differing} labels differ" if differing else ""
    found = f"{parity['max_difference']:.2g}" if parity.get("max_difference") is not None else "no number"
    return f" (ONNX differs by at most {found} on {parity['rows']:,} rows{labels})"


def _answer(prediction: Mapping[str, Any]) -> str:
    kind = str(prediction.get("type", ""))
    if classes := prediction.get("classes"):
        shown = ", ".join(str(label) for label in classes[:12])
        return f"one of {len(classes)} classes: {shown}{', …' if len(classes) > 12 else ''}"
    return {"number": "a number", "items": "the best items for each user, with their scores"}.get(kind, kind or "?")


def _lineage(lineage: Mapping[str, Any]) -> Iterator[str]:
    for name, value in lineage.items():
        if name == "packages":
            continue
        if isinstance(value, Mapping):
            yield f"  {name:<16} " + ", ".join(f"{key} {_said(inner)}" for key, inner in value.items())
        else:
            yield f"  {name:<16} {_said(value)}"


def _said(value: Any) -> str:
    return value if isinstance(value, str) else brief(value, 100)
