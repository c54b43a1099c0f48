"""Models and versions: numbers, reuse, promotion, files, thresholds, what is kept and what goes."""

from __future__ import annotations

import pickle
import shutil
import tarfile
from pathlib import Path

import pytest
from cloud_support import SCRIPT, World

from providers.contract import Adapter, Ownership
from providers.errors import InvalidInput, JobFailed, NotFound
from providers.local.models import find_version
from providers.local.storage import Store
from providers.values import DatasetState, ModelVersionSpec

WHOLE = Ownership("proj", "dev", "", "")


@pytest.fixture
def world(private_places: Path, tmp_path: Path) -> World:
    return World(private_places, tmp_path)


@pytest.fixture
def data(world: World) -> DatasetState:
    return world.dataset()[1]


def kinds(adapter: Adapter) -> tuple:  # type: ignore[type-arg]
    return adapter.training_run, adapter.model_version, adapter.model


def train(world: World, data: DatasetState, n: int, inputs: str = "1") -> tuple[str, object]:
    return world.make(
        world.adapter.training_run, world.training(data.uri, hyperparameters={"n": n}), "r", f"{n}{inputs}"
    )


def test_versions_are_numbered_from_one_and_the_same_bytes_are_the_same_version(
    world: World, data: DatasetState
) -> None:
    model, _ = world.model()
    runs, versions, models = kinds(world.adapter)
    numbers, held = [], []
    for step, n in enumerate((1, 2, 1)):
        run_id, run = train(world, data, n, str(step))
        id, version = world.make(versions, world.version(run), "v", str(step))
        numbers.append(version.version)
        for old_run, old in held[-1:]:
            versions.delete(old, world.context("v"))
            runs.delete(old_run, world.context("r"))
        held.append((run_id, id))
    assert numbers == [1, 2, 1]
    assert [version.version for version in models.versions(model)] == [1, 2]
    assert [found.id for found in versions.find(WHOLE)] == [held[-1][1]]
    found = find_version(world.home, "m", models.versions(model)[0].digest, "dev")
    assert (found.version, found.path.is_dir()) == (1, True)


def test_a_version_on_its_way_is_there_and_has_no_state(world: World, data: DatasetState) -> None:
    world.model()
    _, versions, _ = kinds(world.adapter)
    spec = world.version(train(world, data, 1)[1])
    id = versions.create(spec, world.context("v"))
    assert versions.read(id) == (spec, None)
    state = versions.wait(id, spec, world.context("v"))
    assert versions.read(id) == (spec, state)


def test_a_replacement_of_the_same_bytes_outlives_the_old_one(world: World, data: DatasetState) -> None:
    world.model()
    _, versions, _ = kinds(world.adapter)
    _, run = train(world, data, 1)
    old, _ = world.make(versions, world.version(run), "v")
    new, state = world.make(versions, world.version(run), "v")
    assert new != old
    versions.delete(old, world.context("v"))
    assert versions.read(old) is None
    assert versions.read(new)[1] == state


@pytest.mark.parametrize(
    ("thresholds", "words"),
    [
        ({"accuracy": 0.95}, "accuracy is 0.9, below its threshold of 0.95"),
        ({"f1": 0.1}, "f1 has a threshold of 0.1 and was not measured (measured: accuracy)"),
    ],
)
def test_a_metric_below_its_threshold_registers_nothing(
    world: World, data: DatasetState, thresholds: dict[str, float], words: str
) -> None:
    model, _ = world.model()
    _, versions, models = kinds(world.adapter)
    _, run = train(world, data, 1)
    with pytest.raises(JobFailed) as failed:
        world.make(versions, world.version(run, thresholds=thresholds), "v")
    assert words in str(failed.value)
    assert models.versions(model) == []
    versions.delete(failed.value.job, world.context("v"))
    assert versions.find(WHOLE) == []


def test_thresholds_that_rise_above_the_metrics_refuse_the_update(world: World, data: DatasetState) -> None:
    world.model()
    _, versions, _ = kinds(world.adapter)
    _, run = train(world, data, 1)
    id, state = world.make(versions, world.version(run), "v")
    with pytest.raises(JobFailed, match="below its threshold"):
        versions.update(id, {}, world.version(run, thresholds={"accuracy": 0.99}), world.context("v"))
    assert versions.update(id, {}, world.version(run, thresholds={"accuracy": 0.5}), world.context("v")) == state


def test_promotion_takes_the_same_bytes_to_another_stack(world: World, data: DatasetState) -> None:
    world.model()
    _, versions, models = kinds(world.adapter)
    _, run = train(world, data, 1)
    dev_id, dev = world.make(versions, world.version(run), "v")
    prod = world.other("prod")
    prod_model, _ = prod.model()
    spec = ModelVersionSpec(cloud="local", name="m", model="m", artifact=dev.uri, digest=dev.digest, origin="promoted")
    _, promoted = prod.make(versions, spec, "v")
    assert promoted.digest == dev.digest
    assert promoted.uri != dev.uri
    versions.delete(dev_id, world.context("v"))
    models.delete(models.find(WHOLE)[0].id, world.context("m"))
    assert Store(world.home).path(promoted.uri).is_dir()
    assert models.versions(prod_model) == [promoted]
    _, again = prod.make(versions, spec, "v2")
    assert again == promoted, "the stack has the bytes, though their source is gone"


def test_promotion_of_what_is_gone_or_changed_is_told(world: World, data: DatasetState) -> None:
    world.model()
    _, versions, _ = kinds(world.adapter)
    _, run = train(world, data, 1)
    _, dev = world.make(versions, world.version(run), "v")
    prod = world.other("prod")

    def spec(**fields: object) -> ModelVersionSpec:
        values = {"artifact": dev.uri, "digest": dev.digest, "origin": "promoted"} | fields
        return ModelVersionSpec(cloud="local", name="m", model="m", **values)  # type: ignore[arg-type]

    other = "sha256:" + "a" * 64
    _, (problem,) = versions.check(spec(digest=other), prod.context("v"))
    assert problem.property == "digest"
    _, (problem,) = versions.check(spec(digest=other, artifact=dev.uri.split("@")[0] + "@" + other), prod.context("v"))
    assert "is not in the store of this machine (kept: " in problem.reason
    weights = Store(world.home).path(dev.uri) / "weights.json"
    weights.chmod(0o600)
    weights.write_text("tampered")
    with pytest.raises(InvalidInput, match=r"weights\.json: its SHA-256 is not the one"):
        prod.make(versions, spec(), "v")


@pytest.mark.slow
def test_a_supplied_file_is_packaged_without_training(world: World, kit: Path) -> None:
    _, data = world.dataset((kit / "data" / "iris.csv").read_text(), "iris")
    _, versions, _ = kinds(world.adapter)
    spec = world.training(data.uri).model_copy(update={"code": type(world.training(data.uri).code)()})
    spec = spec.model_copy(update={"hyperparameters": {"target": "species", "n_estimators": 5}})
    _, run = world.make(world.adapter.training_run, spec, "r")
    artifact = Store(world.home).path(run.artifact)
    shutil.copy(artifact / "model.onnx", world.root / "model.onnx")
    file = ModelVersionSpec(cloud="local", name="f", model="f", artifact="model.onnx", origin="file")
    id, state = world.make(versions, file, "f")
    assert state.version == 1
    assert versions.read(id)[0].digest.startswith("sha256:")
    assert (Store(world.home).path(state.uri) / "mooring-model.json").is_file()
    shutil.copytree(artifact, world.root / "whole")
    whole = ModelVersionSpec(cloud="local", name="w", model="w", artifact="whole", origin="file")
    _, kept = world.make(versions, whole, "w")
    assert kept.digest == run.digest, "an artifact is kept as it is"


@pytest.mark.slow
@pytest.mark.parametrize("name", ["model.onnx", "model.skops", "model.tar.gz"])
def test_a_file_that_is_no_model_is_one_clear_error(world: World, name: str) -> None:
    (world.root / name).write_bytes(b"PK\x03\x04 cut off here")
    _, versions, _ = kinds(world.adapter)
    spec = ModelVersionSpec(cloud="local", name="f", model="f", artifact=name, origin="file")
    with pytest.raises(JobFailed, match=name.replace(".", r"\.")) as failed:
        world.make(versions, spec, "f")
    assert "Traceback" not in failed.value.reason
    versions.delete(failed.value.job, world.context("f"))
    assert versions.find(WHOLE) == []


def test_pickles_wait_for_trust_and_digests_must_hold(world: World) -> None:
    (world.root / "m.pkl").write_bytes(pickle.dumps({"a": 1}))
    (world.root / "mlflow").mkdir()
    (world.root / "mlflow" / "MLmodel").write_text("flavors:\n  sklearn:\n    pickled_model: model.pkl\n")
    with tarfile.open(world.root / "x.tar.gz", "w:gz"):
        pass
    _, versions, _ = kinds(world.adapter)

    def problems(artifact: str, **fields: object) -> dict[str, str]:
        spec = ModelVersionSpec(cloud="local", name="f", model="f", artifact=artifact, origin="file", **fields)  # type: ignore[arg-type]
        return {problem.property: problem.reason for problem in versions.check(spec, world.context("f"))[1]}

    assert "executes whatever code is in it; set trust: true" in problems("m.pkl")["trust"]
    assert "set trust: true" in problems("mlflow")["trust"]
    assert problems("m.pkl", trust=True) == {}
    assert "not sha256:aaa" in problems("m.pkl", trust=True, digest="sha256:" + "a" * 64)["digest"]
    assert "did you mean 'm.pkl'?" in problems("n.pkl")["artifact"]
    (world.root / "notes.txt").write_text("hello")
    assert "its format cannot be told" in problems("notes.txt")["artifact"]


def test_the_newest_retired_versions_stay_and_what_is_served_always(world: World, data: DatasetState) -> None:
    model, _ = world.model(keep_versions=1)
    runs, versions, models = kinds(world.adapter)
    digests, last = [], None
    for n in range(4):
        run_id, run = train(world, data, n)
        digests.append(run.digest)  # type: ignore[attr-defined]
        id, _ = world.make(versions, world.version(run), "v", str(n))
        if n == 0:
            served = world.home / "endpoints" / "e" / "endpoint.json"
            served.parent.mkdir(parents=True)
            served.write_text(f'{{"deployments": [{{"digest": "{digests[0]}"}}]}}')
        if last:
            versions.delete(last[1], world.context("v"))
            runs.delete(last[0], world.context("r"))
        last = (run_id, id)
    assert [version.digest for version in models.versions(model)] == [digests[0], digests[2], digests[3]]
    with pytest.raises(NotFound, match=r"has no version .*it has 1 \("):
        find_version(world.home, "m", digests[1], "dev", "proj")


def test_after_all_is_deleted_the_home_holds_nothing_of_the_stack(world: World, data: DatasetState) -> None:
    model, _ = world.model()
    runs, versions, models = kinds(world.adapter)
    made = []
    for n in range(2):
        run_id, run = train(world, data, n)
        made.append((run_id, world.make(versions, world.version(run), "v", str(n))[0]))
    with pytest.raises(JobFailed):
        world.make(runs, world.training(data.uri, "raise SystemExit('no')"), "r", "failed")
    for run_id, id in made:
        versions.delete(id, world.context("v"))
        runs.delete(run_id, world.context("r"))
    for _ in range(2):
        models.delete(model, world.context("m"))
    dataset = world.adapter.dataset
    assert dataset is not None
    dataset.delete(dataset.find(WHOLE)[0].id, world.context("d"))
    assert set(world.home.iterdir()) <= {world.home / name for name in ("code", "hashes", "tmp", "models.lock")}
    assert list((world.home / "tmp").iterdir()) == []
    assert not any("proj" in name or "dev" in name for name in world.files())


def test_on_destroy_keep_leaves_versions_for_the_next_model_of_that_name(world: World, data: DatasetState) -> None:
    model, _ = world.model(on_destroy="keep")
    runs, versions, models = kinds(world.adapter)
    run_id, run = train(world, data, 1)
    id, version = world.make(versions, world.version(run), "v")
    versions.delete(id, world.context("v"))
    runs.delete(run_id, world.context("r"))
    models.delete(model, world.context("m"))
    assert models.find(WHOLE) == []
    again, _ = world.model()
    assert models.versions(again) == [version]
    models.delete(again, world.context("m"))
    assert not (world.home / "models").exists()


def test_a_model_replaced_create_first_keeps_its_versions(world: World, data: DatasetState) -> None:
    old, state = world.model()
    _, versions, models = kinds(world.adapter)
    _, run = train(world, data, 1)
    _, version = world.make(versions, world.version(run), "v")
    new, _ = world.model()
    assert new != old
    models.delete(old, world.context("m"))
    assert models.read(old) is None
    assert models.read(new)[1] == state
    assert models.versions(new) == [version]


def test_a_script_without_an_artifact_of_its_own_is_packaged(world: World, data: DatasetState) -> None:
    script = SCRIPT.replace("mooring-model.json", "notes.json")
    with pytest.raises(JobFailed, match="no model file in it"):
        world.make(world.adapter.training_run, world.training(data.uri, script), "r")
