"""`python -m mooring`: the same as the `mooring` command."""

import sys

from mooring.cli import main

if __name__ == "__main__":
    sys.exit(main())
