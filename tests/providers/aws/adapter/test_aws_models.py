"""Models on AWS: groups of SageMaker's registry, held by resources, with what becomes of their versions."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import pytest
from models_bench import REGION, ModelsBench, models_bench
from running_emulator import RunningEmulator

from providers.aws import session
from providers.contract import Ownership
from providers.errors import NotFound
from providers.values import ModelSpec


@pytest.fixture(scope="module")
def bench(emulator: RunningEmulator, tmp_path_factory: pytest.TempPathFactory) -> Iterator[ModelsBench]:
    with models_bench(emulator, tmp_path_factory.mktemp("models")) as made:
        yield made


@pytest.fixture(autouse=True)
def emulated(bench: ModelsBench, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(session.ENDPOINT, bench.running.url)


def spec(bench: ModelsBench, name: str, **changes: object) -> ModelSpec:
    return ModelSpec.model_validate({**bench.scope(name), **changes})


def test_a_model_is_a_group_that_tells_whose_it_is(bench: ModelsBench) -> None:
    id = bench.model("tells", tags={"team": "a"})
    read = bench.models.read(id)
    assert read is not None
    arn = bench.sagemaker.describe_model_package_group(ModelPackageGroupName=read[1].group)["ModelPackageGroupArn"]
    tags = {tag["Key"]: tag["Value"] for tag in bench.sagemaker.list_tags(ResourceArn=arn)["Tags"]}
    assert tags.items() >= {"mooring:model": "tells", "mooring:stack": "dev", "team": "a"}.items()
    bench.models.delete(id, bench.context("model-tells"))
    assert bench.models.read(id) is None


def test_two_resources_hold_one_group_until_the_last_lets_go(bench: ModelsBench) -> None:
    first, asked = bench.model("shared"), spec(bench, "shared")
    second = bench.models.create(asked, bench.context("other"))
    assert second != first
    bench.models.delete(first, bench.context("model-shared"))
    assert bench.models.read(first) is None
    assert bench.models.read(second) is not None
    bench.models.delete(second, bench.context("other"))
    assert bench.keys("models/shared/") == []


def test_a_create_that_is_repeated_makes_no_second_holder(bench: ModelsBench) -> None:
    asked, context = spec(bench, "again"), bench.context("again")
    id = bench.models.create(asked, context)
    assert bench.models.create(asked, context) == id
    (found,) = bench.models.find(context.owner)
    assert (found.id, found.claimed, found.usable) == (id, False, True)
    bench.models.claim(id)
    assert bench.models.find(context.owner)[0].claimed
    bench.models.delete(id, context)


def test_a_stack_is_found_by_the_tags_of_its_bucket_too(bench: ModelsBench, monkeypatch: pytest.MonkeyPatch) -> None:
    id = bench.model("found")
    monkeypatch.setenv("AWS_REGION", REGION)
    assert id in {found.id for found in bench.models.find(Ownership(bench.bucket, "dev", "", ""))}
    assert bench.models.find(Ownership(bench.bucket, "other", "", "")) == []
    gone = Ownership(bench.bucket, "dev", "", "", REGION, f"{bench.bucket}-gone")
    assert (bench.models.find(gone), bench.versions.find(gone), bench.endpoints.find(gone)) == ([], [], [])
    bench.models.delete(id, bench.context("model-found"))


def test_an_id_that_cannot_be_one_is_not_found(bench: ModelsBench) -> None:
    with pytest.raises(NotFound, match="not an id on AWS"):
        bench.models.read("no-such-thing-0")
    assert bench.models.read(f"{REGION}/nobody-12345678/0123456789") is None


def test_region_and_bucket_are_asked_for_in_the_preview(bench: ModelsBench) -> None:
    _, problems = bench.models.check(spec(bench, "x", region="", container=""), bench.context("x"))
    assert {problem.property for problem in problems} == {"region", "container"}


def test_what_is_retired_goes_beyond_what_is_kept_and_with_the_model(bench: ModelsBench) -> None:
    model = bench.model("kept", keep_versions=1)
    digests = []
    for trees in (2, 3, 4):
        id, state = bench.version("kept", bench.run(trees), name=f"kept-{trees}")
        digests.append(state.digest)
        bench.versions.delete(id, bench.context("version"))
    assert [(one.version, one.digest) for one in bench.models.versions(model)] == [(3, digests[2])]
    assert not [key for key in bench.keys("models/kept/artifacts/") if digests[0].removeprefix("sha256:") in key]
    wanted = spec(bench, "kept", keep_versions=1, on_destroy="keep")
    bench.models.update(model, {}, wanted, bench.context("model-kept"))
    bench.models.delete(model, bench.context("model-kept"))
    again = bench.model("kept")
    assert [one.version for one in bench.models.versions(again)] == [3], "it was told to keep them"
    bench.models.delete(again, bench.context("model-kept"))
    assert bench.keys("models/kept/") == []


def test_a_version_that_a_state_holds_outlives_its_model(bench: ModelsBench) -> None:
    model = bench.model("outlived")
    id, state = bench.version("outlived", bench.run(2))
    bench.models.delete(model, bench.context("model-outlived"))
    read = bench.versions.read(id)
    assert read is not None
    assert read[1] == state
    bench.versions.delete(id, bench.context("version-outlived"))
    assert bench.keys("models/outlived/") == []


def test_owners_of_other_inputs_leave_what_was_begun_to_the_next_create(bench: ModelsBench) -> None:
    asked, context = spec(bench, "changed"), bench.context("changed")
    first = bench.models.create(asked, context)
    other = replace(context, owner=replace(context.owner, inputs="others"))
    second = bench.models.create(asked, other)
    assert second != first
    assert [found.id for found in bench.models.find(context.owner)] == [second]
    bench.models.delete(second, context)
