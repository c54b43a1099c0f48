"""Stacks that cost little to deploy often: one that serves a small supplied model, one with a script that trains
nothing, but signs in a journal whenever it begins and ends."""

from __future__ import annotations

from pathlib import Path

from tests.e2e.support.project import KIT, Project

ROW = {"sepal_length": 5.1, "sepal_width": 3.5, "petal_length": 1.4, "petal_width": 0.2}
ONNX = KIT / "examples" / "onnx-file" / "iris.onnx"

SERVED = """\
config:
  mooring:cloud: local
  mooring:models:
    iris:
      file: iris.onnx
"""

TRAINED = """\
config:
  mooring:cloud: local
  mooring:datasets:
    rows: rows.csv
  mooring:models:
    iris:
      training:
        dataset: rows
        source: source
        entryPoint: train.py
        hyperparameters:
          journal: {journal}
          round: {round}
"""

ENDPOINT = """\
  mooring:endpoints:
    iris:
      model: iris
"""

SCRIPT = """\
import os, shutil, sys

told = dict(zip(sys.argv[1::2], sys.argv[2::2]))


def sign(what):
    with open(told["--journal"], "a") as journal:
        journal.write(f"{what} {told['--round']}\\n")


sign("begun")
model = os.path.join(os.environ["MOORING_MODEL_DIR"], "model.onnx")
shutil.copy(os.path.join(os.path.dirname(__file__), "iris.onnx"), model)
with open(model, "ab") as stream:
    stream.write(bytes([50, len(told["--round"])]) + told["--round"].encode())  # ONNX: the field `doc_string`
sign("ended")
"""


def served(project: Project, number: int) -> None:
    """Write the stack `local` with an endpoint; each number is another model."""
    told = str(number).encode()
    (project.root / "iris.onnx").write_bytes(ONNX.read_bytes() + bytes([50, len(told)]) + told)
    project.write_stack("local", SERVED + ENDPOINT)


def trained(project: Project, number: int, *, endpoint: bool = False) -> Path:
    """Write the stack `local` with a training run; each number is another one. The journal of its script."""
    source = project.root / "source"
    source.mkdir(exist_ok=True)
    (source / "train.py").write_text(SCRIPT)
    (source / "iris.onnx").write_bytes(ONNX.read_bytes())
    (project.root / "rows.csv").write_text("a,b\n1,2\n")
    journal = project.root / "journal"
    text = TRAINED.format(journal=journal, round=number)
    project.write_stack("local", text + ENDPOINT if endpoint else text)
    return journal


def signatures(journal: Path, number: int) -> list[str]:
    """What the script signed in the run of this number."""
    lines = [line.split() for line in journal.read_text().splitlines()] if journal.exists() else []
    return [what for what, round in lines if round == str(number)]
