"""Commands of `mooring` as processes that are forked from one that has its modules imported already.

For tests that start hundreds: each is a process in a session of its own, with its own environment, to be killed
from outside, and saves only the second of imports. One command at a time; `run` is for any test that runs commands.
"""

from __future__ import annotations

import atexit
import functools
import json
import os
import select
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

KIT = Path(__file__).resolve().parents[3]
PRELOADED = (
    "mooring.session", "mooring.cli.app", "mooring.cli.operate", "mooring.cli.commands.up",
    "mooring.cli.commands.destroy", "mooring.cli.commands.preview", "mooring.display.plain", "infra.engine.engine",
    "infra.engine.program.program", "infra.components", "infra.settings.reading", "providers.servicer",
    "providers.local",
    "providers.local.endpoints", "providers.local.supervisor.client", "pulumi",
)  # fmt: skip


class Forks:
    """`start` a command, then `wait` for it. `close` ends the process that they are forked from."""

    def __init__(self) -> None:
        self._server = subprocess.Popen(
            [sys.executable, "-m", "tests.e2e.support.forks"],
            cwd=KIT,
            # Nothing of a test's places: it is no process of theirs.
            env={name: value for name, value in os.environ.items() if not name.startswith("MOORING_")},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            start_new_session=True,
        )

    def start(
        self, arguments: Sequence[str], folder: Path, environment: Mapping[str, str], output: Path,
        errors: Path | None = None,
    ) -> int:  # fmt: skip
        """Begin `mooring ARGUMENTS` in `folder`, with exactly that environment; its pid, which is its group too.
        What it says goes to `output`, errors too unless they have a file of their own."""
        assert self._server.stdin is not None
        told = {
            "arguments": arguments, "folder": str(folder), "environment": dict(environment), "output": str(output),
            "errors": str(errors or ""),
        }  # fmt: skip
        self._server.stdin.write(json.dumps(told).encode() + b"\n")
        self._server.stdin.flush()
        return int(self._answer(60))

    def wait(self, seconds: float = 120) -> int:
        """The exit code of the command; negative for a signal. Raises TimeoutError."""
        return int(self._answer(seconds))

    def ended(self) -> bool:
        """Whether `wait` would return at once."""
        assert self._server.stdout is not None
        return bool(select.select([self._server.stdout], [], [], 0)[0])

    def close(self) -> None:
        """End the process that commands are forked from; one that still waits for a command is killed."""
        assert self._server.stdin is not None
        self._server.stdin.close()
        try:
            self._server.wait(10)
        except subprocess.TimeoutExpired:
            self._server.kill()
            self._server.wait()

    def _answer(self, seconds: float) -> bytes:
        assert self._server.stdout is not None
        if not select.select([self._server.stdout], [], [], seconds)[0]:
            raise TimeoutError(f"the command has not ended after {seconds:g} s")
        # Unbuffered, and one line at a time: what was asked for is what is read.
        line = bytearray()
        while not line.endswith(b"\n"):
            byte = os.read(self._server.stdout.fileno(), 1)
            if not byte:
                raise RuntimeError("the process that commands are forked from has ended")
            line += byte
        return bytes(line)


def run(
    arguments: Sequence[str], folder: Path, environment: Mapping[str, str], timeout: float = 180
) -> subprocess.CompletedProcess[str]:
    """Run `mooring ARGUMENTS` to its end: forked where that makes no difference, else in an interpreter of its own.

    Raises subprocess.TimeoutExpired, with the command killed.
    """
    if _seen_at_start(environment) != _seen_at_start(os.environ) or not _one.acquire(blocking=False):
        return subprocess.run(
            [sys.executable, "-m", "mooring", *arguments], cwd=folder, env=dict(environment),
            stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=timeout, check=False,
        )  # fmt: skip
    try:
        with tempfile.TemporaryDirectory(prefix="mooring-forked-") as scratch:
            output, errors = Path(scratch) / "out", Path(scratch) / "err"
            pid = _shared().start(arguments, folder, environment, output, errors)
            try:
                code = _shared().wait(timeout)
            except TimeoutError as error:
                os.killpg(pid, signal.SIGKILL)
                _shared().wait(10)
                raise subprocess.TimeoutExpired(list(arguments), timeout, output.read_text()) from error
            return subprocess.CompletedProcess(list(arguments), code, output.read_text(), errors.read_text())
    finally:
        _one.release()


_one = threading.Lock()


@functools.cache
def _shared() -> Forks:
    """The process that this one's commands are forked from, ended with it."""
    forks = Forks()
    atexit.register(forks.close)
    return forks


def _seen_at_start(environment: Mapping[str, str]) -> dict[str, str]:
    """What an interpreter looks at when it starts, which a fork of a running one cannot do."""
    names = ("LANG", "LANGUAGE", "TZ", "HOME", "PATH", "TMPDIR")
    told = {name: value for name, value in environment.items() if name in names or name.startswith(("PYTHON", "LC_"))}
    told.pop("PYTHONPATH", None)
    return told


def _serve() -> None:
    import importlib

    for module in PRELOADED:
        importlib.import_module(module)
    answers = os.dup(1)
    for line in sys.stdin.buffer:
        told = json.loads(line)
        child = os.fork()
        if child == 0:
            os.close(answers)
            _become(told)
            from mooring.cli import main

            sys.exit(main())
        os.write(answers, b"%d\n" % child)
        code = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
        os.write(answers, b"%d\n" % code)


def _become(told: dict[str, object]) -> None:
    os.setsid()
    signal.signal(signal.SIGINT, signal.default_int_handler)
    nothing = os.open(os.devnull, os.O_RDONLY)
    output = os.open(str(told["output"]), os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    where = str(told["errors"])
    errors = os.open(where, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600) if where else output
    for source, target in ((nothing, 0), (output, 1), (errors, 2)):
        os.dup2(source, target)
    environment, arguments = told["environment"], told["arguments"]
    assert isinstance(environment, dict)
    assert isinstance(arguments, list)
    os.environ.clear()
    os.environ.update(environment)
    time.tzset()
    os.chdir(str(told["folder"]))
    sys.argv = ["mooring", *arguments]


if __name__ == "__main__":
    _serve()
