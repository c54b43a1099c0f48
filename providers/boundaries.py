"""Named points at which a deployment may be killed, for the tests that kill it there.

`boundary("step:intent-written")` does nothing unless `MOORING_BOUNDARY_FILE` names a file. Then each point that
is passed is appended to that file, one line each, and at the one numbered `MOORING_BOUNDARY_STOP` (counted from
1 over all processes that share the file) the process waits to be killed from outside, for 60 seconds at most.
"""

from __future__ import annotations

import fcntl
import os
import time

_FILE = os.environ.get("MOORING_BOUNDARY_FILE")
_STOP = int(os.environ.get("MOORING_BOUNDARY_STOP", "0"))


def boundary(name: str) -> None:
    """Pass a point called `name` (`<part>:<what has just happened>`)."""
    if _FILE is None:
        return
    with open(_FILE, "a+") as passed:
        fcntl.flock(passed, fcntl.LOCK_EX)
        passed.seek(0)
        number = len(passed.readlines()) + 1
        passed.write(f"{number} {os.getpid()} {name}\n")
        passed.flush()
    if number == _STOP:
        time.sleep(60)
        raise SystemExit(f"boundary {number} ({name}) was not killed within 60 s")
