"""Packages that a user's code brings along, installed before it runs: what a platform's container does with pip."""

from __future__ import annotations

import importlib.util
import os
import shutil
import sys
from collections.abc import Mapping
from pathlib import Path

from training.errors import TrainingError
from training.jobs.scripts.process import check


def install(what: list[str], cwd: Path, environment: Mapping[str, str], target: Path | None = None) -> None:
    """`pip install` in the folder `cwd`, into this Python or, where that is shared, into the folder `target`.

    An environment without pip uses the one that comes with Python, or uv. Raises TrainingError with pip's reason.
    """
    variables, words = {**environment, "PIP_DISABLE_PIP_VERSION_CHECK": "1"}, ["-m", "pip", "install"]
    if importlib.util.find_spec("pip") is None:
        if wheel := _bundled_pip():
            variables["PYTHONPATH"] = f"{wheel}{os.pathsep}{environment.get('PYTHONPATH', '')}"
        elif uv := shutil.which("uv"):
            _run([uv, "pip", "install", "--python", sys.executable], what, cwd, variables, target)
            return
        else:
            raise TrainingError(f"pip install {' '.join(what)}: this environment has neither pip nor uv")
    _run([sys.executable, *words], what, cwd, variables, target)


def _run(words: list[str], what: list[str], cwd: Path, variables: Mapping[str, str], target: Path | None) -> None:
    into = ["--target", str(target)] if target is not None else []
    ended = check([*words, *into, *what], cwd, variables)
    if ended.code:
        raise TrainingError(f"pip install {' '.join(what)}: {ended.reason}")


def _bundled_pip() -> Path | None:
    """The wheel of pip that comes with Python (PEP 453); distributions may leave it out."""
    spec = importlib.util.find_spec("ensurepip")
    if spec is None or spec.origin is None:
        return None
    return next(iter(sorted((Path(spec.origin).parent / "_bundled").glob("pip-*.whl"))), None)
