"""Fixtures of the engine's tests: a small project with the `demo` provider."""

from __future__ import annotations

import functools
import sys
from pathlib import Path

import pytest

SUPPORT = Path(__file__).parent / "support"
sys.path.insert(0, str(SUPPORT))

from engine_kit import Stack  # noqa: E402

from infra.engine.configuration import secrets  # noqa: E402


@pytest.fixture(autouse=True)
def derived_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """A million rounds of PBKDF2 are a quarter of a second; the same key need not be derived for each test."""
    monkeypatch.setattr(secrets, "_derive", _derive)


_derive = functools.cache(secrets._derive)


@pytest.fixture
def stack(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Stack:
    """A project of its own, with an empty stack `dev` and an empty demo home."""
    made = Stack(tmp_path)
    monkeypatch.setenv("DEMO_HOME", str(made.home))
    monkeypatch.setenv("PYTHONPATH", str(SUPPORT))
    return made
