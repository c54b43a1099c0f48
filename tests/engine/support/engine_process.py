"""One operation of the engine in a process of its own, to be killed from outside: `VERB ROOT`."""

from __future__ import annotations

import sys
from pathlib import Path

from engine_kit import Stack

if __name__ == "__main__":
    verb, root = sys.argv[1:3]
    result = Stack(Path(root)).run(verb)
    for error in result.errors:
        print(error, file=sys.stderr)
    sys.exit(0 if result.ok else 1)
