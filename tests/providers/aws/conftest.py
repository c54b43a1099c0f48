"""Emulators for tests: one that a test process shares, and ones of a test's own."""

from __future__ import annotations

import importlib.util
import uuid
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import ExitStack
from pathlib import Path

import pytest
from running_emulator import RunningEmulator, StartEmulator

PACKAGES = ("boto3", "moto", "flask", "flask_cors")
MISSING = [name for name in PACKAGES if importlib.util.find_spec(name) is None]


@pytest.fixture(scope="session")
def emulator() -> Iterator[RunningEmulator]:
    """An emulator that all tests of this process share: what a test makes carries a name of its own (`unique`).

    It may be restarted and killed, as state survives that; a test that breaks something starts its own.
    """
    with RunningEmulator() as running:
        yield running


@pytest.fixture
def start_emulator() -> Iterator[StartEmulator]:
    """Starts emulators of the test's own: `start_emulator({"MOORING_EMULATOR_TIME": "600"})`."""
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


class NotInstalled(pytest.Module):
    """A file of tests that cannot even be imported here."""

    def collect(self) -> Iterable[pytest.Item | pytest.Collector]:
        """Skip it whole, and say why."""
        pytest.skip(f"the emulator of AWS needs {', '.join(MISSING)} (install mooring[aws])", allow_module_level=True)


def pytest_pycollect_makemodule(module_path: Path, parent: pytest.Collector) -> pytest.Module | None:
    """Skip all tests of AWS where its packages are absent."""
    return NotInstalled.from_parent(parent, path=module_path) if MISSING else None
