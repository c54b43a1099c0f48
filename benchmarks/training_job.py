"""`python -m benchmarks.training_job [--rows N]`: what a training job adds to the bare script that does the same.

`python -m training` on a CSV against `benchmarks/peers/bare_training.py` (read, impute, scale, a random forest of 100
trees, metrics, saved with joblib), in turn, the best of five; wall time of the process and its children, and the
largest resident size of any of them, in the environment of the local cloud's image. The goal: under 1 s and under
30 MB more.
"""

from __future__ import annotations

import argparse
import os
import shutil
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from providers.local.environments.environments import Environments

ROOT = Path(__file__).resolve().parents[1]
RUNS = 5
GOAL_SECONDS, GOAL_BYTES = 1.0, 30 << 20


@dataclass
class Measured:
    """Wall seconds and largest resident bytes of each run of one command."""

    seconds: list[float] = field(default_factory=list)
    bytes: list[int] = field(default_factory=list)


def measure(command: list[str], environment: dict[str, str], log: Path) -> tuple[float, int]:
    """One run. Raises SystemExit with what it said where it fails."""
    begin = time.perf_counter()
    with log.open("wb") as stream:
        process = subprocess.Popen(command, env=environment, stdout=stream, stderr=stream, cwd=log.parent)
        _, status, used = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
    taken = time.perf_counter() - begin
    if process.returncode:
        sys.exit(f"{' '.join(command)} exited {process.returncode}:\n{log.read_text()}")
    return taken, used.ru_maxrss * (1 if sys.platform == "darwin" else 1024)


def data(folder: Path, rows: int) -> tuple[Path, str]:
    """Iris, or a made-up table of so many rows with ten numbers and three classes."""
    if not rows:
        return ROOT / "data" / "iris.csv", "species"
    random = np.random.default_rng(0)
    numbers = random.standard_normal((rows, 10)).round(3)
    label = np.digitize(numbers[:, 0] + numbers[:, 1] * numbers[:, 2] + random.standard_normal(rows) / 3, [-0.5, 0.5])
    lines = [",".join(map(str, row)) + f",c{name}" for row, name in zip(numbers.tolist(), label.tolist(), strict=True)]
    path = folder / "rows.csv"
    path.write_text(",".join(f"x{at}" for at in range(10)) + ",y\n" + "\n".join(lines) + "\n")
    return path, "y"


def main() -> int:
    """Measure and print; exit code 1 where a goal is missed."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--rows", type=int, default=0, help="rows of a made-up table; iris when 0")
    rows = parser.parse_args().rows
    found = {"bare": Measured(), "job": Measured()}
    with tempfile.TemporaryDirectory(prefix="mooring-benchmark-") as scratch:
        folder = Path(scratch)
        path, target = data(folder, rows)
        base = {"PATH": os.defpath, "HOME": scratch, "LANG": "C.UTF-8", "PYTHONHASHSEED": "0"}
        job = {
            **base,
            "PYTHONPATH": str(ROOT),
            "MOORING_CHANNEL_TRAIN": str(path),
            "MOORING_MODEL_DIR": str(folder / "model"),
            "MOORING_METRICS_FILE": str(folder / "metrics.json"),
        }
        python = str(Environments().ensure("sklearn", progress=print))
        bare = [python, str(ROOT / "benchmarks/peers/bare_training.py"), str(path), target, str(folder / "m")]
        commands = {
            "bare": (bare, base),
            "job": ([python, "-m", "training", "--target", target], job),
        }
        for counted in (False, *[True] * RUNS):
            for name, (command, environment) in commands.items():
                shutil.rmtree(folder / "model", ignore_errors=True)
                seconds, size = measure(command, environment, folder / "log.txt")
                if counted:
                    found[name].seconds.append(seconds)
                    found[name].bytes.append(size)
    return report(found, rows)


def report(found: dict[str, Measured], rows: int) -> int:
    """Print the best runs and what the job adds."""
    print(f"{'iris' if not rows else f'{rows:,} rows'}, best of {RUNS}, load {os.getloadavg()[0]:.1f}")
    for name, measured in found.items():
        print(f"{name:6} {min(measured.seconds):7.3f} s  {min(measured.bytes) / 2**20:7.1f} MB")
    seconds = min(found["job"].seconds) - min(found["bare"].seconds)
    size = min(found["job"].bytes) - min(found["bare"].bytes)
    ratio = min(found["job"].seconds) / min(found["bare"].seconds)
    print(f"the job adds {seconds:.3f} s (× {ratio:.2f}) and {size / 2**20:.1f} MB; goals 1 s and 30 MB")
    return int(seconds > GOAL_SECONDS or size > GOAL_BYTES)


if __name__ == "__main__":
    sys.exit(main())
