"""One child process: its output passed on and looked at, signals handed to it, and why it failed."""

from __future__ import annotations

import ctypes
import os
import re
import selectors
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import FrameType

from training.jobs.scripts.mounts import show

KEPT = 64 * 1024
"""Bytes at the end of standard error that are kept."""
DRAIN_SECONDS = 2.0
"""Time in which output is still read after the end of the process, if a process of its own keeps the pipe open."""
_EXCEPTION = re.compile(r"^[A-Za-z_][\w.]*(?:Error|Exception|Warning|Interrupt|Exit|Refused|NotFound|Failed)\b.*")
_PR_SET_PDEATHSIG = 1


@dataclass(frozen=True)
class Command:
    """What is run: words, the current folder, and the whole environment.

    `shown` is a folder and the path at which the process sees it (`mounts.show`); `cwd` is below that folder then.
    """

    argv: tuple[str, ...]
    cwd: Path
    environment: Mapping[str, str]
    shown: tuple[Path, str] | None = None

    def become(self) -> None:
        """What the new process does before it becomes the program."""
        if sys.platform == "linux":  # the kernel kills it when this process is killed
            ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
        if self.shown is not None:
            folder, target = self.shown
            show(folder, target)
            os.chdir(Path(target) / self.cwd.relative_to(folder))


@dataclass(frozen=True)
class Ended:
    """How a process ended. `code` is negative for a signal; `stopped` when this process was asked to stop."""

    code: int
    stopped: bool
    errors: str

    @property
    def reason(self) -> str:
        """The last exception that it told of, else its last line, else how it ended."""
        if self.code < 0 or self.code in (137, 143):
            number = -self.code if self.code < 0 else self.code - 128
            name = signal.Signals(number).name
            return f"the script was killed by {name}" + (": out of memory?" if name == "SIGKILL" else "")
        lines = [line.strip() for line in self.errors.splitlines() if line.strip()]
        said = next((line for line in reversed(lines) if _EXCEPTION.match(line)), lines[-1] if lines else "")
        return said or f"the script ended with exit code {self.code} and wrote no error"


class Watched:
    """A child process in a group of its own, which gets the signals that end this process."""

    def __init__(self, command: Command, on_line: Callable[[str], None]) -> None:
        self.on_line, self.stopped, self.tail = on_line, False, b""
        self.rest = {1: b"", 2: b""}
        before = {number: signal.signal(number, self._stop) for number in (signal.SIGTERM, signal.SIGINT)}
        try:
            self.child = subprocess.Popen(
                list(command.argv),
                cwd=command.cwd,
                env=dict(command.environment),
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                process_group=0,
                preexec_fn=command.become,
            )
            if self.stopped:  # asked while the process was being made
                self.child.terminate()
            self._follow()
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)

    def ended(self) -> Ended:
        """How it ended."""
        return Ended(self.child.returncode, self.stopped, self.tail.decode(errors="replace"))

    def _stop(self, number: int, frame: FrameType | None) -> None:
        self.stopped = True
        try:
            os.killpg(self.child.pid, number)
        except (AttributeError, ProcessLookupError):  # not started yet, or ended already
            pass

    def _follow(self) -> None:
        """Pass output on until the process ended, and its pipes with it or soon after."""
        assert self.child.stdout is not None
        assert self.child.stderr is not None
        deadline: float | None = None
        with selectors.DefaultSelector() as selector, self.child.stdout, self.child.stderr:
            for number, stream in ((1, self.child.stdout), (2, self.child.stderr)):
                os.set_blocking(stream.fileno(), False)
                selector.register(stream, selectors.EVENT_READ, number)
            while selector.get_map() and (deadline is None or time.monotonic() < deadline):
                for key, _ in sorted(selector.select(0.2), key=lambda event: event[0].data):
                    if content := os.read(key.fd, 1 << 16):
                        self._pass(key.data, content)
                    else:
                        selector.unregister(key.fileobj)
                if deadline is None and self.child.poll() is not None:
                    deadline = time.monotonic() + DRAIN_SECONDS
        self.child.wait()
        for rest in self.rest.values():
            if rest:
                self.on_line(rest.decode(errors="replace"))

    def _pass(self, number: int, content: bytes) -> None:
        stream = sys.stdout if number == 1 else sys.stderr
        stream.flush()
        stream.buffer.write(content)
        stream.flush()
        if number == 2:
            self.tail = (self.tail + content)[-KEPT:]
        *lines, self.rest[number] = (self.rest[number] + content).split(b"\n")
        self.rest[number] = self.rest[number][-KEPT:]
        for line in lines:
            self.on_line(line.decode(errors="replace"))


def run(command: Command, on_line: Callable[[str], None] = lambda line: None) -> Ended:
    """Run a command to its end. Raises OSError when it cannot be started."""
    return Watched(command, on_line).ended()


def exit_code(ended: Ended) -> int:
    """As a shell tells it: 128 and the signal's number for a process that was killed."""
    if ended.stopped:
        return 128 + signal.SIGTERM
    return 128 - ended.code if ended.code < 0 else ended.code


def check(argv: Sequence[str], cwd: Path, environment: Mapping[str, str]) -> Ended:
    """Run a command whose output nobody looks at, such as an installation."""
    return run(Command(tuple(argv), cwd, environment))
