"""How long a person waits for `mooring --help` and for a preview that finds nothing.

Run it in a project whose stack `local` is up (`make up`): `.venv/bin/python -m benchmarks.startup`.
Goals on an idle machine, best of five: `--help` under 0.25 s, the unchanged preview under 1.0 s. Where `pulumi`
is on PATH its preview of the same program stands beside, with a plugin process of its own.
"""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

from benchmarks.timing import show, side_by_side


def main() -> None:
    """Measure and print."""
    mooring = str(Path(sys.executable).with_name("mooring"))
    commands = {
        "python -c pass": [sys.executable, "-c", "pass"],
        "python -c 'import pulumi'": [sys.executable, "-c", "import pulumi"],
        "mooring --help": [mooring, "--help"],
        "mooring preview --stack local (unchanged)": [
            mooring, "preview", "--stack", "local", "--expect-no-changes",
        ],
    }  # fmt: skip
    if shutil.which("pulumi"):
        exports = subprocess.run([mooring, "env", "--stack", "local"], capture_output=True, text=True, check=True)
        script = f"{exports.stdout}\nexec pulumi preview --stack local --expect-no-changes"
        commands["pulumi preview (plugin process)"] = ["bash", "-c", script]
    timings = side_by_side(commands)
    show(timings)
    best = {timing.name: timing.best for timing in timings}
    if "pulumi preview (plugin process)" in best:
        ratio = best["pulumi preview (plugin process)"] / best["mooring preview --stack local (unchanged)"]
        print(f"the CLI takes {ratio:.1f} times as long")


if __name__ == "__main__":
    main()
