"""`python -m providers.aws.emulator --home DIR --port N`: the emulator's process. Ended by SIGTERM or SIGINT."""

from __future__ import annotations

import argparse
import os
import signal
import sys
import threading
from pathlib import Path


def main(arguments: list[str]) -> int:
    """Serve until told to end."""
    parser = argparse.ArgumentParser(prog="python -m providers.aws.emulator", description=__doc__)
    parser.add_argument("--home", type=Path, required=True, help="folder of its state, jobs and servers")
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--cache", type=Path, help="folder of the environments of jobs and servers")
    options = parser.parse_args(arguments)
    for name in [name for name in os.environ if name.startswith("AWS_")]:
        del os.environ[name]  # nothing of a real account plays a part here
    os.environ |= {"AWS_EC2_METADATA_DISABLED": "true", "AWS_CONFIG_FILE": os.devnull,
                   "AWS_SHARED_CREDENTIALS_FILE": os.devnull}  # fmt: skip
    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    from providers.aws.emulator.server import serve

    serve(options.home.resolve(), options.port, options.cache, stop)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
