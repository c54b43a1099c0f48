"""Model files that must not or cannot be taken: refused before anything is registered or served."""

from __future__ import annotations

import pickle
import shutil

import pytest

from tests.e2e.support.project import KIT, Project
from tests.e2e.support.refusals import refusal, untouched

pytestmark = pytest.mark.slow

STACK = """\
config:
  mooring:cloud: local
  mooring:models:
    given: {file: MODEL}
"""
ONNX = KIT / "examples" / "onnx-file" / "iris.onnx"


def stack(project: Project, model: str) -> None:
    project.write_stack("files", STACK.replace("MODEL", model))


@pytest.mark.parametrize("name", ["model.pkl", "model.joblib"])
def test_a_pickle_without_trust_is_refused_in_the_preview_and_never_loaded(project: Project, name: str) -> None:
    (project.root / name).write_bytes(pickle.dumps({"a": 1}))
    stack(project, name)
    error = refusal(project, "preview", "--stack", "files")
    assert f"stacks/Pulumi.files.yaml:4: models.given.file: '{name}' is a " in error
    assert "loading it executes code that is in it; set 'trust: true' if you trust where it comes from" in error
    assert untouched(project, "files")


def test_a_pickle_that_calls_itself_onnx_is_told_by_its_content(project: Project) -> None:
    (project.root / "model.onnx").write_bytes(pickle.dumps({"a": 1}))
    stack(project, "model.onnx")
    assert "it looks like a pickle" in refusal(project, "up", "--stack", "files", "--yes")


def test_a_file_whose_hash_differs_is_refused_in_the_preview_with_both(project: Project) -> None:
    shutil.copy(ONNX, project.root / "model.onnx")
    wanted = "sha256:" + "0" * 64
    stack(project, f'model.onnx, digest: "{wanted}"')
    error = refusal(project, "preview", "--stack", "files")
    assert "ModelVersion given: digest: model.onnx has the digest sha256:" in error
    assert f", not {wanted}" in error


@pytest.mark.parametrize(("name", "options"), [("model.onnx", ""), ("model.pkl", ", trust: true")])
def test_a_truncated_file_is_refused_and_the_whole_one_taken_next(project: Project, name: str, options: str) -> None:
    whole = ONNX.read_bytes() if name.endswith(".onnx") else pickle.dumps(list(range(2000)))
    file = project.root / name
    file.write_bytes(whole[: len(whole) // 2])
    stack(project, f"{name}{options}")
    error = refusal(project, "up", "--stack", "files", "--yes")
    assert "ModelVersion given: " in error
    assert "or a truncated one" in error
    assert not [r for r in project.state("files")["deployment"]["resources"] if r["type"].endswith(":ModelVersion")]
    if name.endswith(".onnx"):
        file.write_bytes(whole)
        project.run("up", "--stack", "files", "--yes")
        project.run("destroy", "--stack", "files", "--yes")
    assert project.processes() == []
