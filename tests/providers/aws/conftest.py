"""Emulators for tests: one that a test process shares, and ones of a test's own."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack

import pytest
from running_emulator import RunningEmulator

StartEmulator = Callable[..., RunningEmulator]


@pytest.fixture(scope="session")
def emulator() -> Iterator[RunningEmulator]:
    """An emulator that all tests of this process share: what a test makes carries a name of its own (`unique`).

    It may be restarted and killed, as state survives that; a test that breaks something starts its own.
    """
    _need_packages()
    with RunningEmulator() as running:
        yield running


@pytest.fixture
def start_emulator() -> Iterator[StartEmulator]:
    """Starts emulators of the test's own: `start_emulator({"MOORING_EMULATOR_TIME": "600"})`."""
    _need_packages()
    with ExitStack() as stack:

        def start(environment: Mapping[str, str] | None = None) -> RunningEmulator:
            return stack.enter_context(RunningEmulator(environment))

        yield start


@pytest.fixture
def unique() -> Callable[[str], str]:
    """Makes a name that nothing else in the shared emulator has: `unique("model")`."""

    def make(prefix: str) -> str:
        return f"{prefix}-{uuid.uuid4().hex[:10]}"

    return make


def _need_packages() -> None:
    for name in ("boto3", "moto", "flask", "flask_cors"):
        pytest.importorskip(name, reason=f"the emulator of AWS needs {name} (install mooring[aws])")
