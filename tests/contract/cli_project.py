"""A Pulumi project in a temporary folder, driven by the real CLI, with the provider from source."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import textwrap
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import psutil
from contract.fake_cloud import Records

KIT = Path(__file__).resolve().parents[2]

PROJECT = """
name: proj
runtime: {{name: python, options: {{virtualenv: {venv}}}}}
plugins:
  providers:
    - name: moor
      path: {plugin}
"""

PLUGIN = """
import sys
from functools import partial
from pathlib import Path

sys.path[:0] = [{kit!r}, {tests!r}]

import psutil
from contract.fake_cloud import fake_adapter
from providers.serve import main
from providers.servicer import MoorServicer

adapter = fake_adapter(Path({folder!r}))
root = Path({root!r})
main(sys.argv[1:], partial(MoorServicer, root=root, adapters=lambda cloud: adapter, clouds=lambda: ("fake",)))
"""


class CliProject:
    """The project, its backend and the fake cloud's folder, all below `root`."""

    def __init__(self, root: Path, plugin: Path | None = None) -> None:
        """`plugin` is the folder of the provider's source; by default one with the fake cloud is made."""
        self.root, self.cloud = root, Records(root / "cloud")
        (root / "backend").mkdir()
        plugin = plugin or self._fake_plugin(root / "plugin")
        (root / "Pulumi.yaml").write_text(PROJECT.format(venv=sys.prefix, plugin=plugin))
        self.environment = {
            **os.environ,
            "PULUMI_BACKEND_URL": f"file://{root / 'backend'}",
            "PULUMI_CONFIG_PASSPHRASE": "test",
            "PULUMI_HOME": str(root / "home"),
            "PULUMI_SKIP_UPDATE_CHECK": "1",
            "MOORING_PROJECT": str(root),
        }
        self.program("pass")
        self.run("stack", "init", "dev")

    def _fake_plugin(self, folder: Path) -> Path:
        folder.mkdir()
        (folder / "PulumiPlugin.yaml").write_text(f"runtime: {{name: python, options: {{virtualenv: {sys.prefix}}}}}\n")
        paths = {"kit": str(KIT), "tests": str(KIT / "tests"), "root": str(self.root)}
        (folder / "__main__.py").write_text(PLUGIN.format(**paths, folder=str(self.cloud.folder)))
        return folder

    def program(self, text: str) -> None:
        """Write the program; it has the resource classes imported."""
        head = f"import sys\nsys.path.insert(0, {str(KIT)!r})\nimport pulumi\nfrom infra.moor import *\n"
        (self.root / "__main__.py").write_text(head + textwrap.dedent(text))

    def start(self, *arguments: str) -> subprocess.Popen[str]:
        """Start the CLI in a process group of its own."""
        command = ["pulumi", *arguments, "--non-interactive", "--stack", "dev"]
        if arguments[0] == "stack":
            command = ["pulumi", *arguments, "--non-interactive"]
        return subprocess.Popen(
            command,
            cwd=self.root,
            env=self.environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
        )

    def run(self, *arguments: str, fails: bool = False) -> str:
        """Run the CLI to its end. Asserts whether it fails; returns what it printed."""
        process = self.start(*arguments)
        printed, _ = process.communicate(timeout=120)
        assert (process.returncode != 0) == fails, printed
        return printed

    def up(self, *, fails: bool = False) -> str:
        return self.run("up", "--yes", "--skip-preview", fails=fails)

    def no_changes(self) -> None:
        """Assert that a preview finds nothing to do."""
        self.run("preview", "--expect-no-changes")

    def resources(self) -> dict[str, dict[str, Any]]:
        """Resources of the package in the state, by `<type>/<name>`."""
        exported = json.loads(self.run("stack", "export", "--stack", "dev"))
        found = {}
        for resource in exported["deployment"].get("resources", ()):
            if resource["type"].startswith("moor:index:"):
                found[f"{resource['type'].rpartition(':')[2]}/{resource['urn'].rpartition('::')[2]}"] = resource
        return found

    def wait_for(self, condition: Callable[[], Any], seconds: float = 30) -> None:
        """Wait until `condition` holds."""
        end = time.monotonic() + seconds
        while not condition():
            assert time.monotonic() < end, "it did not happen in time"
            time.sleep(0.05)

    def of(self, kind: str) -> dict[str, dict[str, Any]]:
        """The cloud's records of one kind that are not retired."""
        return {i: r for i, r in self.cloud.all().items() if r["kind"] == kind and not r.get("retired")}

    def children(self, process: subprocess.Popen[str]) -> list[psutil.Process]:
        """All that the CLI has started."""
        return psutil.Process(process.pid).children(recursive=True)

    def kill(self, process: subprocess.Popen[str]) -> None:
        """SIGKILL the CLI; then end the language hosts that it leaves behind."""
        left = self.children(process)
        plugins = [child for child in left if any("/plugin" in part for part in child.cmdline())]
        assert plugins, "no provider was running"
        os.kill(process.pid, signal.SIGKILL)
        process.wait(timeout=30)
        if process.stdout:
            process.stdout.close()
        _, alive = psutil.wait_procs(plugins, timeout=20)
        assert not alive, "a provider outlived its engine"
        for child in left:
            if child.is_running():
                child.kill()
