"""The notebook of the examples is run as a reader would run it, in a project of its own."""

from __future__ import annotations

import os
from pathlib import Path

import nbclient
import nbformat
import pytest

from tests.e2e.support.project import KIT, Project

NOTEBOOK = KIT / "examples" / "notebook" / "first_model.ipynb"


@pytest.mark.slow
@pytest.mark.timeout(280)
def test_the_notebook_trains_hosts_asks_and_takes_down(
    tmp_path: Path, private_places: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    project = Project(tmp_path / "project", private_places)
    for name, value in project.environment(PATH=f"{KIT / '.venv' / 'bin'}{os.pathsep}{os.environ['PATH']}").items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("JUPYTER_RUNTIME_DIR", str(tmp_path / "jupyter"))
    monkeypatch.setenv("IPYTHONDIR", str(tmp_path / "ipython"))
    notebook = nbformat.read(NOTEBOOK, as_version=4)
    try:
        nbclient.NotebookClient(notebook, timeout=240, resources={"metadata": {"path": str(project.root)}}).execute()
    finally:
        project.run("destroy", "--stack", "local", "--yes", expect=None)
    shown = {
        cell["id"]: [output["data"]["text/plain"] for output in cell["outputs"] if "data" in output]
        for cell in notebook.cells
        if cell["cell_type"] == "code"
    }
    answers = [text for texts in shown.values() for text in texts if "setosa" in text and text.startswith("[")]
    assert answers[-1] == "['setosa', 'virginica']"
    assert project.processes() == []


def test_the_notebook_is_kept_without_outputs() -> None:
    notebook = nbformat.read(NOTEBOOK, as_version=4)
    nbformat.validate(notebook)
    assert [cell["id"] for cell in notebook.cells if cell.get("outputs") or cell.get("execution_count")] == []
