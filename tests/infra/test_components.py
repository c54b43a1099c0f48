"""The program's resources under Pulumi's mocks: types, parents, inputs and outputs for given settings."""

from __future__ import annotations

import asyncio
import copy
import json
import runpy
from pathlib import Path
from typing import Any

import pulumi
import pulumi.runtime
import pytest
from pulumi.runtime import mocks as pulumi_mocks

DIGEST = "sha256:" + "1" * 64
PINNED = "sha256:" + "2" * 64
SECRET = "4dabf18193072939515e22adb298388d"
"""Pulumi's mark of a special value on the wire; here always a secret."""
MOVED = "sha256:" + "3" * 64


class Cloud(pulumi_mocks.Mocks):
    """Records what is registered, and answers what the provider would compute."""

    def __init__(self) -> None:
        self.resources: dict[tuple[str, str], dict[str, Any]] = {}
        self.dependencies: dict[tuple[str, str], set[str]] = {}
        self.secrets: dict[tuple[str, str], set[str]] = {}

    def new_resource(self, args: pulumi_mocks.MockResourceArgs) -> tuple[str, dict[str, Any]]:
        kind = kind_of(args.typ)
        self.resources[kind, args.name] = dict(args.inputs)
        computed = {
            "Dataset": {"uri": f"local://{args.name}", "version": DIGEST},
            "TrainingRun": {"artifact": "local://run", "digest": DIGEST, "metrics": {"accuracy": 0.9}},
            "TuningRun": {"artifact": "local://best", "digest": DIGEST, "metrics": {"accuracy": 0.95}},
            "ModelVersion": {"version": 1, "digest": args.inputs.get("digest", DIGEST), "uri": "local://version"},
            "Endpoint": {"url": "http://127.0.0.1:1", "predictUrl": "http://127.0.0.1:1/predict"},
        }
        return f"local:{args.name}", {**args.inputs, **computed.get(kind, {})}

    def call(self, args: pulumi_mocks.MockCallArgs) -> dict[str, Any]:
        return {}


class Monitor(pulumi_mocks.MockMonitor):
    """Pulumi's mock monitor, which keeps what its mocks are not shown."""

    def RegisterResource(self, request: Any) -> Any:
        key = kind_of(request.type), request.name
        self.mocks.dependencies[key] = {kind_of(urn.split("::")[2]) for urn in request.dependencies}
        self.mocks.secrets[key] = {
            name for name, value in request.object.fields.items() if SECRET in value.struct_value.fields
        }
        return super().RegisterResource(request)


def kind_of(type: str) -> str:
    """`Endpoint` of `mooring:infra:Hosting$moor:index:Endpoint`."""
    return type.rpartition(":")[2]


def deploy(settings: dict[str, Any], secret: list[str] | None = None) -> tuple[Cloud, dict[str, Any]]:
    """Run the unmodified program with `settings`; its resources and stack outputs."""
    cloud = Cloud()
    config = {f"mooring:{key}": v if isinstance(v, str) else json.dumps(v) for key, v in settings.items()}
    asyncio.set_event_loop(asyncio.new_event_loop())  # an asyncio.run of another test leaves none, Pulumi expects one
    pulumi.runtime.settings.set_root_resource(None)
    pulumi_mocks.set_mocks(cloud, project="mooring", stack="test", preview=False, monitor=Monitor(cloud))
    pulumi.runtime.set_all_config(config, [f"mooring:{key}" for key in secret or []])
    program = Path(__file__).resolve().parents[2] / "infra" / "__main__.py"
    outputs: dict[str, Any] = {}

    @pulumi.runtime.test
    def run() -> Any:
        runpy.run_path(str(program), run_name="__main__")
        root = pulumi.runtime.settings.get_root_resource()
        return pulumi.Output.from_input(root.outputs).apply(outputs.update)

    try:
        run()
    finally:
        pulumi.runtime.set_all_config({}, [])
    return cloud, outputs


BASE: dict[str, Any] = {
    "cloud": "local",
    "tags": {"team": "ml"},
    "datasets": {"iris": "data/iris.csv"},
    "models": {
        "iris": {
            "training": {"dataset": "iris", "target": "species", "parameters": {"n_estimators": 7}, "testSize": 0.3},
            "keepVersions": 3,
            "thresholds": {"accuracy": 0.8},
        }
    },
    "endpoints": {"iris": {"model": "iris"}},
}


@pytest.fixture
def base() -> dict[str, Any]:
    return copy.deepcopy(BASE)


def test_a_trained_model_is_a_dataset_a_model_a_run_a_version_and_an_endpoint(base: dict[str, Any]) -> None:
    made = deploy(base)[0].resources
    assert made["Dataset", "iris"] == {
        "cloud": "local", "name": "iris", "source": "data/iris.csv", "tags": {"team": "ml"}
    }  # fmt: skip
    assert made["Model", "iris"]["keepVersions"] == 3
    run = made["TrainingRun", "iris"]
    assert run["channels"] == {"train": {"uri": "local://iris", "version": DIGEST}}
    assert run["hyperparameters"] == {"target": "species", "n_estimators": 7, "test_size": 0.3, "seed": 0}
    version = made["ModelVersion", "iris"]
    assert (version["artifact"], version["origin"], version["digest"]) == ("local://run", "run", DIGEST)
    assert version["metrics"] == {"accuracy": 0.9}
    assert version["thresholds"] == {"accuracy": 0.8}
    (deployment,) = made["Endpoint", "iris"]["deployments"]
    assert deployment == {"name": "iris", "model": "iris", "digest": DIGEST, "weight": 100}


def test_runs_and_versions_depend_on_their_model_and_an_endpoint_on_its_versions(base: dict[str, Any]) -> None:
    dependencies = deploy(base)[0].dependencies
    assert "Model" in dependencies["TrainingRun", "iris"]
    assert {"Model", "TrainingRun"} <= dependencies["ModelVersion", "iris"]
    base["endpoints"]["iris"]["pin"] = {"iris": PINNED}
    cloud, _ = deploy(base)
    assert "ModelVersion" in cloud.dependencies["Endpoint", "iris"]


def test_a_pinned_endpoint_serves_the_pinned_version_and_the_model_goes_on(base: dict[str, Any]) -> None:
    base["models"]["other"] = {"promoted": {"stack": "dev", "model": "x", "digest": MOVED, "uri": "local://dev/x"}}
    base["endpoints"]["iris"] = {"models": {"iris": 80, "other": 20}, "pin": {"iris": PINNED}, "replicas": 2}
    made = deploy(base)[0].resources
    deployments = {entry["name"]: entry for entry in made["Endpoint", "iris"]["deployments"]}
    assert (deployments["iris"]["digest"], deployments["iris"]["weight"]) == (PINNED, 80)
    assert (deployments["other"]["digest"], deployments["other"]["weight"]) == (MOVED, 20)
    assert deployments["iris"]["replicas"] == 2
    assert made["ModelVersion", "iris"]["digest"] == DIGEST


def test_a_promoted_model_trains_nothing(base: dict[str, Any]) -> None:
    base["models"]["iris"] = {"promoted": {"stack": "dev", "model": "iris", "digest": MOVED, "uri": "local://dev/x"}}
    made = deploy(base)[0].resources
    assert not [key for key in made if key[0] in ("TrainingRun", "TuningRun")]
    version = made["ModelVersion", "iris"]
    assert (version["origin"], version["artifact"], version["digest"]) == ("promoted", "local://dev/x", MOVED)


def test_a_tuned_model_is_searched_with_the_training_s_inputs(base: dict[str, Any]) -> None:
    space = {"max_depth": {"type": "int", "low": 2, "high": 9}}
    base["models"]["iris"]["tuning"] = {"space": space, "objective": {"metric": "accuracy"}, "trials": 3}
    made = deploy(base)[0].resources
    assert ("TrainingRun", "iris") not in made
    search = made["TuningRun", "iris"]
    assert search["space"] == space
    assert search["objective"] == {"metric": "accuracy"}
    assert search["trials"] == 3
    assert search["hyperparameters"]["target"] == "species"
    assert made["ModelVersion", "iris"]["artifact"] == "local://best"


def test_an_own_script_gets_its_own_hyperparameters_only(base: dict[str, Any], tmp_path: Path) -> None:
    (tmp_path / "train.py").touch()
    base["models"]["iris"]["training"] = {
        "dataset": "iris", "source": str(tmp_path), "entryPoint": "train.py", "hyperparameters": {"rate": 0.1},
        "requirements": ["scipy"], "timeLimit": 60,
    }  # fmt: skip
    run = deploy(base)[0].resources["TrainingRun", "iris"]
    assert run["hyperparameters"] == {"rate": 0.1}
    assert run["code"] == {"source": str(tmp_path), "entryPoint": "train.py", "requirements": ["scipy"]}
    assert run["timeLimit"] == 60


def test_a_dataset_s_schema_reaches_the_store_and_the_trainer_with_the_columns_own_names(base: dict[str, Any]) -> None:
    base["datasets"]["iris"] = {"path": "data/iris.csv", "delimiter": ";", "schema": {"petal_length": "number"}}
    made = deploy(base)[0].resources
    assert made["Dataset", "iris"]["schema"] == {"petal_length": "number"}
    given = made["TrainingRun", "iris"]["hyperparameters"]
    assert (given["schema"], given["delimiter"]) == ({"petal_length": "number"}, ";")
    assert "data_format" not in given


def test_a_query_and_an_api_are_secret_however_they_are_written(base: dict[str, Any]) -> None:
    api = {
        "url": "https://x",
        "headers": {"X-My_Key": "k"},
        "paging": {"by": "page", "sizeParameter": "per", "size": 9},
    }
    base["datasets"] = {
        "iris": {"sql": {"url": "sqlite:///a.db", "query": "SELECT 1"}, "asOf": "may"},
        "more": {"http": api},
    }
    cloud, _ = deploy(base)
    query = cloud.resources["Dataset", "iris"]
    assert query["asOf"] == "may"
    assert "source" not in query
    assert query["sql"]["value"] == {"url": "sqlite:///a.db", "query": "SELECT 1"}
    assert cloud.secrets["Dataset", "iris"] == {"sql"}
    assert cloud.secrets["Dataset", "more"] == {"http"}
    found = cloud.resources["Dataset", "more"]["http"]["value"]
    assert found["headers"] == {"X-My_Key": "k"}
    assert found["paging"] == {"by": "page", "sizeParameter": "per", "size": 9}


def test_a_batch_scores_a_dataset_with_the_model_s_version(base: dict[str, Any]) -> None:
    base["batches"] = {"all": {"model": "iris", "dataset": "iris"}}
    batch = deploy(base)[0].resources["BatchPrediction", "all"]
    assert batch["digest"] == DIGEST
    assert batch["input"] == {"uri": "local://iris", "version": DIGEST}


def test_defaults_are_left_to_the_provider(base: dict[str, Any]) -> None:
    made = deploy(base)[0].resources
    assert set(made["Endpoint", "iris"]) == {"cloud", "name", "tags", "deployments"}
    assert set(made["TrainingRun", "iris"]) == {"cloud", "name", "tags", "model", "channels", "hyperparameters"}


def test_vendor_settings_of_the_stack_s_cloud_are_merged_and_passed_on(base: dict[str, Any]) -> None:
    base["overrides"] = {"local": {"endpoint": {"a": {"x": 1, "y": 2}}}, "aws": {"endpoint": {"b": 1}}}
    base["endpoints"]["iris"]["overrides"] = {"local": {"a": {"y": 3}}}
    made = deploy(base)[0].resources
    assert made["Endpoint", "iris"]["overrides"] == {"a": {"x": 1, "y": 3}}
    assert "overrides" not in made["Model", "iris"]


def test_what_may_be_secret_is_registered_as_secret(base: dict[str, Any]) -> None:
    base["models"]["iris"]["training"]["environment"] = {"TOKEN": "hunter2"}
    assert deploy(base)[0].secrets["TrainingRun", "iris"] == set()
    secrets = deploy(base, secret=["models"])[0].secrets
    assert secrets["TrainingRun", "iris"] == {"environment", "hyperparameters"}
    assert secrets["Endpoint", "iris"] == set()


def test_the_stack_s_outputs_name_data_versions_models_and_addresses(base: dict[str, Any]) -> None:
    outputs = deploy(base)[1]
    assert outputs["datasets"] == {"iris": {"version": DIGEST, "uri": "local://iris"}}
    assert outputs["models"] == {"iris": {"version": 1, "digest": DIGEST, "metrics": {"accuracy": 0.9}}}
    assert outputs["endpoints"]["iris"]["predictUrl"] == "http://127.0.0.1:1/predict"
    assert outputs["endpoints"]["iris"]["metricsUrl"] == "http://127.0.0.1:1/metrics"
    assert outputs["batches"] == {}


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"cloud": "local", "modles": {"a": {}}}, r"configuration: modles: unknown key \(did you mean 'models'\?\)"),
        ({"cloud": "azure", "region": "westeurope"}, "'azure' has no adapter in this version"),
    ],
)
def test_wrong_settings_end_the_program_with_one_clear_error(settings: dict[str, Any], message: str) -> None:
    with pytest.raises(pulumi.RunError, match=message):
        deploy(settings)
