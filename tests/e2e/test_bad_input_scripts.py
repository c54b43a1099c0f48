"""Training scripts that go wrong: the reason in one error, no version, no endpoint, and the next `up` mends it."""

from __future__ import annotations

import base64

import pytest

from tests.e2e.support.project import KIT, Project
from tests.e2e.support.refusals import refusal

pytestmark = pytest.mark.slow

STACK = """\
config:
  mooring:cloud: local
  mooring:datasets:
    iris: data/iris.csv
  mooring:models:
    own:
      training: {dataset: iris, source: script, entryPoint: train.py, timeLimit: LIMIT}
"""
SCRIPTS = {
    "raises": (
        'def fit():\n    raise ValueError("the rate is negative")\n\nprint("begin")\nfit()\n',
        "ValueError: the rate is negative (train.py, line 2, in fit)",
    ),
    "is no Python": ("print('a'\n", "SyntaxError: '(' was never closed (train.py, line 1)"),
    "writes no model": ("print('done')\n", "the script ended well but wrote no model into MOORING_MODEL_DIR"),
    "exits with 137": (
        "import sys\nsys.exit(137)\n",
        "the process was killed (exit code 137, SIGKILL): out of memory?",
    ),
    "is killed": ("import os\nos.kill(os.getpid(), 9)\n", "exit code 137, SIGKILL): out of memory?"),
    "exits with 3": ("import sys\nprint('50 %')\nsys.exit(3)\n", "50 % (exit code 3)"),
}
WELL = """\
import base64, os
with open(os.environ["MOORING_MODEL_DIR"] + "/model.onnx", "wb") as file:
    file.write(base64.b64decode(%r))
"""


def write(project: Project, script: str, limit: int = 60) -> None:
    (project.root / "script").mkdir(exist_ok=True)
    (project.root / "script" / "train.py").write_text(script)
    project.write_stack("own", STACK.replace("LIMIT", str(limit)))


def made(project: Project) -> set[str]:
    """Types of what the state has, components and the stack aside."""
    resources = project.state("own")["deployment"].get("resources", [])
    return {resource["type"].rpartition(":")[2] for resource in resources if resource["type"].startswith("moor:")}


@pytest.mark.parametrize("fault", SCRIPTS)
def test_a_script_that_fails_is_told_with_its_reason_and_registers_nothing(project: Project, fault: str) -> None:
    script, reason = SCRIPTS[fault]
    write(project, script)
    error = refusal(project, "up", "--stack", "own", "--yes")
    assert error.startswith("error: moor:index:TrainingRun own: ")
    assert reason in error.splitlines()[0]
    assert made(project) == {"Dataset", "Model"}
    assert project.processes() == []


def test_a_script_that_hangs_is_stopped_at_its_limit_with_all_that_it_started(project: Project) -> None:
    hang = "import subprocess, time\nsubprocess.Popen(['sleep', '600'])\nprint('going', flush=True)\ntime.sleep(600)\n"
    write(project, hang, limit=2)
    error = refusal(project, "up", "--stack", "own", "--yes")
    assert "stopped after its time limit of 2 seconds ('timeLimit' sets it)" in error
    assert "going" in error
    assert project.processes() == []


def test_a_corrected_script_is_run_by_the_next_up(project: Project) -> None:
    write(project, SCRIPTS["raises"][0])
    refusal(project, "up", "--stack", "own", "--yes")
    model = (KIT / "examples" / "onnx-file" / "iris.onnx").read_bytes()
    write(project, WELL % base64.b64encode(model))
    project.run("up", "--stack", "own", "--yes")
    assert made(project) == {"Dataset", "Model", "TrainingRun", "ModelVersion"}
    project.run("destroy", "--stack", "own", "--yes")
    assert project.processes() == []
