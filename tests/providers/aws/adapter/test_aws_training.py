"""Training runs on AWS, beyond the contract."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from adapter_bench import REGION, Stack
from running_emulator import KIT

from providers.aws import sagemaker_jobs
from providers.aws.contents import Contents
from providers.aws.models import ModelKind
from providers.aws.naming import split
from providers.aws.sagemaker_jobs import TRAINING, SageMakerJobs
from providers.aws.training import TrainingKind
from providers.aws.training_request import training_request
from providers.contract import Context
from providers.errors import Cancelled, InvalidInput, JobFailed, PartialFailure, Unavailable
from providers.values import ModelSpec, TrainingSpec, TrainingState

WRITES = """
import json, os, sys
folder = os.environ["SM_MODEL_DIR"]
from sklearn.linear_model import LogisticRegression
import joblib
model = LogisticRegression().fit([[0.0], [1.0]], [0, 1])
joblib.dump(model, os.path.join(folder, "model.joblib"))
"""
SLOW = 'import time\nprint("begun", flush=True)\ntime.sleep(100)\n'


@pytest.fixture
def kind(stack: Stack) -> TrainingKind:
    return TrainingKind(stack.home)


@pytest.fixture(scope="module")
def data(made_stack: Stack) -> str:
    content = (KIT / "data" / "iris.csv").read_bytes()
    made_stack.running.client("s3").put_object(Bucket=made_stack.name, Key="data/iris.csv", Body=content)
    return f"s3://{made_stack.name}/data/"


@pytest.fixture
def spec_of(stack: Stack, data: str) -> Callable[..., TrainingSpec]:
    def make(**given: Any) -> TrainingSpec:
        own = {"model": "flowers", "channels": {"train": {"uri": data}}, "identity": {"principal": stack.role}}
        return TrainingSpec.model_validate({**stack.scope, **own, **given})

    return make


SpecOf = Callable[..., TrainingSpec]


def begun(kind: TrainingKind, spec: TrainingSpec, context: Context) -> tuple[str, TrainingSpec]:
    checked, problems = kind.check(spec, context)
    assert list(problems) == []
    return kind.create(checked, context), checked


def ran(kind: TrainingKind, spec: TrainingSpec, context: Context) -> tuple[str, TrainingState]:
    id, checked = begun(kind, spec, context)
    return id, kind.wait(id, checked, context)


def described(stack: Stack, id: str) -> dict[str, Any]:
    found: dict[str, Any] = stack.running.client("sagemaker").describe_training_job(TrainingJobName=split(id)[1])
    return found


def until(condition: Callable[[], bool], seconds: float = 60.0) -> None:
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.05)


@pytest.mark.slow
def test_the_trainer_leaves_an_artifact_whose_digest_is_that_of_its_files(
    kind: TrainingKind, stack: Stack, spec_of: SpecOf
) -> None:
    spec = spec_of(hyperparameters={"target": "species", "n_estimators": 3}, environment={"A": "b"}, tags={"x": "y"})
    id, state = ran(kind, spec, stack.context("trainer"))
    assert state.digest == Contents(REGION, stack.home).digest_of(state.artifact)
    assert state.digest in "".join(kind.logs(id, tail=1)), "the job itself told another one"
    assert state.metrics["accuracy"] > 0.8
    assert (state.run, state.status) == (id, "succeeded")
    body = described(stack, id)
    assert {one["MetricName"] for one in body["FinalMetricDataList"]} >= {"accuracy", "f1_macro", "log_loss"}
    read = kind.read(id)
    assert read is not None
    assert (read[0], read[1]) == (kind.check(spec, stack.context("trainer"))[0], state)


@pytest.mark.slow
def test_a_script_is_run_by_script_mode_and_its_model_packaged(
    kind: TrainingKind, stack: Stack, spec_of: SpecOf
) -> None:
    script = WRITES + (
        "print(sorted(sys.argv[1:]))\nprint('loss=0.75;')\nprint('loss=0.5;')\nprint('got', os.environ['GIVEN'])\n"
        "json.dump({'depth': 3}, open(os.path.join(folder, 'metrics.json'), 'w'))\n"
    )
    code = stack.script("scripted", script) | {"metrics": {"loss": "loss=([0-9.]+);"}}
    given = {"rate": 0.5, "rounds": 3.0, "fast": True, "name": "a b", "none": None, "layers": [1, 2]}
    id, state = ran(
        kind, spec_of(code=code, hyperparameters=given, environment={"GIVEN": "this"}), stack.context("script")
    )
    lines = list(kind.logs(id))
    wanted = ["--fast", "--layers", "--name", "--rate", "--rounds", "0.5", "3", "[1, 2]", "a b", "true"]
    assert str(wanted) in lines
    assert "got this" in lines
    assert state.metrics == {"loss": 0.5, "depth": 3.0}
    names = {item.name for item in Contents(REGION, stack.home).objects.listed(state.artifact)}
    assert {"mooring-model.json", "model.joblib", "signature.json"} <= names
    assert state.digest == Contents(REGION, stack.home).stat(state.artifact).digest


@pytest.mark.slow
def test_requirements_are_installed_beside_those_of_the_folder(
    kind: TrainingKind, stack: Stack, spec_of: SpecOf
) -> None:
    code = stack.script("needing", "import colorama, toolz\nraise ValueError(toolz.__version__)\n",
                        **{"requirements.txt": "toolz==1.0.0"})  # fmt: skip
    with pytest.raises(JobFailed, match=r"ValueError: 1\.0\.0"):
        ran(kind, spec_of(code=code | {"requirements": ["colorama==0.4.6"]}), stack.context("needing"))
    code = stack.script("lacking", "import toolz\n")
    with pytest.raises(JobFailed, match=r"ModuleNotFoundError: No module named 'toolz' \(train.py, line 1\)"):
        ran(kind, spec_of(code=code), stack.context("lacking"))


def test_a_script_that_fails_gives_its_own_reason_and_the_end_of_its_log(
    kind: TrainingKind, stack: Stack, spec_of: SpecOf
) -> None:
    code = stack.script("failing", "print('before')\ndef main():\n    raise KeyError('no such flower')\nmain()\n")
    id, checked = begun(kind, spec_of(code=code), stack.context("failing"))
    with pytest.raises(JobFailed) as raised:
        kind.wait(id, checked, stack.context("failing"))
    assert raised.value.reason == "KeyError: 'no such flower' (train.py, line 3, in main)"
    assert "before" in raised.value.log_tail
    assert [found.usable for found in kind.find(stack.owner("failing"))] == [False]
    read = kind.read(id)
    assert read is not None
    assert read[1] is not None
    assert read[1].status == "failed"


def test_a_job_without_a_model_fails(kind: TrainingKind, stack: Stack, spec_of: SpecOf) -> None:
    code = stack.script("empty", "print('done')\n")
    with pytest.raises(JobFailed, match="wrote no model"):
        ran(kind, spec_of(code=code), stack.context("empty"))


def test_a_model_that_cannot_be_served_fails_with_the_reason(kind: TrainingKind, stack: Stack, spec_of: SpecOf) -> None:
    script = "import os\nopen(os.path.join(os.environ['SM_MODEL_DIR'], 'model.xyz'), 'w').write('x')\n"
    with pytest.raises(JobFailed, match="no model that can be served"):
        ran(kind, spec_of(code=stack.script("strange", script)), stack.context("strange"))


def test_a_job_beyond_its_time_limit_fails(kind: TrainingKind, stack: Stack, spec_of: SpecOf) -> None:
    code = stack.script("endless", SLOW)
    with pytest.raises(JobFailed, match="stopped at its time limit of 2 s"):
        ran(kind, spec_of(code=code, time_limit=2), stack.context("endless"))


def test_a_cancelled_wait_leaves_the_job_running_and_a_deleted_one_is_stopped(
    kind: TrainingKind, stack: Stack, spec_of: SpecOf
) -> None:
    context = stack.context("cancelled")
    id, checked = begun(kind, spec_of(code=stack.script("cancelled", SLOW)), context)
    until(lambda: "begun" in list(kind.logs(id, tail=1)))
    threading.Timer(0.2, context.cancel.set).start()
    began = time.monotonic()
    with pytest.raises(Cancelled) as raised:
        kind.wait(id, checked, context)
    assert time.monotonic() - began < 1.2
    assert raised.value.id == id
    assert described(stack, id)["TrainingJobStatus"] == "InProgress"
    with pytest.raises(PartialFailure):
        kind.wait(id, checked, replace(stack.context("cancelled"), deadline=time.monotonic()))
    kind.delete(id, stack.context("cancelled"))
    assert kind.read(id) is None
    name = split(id)[1]
    with pytest.raises(Exception, match="not found"):
        stack.running.client("sagemaker").describe_training_job(TrainingJobName=name)
    assert [key for key in stack.objects() if name in key] == []


def test_what_was_left_of_the_same_inputs_is_taken_up_and_of_others_removed(
    kind: TrainingKind, stack: Stack, spec_of: SpecOf
) -> None:
    spec = spec_of(code=stack.script("left", SLOW))
    first, checked = begun(kind, spec, stack.context("left"))
    assert TrainingKind(stack.home).create(checked, stack.context("left")) == first
    other = kind.create(checked, stack.context("left", inputs="2"))
    assert other != first
    assert kind.read(first) is None
    kind.claim(other)
    third = kind.create(checked, stack.context("left", inputs="2"))
    assert third != other, "what a state holds is never adopted"
    for id in (other, third):
        kind.delete(id, stack.context("left"))
    assert kind.find(stack.owner("left")) == []


def test_a_create_whose_reply_is_lost_makes_one_job(
    kind: TrainingKind, stack: Stack, spec_of: SpecOf, monkeypatch: pytest.MonkeyPatch
) -> None:
    original = SageMakerJobs.create

    def twice(jobs: SageMakerJobs, *arguments: Any) -> None:
        original(jobs, *arguments)
        original(jobs, *arguments)  # as boto3 repeats it

    monkeypatch.setattr(sagemaker_jobs.SageMakerJobs, "create", twice)
    id, _ = begun(kind, spec_of(code=stack.script("twice", SLOW)), stack.context("twice"))
    assert [found.id for found in kind.find(stack.owner("twice"))] == [id]
    kind.delete(id, stack.context("twice"))


def test_a_run_is_retired_while_its_model_is_there_and_goes_with_it(
    kind: TrainingKind, stack: Stack, spec_of: SpecOf
) -> None:
    models, context = ModelKind(stack.home), stack.context("owner")
    given = {**stack.scope, "name": "owned"}
    model = models.create(ModelSpec.model_validate(given), context)
    models.claim(model)
    code = stack.script("retired", "raise ValueError('x')\n")
    id, checked = begun(kind, spec_of(code=code, model="owned"), stack.context("retired"))
    with pytest.raises(JobFailed):
        kind.wait(id, checked, stack.context("retired"))
    kind.claim(id)
    kind.delete(id, stack.context("retired"))
    kind.delete(id, stack.context("retired"))
    assert kind.read(id) is None
    assert kind.find(stack.owner("retired")) == []
    assert described(stack, id)["TrainingJobStatus"] == "Failed", "it was removed, not retired"
    models.delete(model, context)
    assert SageMakerJobs(TRAINING, REGION).find(split(id)[1]) is None
    assert [key for key in stack.objects() if split(id)[1] in key] == []


@pytest.mark.slow
def test_a_repeated_spot_job_goes_on_from_its_checkpoints(kind: TrainingKind, stack: Stack, spec_of: SpecOf) -> None:
    script = WRITES + (
        "kept = '/opt/ml/checkpoints/step'\n"
        "if not os.path.exists(kept):\n    open(kept, 'w').write('7')\n    raise SystemExit('taken away')\n"
        "print('went on from', open(kept).read())\n"
    )
    spec = spec_of(code=stack.script("spot", script), spot=True)
    id, checked = begun(kind, spec, stack.context("spot"))
    body = described(stack, id)
    assert body["EnableManagedSpotTraining"] is True
    assert body["StoppingCondition"] == {"MaxRuntimeInSeconds": 3600, "MaxWaitTimeInSeconds": 7200}
    assert body["CheckpointConfig"]["S3Uri"].startswith(f"s3://{stack.name}/mooring/")
    with pytest.raises(JobFailed, match="taken away"):
        kind.wait(id, checked, stack.context("spot"))
    again = kind.create(checked, stack.context("spot"))
    assert again != id
    assert kind.wait(again, checked, stack.context("spot")).status == "succeeded"
    assert "went on from 7" in list(kind.logs(again))
    assert [key for key in stack.objects() if "/checkpoints/" in key] == [], "they end with the success of the job"


def test_other_tags_are_put_on_the_job(kind: TrainingKind, stack: Stack, spec_of: SpecOf) -> None:
    spec = spec_of(code=stack.script("tagged", SLOW), tags={"team": "a", "old": "1"})
    id, checked = begun(kind, spec, stack.context("tagged"))
    changed = checked.model_copy(update={"tags": {"team": "b"}})
    context = replace(stack.context("tagged"), deadline=time.monotonic())
    with pytest.raises(PartialFailure):
        kind.update(id, checked.to_wire(), changed, context)
    arn = described(stack, id)["TrainingJobArn"]
    pairs = stack.running.client("sagemaker").list_tags(ResourceArn=arn)["Tags"]
    tags = {pair["Key"]: pair["Value"] for pair in pairs}
    assert (tags["team"], "old" in tags) == ("b", False)
    read = kind.read(id)
    assert read is not None
    assert read[0] == changed
    kind.delete(id, stack.context("tagged"))


def test_following_the_log_ends_with_the_job(kind: TrainingKind, stack: Stack, spec_of: SpecOf) -> None:
    script = (
        "import time\nfor n in range(5):\n    print('line', n, flush=True)\n    time.sleep(0.2)\nraise SystemExit(3)\n"
    )
    id, _ = begun(kind, spec_of(code=stack.script("followed", script)), stack.context("followed"))
    lines = list(kind.logs(id, follow=True))
    assert [line for line in lines if line.startswith("line")] == [f"line {n}" for n in range(5)]
    assert list(kind.logs(id, tail=2)) == list(kind.logs(id, follow=True, tail=2)) == lines[-2:]


def test_code_that_changed_since_check_is_refused(kind: TrainingKind, stack: Stack, spec_of: SpecOf) -> None:
    spec, _ = kind.check(spec_of(code=stack.script("changing", SLOW)), stack.context("changing"))
    (stack.root / "changing" / "train.py").write_text("print('another')\n")
    with pytest.raises(Unavailable, match="changed while it was being deployed"):
        kind.create(spec, stack.context("changing"))
    assert kind.find(stack.owner("changing")) == []


def test_a_role_that_may_not_be_assumed_is_told_and_leaves_nothing(
    kind: TrainingKind, stack: Stack, spec_of: SpecOf
) -> None:
    role = stack.role.replace(stack.name, "nobody")
    spec, _ = kind.check(
        spec_of(code=stack.script("nobody", SLOW), identity={"principal": role}), stack.context("nobody")
    )
    with pytest.raises(InvalidInput, match="nobody"):
        kind.create(spec, stack.context("nobody"))
    assert kind.find(stack.owner("nobody")) == []


def test_the_request_says_machines_network_and_what_the_user_overrides(stack: Stack, spec_of: SpecOf) -> None:
    spec = spec_of(
        hyperparameters={"target": "species"},
        machine={"vcpus": 4, "memory_gib": 12},
        instances=2,
        network={"access": "private", "subnets": ["subnet-1"], "security_groups": ["sg-1"]},
    )
    request = training_request(spec, stack.owner("request"), "s3://b/kit/")
    assert request["ResourceConfig"] == {"InstanceType": "ml.m5.xlarge", "InstanceCount": 2, "VolumeSizeInGB": 30}
    assert request["VpcConfig"] == {"Subnets": ["subnet-1"], "SecurityGroupIds": ["sg-1"]}
    assert request["AlgorithmSpecification"]["TrainingImage"].startswith(
        f"123456789012.dkr.ecr.{REGION}.amazonaws.com/{stack.name}:"
    )
    assert all(len(word) <= 256 for word in request["AlgorithmSpecification"]["ContainerEntrypoint"])
    assert len(request["AlgorithmSpecification"]["MetricDefinitions"]) <= 40


def test_overrides_are_laid_over_the_request(kind: TrainingKind, stack: Stack, spec_of: SpecOf) -> None:
    stack.running.client("s3").put_object(Bucket=stack.name, Key="mine/checkpoint", Body=b"")
    overrides = {
        "ResourceConfig": {"KeepAlivePeriodInSeconds": 60},
        "RetryStrategy": {"MaximumRetryAttempts": 2},
        "CheckpointConfig": {"S3Uri": f"s3://{stack.name}/mine"},
    }
    id, _ = begun(kind, spec_of(code=stack.script("over", SLOW), overrides=overrides), stack.context("over"))
    body = described(stack, id)
    assert body["ResourceConfig"] == {"InstanceType": "ml.m5.large", "InstanceCount": 1, "VolumeSizeInGB": 30,
                                      "KeepAlivePeriodInSeconds": 60}  # fmt: skip
    assert body["RetryStrategy"] == {"MaximumRetryAttempts": 2}
    kind.delete(id, stack.context("over"))
    assert stack.objects("mine/") == ["mine/checkpoint"], "a place that the user chose is left alone"


@pytest.mark.parametrize(
    ("changes", "property"),
    [
        ({"identity": {}}, "identity.principal"),
        ({"identity": {"principal": "me"}}, "identity.principal"),
        ({"machine": "ml.m5.larg"}, "machine"),
        ({"machine": {"vcpus": 5000}}, "machine"),
        ({"network": {"access": "private"}}, "network.subnets"),
        ({"network": {"subnets": ["subnet-1"]}}, "network.securityGroups"),
        ({"channels": {"train": {"uri": "local://x"}}}, "channels.train.uri"),
        ({"environment": {"X": "y" * 513}}, "environment.X"),
        ({"hyperparameters": {"target": "x" * 2600}}, "hyperparameters.target"),
        ({"hyperparameters": {}}, "hyperparameters.target"),
        ({"code": {"image": "sklearn"}}, "code.image"),
        ({"time_limit": 10**8}, "timeLimit"),
        ({"region": "eu-nowhere-1"}, ""),
    ],
)
def test_bad_input_is_told_in_the_preview(
    kind: TrainingKind, stack: Stack, spec_of: SpecOf, changes: dict[str, Any], property: str
) -> None:
    spec = spec_of(**{"hyperparameters": {"target": "species"}, **changes})
    _, problems = kind.check(spec, stack.context("bad"))
    if property:
        assert [problem.property for problem in problems] == [property]


@pytest.mark.parametrize("contract", ["azureml", "local"])
def test_a_contract_of_another_platform_is_refused(
    kind: TrainingKind, stack: Stack, spec_of: SpecOf, contract: str
) -> None:
    code = stack.script(f"for-{contract}", SLOW) | {"contract": contract}
    _, problems = kind.check(spec_of(code=code), stack.context("other"))
    assert [(problem.property, contract in problem.reason) for problem in problems] == [("code.contract", True)]
