"""Commands on models without a stack, run in this process, with one home for a whole module: copying and compiling
the kit's packages takes longer than most of these commands."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from mooring.cli import main

KIT = Path(__file__).resolve().parents[2]
IRIS = KIT / "data" / "iris.csv"
FAST = ("--estimator", "LogisticRegression")


@dataclass(frozen=True)
class Ran:
    """How a command ended, and what it said."""

    code: int
    out: str
    err: str

    def json(self) -> Any:
        """The document on standard output."""
        return json.loads(self.out)


Run = Callable[..., Ran]


def runner(capfd: pytest.CaptureFixture[str]) -> Run:
    """Runs `mooring` with these words; fails the test when its exit status is not `expect`."""

    def run(*words: object, expect: int = 0) -> Ran:
        capfd.readouterr()
        code = main([str(word) for word in words])
        out, err = capfd.readouterr()
        assert code == expect, f"mooring {' '.join(map(str, words))} exited {code}:\n{out}\n{err}"
        assert "internal error" not in err
        return Ran(code, out, err)

    return run


def left_beside(place: Path) -> list[str]:
    """Names beside `place` that begin with a dot: what is under construction, or was left."""
    return sorted(path.name for path in place.parent.iterdir() if path.name.startswith("."))
