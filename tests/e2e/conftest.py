"""A temporary project for end-to-end tests; whatever it started is stopped at the end of the test."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.e2e.support.project import Project

pytest.register_assert_rewrite("tests.e2e.support.walk")


@pytest.fixture
def project(tmp_path: Path, private_places: Path) -> Iterator[Project]:
    """An empty project (no stack yet) with a home of its own."""
    made = Project(tmp_path / "project", private_places)
    yield made
    for left in made.processes():
        try:
            os.kill(left["pid"], signal.SIGKILL)
        except ProcessLookupError:
            pass
