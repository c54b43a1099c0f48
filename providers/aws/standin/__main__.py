"""The stand-in as a process: `python -m providers.aws.standin [DIR] ENGINE_ADDRESS`, or `--attach [PORT]`."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[3]))

from providers.aws.standin.servicer import AwsStandin
from providers.serve import main

main(sys.argv[1:], AwsStandin)
