"""The provider over the fake cloud, in process."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from contract.fake_cloud import Records, fake_adapter
from contract.provider_calls import Engine


@pytest.fixture
def records(tmp_path: Path) -> Records:
    """What the fake cloud has."""
    return Records(tmp_path / "cloud")


@pytest.fixture
def new_engine(tmp_path: Path, records: Records) -> Callable[[], Engine]:
    """Makes an engine as another process would: a new provider over the same cloud."""
    (tmp_path / "a.csv").write_text("x,y\n1,2\n")

    def make() -> Engine:
        adapters = {
            "fake": fake_adapter(records.folder),
            "bare": fake_adapter(records.folder, cloud="bare", without=["TuningRun", "BatchPrediction"]),
        }
        return Engine(adapters, tmp_path)

    return make


@pytest.fixture
def engine(new_engine: Callable[[], Engine]) -> Engine:
    """One engine."""
    return new_engine()
