"""Starts the server from the folder that this copy of the kit is in, whatever `PYTHONPATH` the model's user set."""

import runpy
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[4]

if __name__ == "__main__":
    sys.path.insert(0, str(ROOT))
    runpy.run_module("providers.aws.emulator.containers.serve", run_name="__main__", alter_sys=True)
