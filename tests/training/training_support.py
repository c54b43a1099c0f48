"""What the tests of training share."""

from __future__ import annotations

import subprocess
from collections.abc import Callable
from pathlib import Path

KIT = Path(__file__).resolve().parents[2]
IRIS = KIT / "data" / "iris.csv"

RunTraining = Callable[..., "subprocess.CompletedProcess[str]"]
