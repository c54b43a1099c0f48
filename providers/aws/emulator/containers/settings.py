"""The variables by which a serving container is told what to do."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

Framework = Literal["scikit-learn", "xgboost", "own"]
"""Whose image it is: AWS's for scikit-learn, AWS's for XGBoost, or one of the account's own."""
OPT_ML = "/opt/ml"


@dataclass(frozen=True)
class Settings:
    """`base` is the folder that holds `model` and `code`: `/opt/ml`, where the system can show it there.

    `program` is empty where nobody named one.
    """

    framework: Framework
    base: Path
    program: str
    submitted: str
    default_accept: str
    workers: int

    @classmethod
    def read(cls, framework: Framework, base: Path, environ: Mapping[str, str]) -> Settings:
        """From the container's environment. An image of the user's own has its code in `model/code`; AWS's images
        look there only when `SAGEMAKER_SUBMIT_DIRECTORY` says so."""
        own = framework == "own"
        submitted = environ.get("SAGEMAKER_SUBMIT_DIRECTORY") or f"{OPT_ML}/{'model/code' if own else 'code'}"
        return cls(
            framework,
            base,
            program=environ.get("SAGEMAKER_PROGRAM") or ("inference.py" if own else ""),
            submitted=_below(base, submitted),
            default_accept=environ.get("SAGEMAKER_DEFAULT_INVOCATIONS_ACCEPT", "application/json"),
            workers=max(1, int(environ.get("SAGEMAKER_MODEL_SERVER_WORKERS") or os.cpu_count() or 1)),
        )

    @property
    def model(self) -> Path:
        """The unpacked model."""
        return self.base / "model"

    @property
    def code(self) -> Path:
        """Where the user's module is imported from."""
        return self.base / "code"

    @property
    def module(self) -> str:
        """The name that the user's module is imported by."""
        return self.program.removesuffix(".py")


def _below(base: Path, address: str) -> str:
    """A path below `/opt/ml` where that folder really is."""
    inside = address == OPT_ML or address.startswith(f"{OPT_ML}/")
    return str(base) + address.removeprefix(OPT_ML) if inside else address
