"""The command line `mooring`. `main` is its entry; one module a verb in `mooring.cli.commands`."""

from __future__ import annotations

import gc
import sys
from collections.abc import Sequence


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command and return its exit status (see `mooring.cli.exits`); errors are on stderr, one line each.

    `arguments` are those of the process by default.
    """
    if arguments is None:
        # A tenth of a preview would be spent looking for garbage among freshly imported modules. `operate` and
        # `logs --follow`, which may run for long, switch it on again.
        gc.disable()
    from mooring.cli.run import run

    return run(list(sys.argv[1:] if arguments is None else arguments))
