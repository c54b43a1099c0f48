"""What all tests share: a private home for each test, and no ambient settings.

The cache of environments (`MOORING_CACHE`) is the one thing that tests share on purpose: building the image
takes a while, is locked between processes, and never changes once built.
"""

from __future__ import annotations

import os
import shutil
import signal
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

KIT = Path(__file__).resolve().parents[1]
APART = {
    "aws": {"aws", "test_aws_contract.py", "test_sagemaker_sdk.py"},
    "walk": {"test_kill_walk.py"},
}
"""Folders and files of the tests that `make test-aws` and `make test-walk` run, by marker."""

if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:  # as behind a shell's `&`: what tests start would inherit it
    signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.fixture(autouse=True)
def private_places(monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A home of its own for each test, short enough for Unix sockets, and gone afterwards."""
    for name in list(os.environ):
        if name.startswith(("MOORING_", "PULUMI_")) and name != "MOORING_CACHE":
            monkeypatch.delenv(name)
    home = Path(tempfile.mkdtemp(prefix="moor-"))
    monkeypatch.setenv("MOORING_HOME", str(home))
    monkeypatch.setenv("PULUMI_SKIP_UPDATE_CHECK", "true")
    yield home
    shutil.rmtree(home, ignore_errors=True)


@pytest.fixture
def kit() -> Path:
    """The checkout under test."""
    return KIT


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Skip what needs the Pulumi CLI where it is absent, and say so. What takes long comes first, so that at the end
    of a run no process works alone."""
    items.sort(key=lambda item: "slow" not in item.keywords)
    for item in items:
        for marker, places in APART.items():
            if places & {*item.path.parts, item.path.name}:
                item.add_marker(marker)
    if shutil.which("pulumi"):
        return
    absent = pytest.mark.skip(reason="the Pulumi CLI (`pulumi`) is not on PATH")
    for item in items:
        if "pulumi_cli" in item.keywords:
            item.add_marker(absent)
