"""The command line `mooring`. `main` is its entry; one module a verb in `mooring.cli.commands`."""

from __future__ import annotations

import sys
from collections.abc import Sequence


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command and return its exit status (see `mooring.cli.exits`); errors are on stderr, one line each.

    `arguments` are those of the process by default.
    """
    from mooring.cli.run import run

    return run(list(sys.argv[1:] if arguments is None else arguments))
