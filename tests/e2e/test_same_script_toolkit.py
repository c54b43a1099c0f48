"""A script in a SageMaker job finds the same arguments, folder and variables from our shim as from AWS's own toolkit.

Differences that are meant: `PYTHONPATH` lacks the toolkit's own `bin` folder, and a failure is told with its reason.
"""

from __future__ import annotations

import io
import json
import os
import shutil
import subprocess
import tarfile
import zipfile
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from tests.e2e.support.toolkit import toolkit_python

KIT = Path(__file__).resolve().parents[2]
PROBE = """
import json, os, sys
seen = {"argv": sys.argv, "cwd": os.getcwd(), "environment": dict(os.environ), "python": sys.executable}
with open(os.environ["PROBE"], "w") as stream:
    json.dump(seen, stream)
"""
SHELL = """#!/bin/bash
echo "$0|$PWD|$SM_HP_MESSAGE" > "$PROBE"
printf '%s\\n' "$@" >> "$PROBE"
"""
GROUPS = [
    {"instance_group_name": "first", "instance_type": "ml.m5.large", "hosts": ["localhost"]},
    {"instance_group_name": "second", "instance_type": "ml.c5.large", "hosts": ["127.0.0.1"]},
]
ONE = {"current_host": "localhost", "hosts": ["localhost"], "current_group_name": "homogeneousCluster"}
TWO = {"current_host": "127.0.0.1", "hosts": ["localhost", "127.0.0.1"], "current_group_name": "second",
       "current_instance_type": "ml.c5.large", "instance_groups": GROUPS, "network_interface_name": "lo",
       "topology": [{"hostName": "localhost", "capacityUnitId": "1"}]}  # fmt: skip


@dataclass
class Case:
    """One job: its hyperparameters as the platform writes them, and the files of the user's code."""

    hyperparameters: dict[str, Any]
    files: dict[str, str] = field(default_factory=lambda: {"probe.py": PROBE})
    archive: bool = False
    preloaded: bool = False
    resources: dict[str, Any] = field(default_factory=lambda: ONE)
    environment: dict[str, str] = field(default_factory=dict)


def text(**values: Any) -> dict[str, str]:
    """Hyperparameters as the SDK sends them: JSON."""
    return {name: json.dumps(value) for name, value in values.items()}


CASES = {
    "every kind of value": Case(
        {
            **text(rate=0.1, count=3, on=True, off=False, word="hello", number_as_text="5", none=None, empty="", x=1),
            **text(unicode="héß☃", blanks="a b  c", quotes='it\'s "so"', nested={"b": [1, 2], "a": {"x": None}}),
            **text(items=[1, "a", True], sagemaker_program="probe.py", sagemaker_job_name="j-1"),
            **text(sagemaker_region="eu-central-1", sagemaker_container_log_level=20, sagemaker_extra={"a": 1}),
            **text(_tuning_objective_metric="accuracy"),
            "plain": "no json",
            "blank": "",
            "huge": "1e400",
            "infinite": "Infinity",
            "a-b": "2",
            "y.z": "-1",
        }
    ),
    "two groups of machines": Case(text(sagemaker_program="probe.py", sagemaker_mpi_enabled=False), resources=TWO),
    "an archive with the script in a folder": Case(
        text(sagemaker_program="jobs/probe.py", word="x"), {"jobs/probe.py": PROBE, "helper.py": ""}, archive=True
    ),
    "a program named by the environment, its code in place": Case(
        text(word="x", sagemaker_program="other.py"),
        preloaded=True,
        environment={"SAGEMAKER_PROGRAM": "probe.py", "AWS_DEFAULT_REGION": "eu-west-3", "SM_HP_MP_PARAMETERS": "{}"},
    ),
    "a shell script": Case(
        text(sagemaker_program="run.sh", message="it's; $HOME", flag=True, empty=""), {"run.sh": SHELL}
    ),
    "a package with a setup.py": Case(
        text(sagemaker_program="probe_entry.py", word="x"),
        {
            "setup.py": "from setuptools import setup\nsetup(name='probe-entry', py_modules=['probe_entry'])\n",
            "probe_entry.py": PROBE,
        },
        environment={"PIP_NO_BUILD_ISOLATION": "0", "PIP_NO_INDEX": "1"},
    ),
    "requirements of its own": Case(
        text(sagemaker_program="probe.py"),
        {"probe.py": "import probe_helper\n" + PROBE, "requirements.txt": "./probe_helper-1.0-py3-none-any.whl\n"},
        environment={"PIP_NO_INDEX": "1"},
    ),
}


@dataclass
class Run:
    """What came of one run."""

    code: int
    seen: str
    output: dict[str, str]
    log: str


@pytest.fixture(scope="module")
def python() -> Path:
    return toolkit_python()


@pytest.mark.slow
@pytest.mark.parametrize("name", CASES)
def test_a_script_sees_what_the_toolkit_shows(tmp_path: Path, python: Path, name: str) -> None:
    theirs, ours = both(tmp_path, python, CASES[name])
    assert (ours.code, sorted(ours.output)) == (theirs.code, sorted(theirs.output)) == (0, ["success"]), ours.log
    if not theirs.seen.startswith("{"):
        assert ours.seen == theirs.seen
        return
    expected, found = json.loads(theirs.seen), json.loads(ours.seen)
    for part in ("argv", "cwd", "python"):
        assert found[part] == expected[part]
    paths = [path for path in expected["environment"].pop("PYTHONPATH").split(":") if path != str(python.parent)]
    assert found["environment"].pop("PYTHONPATH").split(":") == paths
    assert json.loads(found["environment"].pop("SM_TRAINING_ENV")) == json.loads(
        expected["environment"].pop("SM_TRAINING_ENV")
    )
    assert found["environment"] == expected["environment"]


@pytest.mark.slow
@pytest.mark.parametrize(
    ("program", "content", "reason"),
    [
        ("probe.py", "import sys\nprint('trying')\nraise ValueError('no luck')", "ValueError: no luck"),
        ("probe.py", "import sys\nsys.exit(3)", "ended with exit code 3"),
        ("run.sh", "echo gone wrong >&2; exit 7", "gone wrong"),
        ("../probe.py", "", "'../probe.py'"),
        ("", "", "empty"),
    ],
)
def test_a_failure_ends_alike_and_ours_says_why(
    tmp_path: Path, python: Path, program: str, content: str, reason: str
) -> None:
    theirs, ours = both(tmp_path, python, Case(text(sagemaker_program=program), {program.strip("./") or "x": content}))
    assert ours.code == theirs.code == 1
    assert list(ours.output) == list(theirs.output) == ["failure"]
    assert reason in ours.output["failure"]
    if theirs.output["failure"].startswith("ExecuteUserScriptError"):
        assert ours.output["failure"].splitlines()[:2] == theirs.output["failure"].splitlines()[:2]


def both(folder: Path, python: Path, case: Case) -> tuple[Run, Run]:
    """The toolkit's run and ours, in the same place one after the other."""
    mine = (str(python), "-m", "training.jobs.run_script", "--contract", "sagemaker")
    theirs = run(folder, case, (str(python.parent / "train"),), {})
    return theirs, run(folder, case, mine, {"PYTHONPATH": str(KIT)})


def run(folder: Path, case: Case, command: tuple[str, ...], extra: dict[str, str]) -> Run:
    base, source, installed = folder / "ml", folder / "code", folder / "installed"
    for old in (base, source, installed):
        shutil.rmtree(old, ignore_errors=True)
    place(base / "code" if case.preloaded else source, case.files)
    given = dict(case.hyperparameters)
    if not case.preloaded:
        origin = archive(source, folder / "source.tar.gz") if case.archive else source
        given["sagemaker_submit_directory"] = json.dumps(str(origin))
    config = base / "input" / "config"
    config.mkdir(parents=True)
    (base / "output").mkdir()
    channels = {"train": {"TrainingInputMode": "File"}, "more-data": {"ContentType": "text/csv"}}
    for name, value in (("hyperparameters", given), ("resourceconfig", case.resources), ("inputdataconfig", channels)):
        (config / f"{name}.json").write_text(json.dumps(value))
    seen = folder / "seen"
    seen.unlink(missing_ok=True)
    environment = {
        "PATH": f"{Path(command[0]).parent}:{os.defpath}",
        "HOME": str(folder),
        "LANG": "C.UTF-8",
        "SAGEMAKER_BASE_DIR": str(base),
        "TRAINING_JOB_NAME": "job-1",
        "PROBE": str(seen),
        "PIP_TARGET": str(installed),
        "PIP_DISABLE_PIP_VERSION_CHECK": "1",
        **case.environment,
    }
    search = [extra["PYTHONPATH"], str(installed)] if extra else [str(installed)]
    environment["PYTHONPATH"] = ":".join(search)
    done = subprocess.run(
        command, env=environment, cwd=folder, capture_output=True, text=True, timeout=120, check=False
    )
    output = {file.name: file.read_text() for file in (base / "output").iterdir() if file.is_file()}
    return Run(done.returncode, seen.read_text() if seen.exists() else "", output, done.stdout + done.stderr)


def place(folder: Path, files: dict[str, str]) -> None:
    """The user's code, with the wheel that its requirements name."""
    for name, content in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(content)
    if "requirements.txt" in files:
        info = "probe_helper-1.0.dist-info"
        with zipfile.ZipFile(folder / "probe_helper-1.0-py3-none-any.whl", "w") as wheel:
            wheel.writestr("probe_helper.py", "value = 1\n")
            wheel.writestr(f"{info}/METADATA", "Metadata-Version: 2.1\nName: probe-helper\nVersion: 1.0\n")
            wheel.writestr(
                f"{info}/WHEEL", "Wheel-Version: 1.0\nGenerator: test\nRoot-Is-Purelib: true\nTag: py3-none-any\n"
            )
            wheel.writestr(f"{info}/RECORD", "")


def archive(folder: Path, target: Path) -> Path:
    """The folder as the SDK uploads it."""
    with tarfile.open(target, "w:gz") as tar:
        for path in sorted(folder.rglob("*")):
            if path.is_file():
                entry = tarfile.TarInfo(str(path.relative_to(folder)))
                entry.size, entry.mode = path.stat().st_size, 0o644
                tar.addfile(entry, io.BytesIO(path.read_bytes()))
    return target
