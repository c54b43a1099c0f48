"""Create, Update, Read and Delete: what each leaves behind, also when it fails."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import grpc
import pytest
from contract.fake_cloud import Records, digest_of
from contract.provider_calls import CallFailed, Engine, Held

from providers.codec import UNKNOWN, from_struct

DATA = {"cloud": "fake", "name": "d", "source": "a.csv"}
RUN: dict[str, Any] = {"cloud": "fake", "name": "r", "model": "m", "channels": {"train": {"uri": "u"}}}
MODEL: dict[str, Any] = {"cloud": "fake", "name": "m"}
DEPLOYMENT = {"name": "d", "model": "m", "digest": digest_of("x")}
ENDPOINT: dict[str, Any] = {"cloud": "fake", "name": "e", "deployments": [DEPLOYMENT]}


def live(records: Records) -> list[str]:
    return [id for id, record in records.all().items() if not record.get("retired")]


def count(records: Records, verb: str) -> int:
    return sum(line.startswith(verb) for line in records.calls())


def failure(call: Callable[[], Any]) -> CallFailed:
    with pytest.raises(CallFailed) as raised:
        call()
    return raised.value


def test_create_returns_the_prefixed_id_state_and_identity(engine: Engine, records: Records) -> None:
    held = engine.create("Dataset", DATA)
    assert held.id == f"fake:{live(records)[0]}"
    assert held.outputs["version"] == held.inputs["sourceHash"]
    assert (held.outputs["cloud"], held.outputs["name"], held.outputs["region"]) == ("fake", "d", "")


def test_a_preview_makes_nothing_and_knows_no_output(engine: Engine, records: Records) -> None:
    planned = engine.preview("TrainingRun", {**RUN, "channels": {"train": {"uri": UNKNOWN}}})
    assert planned["artifact"] == planned["digest"] == planned["metrics"] == UNKNOWN
    assert (planned["cloud"], planned["model"]) == ("fake", "m")
    assert live(records) == []


def test_everything_made_carries_its_owner_from_the_start(engine: Engine, records: Records) -> None:
    held = engine.create("Model", MODEL)
    owner = records.all()[held.id.partition(":")[2]]["owner"]
    assert (owner["project"], owner["stack"], owner["urn"]) == ("proj", "test", held.urn)
    assert len(owner["inputs"]) == 64


def test_the_owners_hash_does_not_depend_on_defaults_that_are_said(engine: Engine, records: Records) -> None:
    short = engine.create("Model", MODEL)
    long = engine.create("Model", {**MODEL, "keepVersions": 5, "region": ""}, name="other")
    hashes = {records.all()[held.id.partition(":")[2]]["owner"]["inputs"] for held in (short, long)}
    assert len(hashes) == 1


def test_a_failed_job_is_a_plain_error_with_reason_and_log_and_leaves_nothing(engine: Engine, records: Records) -> None:
    failed = failure(lambda: engine.create("TrainingRun", {**RUN, "overrides": {"fail": "ValueError: no column x"}}))
    assert failed.init_failed is None
    assert failed.message.startswith("ValueError: no column x\n")
    assert "line 1" in failed.message
    assert live(records) == []
    assert failed.code not in (grpc.StatusCode.INTERNAL, grpc.StatusCode.UNKNOWN)


def test_a_refusal_before_anything_begins_is_a_plain_error(engine: Engine, records: Records) -> None:
    failed = failure(lambda: engine.create("Model", {**MODEL, "overrides": {"refuse": "throttled"}}))
    assert (failed.message, failed.init_failed) == ("throttled", None)
    assert live(records) == []


def test_a_bug_is_reported_as_one_without_its_details(engine: Engine) -> None:
    failed = failure(lambda: engine.create("Model", {**MODEL, "overrides": {"crash": "s3cret"}}))
    assert failed.code is grpc.StatusCode.INTERNAL
    assert "internal error" in failed.message
    assert "s3cret" not in failed.message


def test_a_partial_failure_carries_id_outputs_and_inputs_and_an_update_finishes_it(
    engine: Engine, records: Records
) -> None:
    failed = failure(lambda: engine.create("Model", {**MODEL, "overrides": {"partial": "the registry is slow"}}))
    assert failed.init_failed is not None
    assert list(failed.init_failed.reasons) == ["the registry is slow"]
    assert failed.init_failed.id == f"fake:{live(records)[0]}"
    held = Held(
        engine.urn("Model", "thing"),
        failed.init_failed.id,
        from_struct(failed.init_failed.inputs),
        from_struct(failed.init_failed.properties),
    )
    assert held.inputs["name"] == held.outputs["name"] == "m"
    assert engine.update(held, held.inputs)["group"] == live(records)[0]
    assert count(records, "create") == 1


def test_an_update_that_was_rolled_back_is_a_plain_error(engine: Engine) -> None:
    held = engine.create("Endpoint", ENDPOINT)
    failed = failure(lambda: engine.update(held, {**ENDPOINT, "overrides": {"roll_back": "5xx share 12 %"}}))
    assert (failed.message, failed.init_failed) == ("5xx share 12 %", None)
    assert failed.code not in (grpc.StatusCode.INTERNAL, grpc.StatusCode.UNKNOWN)


def test_a_resumed_run_that_has_failed_is_replaced_next_time(engine: Engine) -> None:
    held = engine.create("TrainingRun", RUN)
    failed = failure(lambda: engine.update(held, {**RUN, "overrides": {"fail": "killed (out of memory?)"}}))
    assert failed.init_failed is not None
    held.outputs = from_struct(failed.init_failed.properties)
    assert "killed (out of memory?)" in failed.init_failed.reasons[0]
    assert list(engine.diff(held, held.inputs).replaces) == ["status"]


def test_an_update_in_a_preview_leaves_known_what_it_will_not_change(engine: Engine) -> None:
    held = engine.create("Endpoint", ENDPOINT)
    planned = engine.update(held, {**ENDPOINT, "deployments": [{**DEPLOYMENT, "digest": UNKNOWN}]}, preview=True)
    assert planned["predictUrl"] == held.outputs["predictUrl"]
    assert planned["deployments"] == UNKNOWN
    tagged = engine.update(held, {**ENDPOINT, "tags": {"a": "b"}}, preview=True)
    assert tagged == held.outputs


def test_a_resumed_run_in_a_preview_has_unknown_outputs(engine: Engine) -> None:
    held = engine.create("TrainingRun", RUN)
    held.outputs["status"] = "running"
    assert engine.update(held, held.inputs, preview=True)["digest"] == UNKNOWN


def test_refresh_keeps_inputs_and_tells_what_drifted(engine: Engine, records: Records) -> None:
    held = engine.create("Model", {**MODEL, "keepVersions": 5})
    answer = engine.read(held)
    assert from_struct(answer.inputs) == held.inputs
    assert from_struct(answer.properties) == held.outputs
    id = held.id.partition(":")[2]
    record = records.load(id)
    assert record is not None
    records.save(id, {**record, "spec": {**record["spec"], "keepVersions": 9, "onDestroy": "keep"}})
    drifted = from_struct(engine.read(held).inputs)
    assert drifted == {**held.inputs, "keepVersions": 9, "onDestroy": "keep"}


@pytest.mark.parametrize("imported", [False, True])
def test_a_refresh_does_not_take_what_is_unfinished_for_finished(
    engine: Engine, records: Records, imported: bool
) -> None:
    held = engine.create("TrainingRun", RUN)
    id = held.id.partition(":")[2]
    record = records.load(id)
    assert record is not None
    records.save(id, {**record, "spec": {**record["spec"], "overrides": {"seconds": 600}}})
    asked = Held(held.urn, held.id, {} if imported else held.inputs, held.outputs)
    unfinished = failure(lambda: engine.read(asked)).init_failed
    assert unfinished is not None
    assert unfinished.id == held.id
    assert list(unfinished.reasons) == ["it was begun and is not finished; the next `up` goes on with it"]
    assert from_struct(unfinished.inputs) == {**held.inputs, "overrides": {"seconds": 600}}
    assert from_struct(unfinished.properties)["status"] == "running"


def test_what_is_gone_reads_as_no_id(engine: Engine, records: Records) -> None:
    held = engine.create("Model", MODEL)
    records.remove(held.id.partition(":")[2])
    assert engine.read(held).id == ""


def test_import_tells_inputs_that_equal_the_programs(engine: Engine) -> None:
    held = engine.create("Endpoint", ENDPOINT)
    answer = engine.read(Held(held.urn, held.id, {}))
    imported = Held(held.urn, answer.id, from_struct(answer.inputs), from_struct(answer.properties))
    assert imported.outputs == held.outputs
    assert not engine.diff(imported, held.inputs).detailedDiff


@pytest.mark.parametrize("id", ["", "fake", "fake:", ":x"])
def test_an_id_of_the_wrong_form_is_refused_with_the_right_one(engine: Engine, id: str) -> None:
    failed = failure(lambda: engine.read(Held(engine.urn("Model", "m"), id or "x", {})))
    assert "<cloud>:" in failed.message


def test_delete_twice_is_silent(engine: Engine, records: Records) -> None:
    held = engine.create("Model", MODEL)
    engine.delete(held)
    engine.delete(held)
    assert live(records) == []


def test_an_environments_values_are_masked_in_messages(engine: Engine) -> None:
    inputs = {**RUN, "environment": {"TOKEN": "hunter2-hunter2"}, "overrides": {"fail": "bad token hunter2-hunter2"}}
    failed = failure(lambda: engine.create("TrainingRun", inputs))
    assert "hunter2-hunter2" not in failed.message
    assert failed.message.count("[secret]") == 2


def test_a_kind_that_the_cloud_lacks_is_refused_in_create_too(engine: Engine) -> None:
    held = engine.create("Model", MODEL)
    failed = failure(lambda: engine.read(Held(engine.urn("TuningRun", "t"), held.id.replace("fake:", "bare:"), {})))
    assert "'bare' has no TuningRun" in failed.message


def test_a_version_can_be_asked_for(engine: Engine) -> None:
    from google.protobuf import struct_pb2
    from pulumi.runtime.proto import provider_pb2

    model = engine.create("Model", MODEL)
    version = {"cloud": "fake", "name": "v", "model": "m", "artifact": "first"}
    engine.create("ModelVersion", version)
    engine.create("ModelVersion", {**version, "artifact": "second"}, name="other")
    arguments = struct_pb2.Struct()
    arguments.update({"model": model.id})

    def ask(token: str, **more: Any) -> Any:
        arguments.update(more)
        answer = engine.call("Invoke", provider_pb2.InvokeRequest(tok=token, args=arguments))
        return from_struct(getattr(answer, "return"))

    assert ask("moor:index:getModelVersion")["digest"] == digest_of("second")
    assert ask("moor:index:getModelVersion", version=1)["digest"] == digest_of("first")
    assert "no such version" in failure(lambda: ask("moor:index:getModelVersion", version=7)).message
    assert "did you mean 'moor:index:getModelVersion'" in failure(lambda: ask("moor:index:getModelVersions")).message
