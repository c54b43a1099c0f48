"""A training as a process of its own, forked off one that has the libraries loaded where that is safe."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path


def spawn(command: Sequence[str] | None, arguments: list[str], variables: Mapping[str, str], log: Path) -> int:
    """Start a training process. The kit's trainer is forked off this one on Linux, with its libraries loaded."""
    sys.stdout.flush()
    pid = os.fork()
    if pid:
        return pid
    code = 1
    try:
        output = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
        os.dup2(output, 1)
        os.dup2(output, 2)
        if command is None and sys.platform != "linux":
            command = [sys.executable, "-m", "training"]
        if command is not None:
            os.execvpe(command[0], [*command, *arguments], dict(variables))
        os.environ.clear()
        os.environ.update(variables)
        from training.__main__ import main as train

        code = train(arguments)
    except BaseException as error:  # noqa: BLE001 - a forked process must never return into the tuning
        print(f"{type(error).__name__}: {error}", file=sys.stderr)
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)
