"""One operation of the engine in a process of its own, to be killed from outside: `VERB ROOT`."""

from __future__ import annotations

import os
import sys
from pathlib import Path

from engine_kit import Stack

from providers import boundaries


def run(verb: str, root: str) -> int:
    """Run one operation; its exit code."""
    result = Stack(Path(root)).run(verb)
    for error in result.errors:
        print(error, file=sys.stderr)
    return 0 if result.ok else 1


def run_stopping(verb: str, root: str, marks: str, boundary: int) -> None:
    """The same in a forked process, waiting at a boundary to be killed."""
    os.environ |= {
        boundaries.FILE: marks,
        boundaries.STOP: str(boundary),
        "DEMO_HOME": str(Path(root) / "home"),
    }
    sys.exit(run(verb, root))


if __name__ == "__main__":
    sys.exit(run(*sys.argv[1:3]))
