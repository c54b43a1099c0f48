"""The report: what it shows, that it stands alone, that it is the same twice, and that a model is none the worse."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pytest
from training_support import KIT

from training.artifact.digest import tree_digest
from training.data.table import Column
from training.evaluation.metrics import Evaluation, assess
from training.report import drawing
from training.report.__main__ import main
from training.report.artifact import complete
from training.report.drawing import Drawing, Figures
from training.report.figures import FIGURES, draw, most_confused
from training.report.markup import Markup, metric, number, table, text
from training.report.page import page


class Balanced(HTMLParser):
    """Fails on a tag that is closed without being open; `open` is what is left in the end."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.tags: set[str] = set()

    def handle_starttag(self, tag: str, attrs: object) -> None:
        self.tags.add(tag)
        if tag not in ("meta", "link"):
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: object) -> None:
        self.tags.add(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag


def classified(classes: int = 3, rows: int = 60) -> Evaluation:
    random = np.random.default_rng(1)
    names = [f"<i>{at}</i>" for at in range(classes)]
    scores = random.dirichlet(np.ones(classes), rows)
    truth = np.array(names, dtype=object)[np.arange(rows) % classes]
    guess = np.array(names, dtype=object)[scores.argmax(axis=1)]
    city = Column("city", "string", np.where(np.arange(rows) % 2, "Rome & co", "Oslo").astype(object))
    return assess(truth, guess, scores, names, "classification", [city])


def predicted() -> Evaluation:
    truth = np.linspace(1, 50, 80)
    return assess(truth, truth + np.sin(truth), None, None, "regression")


def rendered(found: Evaluation, figures: Figures, target: str = "y") -> str:
    manifest = {"task": found.details["task"], "estimator": "sklearn.a.B", "parity": {"reason": "none <was> made"}}
    profile = {"rows": 3, "columns": {"<b>": {"type": "string", "count": 2, "missing": 1, "distinct": 1, "top": {"<script>": 2}}}}  # fmt: skip  # noqa: E501
    return page(
        manifest, signature={"prediction": {"name": target}}, details=found.details, profile=profile,
        lineage={"hyperparameters": {"card": "<script>alert(1)</script>"}}, figures=figures,
    )  # fmt: skip


@pytest.fixture(scope="module")
def drawn() -> list[Figures]:
    """The figures of one evaluation, drawn in two processes at a time."""
    with Drawing(classified().details) as first, Drawing(classified().details) as second:
        return [first.collect(), second.collect()]


@pytest.mark.parametrize("found", [classified(2), classified(25, 100), predicted()], ids=["two", "many", "numbers"])
def test_each_figure_is_a_png_and_a_themed_svg_of_the_same_bytes_twice(found: Evaluation) -> None:
    details = {**found.details, "importance": [{"column": "a", "share": 0.7}, {"column": "b", "share": 0.3}]}
    for name, (_, _, has) in FIGURES.items():
        if not has(details):
            continue
        png, svg = draw(name, details)
        assert png.startswith(b"\x89PNG")
        assert (svg[:4], svg[-6:]) == ("<svg", "</svg>")
        assert "var(--ink)" in svg or "var(--muted)" in svg
        assert not re.search(r"<(image|script|metadata)|https?://(?!www.w3.org)|Date", svg)
        assert (png, svg) == draw(name, details)


def test_which_figures_there_are_depends_on_what_was_measured() -> None:
    names = {name for name, (_, _, has) in FIGURES.items() if has(classified().details)}
    assert names == {"confusion_matrix", "roc", "precision_recall", "calibration", "slices"}
    assert {name for name, (_, _, has) in FIGURES.items() if has(predicted().details)} == {
        "predicted_and_true", "residuals"
    }  # fmt: skip


def test_the_page_is_whole_stands_alone_and_escapes_what_is_in_the_data(drawn: list[Figures]) -> None:
    figures = drawn[0]
    assert figures.reason == ""
    html = rendered(classified(), figures, target="<script>y</script>")
    parser = Balanced()
    parser.feed(html)
    assert parser.open == []
    assert not parser.tags & {"script", "link", "iframe", "img"}
    assert not re.search(r"""(src|href)="(?!#)|(src|href)='|url\((?!#)|@import""", html)
    assert "&lt;script&gt;y&lt;/script&gt;" in html
    assert "prefers-color-scheme:dark" in html
    assert 'name="viewport"' in html
    assert "Rome &amp; co" in html


def test_drawing_in_two_processes_gives_the_same_bytes(drawn: list[Figures]) -> None:
    assert drawn[0] == drawn[1]
    assert set(drawn[0].png) == set(drawn[0].svg) != set()


def test_without_matplotlib_the_page_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "matplotlib.py").write_text("raise ImportError('absent')")
    monkeypatch.setattr(drawing, "KIT", tmp_path)
    monkeypatch.setenv("PYTHONPATH", str(KIT))
    figures = Drawing(classified().details).collect()
    assert figures == Figures(reason="matplotlib is not installed in this environment")
    assert "matplotlib is not installed in this environment" in rendered(classified(), figures)


def test_a_drawing_that_fails_is_told_and_no_more() -> None:
    figures = Drawing({"metrics": {}, "confusion": {}}).collect()
    assert figures.png == {}
    assert figures.reason.startswith("drawing them failed (KeyError")


def test_a_drawing_that_is_left_is_ended_and_leaves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    with pytest.raises(RuntimeError), Drawing(classified().details) as under_way:
        raise RuntimeError
    assert under_way._process.returncode is not None
    assert list(tmp_path.iterdir()) == []


def test_of_many_classes_those_with_errors_are_shown() -> None:
    size = 60
    counts = [[5 if at == place else 0 for place in range(size)] for at in range(size)]
    counts[50][59] = 3
    labels, shown = most_confused({"labels": [str(at) for at in range(size)], "counts": counts})
    assert len(labels) == len(shown) == 40
    assert {"50", "59"} <= set(labels)
    assert shown[labels.index("50")][labels.index("59")] == 3


def test_a_report_can_be_made_again_and_that_of_a_trial_is_completed_to_the_same_bytes(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    rows = "\n".join(f"{at},{at % 5},{'x' if at % 3 else 'z'}" for at in range(40))
    (tmp_path / "d.csv").write_text(f"a,b,y\n{rows}\n")
    trial = tmp_path / "trial"
    environment = {"PATH": os.defpath, "PYTHONPATH": str(KIT), "MOORING_CHANNEL_TRAIN": str(tmp_path / "d.csv"),
                   "MOORING_MODEL_DIR": str(tmp_path / "m")}  # fmt: skip
    command = [sys.executable, "-m", "training", "--target=y", "--estimator=DecisionTreeClassifier", "--slices=b"]
    subprocess.run(command, env=environment, check=True, capture_output=True)
    as_trial = {**environment, "MOORING_MODEL_DIR": str(trial), "MOORING_TRIAL": "3"}
    subprocess.run(command, env=as_trial, check=True, capture_output=True)
    assert list((trial / "evaluation").glob("*.png")) == []
    assert complete(trial) == tree_digest(trial) == tree_digest(tmp_path / "m")
    assert main([str(tmp_path / "m"), str(tmp_path / "out")]) == 0
    for path in (tmp_path / "m" / "evaluation").glob("*.png"):
        assert (tmp_path / "out" / path.name).read_bytes() == path.read_bytes()
    made = (tmp_path / "m" / "evaluation" / "report.html").read_bytes()
    assert (tmp_path / "out" / "report.html").read_bytes() == made
    assert json.loads((tmp_path / "m" / "evaluation" / "evaluation.json").read_text())["slices"]
    (tmp_path / "m" / "profile.json").write_text("{}")
    assert main([str(tmp_path / "m"), str(tmp_path / "out")]) == 1
    assert "profile.json: its SHA-256 is not the one" in capsys.readouterr().err


@pytest.mark.parametrize(("value", "shown"), [(0.5, "0.5"), (1234567.0, "1,234,567"), (1e300, "1e+300"),
                                              (float("inf"), "inf"), (0.1 + 0.2, "0.3")])  # fmt: skip
def test_numbers_are_set_for_reading(value: float, shown: str) -> None:
    assert number(value) == shown


def test_metrics_have_four_digits() -> None:
    assert [metric(value) for value in (0.93333, 43.9409, 1234.5, -0.5)] == ["0.9333", "43.94", "1,234.50", "-0.5000"]


def test_cells_are_escaped_and_markup_is_not() -> None:
    assert text("<b>") == "&lt;b&gt;"
    assert text(Markup("<b>")) == "<b>"
    assert (text(None), text(True), text(12345)) == ("–", "yes", "12,345")
    assert '<th scope="row">&lt;a&gt;</th><td class="n">1</td>' in table(("x", "y"), [("<a>", 1)], (1,))
