"""A stack for the tests of datasets and jobs on AWS, and the way to the emulator."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from adapter_bench import Stack
from running_emulator import RunningEmulator

from providers.aws import session


@pytest.fixture(scope="module")
def made_stack(emulator: RunningEmulator, tmp_path_factory: pytest.TempPathFactory) -> Stack:
    """One stack for a file's tests."""
    folder = tmp_path_factory.mktemp("stack")
    return Stack(emulator, f"stack-{folder.parent.name}-{folder.name}".lower().replace("_", "-")[:60], folder)


@pytest.fixture
def stack(made_stack: Stack, private_places: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Stack]:
    """The stack, and all that asks AWS asks its emulator."""
    monkeypatch.setenv(session.ENDPOINT, made_stack.running.url)
    yield made_stack
    session.close()
