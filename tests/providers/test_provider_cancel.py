"""Cancel, time limits and progress of running operations."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from typing import Any

import pytest
from contract.fake_cloud import Records
from contract.provider_calls import CallFailed, Engine, Held

from providers import progress
from providers.codec import from_struct
from providers.operations import Operations

RUN: dict[str, Any] = {"cloud": "fake", "name": "r", "model": "m", "channels": {"train": {"uri": "u"}}}


class Call(threading.Thread):
    """A call in another thread, and how it ended."""

    def __init__(self, body: Callable[[], Any]) -> None:
        super().__init__(daemon=True)
        self._body = body
        self.result: Any = None
        self.failed: CallFailed | None = None
        self.start()

    def run(self) -> None:
        try:
            self.result = self._body()
        except CallFailed as failed:
            self.failed = failed

    def end(self) -> CallFailed:
        self.join(20)
        assert not self.is_alive()
        assert self.failed is not None, self.result
        return self.failed


def slow(**overrides: Any) -> dict[str, Any]:
    return {**RUN, "overrides": {"seconds": 30, **overrides}}


def begun(records: Records, number: int = 1) -> None:
    end = time.monotonic() + 10
    while len(records.all()) < number:
        assert time.monotonic() < end
        time.sleep(0.01)


def test_cancel_ends_a_create_with_the_id_of_what_was_begun(engine: Engine, records: Records) -> None:
    call = Call(lambda: engine.create("TrainingRun", slow()))
    begun(records)
    engine.cancel()
    failed = call.end()
    assert failed.init_failed is not None
    assert failed.init_failed.id == f"fake:{next(iter(records.all()))}"
    assert "cancelled" in failed.init_failed.reasons[0]
    assert from_struct(failed.init_failed.properties)["status"] == "running"


def test_a_cancelled_create_is_resumed_by_an_update(engine: Engine, records: Records) -> None:
    call = Call(lambda: engine.create("TrainingRun", {**RUN, "overrides": {"seconds": 1}}))
    begun(records)
    engine.cancel()
    failed = call.end().init_failed
    assert failed is not None
    held = Held(
        engine.urn("TrainingRun", "thing"), failed.id, from_struct(failed.inputs), from_struct(failed.properties)
    )
    assert not engine.diff(held, held.inputs).replaces
    assert engine.update(held, held.inputs)["status"] == "succeeded"
    assert len(records.all()) == 1


def test_an_adapter_that_does_not_listen_is_left_to_itself(
    engine: Engine, records: Records, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(engine.servicer, "_operations", Operations(grace=0.2))
    call = Call(lambda: engine.create("TrainingRun", slow(deaf=8)))
    begun(records)
    engine.cancel()
    failed = call.end()
    assert failed.init_failed is not None
    assert failed.init_failed.id == f"fake:{next(iter(records.all()))}"


def test_the_cancel_after_an_operation_does_not_reach_the_next(engine: Engine, records: Records) -> None:
    engine.create("TrainingRun", RUN)
    engine.cancel()
    held = engine.create("TrainingRun", {**RUN, "overrides": {"seconds": 0.1}}, name="next")
    assert held.outputs["status"] == "succeeded"


def test_cancel_reaches_only_what_came_over_the_same_connection(engine: Engine, records: Records) -> None:
    mine = Call(lambda: engine.create("TrainingRun", slow(), peer="ipv4:127.0.0.1:1"))
    begun(records)
    theirs = Call(lambda: engine.create("TrainingRun", slow(seconds=1.5), name="theirs", peer="ipv4:127.0.0.1:2"))
    begun(records, 2)
    engine.cancel("ipv4:127.0.0.1:1")
    assert mine.end().init_failed is not None
    theirs.join(20)
    assert theirs.failed is None
    assert theirs.result.outputs["status"] == "succeeded"


def test_all_running_operations_are_cancelled(engine: Engine, records: Records) -> None:
    calls = [Call(lambda n=n: engine.create("TrainingRun", slow(), name=f"r{n}")) for n in range(5)]  # type: ignore[misc]
    begun(records, 5)
    engine.cancel()
    assert {call.end().init_failed is not None for call in calls} == {True}


def test_a_time_limit_is_reported_as_one_and_keeps_the_id(engine: Engine) -> None:
    with pytest.raises(CallFailed) as raised:
        engine.create("TrainingRun", slow(), timeout=0.3)
    assert raised.value.init_failed is not None
    assert "timed out after 0.3 s (customTimeouts)" in raised.value.init_failed.reasons[0]


def test_progress_goes_to_the_log_with_the_urn_masked_and_throttled(engine: Engine) -> None:
    held = engine.create("TrainingRun", {**RUN, "overrides": {"seconds": 0.5}})
    messages = [message for _, message, urn, ephemeral in engine.logged if urn == held.urn and ephemeral]
    assert messages == ["working on it (50%)"]


def test_a_long_silence_is_broken(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(progress, "HEARTBEAT", 0.05)
    monkeypatch.setattr(progress, "INTERVAL", 0.01)
    told: list[str] = []
    reporter = progress.Reporter(lambda severity, message, urn="", ephemeral=False: told.append(message), "urn")
    reporter("training")
    time.sleep(0.1)
    reporter.beat()
    assert told[0] == "training"
    assert told[1].startswith("training, ")
    assert told[1].endswith("s so far")


def test_what_is_held_back_is_told_later(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(progress, "INTERVAL", 0.05)
    told: list[str] = []
    reporter = progress.Reporter(lambda severity, message, urn="", ephemeral=False: told.append(message), "urn")
    for step in range(100):
        reporter(f"step {step}")
    time.sleep(0.1)
    reporter.beat()
    assert told[0] == "step 0"
    assert told[-1] == "step 99"
    assert len(told) <= 4
