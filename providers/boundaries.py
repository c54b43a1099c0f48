"""Named points at which a deployment may be killed, for the tests that kill it there.

`boundary("step:intent-written")` does nothing unless `MOORING_BOUNDARY_FILE` names a file. Then each point that
is passed is appended to that file, one line each, and at `MOORING_BOUNDARY_STOP` the process waits to be killed from
outside, for 60 seconds at most. That is a number, or `NAME/2` for the second time that a name is passed, both counted
from 1 over all processes that share the file.
Standard library only: the supervisor and the job runner use it.
"""

from __future__ import annotations

import fcntl
import os
import time
from collections.abc import Iterator
from typing import AnyStr

FILE, STOP = "MOORING_BOUNDARY_FILE", "MOORING_BOUNDARY_STOP"


def boundary(name: str) -> None:
    """Pass a point called `name` (`<part>:<what has just happened>`)."""
    file = os.environ.get(FILE)
    if file is None:
        return
    with open(file, "a+") as passed:
        fcntl.flock(passed, fcntl.LOCK_EX)
        passed.seek(0)
        before = passed.readlines()
        number = len(before) + 1
        turn = 1 + sum(line.split(" ", 2)[2].rstrip("\n") == name for line in before)
        passed.write(f"{number} {os.getpid()} {name}\n")
        passed.flush()
    if os.environ.get(STOP) in (str(number), f"{name}/{turn}"):
        time.sleep(60)
        raise SystemExit(f"boundary {number} ({name}) was not killed within 60 s")


def pieces(data: AnyStr, part: str) -> Iterator[AnyStr]:
    """What to write, in order: `data` whole; where points are watched, two halves and `<part>:half-written`
    between them."""
    if FILE not in os.environ:
        yield data
        return
    yield data[: len(data) // 2]
    boundary(f"{part}:half-written")
    yield data[len(data) // 2 :]


def handed_on() -> dict[str, str]:
    """The variables of a detached process whose points are to be watched along with ours; mostly none."""
    return {name: os.environ[name] for name in (FILE, STOP) if name in os.environ}
