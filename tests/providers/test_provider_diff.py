"""Diff: every property updates or replaces, and what means the same is no difference."""

from __future__ import annotations

from typing import Any

import pytest
from contract.fake_cloud import digest_of
from contract.provider_calls import Engine, Held
from pulumi.runtime.proto import provider_pb2

from providers.codec import UNKNOWN
from providers.contract import SPECS
from providers.diffing import REPLACES, UPDATES
from providers.values import Scoped

KINDS = provider_pb2.PropertyDiff
RUN: dict[str, Any] = {"cloud": "fake", "name": "r", "model": "m", "channels": {"train": {"uri": "u"}}}
VERSION: dict[str, Any] = {"cloud": "fake", "name": "v", "model": "m", "artifact": "a", "digest": digest_of("a")}
ENDPOINT: dict[str, Any] = {
    "cloud": "fake",
    "name": "e",
    "deployments": [{"name": "d", "model": "m", "digest": digest_of("x"), "replicas": 2}],
}


def held(type_name: str, inputs: dict[str, Any], **outputs: Any) -> Held:
    return Held(f"urn:pulumi:test::proj::moor:index:{type_name}::x", "fake:id", inputs, outputs)


def kinds(answer: Any) -> dict[str, int]:
    return {path: entry.kind for path, entry in answer.detailedDiff.items()}


@pytest.mark.parametrize("type_name", list(SPECS))
def test_every_field_is_classified_once(type_name: str) -> None:
    fields = set(SPECS[type_name].model_fields)
    assert REPLACES[type_name] | UPDATES[type_name] == fields
    assert not REPLACES[type_name] & UPDATES[type_name]


def every_field() -> list[tuple[str, str]]:
    return [(name, field) for name, spec in SPECS.items() for field in spec.model_fields]


@pytest.mark.parametrize(("type_name", "field"), every_field())
def test_a_change_of_each_field_updates_or_replaces(engine: Engine, type_name: str, field: str) -> None:
    spec: type[Scoped] = SPECS[type_name]
    wire = spec.model_fields[field].alias or field
    answer = engine.diff(held(type_name, {wire: "old"}), {wire: "new"})
    assert answer.changes == provider_pb2.DiffResponse.DIFF_SOME
    assert list(answer.diffs) == [wire]
    replaces = field in REPLACES[type_name]
    assert list(answer.replaces) == ([wire] if replaces else [])
    assert kinds(answer) == {wire: KINDS.UPDATE_REPLACE if replaces else KINDS.UPDATE}


@pytest.mark.parametrize(("type_name", "field"), every_field())
def test_an_unknown_value_counts_as_a_change(engine: Engine, type_name: str, field: str) -> None:
    wire = SPECS[type_name].model_fields[field].alias or field
    assert list(engine.diff(held(type_name, {wire: "old"}), {wire: UNKNOWN}).diffs) == [wire]


def test_equal_inputs_are_no_difference(engine: Engine) -> None:
    answer = engine.diff(held("Endpoint", ENDPOINT), ENDPOINT)
    assert answer.changes == provider_pb2.DiffResponse.DIFF_NONE
    assert not answer.detailedDiff


def test_a_default_that_is_said_is_no_difference(engine: Engine) -> None:
    said = {**ENDPOINT, "mode": "real-time", "region": "", "rollout": {"stepPercent": 10}, "network": {}, "tags": {}}
    assert engine.diff(held("Endpoint", ENDPOINT), said).changes == provider_pb2.DiffResponse.DIFF_NONE


def test_paths_and_kinds_are_exact(engine: Engine) -> None:
    old = {**RUN, "hyperparameters": {"a": 1, "b": 2}, "tags": {"x.y": "1"}}
    new = {**RUN, "hyperparameters": {"a": 3, "c": 2}, "tags": {"x.y": "2"}}
    assert kinds(engine.diff(held("TrainingRun", old), new)) == {
        "hyperparameters.a": KINDS.UPDATE_REPLACE,
        "hyperparameters.b": KINDS.DELETE_REPLACE,
        "hyperparameters.c": KINDS.ADD_REPLACE,
        'tags["x.y"]': KINDS.UPDATE,
    }


def test_another_address_of_the_same_bytes_updates_a_version(engine: Engine) -> None:
    answer = engine.diff(held("ModelVersion", VERSION), {**VERSION, "artifact": "b"})
    assert kinds(answer) == {"artifact": KINDS.UPDATE}
    answer = engine.diff(held("ModelVersion", VERSION), {**VERSION, "artifact": UNKNOWN, "digest": UNKNOWN})
    assert list(answer.replaces) == ["artifact", "digest"]


def test_replicas_that_autoscaling_owns_are_not_compared(engine: Engine) -> None:
    deployment = {**ENDPOINT["deployments"][0], "replicas": 7}
    scaled = {**ENDPOINT, "autoscaling": {"maxReplicas": 9}}
    new = {**scaled, "deployments": [deployment]}
    assert not engine.diff(held("Endpoint", scaled), new).detailedDiff
    assert list(engine.diff(held("Endpoint", ENDPOINT), {**ENDPOINT, "deployments": [deployment]}).diffs)


@pytest.mark.parametrize(
    ("old", "new", "first"),
    [
        ({"physicalName": "p"}, {"physicalName": "p", "region": "x"}, True),
        ({"port": 8080}, {"port": 8080, "region": "x"}, True),
        ({}, {"region": "x"}, False),
        ({"physicalName": "p"}, {"physicalName": "p", "port": 1}, False),
    ],
)
def test_what_cannot_be_there_twice_is_deleted_before_it_is_replaced(
    engine: Engine, old: dict[str, Any], new: dict[str, Any], first: bool
) -> None:
    answer = engine.diff(held("Endpoint", {**ENDPOINT, **old}), {**ENDPOINT, **new})
    assert answer.deleteBeforeReplace is first


@pytest.mark.parametrize("status", ["failed", "stopped"])
@pytest.mark.parametrize("type_name", ["TrainingRun", "TuningRun", "BatchPrediction"])
def test_a_run_that_ended_badly_is_replaced(engine: Engine, type_name: str, status: str) -> None:
    assert list(engine.diff(held(type_name, RUN, status=status), RUN).replaces) == ["status"]
    assert not engine.diff(held(type_name, RUN, status="running"), RUN).replaces


def test_a_hash_that_a_preview_could_not_compute_is_no_deletion(engine: Engine) -> None:
    old = {"cloud": "fake", "name": "d", "source": "a.csv", "sourceHash": digest_of("a")}
    new = {"cloud": "fake", "name": "d", "source": UNKNOWN}
    assert list(engine.diff(held("Dataset", old), new).diffs) == ["source"]


def test_outputs_stand_in_where_an_engine_sends_no_old_inputs(engine: Engine) -> None:
    from providers.codec import to_struct

    olds = to_struct({"cloud": "fake", "name": "m", "group": "g"})
    request = provider_pb2.DiffRequest(
        urn=engine.urn("Model", "m"), id="fake:m", olds=olds, news=to_struct({"cloud": "fake", "name": "n"})
    )
    assert "name" in engine.call("Diff", request).replaces
