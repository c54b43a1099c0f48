"""The provider `moor` as a process: `python -m providers.plugin [DIR] ENGINE_ADDRESS`, or `--attach [PORT]`."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from providers.serve import main

main(sys.argv[1:])
