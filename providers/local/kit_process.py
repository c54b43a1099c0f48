"""Runs a module of the kit's `training` beside this process: in an image's environment, from a copy of the kit, with
nothing of this process's environment but how the network is reached. For work that a person waits for; what may take
long or outlive the command is a job (`jobs/`).
"""

from __future__ import annotations

import os
import signal
import subprocess
import threading
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import IO

from providers.contract import Context
from providers.errors import Cancelled, InvalidInput, Unavailable
from providers.local import records
from providers.local.home import staging
from providers.local.jobs import code
from providers.local.process import kill_group

PACKAGES = ("training",)
NETWORK = ("HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY", "SSL_CERT_FILE", "SSL_CERT_DIR", "REQUESTS_CA_BUNDLE")
"""Variables that say how the network is reached."""
_TURN = 0.1
_LONGEST = 1 << 16

# The kernel ends the child when this process is killed. Arranged in the child itself, after exec: a fork with Python
# code in it does not survive gRPC's threads.
_START = """\
import ctypes, os, runpy, sys
if sys.platform == "linux":
    ctypes.CDLL(None).prctl(1, 9)
    if os.getppid() != int(sys.argv[1]):
        os._exit(137)
module = sys.argv[2]
sys.argv[:3] = [module]
runpy.run_module(module, run_name="__main__", alter_sys=True)
"""


def run(
    home: Path,
    python: Path,
    module: str,
    arguments: Sequence[str],
    context: Context,
    *,
    variables: Mapping[str, str] | None = None,
    folder: Path | None = None,
    say: Callable[[str], None] = lambda line: None,
    limit: float = 3600,
) -> list[str]:
    """Run the module to its end; the lines of its standard output. Those of its standard error go to `say`. It works in
    `folder`, or in one of its own.

    Raises `InvalidInput` with the module's own reason for exit code 1, `Unavailable` for any other end, also after
    `limit` seconds, and `Cancelled` soon after the user asked for it. Nothing of it runs on afterwards.
    """
    work = staging(home)
    work.mkdir()
    try:
        environment = _environment(home, python, str(work)) | dict(variables or {})
        return _run(_started(python, module, arguments, folder or work, environment), context, module, say, limit)
    finally:
        records.remove_tree(work)


def _started(
    python: Path, module: str, arguments: Sequence[str], folder: Path, environment: Mapping[str, str]
) -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        [str(python), "-P", "-c", _START, str(os.getpid()), module, *arguments],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        cwd=folder,
        env=environment,
        start_new_session=True,
    )


def _run(
    process: subprocess.Popen[bytes], context: Context, module: str, say: Callable[[str], None], limit: float
) -> list[str]:
    out: list[str] = []
    err: list[str] = []
    assert process.stdout is not None
    assert process.stderr is not None
    readers = [
        threading.Thread(target=_read, args=(process.stdout, out.append), daemon=True),
        threading.Thread(target=_read, args=(process.stderr, _both(err, say)), daemon=True),
    ]
    for reader in readers:
        reader.start()
    try:
        _await(process, context, module, limit)
    finally:
        if process.poll() is None:
            kill_group(process.pid, signal.SIGKILL)
        process.wait()
        for reader in readers:
            reader.join(5)
    if process.returncode == 0:
        return out
    reason = err[-1] if err else "it gave no reason"
    if process.returncode == 1 and not any(line.startswith("Traceback ") for line in err):
        raise InvalidInput(reason)
    raise Unavailable(f"{module} ended with code {process.returncode}: {reason}")


def _environment(home: Path, python: Path, work: str) -> dict[str, str]:
    passed = (*NETWORK, *map(str.lower, NETWORK))
    return {
        **{name: os.environ[name] for name in passed if name in os.environ},
        "PATH": f"{python.parent}:/usr/local/bin:/usr/bin:/bin",
        "HOME": work,
        "TMPDIR": work,
        "LANG": "C.UTF-8",
        "PYTHONUNBUFFERED": "1",
        "PYTHONPATH": str(code.code_folder(home, PACKAGES)),
    }


def _await(process: subprocess.Popen[bytes], context: Context, module: str, limit: float) -> None:
    for _ in range(int(limit / _TURN)):
        try:
            process.wait(_TURN)
            return
        except subprocess.TimeoutExpired:
            if context.cancel.is_set():
                raise Cancelled from None
    raise Unavailable(f"{module} had not ended after {limit:g} s")


def _both(lines: list[str], say: Callable[[str], None]) -> Callable[[str], None]:
    """Keep the last hundred lines, and pass each on."""

    def take(line: str) -> None:
        lines.append(line)
        del lines[:-100]
        say(line)

    return take


def _read(stream: IO[bytes], take: Callable[[str], None]) -> None:
    with stream:
        while piece := stream.readline(_LONGEST):
            take(piece.decode("utf-8", "replace").rstrip("\r\n"))
