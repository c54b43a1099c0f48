"""The command line where it is piped, closed, not Unicode, read-only, or asked for JSON: never a traceback."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.e2e.support.project import Project
from tests.e2e.support.refusals import refusal
from tests.e2e.support.stacks import iris

pytestmark = pytest.mark.slow

FILE_MODEL = "config:\n  mooring:cloud: local\n  mooring:models:\n    given: {file: iris.onnx}\n"


def shell(project: Project, line: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """A line of bash in which `mooring` is the command under test."""
    defined = f'mooring() {{ "{sys.executable}" -m mooring "$@"; }}; {line}'
    return subprocess.run(
        ["bash", "-c", defined],
        cwd=project.root,
        env=project.environment(**environment),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        errors="replace",
        timeout=120,
        check=False,
    )


WRONG = {
    "up --stack nosuch --yes": 1,
    "up --stack local": 2,
    "up --yes --no-such-option": 2,
    "preview --stack wrong": 1,
    "refresh --stack nosuch --yes": 1,
    "destroy --stack wrong --yes": 1,
    "status --stack nosuch": 1,
    "predict --stack local --input nosuch.csv": 1,
    "outputs --stack wrong": 1,
    "logs --stack nosuch": 1,
    "rollback --stack local --yes": 1,
    "promote iris --from local --to local --yes": 1,
    "stack init local": 1,
    "config set models.iris.trainin 3 --stack local": 1,
    "state export --stack nosuch": 1,
    "state import --stack local --file nosuch.json --yes": 1,
    "new data": 1,
    "uup": 2,
}


def test_with_json_every_failure_is_one_document_on_stdout_and_one_error_on_stderr(project: Project) -> None:
    project.write_stack("local", iris())
    project.write_stack("wrong", "config: [\n")
    for words, code in WRONG.items():
        done = project.run(*words.split(), "--json", expect=code, NO_COLOR="1")
        (problem,) = json.loads(done.stdout)["error"]["problems"]
        assert problem, words
        assert done.stderr.count("error: ") == 1, words
        assert "internal" not in done.stderr, words
    assert project.processes() == []


def test_outputs_may_be_closed_full_or_without_unicode(project: Project) -> None:
    project.write_stack("local", iris())
    for line, code in (
        ("mooring status --stack local >&-", 0),
        ("mooring status --stack nosuch >&- 2>&-", 1),
        ("mooring preview --stack local >&- <&-", 0),
    ):
        done = shell(project, line)
        assert (done.returncode, done.stderr) == (code, ""), line
    full = shell(project, "mooring stacks > /dev/full")
    assert full.returncode == 1
    assert full.stderr.startswith("error: the output, or a file, cannot be written: No space left on device")
    assert len(full.stderr.splitlines()) == 1
    plain = shell(project, "mooring doctor", PYTHONIOENCODING="ascii", LC_ALL="C", PYTHONUTF8="0")
    assert "? packages" in plain.stdout
    assert plain.stderr == ""
    name = "\u00e9t\u00e9"
    project.write_stack("local", iris().replace("data/iris.csv", f"data/{name}.csv"))
    (project.root / "data" / f"{name}.csv").write_bytes((project.root / "data" / "iris.csv").read_bytes())
    told = shell(project, "mooring preview --stack local --json", PYTHONIOENCODING="ascii")
    assert json.loads(told.stdout)["changeSummary"]["create"] > 5


def test_an_up_whose_reader_has_gone_is_done_to_its_end(project: Project, kit: Path) -> None:
    (project.root / "iris.onnx").write_bytes((kit / "examples" / "onnx-file" / "iris.onnx").read_bytes())
    project.write_stack("local", FILE_MODEL)
    done = shell(project, "mooring up --stack local --yes | head -1")
    assert len(done.stdout.splitlines()) == 1
    assert done.stderr == ""
    project.run("preview", "--stack", "local", "--expect-no-changes")
    project.run("destroy", "--stack", "local", "--yes")
    assert project.processes() == []


def test_places_that_cannot_be_used_are_named_with_the_remedy(project: Project) -> None:
    project.write_stack("local", iris())
    private = project.root / ".mooring"
    private.write_text("in the way")
    for verb in ("preview", "status"):
        error = refusal(project, verb, "--stack", "local")
        assert str(private) in error
        assert "something else is there; move it away" in error
    private.unlink()
    blocked = project.root / "home"
    blocked.write_text("in the way")
    done = project.run("up", "--stack", "local", "--yes", expect=1, MOORING_HOME=str(blocked), NO_COLOR="1")
    assert "a file is where a folder is needed" in done.stderr
    assert "internal error" not in done.stderr
    gone = shell(project, 'mkdir gone && cd gone && rmdir "$PWD" && unset MOORING_PROJECT && mooring stacks')
    assert gone.returncode == 1
    assert gone.stderr == "error: the current folder is not there any more; change to one that is\n"


def test_a_project_in_a_folder_with_blanks_and_umlauts_is_one_like_any_other(tmp_path: Path) -> None:
    home = Path(os.environ["MOORING_HOME"])
    project = Project(tmp_path / "my projects" / "Bl\u00fcten \u2713", home)
    project.write_stack("local", iris(trees=2))
    project.run("up", "--stack", "local", "--yes")
    assert len(project.run("predict", "--stack", "local", "--input", "data/new_rows.csv").stdout.split()) == 5
    project.run("preview", "--stack", "local", "--expect-no-changes")
    project.run("destroy", "--stack", "local", "--yes")
    assert project.processes() == []
