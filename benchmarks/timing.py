"""Wall times of whole processes, taken in turn so that a machine's drift meets all of them alike."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Timing:
    """Seconds of each run of one command."""

    name: str
    seconds: tuple[float, ...]

    @property
    def best(self) -> float:
        """The quickest run: what the command costs when the machine does nothing else."""
        return min(self.seconds)


def side_by_side(
    commands: Mapping[str, Sequence[str]],
    *,
    runs: int = 5,
    environment: Mapping[str, str] | None = None,
    before: Callable[[], None] = lambda: None,
) -> list[Timing]:
    """Run each command `runs` times in turn (A B C A B C …) after one warm-up each; `before` each, untimed.

    Raises `SystemExit` with the command's own output when one fails: a failed run is not a fast one.
    """
    taken: dict[str, list[float]] = {name: [] for name in commands}
    for counted in (False, *[True] * runs):
        for name, command in commands.items():
            before()
            begin = time.perf_counter()
            done = subprocess.run(
                command, capture_output=True, text=True, env={**os.environ, **(environment or {})}, check=False
            )
            if done.returncode:
                sys.exit(f"{' '.join(command)} exited {done.returncode}:\n{done.stdout}{done.stderr}")
            if counted:
                taken[name].append(time.perf_counter() - begin)
    return [Timing(name, tuple(seconds)) for name, seconds in taken.items()]


def show(timings: Sequence[Timing]) -> None:
    """Print best, median and worst of each, and the load of the machine."""
    print(f"{'':44}{'best':>8}{'median':>8}{'worst':>8}   seconds, load {os.getloadavg()[0]:.1f}")
    for timing in timings:
        ordered = sorted(timing.seconds)
        print(f"{timing.name:44}{ordered[0]:8.3f}{ordered[len(ordered) // 2]:8.3f}{ordered[-1]:8.3f}")
