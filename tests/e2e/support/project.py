"""A project of its own in a temporary folder, driven by commands in processes of their own."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from tests.e2e.support import forks

KIT = Path(__file__).resolve().parents[3]


class Project:
    """The kit's program and provider by link, and stacks, data, state and home of its own."""

    def __init__(self, root: Path, home: Path) -> None:
        self.root, self.home = root, home
        (root / "stacks").mkdir(parents=True)
        shutil.copy(KIT / "Pulumi.yaml", root)
        shutil.copytree(KIT / "data", root / "data")
        shutil.copytree(KIT / "stacks" / "templates", root / "stacks" / "templates")
        for shared in ("infra", "providers", ".venv", "requirements.txt"):
            (root / shared).symlink_to(KIT / shared)

    def environment(self, **more: str) -> dict[str, str]:
        """What every command of this project runs with."""
        places = {"MOORING_PROJECT": str(self.root), "MOORING_HOME": str(self.home), "PYTHONPATH": str(KIT)}
        return {**os.environ, **places, **more}

    def write_stack(self, name: str, text: str) -> Path:
        """Write `stacks/Pulumi.<name>.yaml`."""
        path = self.root / "stacks" / f"Pulumi.{name}.yaml"
        path.write_text(text)
        return path

    def start(self, *arguments: str, **environment: str) -> subprocess.Popen[str]:
        """Begin a command in a session of its own, output to a pipe."""
        return subprocess.Popen(
            [sys.executable, "-m", "mooring", *arguments],
            cwd=self.root,
            env=self.environment(**environment),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
        )

    def run(
        self, *arguments: str, expect: int | None = 0, timeout: float = 180, **environment: str
    ) -> subprocess.CompletedProcess[str]:
        """Run a command to its end; fails the test when its exit code is not `expect` (None: any)."""
        done = forks.run(arguments, self.root, self.environment(**environment), timeout)
        if expect is not None and done.returncode != expect:
            raise AssertionError(
                f"mooring {' '.join(arguments)} exited {done.returncode}, not {expect}:\n{done.stdout}\n{done.stderr}"
            )
        return done

    def json(self, *arguments: str, expect: int | None = 0, **environment: str) -> Any:
        """The `--json` document of a command."""
        return json.loads(self.run(*arguments, "--json", expect=expect, **environment).stdout)

    def state(self, stack: str) -> dict[str, Any]:
        """The stack's deployment, as `mooring state export` gives it."""
        document: dict[str, Any] = json.loads(self.run("state", "export", "--stack", stack).stdout)
        return document

    def processes(self) -> list[Mapping[str, Any]]:
        """All processes whose environment or arguments name this project's home."""
        import psutil

        found = []
        for process in psutil.process_iter(["pid", "cmdline", "environ", "status"]):
            told = [*(process.info["cmdline"] or []), *(process.info["environ"] or {}).values()]
            if process.info["status"] == psutil.STATUS_ZOMBIE or process.pid == os.getpid():
                continue
            if any(str(self.home) in text for text in told):
                found.append({"pid": process.pid, "command": process.info["cmdline"]})
        return found
