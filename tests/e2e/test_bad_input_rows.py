"""Rows that cannot be predicted: the file, the line, the column, and what would be right; the endpoint goes on."""

from __future__ import annotations

import shutil

import pytest

from tests.e2e.support.project import KIT, Project
from tests.e2e.support.refusals import refusal

pytestmark = pytest.mark.slow

STACK = """\
config:
  mooring:cloud: local
  mooring:models:
    given: {file: iris.onnx}
  mooring:endpoints:
    given: {model: given}
"""
COLUMNS = "sepal_length,sepal_width,petal_length,petal_width"
ROWS = {
    "a wrong column": (
        "rows.csv",
        f"{COLUMNS.replace('petal_width', 'petal_widht')}\n5,3,1,0.2\n",
        "line 2: unknown column 'petal_widht' (did you mean 'petal_width'?)",
    ),
    "a missing column": (
        "rows.csv",
        "sepal_length,sepal_width,petal_length\n5,3,1\n",
        "line 2: column 'petal_width' is missing",
    ),
    "a wrong type": (
        "rows.csv",
        f"{COLUMNS}\n5,3,1,0.2\n\n5,3,long,0.2\n",
        "line 4: column 'petal_length': 'long' is not a number",
    ),
    "NaN where the model fills nothing in": (
        "rows.csv",
        f"{COLUMNS}\n5,3,1,0.2\n5,3,NaN,0.2\n",
        "line 3: column 'petal_length' has no value, and the model cannot fill one in",
    ),
    "infinity": ("rows.csv", f"{COLUMNS}\n5,3,inf,0.2\n", "line 2: column 'petal_length': 'inf' is not a number"),
    "no row": ("rows.csv", f"{COLUMNS}\n", "there is no row in it"),
    "no byte": ("rows.json", "", "there is no row in it"),
    "no JSON": ("rows.jsonl", '{"sepal_length": 5}\n{oops\n', "line 2 is not JSON: "),
    "no object": ("rows.json", "[5, 3]", "row 1 is no object with a value for each column"),
}


def test_rows_that_are_wrong_are_refused_one_by_one_and_right_ones_answered(project: Project) -> None:
    shutil.copy(KIT / "examples" / "onnx-file" / "iris.onnx", project.root)
    project.write_stack("rows", STACK)
    project.run("up", "--stack", "rows", "--yes")
    for case, (name, content, message) in ROWS.items():
        (project.root / name).write_text(content)
        error = refusal(project, "predict", "--stack", "rows", "--input", name)
        assert error.startswith(f"error: --input {name}: "), case
        assert message in error, case
    document = project.json("predict", "--stack", "rows", "--input", "rows.json", expect=1)
    assert document["error"]["kind"] == "InvalidInput"
    (project.root / "right rows é.csv").write_text(f"{COLUMNS}\n5.1,3.4,1.5,0.2\n")
    assert project.run("predict", "--stack", "rows", "--input", "right rows é.csv").stdout.strip()
    assert "there is no endpoint 'givn' (did you mean 'given'?)" in refusal(
        project, "predict", "--stack", "rows", "--endpoint", "givn", "--input", "right rows é.csv"
    )
    project.run("destroy", "--stack", "rows", "--yes")
    assert project.processes() == []
