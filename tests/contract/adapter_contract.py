"""What every adapter must do, whatever its cloud: subclass `AdapterContract` and give it a `cloud` fixture.

The tests drive the adapter through the provider, as an engine does. A kind that the cloud must have
(`REQUIRED_KINDS`) fails where it is missing; any other missing kind must be listed in `allowed_skips`.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from typing import Any, ClassVar

import pytest
from contract.cloud_under_test import Cloud
from contract.provider_calls import CallFailed, Engine, Held

from providers.codec import UNKNOWN, from_struct
from providers.contract import KINDS, REQUIRED_KINDS, SPECS, STATES, Kind, Ownership
from providers.diffing import REPLACES
from providers.properties import wire_names

SECRET = "hunter2-hunter2"
RUNS = ("TrainingRun", "TuningRun", "BatchPrediction")


def unprefixed(id: str) -> str:
    return id.partition(":")[2]


class AdapterContract:
    """The suite."""

    allowed_skips: ClassVar[frozenset[str]] = frozenset()
    """Kinds that this cloud is known to lack."""

    refined: ClassVar[Mapping[tuple[str, str], bool]] = {}
    """(type, field) whose change the adapter's own `diff` decides otherwise, and whether it then replaces."""

    def required(self, cloud: Cloud, type_name: str) -> Kind[Any, Any]:
        """The kind; a missing one fails, unless it is known to be missing."""
        kind = cloud.kind(type_name)
        if kind is None:
            assert type_name not in REQUIRED_KINDS.get(cloud.name, ()), f"{cloud.name} must have {type_name}"
            assert type_name in self.allowed_skips, f"{cloud.name} lacks {type_name}, which no one has listed"
            pytest.skip(f"{cloud.name} has no {type_name}")
        return kind

    @pytest.fixture(params=list(KINDS))
    def type_name(self, request: pytest.FixtureRequest, cloud: Cloud) -> str:
        """Each kind in turn."""
        self.required(cloud, request.param)
        return str(request.param)

    def found(self, cloud: Cloud, urn: str, type_name: str) -> list[str]:
        """Ids of what the cloud has of one resource."""
        kind = self.required(cloud, type_name)
        return [found.id for found in kind.find(Ownership("proj", "test", urn, ""))]

    def test_every_required_kind_is_there(self, cloud: Cloud) -> None:
        missing = [name for name in REQUIRED_KINDS.get(cloud.name, ()) if cloud.kind(name) is None]
        assert missing == []

    def test_spec_and_state_are_the_contracts(self, cloud: Cloud, type_name: str) -> None:
        kind = self.required(cloud, type_name)
        assert (kind.spec, kind.state) == (SPECS[type_name], STATES[type_name])

    @pytest.fixture(scope="class")
    @classmethod
    def standing(cls, cloud: Cloud) -> Iterator[Callable[[str], Held]]:
        """One resource of each kind that stands for the whole class; made when first asked for."""
        engine, made = cloud.engine(), dict[str, Held]()

        def stand(type_name: str) -> Held:
            if type_name not in made:
                name = f"standing-{type_name.lower()}"
                made[type_name] = engine.create(type_name, cloud.inputs(type_name), name=name)
                engine.cancel()
            return replace(made[type_name])

        yield stand
        for held in reversed(made.values()):
            engine.delete(held)

    def test_a_create_returns_its_state(self, cloud: Cloud, type_name: str, standing: Callable[[str], Held]) -> None:
        held = standing(type_name)
        assert held.id.startswith(f"{cloud.name}:")
        always = [f.alias or n for n, f in STATES[type_name].model_fields.items() if f.is_required()]
        assert {*always, "cloud", "name"} <= set(held.outputs)

    def test_a_refresh_of_what_has_not_changed_changes_nothing(
        self, cloud: Cloud, type_name: str, standing: Callable[[str], Held]
    ) -> None:
        held, engine = standing(type_name), cloud.engine()
        answer = engine.read(held)
        assert from_struct(answer.properties) == held.outputs
        if answer.HasField("inputs"):
            assert from_struct(answer.inputs) == held.inputs
        assert not engine.diff(held, engine.check(type_name, cloud.inputs(type_name)).inputs).detailedDiff

    def test_import_reads_what_is_there(self, cloud: Cloud, type_name: str, standing: Callable[[str], Held]) -> None:
        held, engine = standing(type_name), cloud.engine()
        answer = engine.read(Held(held.urn, held.id, {}))
        assert answer.id == held.id
        assert from_struct(answer.inputs)["cloud"] == cloud.name
        state = wire_names(STATES[type_name])
        imported = from_struct(answer.properties)
        assert {key: imported.get(key) for key in state} == {key: held.outputs.get(key) for key in state}

    def test_changed_tags_are_an_update_that_keeps_the_thing(
        self, cloud: Cloud, type_name: str, standing: Callable[[str], Held]
    ) -> None:
        held, engine = standing(type_name), cloud.engine()
        tagged = engine.check(type_name, {**cloud.inputs(type_name), "tags": {"team": "a"}}).inputs
        answer = engine.diff(held, tagged)
        assert (list(answer.diffs), list(answer.replaces)) == (["tags"], [])
        outputs = engine.update(held, tagged)
        for key in ("version", "digest", "uri", "run", "group", "url", "artifact"):
            assert outputs.get(key) == held.outputs.get(key), key
        assert engine.update(Held(held.urn, held.id, tagged, outputs), held.inputs)

    def test_a_create_whose_reply_was_lost_is_not_repeated_and_delete_is(self, cloud: Cloud, type_name: str) -> None:
        """Two processes create it, one thing is there; two processes delete it, none is."""
        name = f"lost-{type_name.lower()}"
        lost = cloud.engine().create(type_name, cloud.inputs(type_name), name=name)
        engine = cloud.engine()
        again = engine.create(type_name, cloud.inputs(type_name), name=name)
        assert again.id == lost.id
        assert self.found(cloud, lost.urn, type_name) == [unprefixed(lost.id)]
        engine.cancel()
        cloud.engine().delete(again)
        assert engine.read(again).id == "", "what was deleted behind its back reads as gone"
        engine.delete(again)
        assert self.found(cloud, lost.urn, type_name) == []

    def test_an_id_that_nobody_has_reads_as_gone_and_deletes_silently(self, cloud: Cloud, type_name: str) -> None:
        engine = cloud.engine()
        nobody = Held(engine.urn(type_name, "x"), f"{cloud.name}:no-such-thing-0", {})
        assert engine.read(nobody).id == ""
        engine.delete(nobody)

    def test_a_preview_with_unknown_values_reports_nothing_and_makes_nothing(
        self, cloud: Cloud, type_name: str
    ) -> None:
        engine = cloud.engine()
        unknown = {**dict.fromkeys(wire_names(SPECS[type_name]), UNKNOWN), "cloud": cloud.name, "name": "preview"}
        planned = engine.preview(type_name, unknown, "preview")
        assert set(wire_names(STATES[type_name])) <= set(planned)
        assert self.found(cloud, engine.urn(type_name, "preview"), type_name) == []

    @pytest.mark.parametrize("name", ["a", "a" + "b-1" * 20 + "cc"], ids=["shortest", "longest"])
    def test_any_name_that_the_contract_allows_is_usable(self, cloud: Cloud, name: str) -> None:
        engine = cloud.engine()
        for type_name in ("Dataset", "Model"):
            held = engine.create(type_name, {**cloud.inputs(type_name), "name": name}, name=name)
            assert held.outputs["name"] == name
            engine.cancel()
            engine.delete(held)

    def test_a_longer_name_is_refused_in_check(self, cloud: Cloud, type_name: str) -> None:
        failures = cloud.engine().check(type_name, {**cloud.inputs(type_name), "name": "a" * 64}).failures
        assert "1 to 63" in failures["name"]

    def test_every_property_updates_or_replaces(self, cloud: Cloud, type_name: str) -> None:
        engine = cloud.engine()
        for field, info in SPECS[type_name].model_fields.items():
            wire = info.alias or field
            held = Held(engine.urn(type_name, "x"), f"{cloud.name}:x", {wire: "old"})
            answer = engine.diff(held, {wire: "new"})
            replaces = self.refined.get((type_name, field), field in REPLACES[type_name])
            assert (list(answer.diffs), bool(answer.replaces)) == ([wire], replaces), field

    def test_changed_data_is_an_update_to_another_version(self, cloud: Cloud) -> None:
        engine = cloud.engine()
        held = engine.create("Dataset", cloud.inputs("Dataset"), name="changed")
        before = cloud.source.read_bytes()
        cloud.source.write_bytes(before + before.splitlines(keepends=True)[-1])
        try:
            checked = engine.check("Dataset", cloud.inputs("Dataset"), "changed")
            answer = engine.diff(held, checked.inputs)
            assert (list(answer.diffs), list(answer.replaces)) == (["sourceHash"], [])
            assert engine.update(held, checked.inputs, preview=True)["version"] == UNKNOWN
            outputs = engine.update(held, checked.inputs)
            assert outputs["version"] != held.outputs["version"]
            assert outputs["version"] in outputs["versions"] or outputs["versions"] == []
        finally:
            cloud.source.write_bytes(before)
            engine.cancel()
            engine.delete(held)

    def test_a_replacement_never_adopts_what_a_state_holds(self, cloud: Cloud) -> None:
        first = cloud.engine()
        old = first.create("Dataset", cloud.inputs("Dataset"), name="replaced")
        first.cancel()
        second = cloud.engine()
        new = second.create("Dataset", cloud.inputs("Dataset"), name="replaced")
        second.cancel()
        assert new.id != old.id
        second.delete(old)
        assert second.read(new).id == new.id
        second.delete(new)

    def test_what_is_there_is_found_by_its_stack(self, cloud: Cloud) -> None:
        engine = cloud.engine()
        held = engine.create("Dataset", cloud.inputs("Dataset"), name="listed")
        kind = self.required(cloud, "Dataset")
        of_the_stack = {found.id: found for found in kind.find(Ownership("proj", "test", "", ""))}
        assert of_the_stack[unprefixed(held.id)].owner.urn == held.urn
        assert of_the_stack[unprefixed(held.id)].claimed is False
        assert unprefixed(held.id) not in {found.id for found in kind.find(Ownership("proj", "other", "", ""))}
        engine.cancel()
        (found,) = kind.find(Ownership("proj", "test", held.urn, ""))
        assert found.claimed is True
        engine.delete(held)

    def test_a_failed_job_says_why_and_leaves_nothing(self, cloud: Cloud) -> None:
        engine = cloud.engine()
        with pytest.raises(CallFailed) as raised:
            engine.create("TrainingRun", cloud.failing(), name="failing")
        assert "ValueError: no such flower" in raised.value.message
        assert raised.value.init_failed is None
        kind = self.required(cloud, "TrainingRun")
        left = kind.find(Ownership("proj", "test", engine.urn("TrainingRun", "failing"), ""))
        assert [found for found in left if found.usable or not found.claimed] == []

    def test_a_cancelled_run_returns_its_id_and_is_resumed(self, cloud: Cloud) -> None:
        engine = cloud.engine()
        failed = self.cancelled(cloud, engine, cloud.inputs("TrainingRun"), "resumed")
        assert failed.init_failed is not None
        held = Held(
            engine.urn("TrainingRun", "resumed"),
            failed.init_failed.id,
            from_struct(failed.init_failed.inputs),
            from_struct(failed.init_failed.properties),
        )
        again = cloud.engine()
        assert not again.diff(held, held.inputs).replaces
        assert again.update(held, held.inputs)["status"] == "succeeded"
        assert self.found(cloud, held.urn, "TrainingRun") == [unprefixed(held.id)]
        again.cancel()
        again.delete(held)

    def test_a_running_job_is_stopped_before_it_is_deleted(self, cloud: Cloud) -> None:
        engine = cloud.engine()
        failed = self.cancelled(cloud, engine, cloud.slow(), "stopped")
        assert failed.init_failed is not None
        held = Held(engine.urn("TrainingRun", "stopped"), failed.init_failed.id, from_struct(failed.init_failed.inputs))
        engine.delete(held)
        assert engine.read(held).id == ""
        assert self.found(cloud, held.urn, "TrainingRun") == []

    def cancelled(self, cloud: Cloud, engine: Engine, inputs: dict[str, Any], name: str) -> CallFailed:
        """Begin a run and cancel it as soon as the cloud has it."""
        ended: list[Exception] = []

        def create() -> None:
            try:
                engine.create("TrainingRun", inputs, name=name)
            except Exception as failed:  # noqa: BLE001 - judged in the test's own thread
                ended.append(failed)

        thread = threading.Thread(target=create, daemon=True)
        thread.start()
        end = time.monotonic() + 120
        while not self.found(cloud, engine.urn("TrainingRun", name), "TrainingRun"):
            assert time.monotonic() < end
            assert not ended, ended
            time.sleep(0.02)
        engine.cancel()
        thread.join(60)
        assert ended, "the create ended as if it had not been cancelled"
        assert isinstance(ended[0], CallFailed)
        return ended[0]

    def test_no_secret_is_in_the_outputs_or_messages(self, cloud: Cloud) -> None:
        engine = cloud.engine()
        inputs = {**cloud.inputs("TrainingRun"), "environment": {"TOKEN": SECRET}}
        held = engine.create("TrainingRun", inputs, name="secret")
        engine.cancel()
        assert SECRET not in str(held.outputs)
        assert SECRET not in str(engine.logged)
        with pytest.raises(CallFailed) as raised:
            engine.create("TrainingRun", {**cloud.failing(), "environment": {"TOKEN": SECRET}}, name="secret-failing")
        assert SECRET not in raised.value.message
        engine.delete(held)
