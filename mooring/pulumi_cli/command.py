"""The `pulumi` process: found or explained, in a process group of its own, interrupted exactly once."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Mapping
from typing import IO, Any

from pulumi._version import version as sdk_version
from pulumi.automation import CommandResult, PulumiCommand
from pulumi.automation.errors import create_command_error

from providers.errors import NotSupported

_WITH_PARENT = "import ctypes, os, sys; ctypes.CDLL(None).prctl(1, 2); os.execvp(sys.argv[1], sys.argv[1:])"
"""Asks the kernel for SIGINT (2) when `mooring` dies (PR_SET_PDEATHSIG is 1), so that `pulumi` ends cleanly as well.
In a process of its own, not between fork and exec: gRPC's threads do not survive a fork, and it notices."""

HOW_TO_INSTALL = (
    "the Pulumi CLI (`pulumi`) is not on PATH, and this stack needs it; install it as "
    "https://www.pulumi.com/docs/iac/download-install/ says, or with\n"
    '    python -c "from pulumi.automation import PulumiCommand; print(PulumiCommand.install().command)"\n'
    "and put the folder that this prints on PATH"
)

OnLine = Callable[[str], Any]


class Command(PulumiCommand):
    """Runs `pulumi` so that Ctrl-C at the terminal reaches it once, through us, however we were asked to stop.

    Raises `NotSupported` with the way to install it when there is no `pulumi`, or one that is too old.
    """

    def __init__(self) -> None:
        if shutil.which("pulumi") is None:
            raise NotSupported(HOW_TO_INSTALL)
        super().__init__(skip_version_check=True)
        self.cancel = threading.Event()
        if self.version is None:  # built from source: it tells no version, and is taken for the SDK's
            self.version = sdk_version
        elif self.version < (3, 200, 0):
            raise NotSupported(f"the Pulumi CLI on PATH is {self.version}; Mooring needs 3.200 or newer")

    def run(
        self,
        args: list[str],
        cwd: str,
        additional_env: Mapping[str, str],
        on_output: OnLine | None = None,
        on_error: OnLine | None = None,
    ) -> CommandResult:
        """As the Automation API's own; `self.cancel` set interrupts the process."""
        words = args if "--non-interactive" in args else ["--non-interactive", *args]
        process = subprocess.Popen(
            [*_bound_to_us(), "pulumi", *words],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            stdin=subprocess.DEVNULL,
            cwd=cwd,
            env={**os.environ, **additional_env, "PULUMI_AUTOMATION_API": "true"},
            encoding="utf-8",
            errors="replace",
            process_group=0,
        )
        result = self._watch(process, on_output, on_error)
        if result.code != 0:
            raise create_command_error(result)
        return result

    def _watch(
        self, process: subprocess.Popen[str], on_output: OnLine | None, on_error: OnLine | None
    ) -> CommandResult:
        out: list[str] = []
        err: list[str] = []
        readers = [
            threading.Thread(target=_read, args=(process.stdout, on_output, out), daemon=True),
            threading.Thread(target=_read, args=(process.stderr, on_error, err), daemon=True),
        ]
        for reader in readers:
            reader.start()
        asked = False
        while True:
            try:
                process.wait(timeout=0.1)
                break
            except subprocess.TimeoutExpired:
                if self.cancel.is_set() and not asked:
                    asked = True
                    process.send_signal(signal.SIGINT)
        for reader in readers:
            reader.join(timeout=5)  # a plugin that outlives pulumi may hold the pipe open
        return CommandResult(stdout="\n".join(out), stderr="\n".join(err), code=process.returncode)


def _bound_to_us() -> list[str]:
    """What has a command run until its end or ours, whichever comes first."""
    return [sys.executable, "-ISc", _WITH_PARENT] if sys.platform == "linux" else []


def _read(stream: IO[str], on_line: OnLine | None, lines: list[str]) -> None:
    for line in stream:
        stripped = line.rstrip()
        lines.append(stripped)
        if on_line is not None:
            on_line(stripped)
