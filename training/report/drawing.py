"""Figures are drawn in a process of their own, beside what else the job has to do: a job without them is as quick.

`start` begins it, `collect` waits for it. Where matplotlib is absent there are no figures, and the page says so.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Self

LIMIT = 120.0
"""Seconds after which drawing is given up."""
ABSENT = 3
"""Exit code of a drawing process that has no matplotlib."""
KIT = Path(__file__).resolve().parents[2]


@dataclass(frozen=True)
class Figures:
    """Names of figures to their PNG files and their SVG for the page; or the reason why there are none."""

    png: dict[str, bytes] = field(default_factory=dict)
    svg: dict[str, str] = field(default_factory=dict)
    reason: str = ""


class Drawing:
    """A drawing process under way; as a context it is ended when the block is left before it was collected."""

    def __init__(self, details: Mapping[str, Any]) -> None:
        self._scratch = tempfile.TemporaryDirectory(prefix="mooring-report-")
        folder = Path(self._scratch.name)
        (folder / "details.json").write_text(json.dumps(details), encoding="utf-8")
        path = os.pathsep.join(filter(None, (str(KIT), os.environ.get("PYTHONPATH"))))
        environment = {
            **os.environ,
            "PYTHONPATH": path,
            "MPLCONFIGDIR": str(folder / "matplotlib"),  # neither a user's settings nor files left in a home
            "MPLBACKEND": "agg",
            "OMP_NUM_THREADS": "1",
        }
        self._process = subprocess.Popen(
            [sys.executable, "-m", "training.report", "--figures", str(folder)],
            env=environment, cwd=folder, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE,
        )  # fmt: skip

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        if self._process.returncode is None:
            self.cancel()

    def collect(self) -> Figures:
        """Wait for the figures. Never raises for what goes wrong in drawing: a model is no worse for it."""
        try:
            _, errors = self._process.communicate(timeout=LIMIT)
        except subprocess.TimeoutExpired:
            self.cancel()
            return Figures(reason=f"drawing them took longer than {LIMIT:g} s")
        try:
            return self._figures(errors.decode(errors="replace").strip())
        finally:
            self._scratch.cleanup()

    def _figures(self, errors: str) -> Figures:
        if self._process.returncode == ABSENT:
            return Figures(reason="matplotlib is not installed in this environment")
        if self._process.returncode:
            last = errors.splitlines()[-1] if errors else f"exit code {self._process.returncode}"
            return Figures(reason=f"drawing them failed ({last})")
        folder = Path(self._scratch.name)
        png = {path.stem: path.read_bytes() for path in sorted(folder.glob("*.png"))}
        return Figures(png, {path.stem: path.read_text(encoding="utf-8") for path in sorted(folder.glob("*.svg"))})

    def cancel(self) -> None:
        """End the process and remove what it wrote."""
        self._process.kill()
        self._process.wait()
        if self._process.stderr:
            self._process.stderr.close()
        self._scratch.cleanup()


class Deferred:
    """Stands for a drawing that is not begun: of the trials of a tuning only the best one is drawn, in the end
    (`training.report.artifact.complete`)."""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        """Nothing is under way."""

    def collect(self) -> Figures:
        """No figures, and why."""
        return Figures(reason="those of a trial are drawn when it is the best")


def start(details: Mapping[str, Any]) -> Drawing | Deferred:
    """Begin to draw the figures of an evaluation's details, unless this is one trial of many."""
    return Deferred() if os.environ.get("MOORING_TRIAL") else Drawing(details)


def draw_into(folder: Path) -> int:
    """The drawing process: figures of `details.json` in `folder`, into `folder`. Its exit code."""
    try:
        import matplotlib  # noqa: F401 - whether it is there
    except ImportError:
        return ABSENT
    from training.report.figures import FIGURES, draw

    details = json.loads((folder / "details.json").read_bytes())
    for name, (_, _, has) in FIGURES.items():
        if has(details):
            png, svg = draw(name, details)
            (folder / f"{name}.png").write_bytes(png)
            (folder / f"{name}.svg").write_text(svg, encoding="utf-8")
    return 0
