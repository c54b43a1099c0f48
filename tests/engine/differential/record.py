"""What `pulumi` makes of the scenarios, written down: `python record.py [NAME…]`, with `pulumi` on PATH."""

from __future__ import annotations

import json
import sys
import tempfile
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE.parents[2]), str(HERE), str(HERE.parent / "support")]

from collection import RECORDED, SCENARIOS  # noqa: E402
from twins import Cli  # noqa: E402


def record(name: str) -> None:
    """Run one scenario by the CLI, and keep what came of it."""
    with tempfile.TemporaryDirectory() as root:
        project = Cli(Path(root) / "p", SCENARIOS[name])
        project.init()
        steps = [project.run(step) for step in SCENARIOS[name].steps]
    write(name, steps)


def write(name: str, steps: list[dict[str, object]]) -> None:
    """One step a line, so that a difference between two recordings shows where it is."""
    lines = ",\n".join(json.dumps(step, sort_keys=True, ensure_ascii=False) for step in steps)
    (RECORDED / f"{name}.json").write_text(f"[\n{lines}\n]\n")


if __name__ == "__main__":
    for chosen in sys.argv[1:] or sorted(SCENARIOS):
        record(chosen)
        print(chosen, flush=True)
