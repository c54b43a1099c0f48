"""Figures are drawn in a process of their own, beside what else the job has to do: a job without them is as quick.

`start` begins it, so that matplotlib is loaded while the job is at other things, `begin` hands it what is to be drawn,
`collect` waits for the figures. Where matplotlib is absent there are none, and the page says so.
"""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
import sys
import tempfile
import traceback
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any, Self

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

    def __init__(self, details: Mapping[str, Any] | None = None) -> None:
        self._scratch = tempfile.TemporaryDirectory(prefix="mooring-report-")
        folder = Path(self._scratch.name)
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
            env=environment, cwd=folder, stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE,
        )  # fmt: skip
        if details is not None:
            self.begin(details)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        if self._process.returncode is None:
            self.cancel()

    def begin(self, details: Mapping[str, Any]) -> None:
        """Draw the figures of an evaluation's details."""
        stdin = self._process.stdin
        assert stdin is not None
        with contextlib.suppress(BrokenPipeError):  # it ended; `collect` tells why
            stdin.write(json.dumps(details).encode() + b"\n")  # a line: the job's forks hold the pipe open as well
        with contextlib.suppress(BrokenPipeError):
            stdin.close()
        self._process.stdin = None

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
        for pipe in (self._process.stdin, self._process.stderr):
            if pipe:
                pipe.close()
        self._scratch.cleanup()


class Deferred:
    """Stands for a drawing that is not begun: of the trials of a tuning only the best one is drawn, in the end
    (`training.report.artifact.complete`)."""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        """Nothing is under way."""

    def begin(self, details: Mapping[str, Any]) -> None:
        """Not now."""

    def collect(self) -> Figures:
        """No figures, and why."""
        return Figures(reason="those of a trial are drawn when it is the best")


def start(details: Mapping[str, Any] | None = None) -> Drawing | Deferred:
    """Begin to draw the figures of an evaluation's details, or to wait for them, unless this is one trial of many."""
    return Deferred() if os.environ.get("MOORING_TRIAL") else Drawing(details)


def draw_into(folder: Path, details: IO[bytes]) -> int:
    """The drawing process: figures of the line of JSON from `details`, into `folder`. Its exit code. Where no line
    comes, because the job ended before, nothing is drawn."""
    try:
        import matplotlib.backends.backend_agg
        import matplotlib.backends.backend_svg
        import matplotlib.figure  # noqa: F401 - whether it is there, and loaded before it is needed
    except ImportError:
        return ABSENT
    given = details.readline()
    return _draw(json.loads(given) if given else {}, folder)


def _draw(details: Mapping[str, Any], folder: Path) -> int:
    """All figures that these details have, half of them in a fork of this process; an exit code."""
    from training.report.figures import FIGURES

    names = [name for name, (_, _, has) in FIGURES.items() if has(details)]
    child = os.fork()
    if not child:
        code = 1
        try:
            code = _keep(names[1::2], details, folder)
        except Exception:  # noqa: BLE001 - told as the interpreter would, which must not unwind twice
            traceback.print_exc()
        finally:
            os._exit(code)
    _keep(names[::2], details, folder)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


def _keep(names: Sequence[str], details: Mapping[str, Any], folder: Path) -> int:
    from training.report.figures import draw

    for name in names:
        png, svg = draw(name, details)
        (folder / f"{name}.png").write_bytes(png)
        (folder / f"{name}.svg").write_text(svg, encoding="utf-8")
    return 0
