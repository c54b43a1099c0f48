"""Runs a module of the kit's `training` or `serving` on this machine, as a job of the local cloud would run.

The module runs in the environment of an image, never in the project's, from a copy of the kit's packages that is
outside the checkout, with a clean environment and a home of its own. No project, stack or supervisor is needed.
"""

from __future__ import annotations

import contextlib
import os
import queue
import signal
import subprocess
import tempfile
import threading
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Literal

from mooring.local_run_display import Progress
from providers.errors import JobFailed, NotFound, did_you_mean

PACKAGES = ("mooring_transforms", "serving", "training")
"""What a child may import of the kit; those that there are."""
GRACE = 5.0
"""Seconds that a child has to end after SIGTERM."""
SETTINGS = (
    *("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "CUDA_VISIBLE_DEVICES"),
    "MOORING_CHECKPOINT_SECONDS",
)
"""Variables of the user's that say how much of the machine may be used, and how often a checkpoint is written."""
NETWORK = ("HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY", "SSL_CERT_FILE", "SSL_CERT_DIR", "REQUESTS_CA_BUNDLE")
"""Variables of the user's that say how the network is reached; for a child that fetches something."""
TAIL = 400
"""Lines of a child's output that are kept to tell why it failed."""
_LONGEST = 1 << 16
"""Bytes of a line; what is longer comes in pieces."""

# The kernel ends the child when this process is killed, so that nothing goes on that nobody waits for. Arranged in
# the child itself, after exec: a fork with Python code in it is not safe beside the display's thread.
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

Line = tuple[Literal["out", "err"], str]


@dataclass(frozen=True)
class Child:
    """What is run: `module` with `arguments` in the environment of `image`; `variables` are added to the clean
    environment, and `network` lets the user's proxy settings through. `prefix` is what the module puts before the
    reason of a failure."""

    module: str
    arguments: Sequence[str]
    image: str
    requirements: Sequence[str] = ()
    variables: Mapping[str, str] = field(default_factory=dict)
    network: bool = False
    prefix: str = ""


def run(child: Child, work: Path, progress: Progress) -> list[str]:
    """Run it to its end, its lines to `progress`; the lines of its standard output.

    `work` is an existing folder for its HOME and TMPDIR. Raises `JobFailed` with the child's own reason, what
    `Environments.ensure` raises, and KeyboardInterrupt (also for SIGTERM) after its whole process group has ended.
    """
    python = interpreter(child.image, child.requirements, progress)
    command = [str(python), "-P", "-c", _START, str(os.getpid()), child.module, *child.arguments]
    with _terminated_as_interrupted():
        process = subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            cwd=work,
            env=_environment(child, python, work),
            start_new_session=True,
        )
        try:
            lines = list(_followed(process, progress))
        finally:
            end(process)
    if process.returncode:
        raise _failure(child, process.returncode, lines, work)
    return [text for stream, text in lines if stream == "out"]


def require_data(path: Path, option: str) -> None:
    """Raise `NotFound` with the nearest name for a file or folder that is not there."""
    if not path.exists():
        near = did_you_mean(path.name, sorted(entry.name for entry in path.parent.glob("*")))
        raise NotFound(f"{option} {path}: no such file or folder{near if 'did you mean' in near else ''}")


@contextlib.contextmanager
def scratch() -> Iterator[Path]:
    """A folder for a child's HOME and temporary files, gone at the end."""
    with tempfile.TemporaryDirectory(prefix="mooring-", ignore_cleanup_errors=True) as folder:
        yield Path(folder)


def interpreter(image: str, requirements: Sequence[str], progress: Progress) -> Path:
    """The interpreter of an image's environment, which is built first where it is absent."""
    from providers.local.environments.environments import Environments

    return Environments().ensure(image, requirements, progress.passing)


def _environment(child: Child, python: Path, work: Path) -> dict[str, str]:
    passed = [*SETTINGS, *(name for name in NETWORK + tuple(map(str.lower, NETWORK)) if child.network)]
    return {
        **{name: os.environ[name] for name in passed if name in os.environ},
        "PATH": f"{python.parent}:/usr/local/bin:/usr/bin:/bin",
        "HOME": str(work),
        "TMPDIR": str(work),
        "LANG": "C.UTF-8",
        "PYTHONUNBUFFERED": "1",
        "PYTHONHASHSEED": "0",  # the same inputs, the same model
        "PYTHONPATH": str(kit_copy()),
        **child.variables,
    }


def kit_copy() -> Path:
    """The folder with copies of the kit's packages."""
    from providers.local.home import local_home
    from providers.local.jobs.code import code_folder
    from providers.paths import KIT

    present = tuple(name for name in PACKAGES if (KIT / name / "__init__.py").is_file())
    return code_folder(local_home(), present)


def _followed(process: subprocess.Popen[bytes], progress: Progress) -> Iterator[Line]:
    """The child's lines as they come, the last `TAIL` of standard error; returns once it has ended."""
    arrived: queue.Queue[Line | None] = queue.Queue()
    assert process.stdout is not None
    assert process.stderr is not None
    for name, stream in (("out", process.stdout), ("err", process.stderr)):
        threading.Thread(target=_read, args=(name, stream, arrived), daemon=True).start()
    open_streams = 2
    while open_streams:
        try:
            line = arrived.get(timeout=0.2)
        except queue.Empty:
            if process.poll() is not None:  # somebody it started may hold its streams open
                _signal(process, signal.SIGKILL)
                with contextlib.suppress(queue.Empty):
                    while (left := arrived.get(timeout=0.2)) is not None:
                        yield left
                return
            continue
        if line is None:
            open_streams -= 1
            continue
        if line[0] == "out":
            progress.line(line[1])
        elif is_warning(line[1]):
            progress.warning(line[1])
        yield line
    process.wait()


def _read(name: Literal["out", "err"], stream: IO[bytes], arrived: queue.Queue[Line | None]) -> None:
    with stream:
        while piece := stream.readline(_LONGEST):
            arrived.put((name, piece.decode("utf-8", "replace").rstrip("\r\n")))
    arrived.put(None)


def is_warning(line: str) -> bool:
    """Whether a line of standard error is meant for the user although nothing failed."""
    return line.lower().startswith("warning:")


def end(process: subprocess.Popen[bytes]) -> None:
    """See that the child and all that it started have ended: asked first, then killed."""
    from providers.local.process import Identity, descendants

    running = process.poll() is None
    below = [found for pid in descendants(process.pid) if (found := Identity.of(pid))] if running else []
    if running:
        _signal(process, signal.SIGTERM)
        with contextlib.suppress(subprocess.TimeoutExpired, KeyboardInterrupt):  # asked twice: at once
            process.wait(GRACE)
    _signal(process, signal.SIGKILL)
    for left in below:
        left.signal(signal.SIGKILL)
    process.wait()


def _signal(process: subprocess.Popen[bytes], number: int) -> None:
    from providers.local.process import kill_group

    kill_group(process.pid, number)


@contextlib.contextmanager
def _terminated_as_interrupted() -> Iterator[None]:
    """SIGTERM raises KeyboardInterrupt like Ctrl-C, in the main thread."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


def _failure(child: Child, code: int, lines: Sequence[Line], work: Path) -> JobFailed:
    """The last line of standard error as the reason; of a crash the exception, with the end of what it wrote."""
    from providers.local.jobs.reasons import failure_reason, traceback_reason

    errors = [text for stream, text in lines if stream == "err" and not is_warning(text)][-TAIL:]
    log = work / "errors.txt"
    log.write_text("\n".join(errors), encoding="utf-8")
    reason = failure_reason(log, code if code >= 0 else 128 - code, "")
    tail = "\n".join(errors[-20:]) if traceback_reason(errors, "") else ""
    return JobFailed(reason.removeprefix(child.prefix), log_tail=tail)
