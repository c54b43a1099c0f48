"""The figures of an evaluation, each drawn from `evaluation/evaluation.json` alone."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from itertools import pairwise
from typing import Any

from training.report.style import GRID, INK, MUTED, SERIES, SIZE, SURFACE

Details = Mapping[str, Any]
CELLS = 20
"""A confusion matrix of more classes than this has no numbers in its cells."""
CLASSES = 40
"""At most so many classes have a line and a column in it: those with the most errors."""
NAME = 22
"""Longest name of a class or column in a figure, in characters."""


def shortened(name: object, longest: int = NAME) -> str:
    """A name that fits beside an axis."""
    text = " ".join(str(name).split())
    return text if len(text) <= longest else text[: longest - 1] + "…"


def confusion_matrix(axes: Any, details: Details) -> None:
    """Rows of truth by columns of prediction; the shade is the share of the true class."""
    from matplotlib.patches import Rectangle

    labels, counts = most_confused(details["confusion"])
    size = len(labels)
    for at, line in enumerate(counts):
        whole = sum(line) or 1
        for place, count in enumerate(line):
            colour = SERIES[0] if at == place else SERIES[1]
            shade = 0.0 if not count else 0.12 + 0.88 * count / whole
            axes.add_patch(Rectangle((place, at), 1, 1, facecolor=colour, alpha=shade, linewidth=0))
            if size <= CELLS and count:
                middle = (place + 0.5, at + 0.5)
                text = SURFACE if shade > 0.55 else INK
                font = 10 if size <= 10 else 7
                axes.text(*middle, f"{count:,}", ha="center", va="center", color=text, fontsize=font)
    axes.set(xlim=(0, size), ylim=(size, 0), xlabel="prediction", ylabel="truth")
    names, ticks = [shortened(label) for label in labels], [at + 0.5 for at in range(size)]
    font = 9 if size <= 10 else 7 if size <= CELLS else 5
    upright = size * max(map(len, names)) > 44
    axes.set_xticks(ticks, names, rotation=90 if upright else 0, fontsize=font)
    axes.set_yticks(ticks, names, fontsize=font)
    axes.grid(visible=False)
    for at in range(size + 1):
        axes.axhline(at, color=GRID, linewidth=0.6)
        axes.axvline(at, color=GRID, linewidth=0.6)


def most_confused(confusion: Details) -> tuple[list[str], list[list[int]]]:
    """Labels and counts; of more than CLASSES classes those with the most errors, in their order."""
    labels, counts = list(confusion["labels"]), [list(line) for line in confusion["counts"]]
    if len(labels) <= CLASSES:
        return labels, counts
    errors = [sum(line) + sum(other[at] for other in counts) - 2 * line[at] for at, line in enumerate(counts)]
    kept = sorted(sorted(range(len(labels)), key=lambda at: (-errors[at], at))[:CLASSES])
    return [labels[at] for at in kept], [[counts[at][place] for place in kept] for at in kept]


def roc_curves(axes: Any, details: Details) -> None:
    """True positive rate by false positive rate, one line a class."""
    areas = {entry["class"]: entry.get("roc_auc") for entry in details["per_class"]}
    axes.plot([0, 1], [0, 1], color=MUTED, linewidth=1, linestyle=(0, (3, 3)))
    for at, curve in enumerate(details["curves"]):
        across, up = zip(*curve["roc"], strict=True)
        label = f"{shortened(curve['class'])}  {areas.get(curve['class']) or 0:.3f}"
        axes.plot(across, up, color=SERIES[at % len(SERIES)], linewidth=1.8, label=label, clip_on=False)
    axes.set(xlim=(0, 1), ylim=(0, 1.01), xlabel="false positive rate", ylabel="true positive rate")
    axes.legend(loc="lower right", title="area under the curve", title_fontsize=8.5)


def precision_recall_curves(axes: Any, details: Details) -> None:
    """Precision by recall, one line a class."""
    for at, curve in enumerate(details["curves"]):
        across, up = zip(*curve["pr"], strict=True)
        label = f"{shortened(curve['class'])}  {curve['average_precision']:.3f}"
        axes.step(across, up, where="pre", color=SERIES[at % len(SERIES)], linewidth=1.8, label=label, clip_on=False)
    axes.set(xlim=(0, 1), ylim=(0, 1.01), xlabel="recall", ylabel="precision")
    axes.legend(loc="lower left", title="average precision", title_fontsize=8.5)


def calibration(axes: Any, details: Details) -> None:
    """How often what was predicted with some probability came true; the area of a point is its rows."""
    bins = details["calibration"]["bins"]
    most = max(entry["rows"] for entry in bins)
    axes.plot([0, 1], [0, 1], color=MUTED, linewidth=1, linestyle=(0, (3, 3)), label="perfectly calibrated")
    predicted, observed = [entry["predicted"] for entry in bins], [entry["observed"] for entry in bins]
    axes.plot(predicted, observed, color=SERIES[0], linewidth=1.4)
    sizes = [18 + 160 * entry["rows"] / most for entry in bins]
    axes.scatter(
        predicted, observed, s=sizes, color=SERIES[0], alpha=0.75, linewidth=0, label="held-out rows", zorder=3
    )
    second = details["calibration"]["of"] == "second class"
    name = shortened(details["confusion"]["labels"][1]) if second else ""
    what = f"probability of '{name}'" if second else "probability of the most likely class"
    limits = (-0.03, 1.03)
    axes.set(xlim=limits, ylim=limits, xlabel=f"predicted {what}", ylabel="share that it was true of")
    for handle in axes.legend(loc="upper left").legend_handles:
        if hasattr(handle, "set_sizes"):
            handle.set_sizes([40])


def predicted_and_true(axes: Any, details: Details) -> None:
    """Predicted by true value."""
    truth, predicted = zip(*details["points"], strict=True)
    low, high = min(*truth, *predicted), max(*truth, *predicted)
    space = (high - low) * 0.04 or 1.0
    limits = (low - space, high + space)
    axes.plot(limits, limits, color=MUTED, linewidth=1, linestyle=(0, (3, 3)))
    few = len(truth) <= 200
    axes.scatter(truth, predicted, s=22 if few else 9, color=SERIES[0], alpha=0.6 if few else 0.4, linewidth=0)
    axes.set(xlim=limits, ylim=limits, xlabel="true value", ylabel="predicted value")


def residuals(axes: Any, details: Details) -> None:
    """How many rows were predicted too low (left of 0) or too high."""
    histogram = details["residuals"]["histogram"]
    edges = histogram["edges"]
    widths = [high - low for low, high in pairwise(edges)]
    axes.bar(edges[:-1], histogram["counts"], widths, align="edge", color=SERIES[0], alpha=0.8, edgecolor=SURFACE)
    axes.axvline(0, color=MUTED, linewidth=1, linestyle=(0, (3, 3)))
    axes.set(xlabel="predicted - true value", ylabel="rows")
    axes.grid(visible=False, axis="x")


def importance(axes: Any, details: Details) -> None:
    """The columns that weigh most."""
    entries = details["importance"][:15]
    bars(axes, [entry["column"] for entry in entries], [entry["share"] for entry in entries], "share of the whole")


def slices(axes: Any, details: Details) -> None:
    """The main metric of each slice, and of all rows (the line)."""
    metric, entries = sliced(details)
    names = [f"{entry['column']} = {entry['value']}" for entry in entries]
    bars(axes, names, [entry["metrics"][metric] for entry in entries], metric)
    axes.axvline(details["metrics"][metric], color=MUTED, linewidth=1, linestyle=(0, (3, 3)))


def sliced(details: Details) -> tuple[str, list[Details]]:
    """The metric that slices are compared by, and the largest slices that have it, in their order."""
    metric = next((name for name in ("accuracy", "rmse") if name in details["metrics"]), "")
    known = [entry for entry in details.get("slices", []) if metric in entry["metrics"]]
    kept = sorted(range(len(known)), key=lambda at: (-known[at]["rows"], at))[:18]
    return metric, [known[at] for at in sorted(kept)]


def bars(axes: Any, names: Sequence[str], values: Sequence[float], label: str) -> None:
    """Lying bars, the first on top, each with its value."""
    places = list(range(len(names)))
    axes.barh(places, values, height=0.68, color=SERIES[0], alpha=0.85)
    largest = max([abs(value) for value in values], default=0.0) or 1.0
    for place, value in zip(places, values, strict=True):
        inside = value > largest / 5
        look = {"ha": "right", "color": SURFACE} if inside else {"ha": "left", "color": MUTED}
        axes.text(
            value + largest * (-0.015 if inside else 0.015), place, f"{value:.3g}", va="center", fontsize=8, **look
        )
    axes.set_yticks(places, [shortened(name, 30) for name in names], fontsize=8 if len(names) > 10 else 9)
    axes.set(xlim=(min(0.0, *values), largest * 1.04), ylim=(len(names) - 0.4, -0.6), xlabel=label)
    axes.grid(visible=False, axis="y")


def against_popular(axes: Any, details: Details) -> None:
    """A ranking's metrics beside those of offering everybody what is chosen most."""
    popular, own = details["most_popular"], details["metrics"]
    names = [name for name in own if name in popular]
    for at, (label, values) in enumerate((("this model", own), ("the most popular items", popular))):
        places = [place + 0.38 * at - 0.19 for place in range(len(names))]
        axes.barh(places, [values[name] for name in names], height=0.34, color=SERIES[at], alpha=0.85, label=label)
    axes.set_yticks(
        range(len(names)), [name.replace("_at_k", f" at {details['k']}").replace("_", " ") for name in names]
    )
    axes.set(ylim=(len(names) + 0.5, -0.6), xlabel="value")  # room for the legend below the bars
    axes.grid(visible=False, axis="y")
    axes.legend(loc="lower right", ncols=2)


FIGURES: dict[str, tuple[str, Callable[[Any, Details], None], Callable[[Details], bool]]] = {
    "confusion_matrix": ("Confusion matrix", confusion_matrix, lambda found: "confusion" in found),
    "roc": ("ROC curves", roc_curves, lambda found: bool(found.get("curves"))),
    "precision_recall": ("Precision and recall", precision_recall_curves, lambda found: bool(found.get("curves"))),
    "calibration": ("Calibration", calibration, lambda found: bool(found.get("calibration", {}).get("bins"))),
    "predicted_and_true": ("Predicted and true values", predicted_and_true, lambda found: bool(found.get("points"))),
    "residuals": ("Residuals", residuals, lambda found: "residuals" in found),
    "slices": ("Slices", slices, lambda found: bool(sliced(found)[1])),
    "against_popular": ("Against the most popular items", against_popular, lambda found: "most_popular" in found),
    "importance": ("Importance of columns", importance, lambda found: len(found.get("importance", ())) > 1),
}
"""Name of the file, without its ending, to title, drawing, and whether these details have it."""


TITLE_SHARE = 0.075
"""Of a figure's height, what its title takes."""


def _make_room(axes: Any, share: float) -> None:
    """Lower the top of the axes by a share of the figure's height."""
    place = axes.get_position()
    axes.set_position([place.x0, place.y0, place.width, min(place.height, 1 - share - place.y0)])


def draw(name: str, details: Details) -> tuple[bytes, str]:
    """One figure as PNG, and as SVG of the page."""
    import io

    import matplotlib as mpl
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.backends.backend_svg import FigureCanvasSVG
    from matplotlib.figure import Figure

    from training.report.style import DPI, settings, themed

    title, drawing, _ = FIGURES[name]
    svg, png = io.StringIO(), io.BytesIO()
    # The canvases' own methods: `savefig` draws each figure once more before, to no purpose here.
    with mpl.rc_context(settings(name)):
        figure = Figure(figsize=SIZE, layout="constrained")
        axes = figure.add_subplot()
        drawing(axes, details)
        for patch in (figure.patch, axes.patch):  # what is behind it shows through on the page
            patch.set_visible(False)
        FigureCanvasSVG(figure).print_svg(svg, metadata={"Date": None, "Creator": None})
        for patch in (figure.patch, axes.patch):
            patch.set_visible(True)
        figure.set_layout_engine("none")  # laid out once: it is half of the work
        _make_room(axes, TITLE_SHARE)
        figure.set_dpi(DPI)
        axes.set_title(title)  # the page has titles of its own
        FigureCanvasAgg(figure).print_png(png, metadata={"Software": None})
    return png.getvalue(), themed(svg.getvalue(), title)
