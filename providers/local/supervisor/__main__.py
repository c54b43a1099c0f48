"""`python -m providers.local.supervisor HOME`."""

import os
import sys

from providers.local.supervisor.daemon import main

if __name__ == "__main__":
    code = main(sys.argv[1:])
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code)  # its daemon threads hold nothing that would need an orderly end
