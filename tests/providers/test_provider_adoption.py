"""What a killed deployment left is taken up, once; what a state holds never is."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from contract.fake_cloud import Records, digest_of
from contract.provider_calls import Engine, Held

from providers.claims import Claims

RUN: dict[str, Any] = {"cloud": "fake", "name": "r", "model": "m", "channels": {"train": {"uri": "u"}}}
DEPLOYMENT = {"name": "d", "model": "m", "digest": digest_of("x")}
ENDPOINT: dict[str, Any] = {"cloud": "fake", "name": "e", "deployments": [DEPLOYMENT]}


def live(records: Records) -> list[str]:
    return [f"fake:{id}" for id, record in records.all().items() if not record.get("retired")]


@pytest.mark.parametrize("inputs", [RUN, ENDPOINT], ids=["run", "endpoint"])
def test_a_create_whose_reply_was_lost_is_taken_up(
    new_engine: Callable[[], Engine], records: Records, inputs: dict[str, Any]
) -> None:
    type_name = "Endpoint" if inputs is ENDPOINT else "TrainingRun"
    lost = new_engine().create(type_name, inputs)
    again = new_engine().create(type_name, inputs)
    assert again.id == lost.id
    assert live(records) == [lost.id]


def test_a_claim_is_made_when_the_deployment_has_ended(engine: Engine, records: Records) -> None:
    held = engine.create("TrainingRun", RUN)
    id = held.id.partition(":")[2]
    assert records.all()[id]["claimed"] is False
    engine.cancel()
    assert records.all()[id]["claimed"] is True


def test_a_claim_is_made_when_the_engine_shows_the_id(engine: Engine, records: Records) -> None:
    held = engine.create("TrainingRun", RUN)
    engine.diff(held, held.inputs)
    assert records.all()[held.id.partition(":")[2]]["claimed"] is True


def test_a_claimed_thing_is_never_adopted(new_engine: Callable[[], Engine], records: Records) -> None:
    first = new_engine()
    held = first.create("TrainingRun", RUN)
    first.cancel()
    replaced = new_engine().create("TrainingRun", RUN)
    assert replaced.id != held.id
    assert set(live(records)) == {held.id, replaced.id}


def test_what_the_state_holds_unclaimed_is_not_adopted_by_its_replacement(
    new_engine: Callable[[], Engine], records: Records
) -> None:
    held = new_engine().create("TrainingRun", RUN)
    second = new_engine()
    second.diff(held, {**RUN, "timeLimit": 5})
    replaced = second.create("TrainingRun", RUN)
    assert replaced.id != held.id
    assert set(live(records)) == {held.id, replaced.id}


def test_an_adopted_id_survives_the_deletion_of_its_old_record(
    new_engine: Callable[[], Engine], records: Records
) -> None:
    held = new_engine().create("TrainingRun", RUN)
    second = new_engine()
    again = second.create("TrainingRun", RUN)
    second.delete(held)
    assert live(records) == [again.id]
    second.cancel()
    second.delete(again)
    assert live(records) == []


def test_a_run_begun_with_other_inputs_is_removed_not_adopted(
    new_engine: Callable[[], Engine], records: Records
) -> None:
    lost = new_engine().create("TrainingRun", RUN)
    held = new_engine().create("TrainingRun", {**RUN, "timeLimit": 5})
    assert held.id != lost.id
    assert live(records) == [held.id]


def test_an_endpoint_begun_with_other_inputs_is_taken_up_and_updated(
    new_engine: Callable[[], Engine], records: Records
) -> None:
    lost = new_engine().create("Endpoint", ENDPOINT)
    wanted = {**ENDPOINT, "deployments": [{**DEPLOYMENT, "name": "other"}]}
    held = new_engine().create("Endpoint", wanted)
    assert held.id == lost.id
    assert held.outputs["deployments"][0]["name"] == "other"


def test_a_failed_leftover_is_removed_and_begun_anew(new_engine: Callable[[], Engine], records: Records) -> None:
    lost = new_engine().create("TrainingRun", RUN)
    id = lost.id.partition(":")[2]
    record = records.load(id)
    assert record is not None
    records.save(id, {**record, "spec": {**record["spec"], "overrides": {"fail": "x"}}})
    held = new_engine().create("TrainingRun", RUN)
    assert live(records) == [held.id]
    assert held.id != lost.id


def test_another_stacks_thing_is_left_alone(new_engine: Callable[[], Engine], records: Records) -> None:
    mine, theirs = new_engine(), new_engine()
    theirs.stack = "other"
    assert theirs.create("TrainingRun", RUN).id != mine.create("TrainingRun", RUN).id
    assert len(live(records)) == 2


@pytest.mark.parametrize("inputs", [RUN, ENDPOINT], ids=["run", "endpoint"])
def test_a_discard_removes_what_a_killed_create_began_and_nobody_wants(
    new_engine: Callable[[], Engine], records: Records, inputs: dict[str, Any]
) -> None:
    lost = new_engine().create("Endpoint" if inputs is ENDPOINT else "TrainingRun", inputs)
    new_engine().servicer.discard(lost.urn, lost.inputs)
    assert live(records) == []


def test_a_discard_leaves_what_a_state_holds(new_engine: Callable[[], Engine], records: Records) -> None:
    held, second = new_engine().create("Endpoint", ENDPOINT), new_engine()
    second.diff(held, held.inputs)
    second.servicer.discard(held.urn, held.inputs)
    assert live(records) == [held.id]


def test_refresh_claims_and_a_read_without_state_does_not(engine: Engine, records: Records) -> None:
    held = engine.create("TrainingRun", RUN)
    id = held.id.partition(":")[2]
    engine.read(Held(held.urn, held.id, {"cloud": "fake"}, {"cloud": "fake"}))
    assert records.all()[id]["claimed"] is False
    engine.read(held)
    assert records.all()[id]["claimed"] is True


def wait_until(condition: Callable[[], bool]) -> None:
    import time

    end = time.monotonic() + 10
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.01)


def test_a_claim_is_made_some_time_after_the_reply_while_the_engine_lives() -> None:
    made: list[str] = []
    claims = Claims(delay=0.05)
    claims.after_reply("a", lambda: made.append("a"))
    wait_until(lambda: made == ["a"])
    claims.settle()
    assert made == ["a"]


def test_no_claim_is_made_once_the_engine_is_dead(monkeypatch: pytest.MonkeyPatch) -> None:
    made: list[str] = []
    asked: list[bool] = []

    def dead() -> bool:
        asked.append(True)
        return False

    monkeypatch.setattr("providers.claims.GIVEN_UP", 0.2)
    claims = Claims(dead, delay=0.02)
    claims.after_reply("a", lambda: made.append("a"))
    wait_until(lambda: len(asked) > 2)
    wait_until(lambda: claims._thread is None)  # it is not asked for ever
    assert made == []
