"""Training runs and batches: the contract with the script, and every way it can fail."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path

import pytest
from cloud_support import SCRIPT, World

from providers.errors import JobFailed
from providers.local.storage import Store
from providers.values import BatchSpec, Channel, CodeSpec, Machine, TrainingSpec

KIT = Path(__file__).resolve().parents[3]


@pytest.fixture
def world(private_places: Path, tmp_path: Path) -> World:
    return World(private_places, tmp_path)


def kits(uri: str, **fields: object) -> TrainingSpec:
    return TrainingSpec(cloud="local", name="m", model="m", channels={"train": Channel(uri=uri)}, **fields)  # type: ignore[arg-type]


def test_a_users_script_trains_with_the_contracts_files_and_variables(world: World) -> None:
    _, data = world.dataset()
    world.model()
    script = SCRIPT + "\nimport helper\nassert os.getcwd() == os.path.dirname(os.path.abspath(__file__))\n"
    script += "assert open(os.environ['MOORING_CHANNEL_TRAIN']).read().startswith('a,b,label')\n"
    script += "assert os.environ['COLOUR'] == 'red' and os.environ['HOME'].endswith('work')\n"
    script += "assert json.loads(os.environ['MOORING_HYPERPARAMETERS'])['accuracy'] == 0.75\n"
    script += "assert not any('SECRET' in name for name in os.environ), os.environ\n"
    (world.root / "code").mkdir()
    (world.root / "code" / "helper.py").write_text("")
    os.environ["MY_SECRET"] = "hush"
    try:
        spec = world.training(
            data.uri, script, hyperparameters={"accuracy": 0.75, "on": True, "n": 3.0}, environment={"COLOUR": "red"}
        )
        id, state = world.make(world.adapter.training_run, spec, "r")
    finally:
        del os.environ["MY_SECRET"]
    assert state.status == "succeeded"
    assert state.metrics == {"accuracy": 0.75}
    weights = json.loads((Store(world.home).path(state.artifact) / "weights.json").read_text())
    assert weights == {"--accuracy": "0.75", "--on": "true", "--n": "3"}
    assert state.usage["wall_seconds"] > 0
    assert "trained with" in list(world.adapter.training_run.logs(id))[-1]  # type: ignore[union-attr]


@pytest.mark.slow
def test_the_kits_trainer_and_a_batch_work_with_the_checkout_out_of_sight(world: World, tmp_path: Path) -> None:
    """Everything that the jobs use was copied: the checkout is covered by an empty file system meanwhile."""
    if os.geteuid() or subprocess.run(["unshare", "-m", "true"], capture_output=True).returncode:
        pytest.skip("covering the checkout needs the right to make a mount namespace")
    _, data = world.dataset((KIT / "data" / "iris.csv").read_text())
    world.model()
    context = world.context("r")
    kind = world.adapter.training_run
    assert kind is not None
    spec, problems = kind.check(kits(data.uri, hyperparameters={"target": "species", "n_estimators": 5}), context)
    assert problems == ()
    cover(kind, world)
    id = kind.create(spec, context)
    run = kind.wait(id, spec, context)
    assert run.metrics["accuracy"] > 0.8
    _, version = world.make(world.adapter.model_version, world.version(run), "v")
    cover(world.adapter.batch_prediction, world)
    batch = BatchSpec(cloud="local", name="b", model="m", digest=version.digest, input=Channel(uri=data.uri))
    _, state = world.make(world.adapter.batch_prediction, batch, "b")
    assert (state.rows, state.failed_rows) == (150, 0)
    lines = Store(world.home).path(state.output).read_text().splitlines()
    assert len(lines) == 151
    assert [line.split(",")[:2] for line in lines[1:4]] == [
        line.split(",")[:2] for line in (KIT / "data" / "iris.csv").read_text().splitlines()[1:4]
    ]


def cover(kind: object, world: World) -> None:
    """Have a kind's jobs run where the checkout cannot be read."""
    import dataclasses

    original = kind.job  # type: ignore[attr-defined]

    def job(*arguments: object) -> object:
        spec = original(*arguments)
        script = f'mount -t tmpfs none {KIT} && [ -z "$(ls -A {KIT})" ] && exec "$@"'
        steps = [dataclasses.replace(s, argv=("unshare", "-m", "sh", "-c", script, "sh", *s.argv)) for s in spec.steps]
        return dataclasses.replace(spec, steps=tuple(steps))

    kind.job = job  # type: ignore[attr-defined]


@pytest.mark.slow
def test_a_missing_target_column_is_the_reason_of_the_failure(world: World) -> None:
    _, data = world.dataset()
    with pytest.raises(JobFailed, match=r"'lable'.*label") as failed:
        world.make(world.adapter.training_run, kits(data.uri, hyperparameters={"target": "lable"}), "r")
    assert failed.value.log_tail
    assert failed.value.job


@pytest.mark.parametrize(
    ("script", "reason"),
    [
        ("def go():\n    raise RuntimeError('no luck')\ngo()", "RuntimeError: no luck (train.py, line 2, in go)"),
        ("print('done')", "wrote no model into MOORING_MODEL_DIR"),
        ("import os, signal; os.kill(os.getpid(), signal.SIGKILL)", "out of memory"),
        (
            SCRIPT + "open(os.environ['MOORING_METRICS_FILE'], 'w').write('{\"a\": \"x\"}')",
            "one JSON object of name to number",
        ),
        ("import nothing_of_that_name", "No module named 'nothing_of_that_name' (train.py, line 1)"),
    ],
)
def test_a_script_that_fails_is_told_with_its_reason(world: World, script: str, reason: str) -> None:
    _, data = world.dataset()
    with pytest.raises(JobFailed) as failed:
        world.make(world.adapter.training_run, world.training(data.uri, script), "r")
    assert reason in failed.value.reason


def test_a_script_that_hangs_is_stopped_at_its_limit(world: World) -> None:
    _, data = world.dataset()
    with pytest.raises(JobFailed, match="stopped after its time limit of 1 seconds"):
        world.make(
            world.adapter.training_run, world.training(data.uri, "import time; time.sleep(99)", time_limit=1), "r"
        )


def test_what_a_machine_cannot_do_is_said_in_check(world: World) -> None:
    spec = kits(
        "s3://b",
        machine=Machine(vcpus=4096, memory_gib=10**6, gpus=0),
        instances=2,
        spot=True,
        environment={"MOORING_X": "1", "9": ""},
        hyperparameters={"a b": 1},
        code=CodeSpec(image="sklern", requirements=["x"]),
    )
    assert world.adapter.training_run is not None
    _, problems = world.adapter.training_run.check(spec, world.context("r"))
    assert {problem.property for problem in problems} == {
        "channels.train.uri", "machine.vcpus", "machine.memoryGib", "instances", "spot", "environment.MOORING_X",
        "environment.9", "hyperparameters.a b", "hyperparameters.target", "code.image", "code.requirements[0]",
    }  # fmt: skip
    assert "did you mean 'sklearn'?" in str(problems)


@pytest.mark.parametrize(
    ("code", "path", "words"),
    [
        (CodeSpec(source="cod", entry_point="train.py"), "code.source", "did you mean 'code'?"),
        (CodeSpec(source="code/train.py"), "code.source", "is a file"),
        (CodeSpec(source="code"), "code.entryPoint", "train.py"),
        (CodeSpec(source="code", entry_point="tain.py"), "code.entryPoint", "did you mean 'train.py'?"),
    ],
)
def test_code_that_is_not_there_is_told_with_the_near_name(world: World, code: CodeSpec, path: str, words: str) -> None:
    spec = world.training("local://k@sha256:" + "a" * 64).model_copy(update={"code": code})
    assert world.adapter.training_run is not None
    _, (problem,) = world.adapter.training_run.check(spec, world.context("r"))
    assert problem.property == path
    assert words in problem.reason


def test_changed_code_changes_the_source_hash_and_caches_do_not(world: World) -> None:
    kind = world.adapter.training_run
    assert kind is not None
    uri = "local://k@sha256:" + "a" * 64
    first = kind.check(world.training(uri), world.context("r"))[0].code.source_hash
    (world.root / "code" / "__pycache__").mkdir()
    (world.root / "code" / "__pycache__" / "x.pyc").write_text("x")
    assert kind.check(world.training(uri), world.context("r"))[0].code.source_hash == first
    assert kind.check(world.training(uri, SCRIPT + "#"), world.context("r"))[0].code.source_hash != first


@pytest.mark.slow
def test_a_model_that_a_script_left_as_joblib_is_packaged_and_scores(world: World) -> None:
    script = (
        "import csv, joblib, os\nfrom sklearn.tree import DecisionTreeClassifier\n"
        "rows = list(csv.DictReader(open(os.environ['MOORING_CHANNEL_TRAIN'])))\n"
        "x = [[float(row['a']), float(row['b'])] for row in rows]\n"
        "model = DecisionTreeClassifier(random_state=0).fit(x, [row['label'] for row in rows])\n"
        "joblib.dump(model, os.path.join(os.environ['MOORING_MODEL_DIR'], 'model.joblib'))\n"
    )
    _, data = world.dataset()
    world.model()
    _, run = world.make(world.adapter.training_run, world.training(data.uri, script), "r")
    _, version = world.make(world.adapter.model_version, world.version(run), "v")
    assert version.digest == run.digest
    assert (Store(world.home).path(version.uri) / "mooring-model.json").is_file()
