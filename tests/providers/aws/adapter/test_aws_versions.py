"""Model versions on AWS: bytes in the stack's bucket, registered under a number that is given once."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from dataclasses import replace

import pytest
from models_bench import REGION, ModelsBench, models_bench, trained
from running_emulator import RunningEmulator

from providers.aws import session
from providers.errors import Cancelled, InvalidInput, JobFailed
from providers.hashing import tree_digest
from providers.values import ModelVersionSpec


@pytest.fixture(scope="module")
def bench(emulator: RunningEmulator, tmp_path_factory: pytest.TempPathFactory) -> Iterator[ModelsBench]:
    with models_bench(emulator, tmp_path_factory.mktemp("versions")) as made:
        yield made


@pytest.fixture(autouse=True)
def emulated(bench: ModelsBench, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(session.ENDPOINT, bench.running.url)


def test_a_runs_artifact_becomes_a_version_byte_for_byte(bench: ModelsBench) -> None:
    bench.model("bytes")
    source = bench.run(2)
    id, state = bench.version("bytes", source)
    assert (state.version, state.digest) == (1, source.digest)
    assert state.metrics["accuracy"] > 0.8
    assert state.signature["columns"][0]["name"] == "sepal_length"
    s3 = bench.running.client("s3")
    for name in ("mooring-model.json", "metrics.json", "signature.json"):
        pair = [s3.get_object(Bucket=bench.bucket, Key=f"{uri.split('/', 3)[3]}{name}")["Body"].read()
                for uri in (source.uri, state.uri)]  # fmt: skip
        assert pair[0] == pair[1]
    assert bench.versions.read(id) == (bench.version_spec("bytes", source), state)
    package = bench.sagemaker.list_model_packages(ModelPackageGroupName=_group(bench, "bytes"))
    told = bench.sagemaker.describe_model_package(
        ModelPackageName=package["ModelPackageSummaryList"][0]["ModelPackageArn"]
    )
    assert told["ModelApprovalStatus"] == "Approved"
    assert told["CustomerMetadataProperties"]["mooring:digest"] == source.digest


def test_the_same_bytes_are_one_version_and_numbers_are_given_once(bench: ModelsBench) -> None:
    bench.model("numbers", keep_versions=1)
    first, one = bench.version("numbers", bench.run(2), name="a")
    second, same = bench.version("numbers", bench.run(2), name="b")
    assert (one.version, same.version, first != second) == (1, 1, True)
    third, two = bench.version("numbers", bench.run(3), name="c")
    assert two.version == 2
    bench.versions.delete(first, bench.context("a"))
    assert bench.versions.read(second) is not None, "another resource holds it"
    bench.versions.delete(third, bench.context("c"))
    bench.versions.delete(second, bench.context("b"))
    _, again = bench.version("numbers", bench.run(4), name="d")
    assert again.version == 3


def test_a_retired_version_is_taken_up_again_under_its_number(bench: ModelsBench) -> None:
    bench.model("back")
    id, state = bench.version("back", bench.run(2))
    bench.versions.delete(id, bench.context("back"))
    assert bench.versions.read(id) is None
    _, again = bench.version("back", bench.run(2))
    assert (again.version, again.digest) == (state.version, state.digest)


def test_a_create_that_is_repeated_is_one_version(bench: ModelsBench) -> None:
    bench.model("repeated")
    spec, context = bench.version_spec("repeated", bench.run(2)), bench.context("repeated")
    id = bench.versions.create(spec, context)
    assert bench.versions.read(id) == (spec, None), "it is on its way"
    assert bench.versions.create(spec, context) == id
    state = bench.versions.wait(id, spec, context)
    assert bench.versions.wait(id, spec, context) == state
    (found,) = bench.versions.find(context.owner)
    assert (found.id, found.claimed, found.usable) == (id, False, True)
    bench.versions.claim(id)
    assert bench.versions.find(context.owner)[0].claimed


def test_a_threshold_that_is_not_met_registers_nothing(bench: ModelsBench) -> None:
    bench.model("gated")
    spec = bench.version_spec("gated", bench.run(2), thresholds={"accuracy": 1.5})
    context = bench.context("gated")
    id = bench.versions.create(spec, context)
    with pytest.raises(JobFailed, match=r"accuracy is .* below its threshold of 1\.5"):
        bench.versions.wait(id, spec, context)
    bench.versions.delete(id, context)
    assert bench.versions.find(context.owner) == []
    assert bench.keys("models/gated/artifacts/") == []


def test_thresholds_of_classes_are_looked_for_in_the_artifacts_evaluation(bench: ModelsBench) -> None:
    bench.model("classes")
    _, state = bench.version("classes", bench.run(2), thresholds={"recall_class_setosa": 0.5})
    assert state.version == 1


def test_new_thresholds_and_tags_keep_the_version(bench: ModelsBench) -> None:
    bench.model("updated")
    id, state = bench.version("updated", bench.run(2))
    spec = bench.version_spec("updated", bench.run(2), thresholds={"accuracy": 0.5}, tags={"team": "a"})
    assert bench.versions.update(id, {}, spec, bench.context("version-updated")) == state
    with pytest.raises(JobFailed):
        bench.versions.update(
            id, {}, bench.version_spec("updated", bench.run(2), thresholds={"accuracy": 2}), bench.context("x")
        )
    read = bench.versions.read(id)
    assert read is not None
    assert read[0] == spec
    measured = bench.version_spec("updated", bench.run(2), metrics={"accuracy": 0.75, "f1[city=Rome]": 0.5})
    changed = bench.versions.update(id, {}, measured, bench.context("version-updated"))
    assert changed.metrics == {"accuracy": 0.75, "f1[city=Rome]": 0.5}


def test_bytes_that_are_not_what_was_promised_are_refused(bench: ModelsBench) -> None:
    bench.model("promised")
    spec = bench.version_spec("promised", bench.run(2), digest="sha256:" + "0" * 64)
    id = bench.versions.create(spec, bench.context("promised"))
    with pytest.raises(InvalidInput, match="changed behind Mooring's back"):
        bench.versions.wait(id, spec, bench.context("promised"))


def test_bytes_that_were_changed_after_the_run_are_refused(bench: ModelsBench) -> None:
    bench.model("tampered")
    source = bench.run(5)
    key = f"{source.uri.split('/', 3)[3]}metrics.json"
    s3 = bench.running.client("s3")
    before = s3.get_object(Bucket=bench.bucket, Key=key)["Body"].read()
    s3.put_object(Bucket=bench.bucket, Key=key, Body=before + b" ")
    spec, context = bench.version_spec("tampered", source), bench.context("tampered")
    id = bench.versions.create(spec, context)
    with pytest.raises(InvalidInput, match="changed behind Mooring's back"):
        bench.versions.wait(id, spec, context)
    assert bench.keys("models/tampered/artifacts/") == []


def test_an_artifact_that_is_gone_is_said_to_be(bench: ModelsBench) -> None:
    bench.model("gone")
    address = f"s3://{bench.bucket}/mooring/{bench.bucket}/dev/runs/nothing/"
    spec = bench.version_spec("gone", bench.run(2), artifact=address)
    id = bench.versions.create(spec, bench.context("gone"))
    with pytest.raises(InvalidInput, match="there is nothing"):
        bench.versions.wait(id, spec, bench.context("gone"))


def test_another_stacks_version_is_promoted_by_its_digest(bench: ModelsBench) -> None:
    bench.model("source")
    _, state = bench.version("source", bench.run(3))
    bench.running.client("s3").create_bucket(Bucket=f"{bench.bucket}-prod")
    bench.running.client("ecr").create_repository(repositoryName=f"{bench.bucket}-prod")
    spec = ModelVersionSpec.model_validate(
        {
            "cloud": "aws", "region": REGION, "container": f"{bench.bucket}-prod", "name": "source", "model": "source",
            "artifact": state.uri, "digest": state.digest, "origin": "promoted",
        }
    )  # fmt: skip
    checked, problems = bench.versions.check(spec, bench.context("promoted"))
    assert (checked, list(problems)) == (spec, [])
    context = bench.context("promoted")
    context = replace(context, owner=replace(context.owner, stack="prod", container=f"{bench.bucket}-prod"))
    id = bench.versions.create(spec, context)
    promoted = bench.versions.wait(id, spec, context)
    assert (promoted.version, promoted.digest, promoted.metrics) == (1, state.digest, state.metrics)
    assert promoted.uri.startswith(f"s3://{bench.bucket}-prod/")
    bench.versions.delete(id, context)


def test_a_promotion_needs_the_digest_that_is_in_the_address(bench: ModelsBench) -> None:
    source = bench.run(2)
    for digest, words in ((None, "missing"), ("sha256:" + "1" * 64, "is not the digest in the address")):
        spec = bench.version_spec("x", source, origin="promoted", digest=digest)
        _, problems = bench.versions.check(spec, bench.context("x"))
        assert [problem.property for problem in problems] == ["digest"]
        assert words in problems[0].reason


def test_a_file_is_packaged_on_this_machine_and_uploaded(bench: ModelsBench) -> None:
    bench.model("supplied")
    folder = trained(bench.root / "supplied", 6)
    spec = ModelVersionSpec.model_validate(
        {**bench.scope("supplied"), "model": "supplied", "artifact": "supplied", "origin": "file"}
    )
    context = bench.context("supplied")
    checked, problems = bench.versions.check(spec, context)
    assert list(problems) == []
    assert checked.digest == tree_digest(folder)
    id = bench.versions.create(checked, context)
    state = bench.versions.wait(id, checked, context)
    assert state.version == 1
    assert bench.versions.wait(id, checked, context) == state
    assert list(bench.versions.logs(id)) == []


def test_a_cancelled_version_is_taken_up_again(bench: ModelsBench) -> None:
    bench.model("cancelled")
    spec, context = bench.version_spec("cancelled", bench.run(2)), bench.context("cancelled")
    id = bench.versions.create(spec, context)
    cancelled = replace(context, cancel=threading.Event())
    cancelled.cancel.set()
    with pytest.raises(Cancelled) as raised:
        bench.versions.wait(id, spec, cancelled)
    assert raised.value.id == id
    assert bench.versions.update(id, {}, spec, context).version == 1


def test_the_checks_name_an_address_that_is_not_in_s3(bench: ModelsBench) -> None:
    spec = bench.version_spec("x", bench.run(2), artifact="local://x@sha256:" + "0" * 64)
    _, problems = bench.versions.check(spec, bench.context("x"))
    assert [problem.property for problem in problems] == ["artifact"]


def _group(bench: ModelsBench, model: str) -> str:
    groups = bench.sagemaker.list_model_package_groups(NameContains=f"{model}-", MaxResults=100)
    mine = []
    for one in groups["ModelPackageGroupSummaryList"]:
        tags = bench.sagemaker.list_tags(ResourceArn=one["ModelPackageGroupArn"])["Tags"]
        if {"Key": "mooring:project", "Value": bench.bucket} in tags:
            mine.append(str(one["ModelPackageGroupName"]))
    (found,) = mine
    return found
