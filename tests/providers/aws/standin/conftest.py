"""An engine with one provider, on the emulator that all tests share."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from running_emulator import RunningEmulator

sys.path.insert(0, str(Path(__file__).parent))

from standin_kit import Engine


@pytest.fixture
def engine(emulator: RunningEmulator) -> Iterator[Engine]:
    """A provider of a region; what it has made and a test has not deleted is deleted."""
    made = Engine(emulator.url)
    yield made
    made.clean()
