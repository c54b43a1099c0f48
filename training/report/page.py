"""The report: one HTML page of all that an artifact tells about its model."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from training.report import sections
from training.report.drawing import Figures
from training.report.figures import FIGURES
from training.report.look import CSS
from training.report.markup import Markup, metric, paragraph, section, text

Record = Mapping[str, Any]

TILES = 8
"""At most so many metrics are set large; all are in the table."""
FIRST = (
    "accuracy", "f1_macro", "precision_macro", "recall_macro", "roc_auc", "log_loss", "ece", "brier",
    "rmse", "mae", "r2", "median_ae", "mape",
)  # fmt: skip


def report_files(
    manifest: Record, *, signature: Record, details: Record, profile: Record, lineage: Record, figures: Figures
) -> dict[str, bytes]:
    """The page and the figures by their names in an artifact."""
    written = page(
        manifest, signature=signature, details=details, profile=profile, lineage=lineage, figures=figures
    ).encode()
    drawn = {f"evaluation/{name}.png": content for name, content in figures.png.items()}
    return {**drawn, "evaluation/report.html": written}


def page(
    manifest: Record, *, signature: Record, details: Record, profile: Record, lineage: Record, figures: Figures
) -> str:
    """The whole page. It holds nothing that two equal trainings would not share: no time, host, path or run id."""
    prediction = signature.get("prediction", {})
    target = prediction.get("name", "prediction")
    kind = {"classification": "Classification", "regression": "Regression", "ranking": "Ranking"}.get(
        manifest["task"], manifest["task"]
    )
    held = _measured_on(details)
    estimator = str(manifest.get("estimator", "")).rpartition(".")[2]
    use = str(lineage.get("hyperparameters", {}).get("card", ""))
    body = [
        paragraph("Model report", kind="muted"),
        Markup(f"<h1>{text(target)}</h1>"),
        paragraph(f"{kind}{' with ' + estimator if estimator else ''}, measured on {held}", kind="muted"),
        sections.left_out(details),
        use and paragraph(use),
        _tiles(details["metrics"]),
        section("Figures", _figures(figures)),
        sections.all_metrics(details),
        sections.classes(details),
        sections.slices(details),
        sections.data(profile, target),
        sections.parity(manifest),
        sections.origin(manifest, lineage),
    ]
    content = "\n".join(str(part) for part in body if part)
    return (
        f'<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        f'<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f"<title>{text(target)}: model report</title>\n<style>{CSS}</style>\n</head>\n"
        f"<body>\n<main>\n{content}\n</main>\n</body>\n</html>\n"
    )


def _measured_on(details: Record) -> str:
    """The rows held out in training, or those of other data (`training.evaluate`)."""
    count = f"{details['rows']:,} rows" if details.get("rows") else "rows"
    return f"{count} of {details['data']['file']}" if "data" in details else f"{count} that it never saw"


def _tiles(metrics: Mapping[str, float]) -> Markup:
    names = [name for name in FIRST if name in metrics] + [name for name in metrics if name not in FIRST]
    tiles = "".join(
        f'<div class="tile"><b>{metric(metrics[name])}</b><span>{text(sections.title_of(name))}</span></div>'
        for name in names[:TILES]
    )
    return Markup(f'<div class="tiles">{tiles}</div>')


def _figures(figures: Figures) -> Markup:
    if figures.reason:
        return paragraph(f"There are none: {figures.reason}.", kind="note")
    cards = "".join(
        f'<figure class="card"><h3>{text(title)}</h3>{figures.svg[name]}</figure>\n'
        for name, (title, _, _) in FIGURES.items()
        if name in figures.svg
    )
    return Markup(f'<div class="figures">{cards}</div>') if cards else Markup("")
